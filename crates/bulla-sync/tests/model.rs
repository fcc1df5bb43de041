//! Random sets on both sides, random faults and interruptions, against a naive model: whatever happens on the way, no
//! run says *complete* when it is not, and when the faults end the next run brings everything and says exactly what the
//! model says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

#[path = "attacks/support.rs"]
#[expect(dead_code, reason = "other test binaries use more of it")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_core::values::{Page, Want};
use bulla_core::{AuthorKey, EntryId, VerifiedEntry};
use bulla_store::{ContentAddressedStore, MemoryStore};
use bulla_sync::{Direction, Options, Reason, Report, Verdict};
use proptest::prelude::*;
use support::*;

/// A space with several authors who name each other's entries.
fn world(dice: &mut Dice, size: usize) -> (Author, Vec<VerifiedEntry>) {
    let (first, genesis) = Author::found(1);
    let mut authors: Vec<_> = (2..5).map(|seed| first.another(seed)).collect();
    authors.push(first.clone());
    let mut entries = vec![genesis];
    for _ in 0..size {
        let of = dice.below(authors.len());
        let author = &mut authors[of];
        let mut on: Vec<EntryId> = (0..dice.below(3))
            .map(|_| entries[dice.below(entries.len())].id())
            .filter(|id| *id != author.previous)
            .collect();
        on.sort();
        on.dedup();
        entries.push(author.write_on(&on));
    }
    (first, entries)
}

/// What the model holds: entries by id.
type Set = BTreeMap<EntryId, VerifiedEntry>;

fn set<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Set {
    entries.into_iter().map(|entry| (entry.id(), entry.clone())).collect()
}

/// References of the set that it does not fill, by author.
fn unresolved(set: &Set) -> BTreeMap<AuthorKey, BTreeSet<(EntryId, EntryId)>> {
    let mut open: BTreeMap<AuthorKey, BTreeSet<_>> = BTreeMap::new();
    for (by, entry) in set {
        let header = entry.header();
        let previous = (header.sequence > 1).then_some(header.previous);
        for id in previous.iter().chain(&header.dependencies) {
            if !set.contains_key(id) {
                open.entry(header.author).or_default().insert((*id, *by));
            }
        }
    }
    open
}

/// Checks a verdict against what the two sides hold. Of a distant target only the entries put are judged by what they
/// name.
/// Clauses: SYN-4, SYN-7.
async fn check(
    report: &Report,
    direction: Direction,
    announced: &Set,
    target: &MemoryStore,
    held: &Set,
) {
    for id in held.keys() {
        assert!(holds(target, *id).await, "the model holds what the store does not");
    }
    let all = announced.keys().all(|id| held.contains_key(id));
    match &report.verdict {
        Verdict::Complete => {
            assert!(all, "complete, and something is missing: {report}");
            let is_closed = unresolved(held).is_empty();
            assert!(is_closed || direction == Direction::Push, "{report}");
        }
        Verdict::CompleteButUnresolved(authors) => {
            assert!(all, "{report}");
            let open = unresolved(held);
            let is_exact = direction == Direction::Pull;
            assert!(authors.len() == open.len() || !is_exact, "{report}");
            for by in authors {
                let said: BTreeSet<_> =
                    by.references.iter().map(|open| (open.id, open.by)).collect();
                assert!(said.is_subset(&open[&by.author]), "{report}");
                assert!(said == open[&by.author] || !is_exact, "{report}");
            }
        }
        Verdict::Incomplete(_) => {}
        Verdict::CompleteExcept { .. } | Verdict::CompleteAsToldBySource => panic!("{report}"),
    }
}

/// What a store holds of a world.
async fn held_by(store: &MemoryStore, world: &[VerifiedEntry]) -> Set {
    let ids: Vec<_> = world.iter().map(VerifiedEntry::id).collect();
    let presence = store.has(&bulla_store::Context::new(), &ids).await.unwrap();
    set(world
        .iter()
        .zip(presence)
        .filter(|(_, has)| *has == bulla_core::values::Has::Yes)
        .map(|(entry, _)| entry))
}

/// Calls that fail now and then.
fn failing(seed: u64, one_in: usize) -> Hooks {
    let rolls = Arc::new(AtomicU64::new(seed));
    let roll = move || {
        let mut dice =
            Dice(rolls.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x2545_f491_4f6c_dd1d));
        if dice.one_in(one_in) { Err(unavailable()) } else { Ok(()) }
    };
    let (scan, get, has, put, before, head, summary) =
        (roll.clone(), roll.clone(), roll.clone(), roll.clone(), roll.clone(), roll.clone(), roll);
    Hooks {
        scan: Some(Box::new(move |_, _, page| scan().map(|()| page))),
        get: Some(Box::new(move |_, _, items| get().map(|()| items))),
        has: Some(Box::new(move |_, _, presence| has().map(|()| presence))),
        put: Some(Box::new(move |_, _, report| put().map(|()| report))),
        before_put: Some(Box::new(move |_, _, ()| before())),
        head: Some(Box::new(move |_, (), answer| head().map(|()| answer))),
        summary: Some(Box::new(move |_, _, answer| summary().map(|()| answer))),
        ..Hooks::default()
    }
}

fn options(dice: &mut Dice) -> Options {
    let mut options = Options::pull().with_pages(
        u32::try_from(200 + dice.below(20_000)).unwrap(),
        u32::try_from(1 + dice.below(40)).unwrap(),
    );
    options.direction = if dice.one_in(2) { Direction::Pull } else { Direction::Push };
    options.pages_ahead = 1 + dice.below(3);
    options.puts_in_flight = 1 + dice.below(3);
    options
}

