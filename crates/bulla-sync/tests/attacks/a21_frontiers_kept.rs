//! What a replica learnt of frontiers is kept, bounded, and as good as what it could learn again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bulla_core::cbor::Encode;
use bulla_core::control::{Claimed, Control, Frontier};
use bulla_core::values::GetItem;
use bulla_core::{AuthorKey, EntryId, Header, Kind, SpaceId, Topic, VerifiedEntry};
use bulla_store::{Bookmarks, MemoryBookmarks, Result};
use bulla_sync::{Finding, Options, Reason, Report, Verdict};

use crate::a21_frontiers::{assert_unreached, world};
use crate::support::*;

/// Of a list, every page is unreadable.
#[derive(Debug)]
struct Garbling {
    kept: Arc<MemoryBookmarks>,
    letter: u8,
}

#[async_trait]
impl Bookmarks for Garbling {
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let value = self.kept.read(key).await?;
        let is_meant = key.starts_with(b"bulla sync ") && key[11] == self.letter;
        Ok(if is_meant { value.map(|_| vec![0xff; 9]) } else { value })
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.kept.write(key, value).await
    }

    async fn remove(&self, key: &[u8]) -> Result<()> {
        self.kept.remove(key).await
    }
}

/// Clauses: SYN-21, SYN-24, SYN-50, SYN-55.
#[tokio::test]
async fn a21_what_was_kept_and_cannot_be_read_is_found_out_again() {
    let mut world = world().await;
    let source = world.with(1, 9).await;
    let fork = [
        world.founder.clone().write(b"one branch, sealed"),
        world.founder.write(b"the other, as well"),
    ];
    fill(&*source, &fork).await;
    for letter in *b"ftk" {
        let (target, kept) = (store(world.founder.space(), 2), bookmarks());
        let first = pull(&source, &target, &kept).await;
        let garbled = Arc::new(Garbling { kept: Arc::clone(&kept), letter });
        for bookmarks in [garbled as Arc<dyn Bookmarks>, kept] {
            let options = Options::pull();
            let (source, target) = (Arc::clone(&source), Arc::clone(&target));
            let report = bulla_sync::replicate(source, target, bookmarks, options).await;
            assert_unreached(&world, &report);
            assert_eq!((&report.forks, report.forks.len()), (&first.forks, 1), "{report}");
        }
    }
}

/// Clauses: SYN-50, SYN-51.
#[tokio::test]
async fn a21_more_branches_than_are_kept_are_all_found_in_the_end() {
    let (founder, genesis) = Author::found(1);
    let forker = founder.another(2);
    // Twenty entries with one sequence, and for each a witness.
    let branches: Vec<_> = (0..20_u8).map(|i| forker.clone().write(&[i; 20])).collect();
    let mut entries = vec![genesis];
    for (i, branch) in branches.iter().enumerate() {
        let mut witness = founder.another(u8::try_from(i).unwrap() + 10);
        entries.push(frontier_over(&mut witness, &[branch]).await);
    }
    let (source, target, bookmarks) =
        (store(founder.space(), 1), store(founder.space(), 2), bookmarks());
    fill(&*source, &entries).await;
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::FrontierUnreached(16)), "{report}");
    // Two that nobody holds are a fork as well.
    let [fork] = &report.forks[..] else { panic!("{report}") };
    assert_eq!((fork.author, fork.sequence), (forker.id(), 1));
    // As some are found there is room for the others.
    let mut missing = branches.len();
    while missing > 0 {
        let known: Vec<_> = report_ids(&pull(&source, &target, &bookmarks).await);
        assert!(!known.is_empty(), "{missing} are missing and nothing is said of them");
        let found: Vec<_> = branches.iter().filter(|entry| known.contains(&entry.id())).collect();
        fill(&*source, found.iter().copied()).await;
        missing -= found.len();
        pull(&source, &target, &bookmarks).await;
    }
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean() && report.unreached.is_empty(), "{report}");
}

fn report_ids(report: &Report) -> Vec<EntryId> {
    report.unreached.iter().map(|attested| attested.id).collect()
}

/// A store that shows these entries, and gives those besides when it is asked for them.
async fn giving(
    space: SpaceId,
    shown: &[&VerifiedEntry],
    given: &[&VerifiedEntry],
) -> Arc<Hostile> {
    let origin = store(space, 1);
    fill(&*origin, shown.iter().copied()).await;
    let given: Vec<_> = given.iter().map(|entry| (*entry).clone()).collect();
    let hooks = Hooks {
        get: Some(Box::new(move |_, request, items| {
            let give = |(id, item): (&EntryId, GetItem)| {
                let given = given.iter().find(|entry| entry.id() == *id);
                given.map_or(item, |entry| GetItem::Entry(entry.clone()))
            };
            Ok(request.ids.iter().zip(items).map(give).collect())
        })),
        ..Hooks::default()
    };
    Hostile::new(origin, hooks)
}

