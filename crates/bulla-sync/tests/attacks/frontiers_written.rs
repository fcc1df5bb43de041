//! Frontiers of spaces with many devices: what is written can be signed and read again.

use bulla_core::cbor::Encode;
use bulla_core::control::{Context as EntryContext, Control};
use bulla_core::limits::{MAX_CLAIMED, MAX_PAYLOAD_BYTES, MAX_PROVEN};
use bulla_core::{EntryId, Kind, VerifiedEntry};
use bulla_store::Context;
use bulla_sync::frontier_of;

use crate::support::*;

/// Clauses: SYN-56, CTL-40.
#[tokio::test]
async fn a_frontier_of_many_authors_proves_those_received_last_and_claims_the_others() {
    let (founder, genesis) = Author::found(1);
    let space = store(founder.space(), 1);
    fill(&*space, [&genesis]).await;
    // As many dependencies as an entry may have: the longest headers.
    let dependencies: Vec<_> = (1..=64).map(|i| EntryId([i; 32])).collect();
    let mut newest: Vec<VerifiedEntry> = Vec::new();
    for i in 0..400_u32 {
        let seed = [i.to_be_bytes().as_slice(), &[5; 28]].concat().try_into().unwrap();
        let mut author = founder.of_seed(&seed);
        let entries = [author.write(b"an older one, sealed"), author.write_on(&dependencies)];
        fill(&*space, &entries).await;
        newest.push(entries[1].clone());
    }
    let frontier = frontier_of(&Context::new(), &*space, &founder.id()).await.unwrap();
    assert!(frontier.proven.len() <= MAX_PROVEN && frontier.claimed.len() <= MAX_CLAIMED);
    assert_eq!(frontier.proven.len() + frontier.claimed.len(), 400);
    assert!(frontier.proven.len() > 200, "{}", frontier.proven.len());
    let (claimed, proven) = newest.split_at(frontier.claimed.len());
    for entry in proven {
        let bytes = entry.verified_header().bytes();
        assert!(frontier.proven.iter().any(|proven| proven.header == bytes));
    }
    for entry in claimed {
        assert!(frontier.claimed.iter().any(|claimed| claimed.id == entry.id()));
    }
    let payload = frontier.to_cbor();
    assert!(payload.len() <= MAX_PAYLOAD_BYTES, "{}", payload.len());
    let context = EntryContext { space: founder.space(), author: founder.id() };
    let read = Control::parse(Kind::FRONTIER, &payload, &context).unwrap();
    assert_eq!(read, Control::Frontier(frontier));
}
