//! How much work single entries make: it grows with what they concern, and not with what is held, or with how often they
//! name it.

use bulla_core::EntryId;
use bulla_core::control::{Cut, Cuts, Revoke, Role};
use bulla_core::genesis::Policy;

use crate::random::Random;
use crate::replica::Replica;
use crate::rules::is_stored;
use crate::scene::{Writer, all, found};

/// Clauses: ADM-9.
#[tokio::test]
async fn a_cut_that_never_comes_does_not_wake_the_chain_again_and_again() {
    const COUNT: usize = 1_000;
    let (mut founder, genesis) = found(Policy::default());
    let mut admin = Writer::new(3, founder.space());
    let mut writer = Writer::new(4, founder.space());
    let grants =
        [founder.grant(&admin.device, Role::Admin), founder.grant(&writer.device, Role::Writer)];
    admin.learn(&grants[1]);
    writer.learn(&grants[1]);
    let entries = writer.write_many(COUNT);
    // Two removals at once: an entry counts that lies within the cuts of both, and the cut of the second never comes.
    let cut = Cut { sequence: COUNT as u64 + 7, id: EntryId([9; 32]), control: None };
    let never = Revoke { device: writer.device.key, cuts: Cuts(vec![cut]) };
    let removals = [founder.revoke(&writer), admin.control(&never.into())];
    for order in 0..3 {
        let replica = Replica::open(founder.space(), 1).await;
        replica.put(&all([&genesis].into_iter().chain(&grants).chain(&removals))).await;
        let mut entries = entries.clone();
        match order {
            0 => {}
            // All below wait for each of these headers in turn.
            1 => entries[COUNT / 2..].reverse(),
            _ => Random::new(7).shuffle(&mut entries),
        }
        for entry in &entries {
            assert!(is_stored(&replica.put(std::slice::from_ref(entry)).await[0]));
        }
        let judged = replica.admission.chain_judgements().await;
        assert!(
            judged <= 4 * COUNT as u64,
            "{judged} judgements of {COUNT} entries, order {order}"
        );
        let seen = replica.seen().await;
        let open = seen.held.values().filter(|(code, _)| code.as_deref() == Some("directory.open"));
        assert_eq!(open.count(), COUNT, "order {order}");
    }
}
