//! A space that asks for a later format takes nothing in an earlier one, however genuine it is: the policy is signed, and
//! nobody who carries it can ask for less.

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::PutOutcome;

use crate::replica::Replica;
use crate::scene::{Writer, all, found};

/// Clauses: ADM-8, GEN-4.
#[tokio::test]
async fn a04_what_is_sealed_by_an_earlier_format_does_not_count() {
    for (least, word) in [(None, "counts"), (Some(1), "counts"), (Some(2), "directory.format")] {
        let (mut founder, genesis) = found(Policy { minimum_format: least, ..Policy::default() });
        let mut writer = Writer::new(2, founder.space());
        let grant = founder.grant(&writer.device, Role::Writer);
        writer.learn(&grant);
        let entry = writer.write();
        let replica = Replica::open(founder.space(), 1).await;
        for order in [&[&genesis, &grant, &entry][..], &[&entry]] {
            let outcomes = replica.put(&all(order.iter().copied())).await;
            if let Some(PutOutcome::Refused(refusal)) = outcomes.last() {
                assert_eq!((refusal.code.as_str(), refusal.is_retryable), (word, false));
            }
        }
        let seen = replica.seen().await;
        assert_eq!(seen.word(&entry.id()).as_deref(), Some(word), "at least {least:?}");
        assert_eq!(seen.held.contains_key(&entry.id()), word == "counts");
        // What makes the space is read all the same: a newer program has to find its members.
        assert_eq!(seen.word(&grant.id()).as_deref(), Some("counts"));
    }
}
