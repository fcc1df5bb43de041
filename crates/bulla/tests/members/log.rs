//! Frontiers, quotas and quarantine: what becomes of this device's own entries.

use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::{Founding, Keyring, LocalStore, Policy, Role, Space, SpaceError, sync};
use bulla_core::control::Control;
use bulla_core::{Code, Verifier};
use bulla_store::{Context, Judged as _, Mark, Quarantine as _};

use crate::engine::{engine, spaces};
use crate::support::{Relay, bring, device, found, note, sync};

/// Clauses: CTL-40, CTL-41.
#[tokio::test]
async fn a_frontier_proves_the_newest_entry_of_every_other_member() {
    let (owner, writing, reading) = (device(), device(), device());
    let mine = found(&owner).await;
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    let reader = bring(&mine, &reading, Role::Reader, "").await;
    writer.write(note("one")).await.unwrap();
    let newest = writer.write(note("two")).await.unwrap();
    for (from, to) in [(&writer, &mine), (&mine, &reader)] {
        assert!(sync::pull(to, from.outgoing()).await.verdict.is_complete());
    }
    let own = mine.write(note("mine")).await.unwrap();
    sync::pull(&reader, mine.outgoing()).await;
    let id = reader.frontier().await.unwrap();
    let Some(Control::Frontier(frontier)) = reader.entry(id).await.unwrap().control() else {
        panic!("it is a frontier")
    };
    assert!(frontier.claimed.is_empty());
    let verifier = Verifier::new([1; 32]);
    let proven: Vec<_> = frontier
        .proven
        .iter()
        .map(|proven| verifier.verify(&mine.id(), proven.to_raw()).unwrap().id())
        .collect();
    assert_eq!(proven.len(), 2);
    assert!(proven.contains(&newest) && proven.contains(&own), "not the reader's own");
    assert!(sync::pull(&mine, reader.outgoing()).await.is_clean());
}

/// An entry that is refused here takes no number: the chain goes on without a gap once there is room, or for entries that
/// are free.
#[tokio::test]
async fn an_own_entry_that_is_refused_leaves_nothing_behind() {
    let owner = device();
    let policy = Policy { author_entries: Some(4), ..Policy::default() };
    let founding = Founding::default().with_policy(policy);
    let marks = Arc::new(MemoryMarks::default());
    let spaces = spaces();
    let mine = Space::found_as(&owner, &spaces, &founding, marks).await.unwrap();
    let mut refused = Vec::new();
    for number in 0..8 {
        match mine.write(note(&number.to_string())).await {
            Ok(id) => assert!(mine.entry(id).await.is_ok() && refused.is_empty()),
            Err(SpaceError::Refused(code)) => refused.push(code),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused.len() >= 4, "{refused:?}");
    assert!(refused.iter().all(|code| code.as_str() == "quota.author_entries"));
    assert!(mine.quarantined(None, 16).await.unwrap().facts.is_empty());
    assert_eq!(mine.retry_quarantined().await.unwrap().stored, 0);
    mine.rotate().await.unwrap();
    let relay = Relay::new(mine.id()).await;
    let (_, pushed) = sync(&mine, &relay).await;
    assert!(pushed.is_clean(), "no entry names one that nobody has: {pushed}");
}

/// Own entries that another replica had, and that were refused here, still belong to the chain: none of their numbers is
/// given twice.
///
/// Clauses: ENT-41.
#[tokio::test]
async fn own_entries_in_quarantine_belong_to_the_chain() {
    let (owner, writing) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &writing, Role::Writer, "").await;
    let early = copy.write(note("early")).await.unwrap();
    sync::pull(&mine, copy.outgoing()).await;
    mine.change_role(writing.author(), Role::Reader).await.unwrap();
    let late = copy.write(note("late, it has not heard")).await.unwrap();
    let relay = Relay::new(mine.id()).await;
    sync(&mine, &relay).await;

    // A fresh replica of the same device hears of the lowering first, and then of its own late entry.
    let engine = engine(mine.id()).await;
    let open = async || {
        let marks = Arc::new(MemoryMarks::default());
        let local = LocalStore::judged(Arc::clone(&engine));
        Space::open(&writing, Keyring::new(), local, marks).await.unwrap()
    };
    let again = open().await;
    sync::pull(&again, relay.store()).await;
    sync::pull(&again, copy.outgoing()).await;
    let kept = again.quarantined(None, 16).await.unwrap();
    assert_eq!(kept.facts.iter().map(|facts| facts.id).collect::<Vec<_>>(), [late]);
    drop(again);
    let again = open().await;
    let frontier = again.frontier().await.unwrap();
    let entry = again.entry(frontier).await.unwrap();
    assert_eq!((entry.header().sequence, entry.header().previous), (3, late));
    assert_ne!(early, late);
    // The chain of the frontier leads over it: it is held by now and counts as little as before (ADM-9).
    assert_eq!(engine.kept_totals(&Context::new()).await.unwrap().entries, 0);
    let facts = engine.facts(&Context::new(), &[late]).await.unwrap().remove(0).unwrap();
    assert_eq!(facts.mark, Mark::Not(Code::new("directory.cut")));
}
