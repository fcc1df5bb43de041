//! A relay leads two clients apart.

use std::sync::Arc;

use bulla_core::VerifiedEntry;
use bulla_store::MemoryStore;
use bulla_sync::{Finding, Misbehaviour, Reason, Report, Verdict};

use crate::support::*;

/// A client, the view that the relay gives it, and what only this view shows.
struct Client {
    author: Author,
    view: Arc<MemoryStore>,
    replica: Arc<MemoryStore>,
    bookmarks: Arc<bulla_store::MemoryBookmarks>,
    shown: Vec<VerifiedEntry>,
}

/// Two clients who think that they see the same relay, one lineage and all, and a third author whose entries the relay
/// deals out to one or the other.
async fn led_apart() -> (VerifiedEntry, [Client; 2]) {
    let (founder, genesis) = Author::found(1);
    let mut clients = Vec::new();
    for seed in [2, 3] {
        let author = founder.another(seed);
        let shown = founder.another(seed + 2).write_many(3);
        let view = store(founder.space(), 9);
        fill(&*view, std::iter::once(&genesis).chain(&shown)).await;
        let replica = store(founder.space(), 20 + seed);
        let bookmarks = bookmarks();
        assert!(pull(&view, &replica, &bookmarks).await.is_clean());
        clients.push(Client { author, view, replica, bookmarks, shown });
    }
    let clients: [Client; 2] = clients.try_into().unwrap_or_else(|_| panic!("two clients"));
    (genesis, clients)
}

impl Client {
    async fn frontier(&mut self, genesis: &VerifiedEntry) -> VerifiedEntry {
        let seen: Vec<_> = std::iter::once(genesis).chain(&self.shown).collect();
        let frontier = frontier_over(&mut self.author, &seen).await;
        fill(&*self.replica, [&frontier]).await;
        frontier
    }
}

/// That a report says, with proof, that entries of the other view exist.
fn assert_reveals(report: &Report, other: &Client, frontier: &VerifiedEntry) {
    assert!(matches!(incomplete(report).reason, Reason::FrontierUnreached(1)), "{report}");
    let [attested] = &report.unreached[..] else { panic!("{report}") };
    assert_eq!(attested.id, other.shown[2].id());
    // A third party knows the space and nothing else.
    let evidence = attested.evidence.as_ref().unwrap();
    let Finding::Seen { header, by, witness } = found(other.author.space(), evidence) else {
        panic!("{evidence:?}")
    };
    assert_eq!((header.id(), by), (other.shown[2].id(), frontier.id()));
    assert_eq!(witness, other.author.id());
}

/// Clauses: SYN-50, SYN-51, SYN-53, SYN-54.
#[tokio::test]
async fn a20_two_clients_led_apart_find_out_by_one_shared_frontier_each() {
    for by_relay in [false, true] {
        let (genesis, [mut one, mut two]) = led_apart().await;
        let (of_one, of_two) = (one.frontier(&genesis).await, two.frontier(&genesis).await);
        for (client, other, theirs) in [(&one, &two, &of_two), (&two, &one, &of_one)] {
            // The relay lets this one entry through, or a stick carries it.
            match by_relay {
                true => fill(&*client.view, [theirs]).await,
                false => fill(&*client.replica, [theirs]).await,
            }
            let report = pull(&client.view, &client.replica, &client.bookmarks).await;
            assert_reveals(&report, other, theirs);
            // Who shows the frontier itself is caught in the act.
            match (&report.misbehaviour[..], by_relay) {
                ([Misbehaviour::Withheld { count: 1, attested }], true) => {
                    assert_eq!(attested, &report.unreached);
                }
                ([], false) => {}
                _ => panic!("{report}"),
            }
            assert!(!report.is_clean());
        }
        // The clients settle it between themselves, without the relay.
        pull(&two.replica, &one.replica, &one.bookmarks).await;
        let report = pull(&one.replica, &two.replica, &two.bookmarks).await;
        assert!(report.is_clean(), "{report}");
        for entry in one.shown.iter().chain(&two.shown) {
            assert!(
                holds(&*one.replica, entry.id()).await && holds(&*two.replica, entry.id()).await
            );
        }
    }
}

/// Clauses: SYN-14, SYN-16.
#[tokio::test]
async fn a20_any_shared_entry_that_depends_on_what_was_hidden_reveals_it() {
    let (_, [mut one, two]) = led_apart().await;
    let shared = one.author.write_on(&[one.shown[2].id()]);
    fill(&*two.view, [&shared]).await;
    let report = pull(&two.view, &two.replica, &two.bookmarks).await;
    let Verdict::CompleteButUnresolved(by) = &report.verdict else { panic!("{report}") };
    assert_eq!(by[0].author, one.author.id());
    assert_eq!((by[0].references[0].id, by[0].references[0].by), (one.shown[2].id(), shared.id()));
}