async fn converges(seed: u64, size: usize) {
    let mut dice = Dice(seed);
    let (author, entries) = world(&mut dice, size);
    let (left, right) = (store(author.space(), 1), store(author.space(), 2));
    let stores = [left, right];
    let kept = [Arc::new(FaultyBookmarks::default()), Arc::new(FaultyBookmarks::default())];
    for store in &stores {
        let mut shuffled: Vec<_> = entries.iter().filter(|_| !dice.one_in(3)).collect();
        if dice.one_in(3) {
            shuffled.reverse();
        }
        fill(&**store, shuffled).await;
    }
    for round in 0..10 {
        let from = dice.below(2);
        let (source, target) = (&stores[from], &stores[1 - from]);
        let one_in = 2 + dice.below(30);
        let faulty_source = Hostile::new(Arc::clone(source) as _, failing(dice.next(), one_in));
        let faulty_target = Hostile::new(Arc::clone(target) as _, failing(dice.next(), one_in));
        let writes = kept[from].writes.load(Ordering::SeqCst);
        let fails = if dice.one_in(3) { writes + 1 + dice.below(5) as u64 } else { 0 };
        kept[from].fail_from.store(fails, Ordering::SeqCst);
        let announced = held_by(source, &entries).await;
        let options = options(&mut dice);
        let direction = options.direction;
        let report = run(&faulty_source, &faulty_target, &kept[from], options).await;
        assert!(report.misbehaviour.is_empty(), "round {round}: {report}");
        check(&report, direction, &announced, target, &held_by(target, &entries).await).await;
        // Others write meanwhile, in any order and with gaps.
        for store in &stores {
            let new: Vec<_> = entries.iter().filter(|_| dice.one_in(12)).collect();
            fill(&**store, new).await;
        }
    }
    for kept in &kept {
        kept.fail_from.store(0, Ordering::SeqCst);
    }
    for from in [0, 1, 0] {
        let (source, target) = (&stores[from], &stores[1 - from]);
        let announced = held_by(source, &entries).await;
        let options = options(&mut dice);
        let direction = options.direction;
        let report = run(source, target, &kept[from], options).await;
        assert!(report.verdict.is_complete() && report.misbehaviour.is_empty(), "{report}");
        check(&report, direction, &announced, target, &held_by(target, &entries).await).await;
    }
    assert!(same_entries(&*stores[0], &*stores[1]).await);
    // Nothing new, twice over.
    let before = (head(&*stores[0]).await, head(&*stores[1]).await);
    let report = run(&stores[0], &stores[1], &kept[0], Options::pull()).await;
    assert_eq!((report.counts.offered, report.counts.source_requests), (0, 1), "{report}");
    assert_eq!(before, (head(&*stores[0]).await, head(&*stores[1]).await));
}

/// A source that hides some entries for good, in scans alone or everywhere.
/// Clauses: SYN-6, SYN-8.
async fn never_fooled(seed: u64, size: usize) {
    let mut dice = Dice(seed);
    let (author, entries) = world(&mut dice, size);
    let honest = store(author.space(), 1);
    fill(&*honest, &entries).await;
    let hidden: BTreeSet<EntryId> =
        (0..1 + dice.below(4)).map(|_| entries[dice.below(entries.len())].id()).collect();
    let shows_ids = dice.one_in(2);
    let (in_scan, in_get) = (hidden.clone(), hidden.clone());
    let hooks = Hooks {
        scan: Some(Box::new(move |_, request, mut page: Page| {
            if !(shows_ids && request.want == Want::Ids) {
                page.items.retain(|item| !in_scan.contains(&item.id));
            }
            Ok(page)
        })),
        get: Some(Box::new(move |_, request, items| {
            let answers = request.ids.iter().zip(items);
            let hide = |(id, item)| {
                if in_get.contains(id) { bulla_core::values::GetItem::Absent } else { item }
            };
            Ok(answers.map(hide).collect())
        })),
        ..Hooks::default()
    };
    let lying = Hostile::new(Arc::clone(&honest) as _, hooks);
    let (target, kept) = (store(author.space(), 2), bookmarks());
    let had: Vec<_> = entries.iter().filter(|_| dice.one_in(2)).collect();
    fill(&*target, had).await;
    for _ in 0..3 {
        let held = held_by(&target, &entries).await;
        let lacking: BTreeSet<_> =
            hidden.iter().filter(|id| !held.contains_key(*id)).copied().collect();
        let report = run(&lying, &target, &kept, options(&mut dice)).await;
        if lacking.is_empty() {
            continue;
        }
        let incomplete = incomplete(&report);
        match incomplete.reason {
            Reason::EntriesMissing(count) => {
                assert_eq!(count, lacking.len() as u64, "{report}");
                assert!(incomplete.missing.ids.iter().eq(&lacking), "{report}");
            }
            Reason::Withheld { announced, .. } => {
                assert!(!shows_ids, "{report}");
                assert_eq!(announced, entries.len() as u64);
                assert_eq!(incomplete.missing.receipt_count, hidden.len() as u64, "{report}");
            }
            _ => panic!("{report}"),
        }
    }
    // An honest source with the same history settles it.
    let report = run(&honest, &target, &kept, options(&mut dice)).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*honest, &*target).await);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_faults_and_interruptions_converge(seed in any::<u64>(), size in 0_usize..120) {
        runtime().block_on(converges(seed, size));
    }

    #[test]
    fn a_source_that_hides_entries_never_passes_for_complete(seed in any::<u64>(), size in 1_usize..400) {
        runtime().block_on(never_fooled(seed, size));
    }
}