/// Clauses: SYN-50, SYN-52.
#[tokio::test]
async fn a21_frontiers_that_come_by_asking_are_read_in_the_same_run() {
    let (founder, genesis) = Author::found(1);
    let mut authors: Vec<_> = (2..6).map(|seed| founder.another(seed)).collect();
    // Each proves the one before.
    let mut entries = vec![authors[0].write(b"the first of all")];
    for author in &mut authors[1..] {
        let last = entries.last().unwrap().clone();
        entries.push(frontier_over(author, &[&last]).await);
    }
    let (last, given) = entries.split_last().unwrap();
    let given: Vec<_> = given.iter().collect();
    let source = giving(founder.space(), &[&genesis, last], &given).await;
    let target = store(founder.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    assert!(report.unreached.is_empty() && source.calls("get") == 3, "{report}");
    for entry in &entries {
        assert!(holds(&*target, entry.id()).await);
    }
}

/// Clauses: SYN-52.
#[tokio::test]
async fn a21_claims_are_asked_for_up_to_a_bound() {
    let (founder, genesis) = Author::found(1);
    let mut entries = vec![genesis];
    for seed in 2..5_u8 {
        let claim = |i: u16| Claimed {
            author: AuthorKey(
                [&[1, seed], &i.to_be_bytes()[..], &[0; 28]].concat().try_into().unwrap(),
            ),
            sequence: 7,
            id: EntryId([&[1, seed], &i.to_be_bytes()[..], &[0; 28]].concat().try_into().unwrap()),
        };
        let frontier = Frontier { proven: vec![], claimed: (0..4_096).map(claim).collect() };
        let mut author = founder.another(seed);
        let payload = frontier.to_cbor();
        entries.push(author.write_as(Kind::FRONTIER, Topic::ZERO, vec![], &payload));
    }
    let origin = store(founder.space(), 1);
    fill(&*origin, &entries).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let hooks = Hooks {
        get: Some(Box::new(move |_, request, items: Vec<GetItem>| {
            assert_eq!(request.ids.len(), items.len());
            count.fetch_add(items.len(), Ordering::SeqCst);
            Ok(items)
        })),
        ..Hooks::default()
    };
    let source = Hostile::new(origin, hooks);
    let (target, bookmarks) = (store(founder.space(), 2), bookmarks());
    for _ in 0..2 {
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.is_clean(), "{report}");
        // Once: a claim is not kept.
        assert_eq!(asked.load(Ordering::SeqCst), 4_096);
    }
}

/// Clauses: SYN-51.
#[tokio::test]
async fn a21_a_report_carries_the_evidence_of_a_few_frontiers_and_every_id() {
    let (founder, genesis) = Author::found(1);
    let mut entries = vec![genesis];
    let mut withheld = Vec::new();
    for seed in 2..22 {
        let hidden = founder.another(100 + seed).write(b"payload of sixteen");
        entries.push(frontier_over(&mut founder.another(seed), &[&hidden]).await);
        withheld.push(hidden.id());
    }
    withheld.sort();
    let source = store(founder.space(), 1);
    fill(&*source, &entries).await;
    let report = pull(&source, &store(founder.space(), 2), &bookmarks()).await;
    assert_eq!((report_ids(&report), report.unreached_count), (withheld, 20), "{report}");
    let proofs: Vec<_> = report.unreached.iter().filter_map(|of| of.evidence.as_ref()).collect();
    assert_eq!(proofs.len(), 16);
    for evidence in proofs {
        assert!(matches!(found(founder.space(), evidence), Finding::Seen { .. }));
    }
}

/// Whatever a source leaves out, and whatever frontiers say: no run is called complete while one proves what is missing.
///
/// Clauses: SYN-50, SYN-51, SYN-52.
#[tokio::test]
async fn a21_no_run_is_complete_while_a_frontier_proves_what_is_missing() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let (founder, genesis) = Author::found(1);
        let mut authors: Vec<_> = (2..6).map(|seed| founder.another(seed)).collect();
        let mut entries = vec![genesis];
        let mut proven: Vec<(EntryId, Vec<EntryId>)> = Vec::new();
        for _ in 0..40 {
            let of = dice.below(authors.len());
            if !dice.one_in(5) {
                entries.push(authors[of].write(b"payload of sixteen"));
                continue;
            }
            let seen: Vec<_> = entries.iter().filter(|_| !dice.one_in(3)).collect();
            let frontier = frontier_over(&mut authors[of], &seen).await;
            let Some(Control::Frontier(content)) = frontier.control() else { panic!("kind") };
            let ids = content.proven.iter().map(|proven| {
                EntryId::compute(&Header::digest_of(&proven.header), &proven.signature)
            });
            proven.push((frontier.id(), ids.collect()));
            entries.push(frontier);
        }
        let (target, bookmarks) = (store(founder.space(), 2), bookmarks());
        for lineage in 10..14 {
            let source = store(founder.space(), lineage);
            fill(&*source, entries.iter().filter(|_| !dice.one_in(3))).await;
            let report = pull(&source, &target, &bookmarks).await;
            let mut missing = BTreeSet::new();
            for (frontier, ids) in &proven {
                for id in ids {
                    if holds(&*target, *frontier).await && !holds(&*target, *id).await {
                        missing.insert(*id);
                    }
                }
            }
            let missing: Vec<_> = missing.into_iter().collect();
            assert_eq!(report_ids(&report), missing, "seed {seed}: {report}");
            assert_eq!(report.verdict.is_complete(), missing.is_empty(), "seed {seed}: {report}");
            assert!(report.forks.is_empty(), "seed {seed}: {report}");
        }
        let honest = store(founder.space(), 9);
        fill(&*honest, &entries).await;
        let report = pull(&honest, &target, &bookmarks).await;
        assert!(report.is_clean(), "seed {seed}: {report}");
    }
}
