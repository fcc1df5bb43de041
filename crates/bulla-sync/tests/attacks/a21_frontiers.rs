//! A relay leaves out what somebody signed that they had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_core::cbor::Encode;
use bulla_core::control::{Claimed, Frontier, Proven};
use bulla_core::values::{GetItem, Has, Page, PayloadState, ScanBody};
use bulla_core::{AuthorKey, EntryId, Kind, Signature, Topic, VerifiedEntry};
use bulla_store::{Context, StoreError};
use bulla_sync::{
    Attested, Evidence, EvidenceError, Finding, FrontierJudge, Misbehaviour, Options, Reason,
    Report, Verdict,
};

use crate::support::*;

/// A founder, another author's chain of ten entries, and the founder's frontier over them.
pub(crate) struct World {
    pub(crate) founder: Author,
    /// The founder before the frontier.
    before: Author,
    genesis: VerifiedEntry,
    chain: Vec<VerifiedEntry>,
    frontier: VerifiedEntry,
}

pub(crate) async fn world() -> World {
    let (mut founder, genesis) = Author::found(1);
    let chain = founder.another(2).write_many(10);
    let before = founder.clone();
    let seen: Vec<_> = std::iter::once(&genesis).chain(&chain).collect();
    let frontier = frontier_over(&mut founder, &seen).await;
    World { founder, before, genesis, chain, frontier }
}

impl World {
    /// A store with the first `count` entries of the chain, and the frontier.
    pub(crate) async fn with(&self, lineage: u8, count: usize) -> Arc<bulla_store::MemoryStore> {
        let store = store(self.founder.space(), lineage);
        fill(&*store, [&self.genesis]).await;
        fill(&*store, &self.chain[..count]).await;
        fill(&*store, [&self.frontier]).await;
        store
    }

    fn tip(&self) -> EntryId {
        self.chain[9].id()
    }
}

/// That the report says: this entry is missing, and here is the proof.
pub(crate) fn assert_unreached(world: &World, report: &Report) {
    let incomplete = incomplete(report);
    assert!(matches!(incomplete.reason, Reason::FrontierUnreached(1)), "{report}");
    assert_eq!(incomplete.reason.code().as_str(), "sync.frontier_unreached");
    assert_eq!(incomplete.missing.ids, [world.tip()]);
    let [attested] = &report.unreached[..] else { panic!("{report}") };
    assert_eq!((attested.id, attested.sequence), (world.tip(), 10));
    assert_eq!((attested.by, attested.witness), (world.frontier.id(), world.founder.id()));
    let evidence = attested.evidence.as_ref().unwrap();
    let Finding::Seen { header, by, witness } = found(world.founder.space(), evidence) else {
        panic!("{evidence:?}")
    };
    assert_eq!((header.id(), by, witness), (attested.id, attested.by, attested.witness));
}

/// Clauses: SYN-7, SYN-50, SYN-51, SYN-53, SYN-54.
#[tokio::test]
async fn a21_a_withheld_tail_that_a_frontier_proves_is_incomplete() {
    let world = world().await;
    for shown in 0..10 {
        let source = world.with(1, shown).await;
        let (target, bookmarks) = (store(world.founder.space(), 2), bookmarks());
        // It is known as long as it is missing, and found out from each source.
        for _ in 0..3 {
            let report = pull(&source, &target, &bookmarks).await;
            assert_unreached(&world, &report);
            let [Misbehaviour::Withheld { count: 1, attested }] = &report.misbehaviour[..] else {
                panic!("{report}")
            };
            assert_eq!(attested, &report.unreached);
        }
        // A source that never saw the frontier is not accused: it may know no better.
        let innocent = store(world.founder.space(), 3);
        fill(&*innocent, [&world.genesis]).await;
        let report = pull(&innocent, &target, &bookmarks).await;
        assert_unreached(&world, &report);
        assert!(report.misbehaviour.is_empty(), "{report}");
        // Whoever has it settles it.
        let honest = world.with(4, 10).await;
        let report = pull(&honest, &target, &bookmarks).await;
        assert!(report.is_clean() && report.unreached.is_empty(), "{report}");
        assert_eq!(head(&*target).await.held, head(&*honest).await.held);
    }
}

/// Clauses: SYN-52.
#[tokio::test]
async fn a21_the_source_is_asked_for_what_a_frontier_proves_or_claims() {
    let mut world = world().await;
    let claimed = Claimed { author: world.chain[9].header().author, sequence: 10, id: world.tip() };
    let frontier = Frontier { proven: vec![], claimed: vec![claimed] };
    let claims = world.before.write_as(Kind::FRONTIER, Topic::ZERO, vec![], &frontier.to_cbor());
    for says in [world.frontier.clone(), claims] {
        world.frontier = says;
        let origin = world.with(1, 9).await;
        let tip = world.chain[9].clone();
        let hooks = Hooks {
            get: Some(Box::new(move |_, request, items| {
                let answers = request.ids.iter().zip(items);
                Ok(answers
                    .map(|(id, item)| match *id == tip.id() {
                        true => GetItem::Entry(tip.clone()),
                        false => item,
                    })
                    .collect())
            })),
            ..Hooks::default()
        };
        let source = Hostile::new(origin, hooks);
        let target = store(world.founder.space(), 2);
        let report = pull(&source, &target, &bookmarks()).await;
        assert!(matches!(report.verdict, Verdict::Complete), "{report}");
        assert!(holds(&*target, world.tip()).await && source.calls("get") == 1, "{report}");
    }
}

/// Clauses: SYN-52, CTL-41.
#[tokio::test]
async fn a21_a_claim_without_its_header_is_never_evidence() {
    let mut world = world().await;
    let claim = Claimed { author: world.chain[0].header().author, sequence: 10, id: world.tip() };
    let frontier = Frontier { proven: vec![], claimed: vec![claim] };
    world.frontier =
        world.before.write_as(Kind::FRONTIER, Topic::ZERO, vec![], &frontier.to_cbor());
    let source = world.with(1, 9).await;
    let bookmarks = bookmarks();
    let target = store(world.founder.space(), 2);
    for _ in 0..2 {
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.is_clean() && report.unreached.is_empty(), "{report}");
    }
}

/// Clauses: CTL-41, SYN-50.
#[tokio::test]
async fn a21_headers_that_do_not_hold_prove_nothing() {
    let (founder, genesis) = Author::found(1);
    let mut others: Vec<_> = (2..6).map(|seed| founder.another(seed)).collect();
    others.sort_by_key(Author::id);
    let mut entries: Vec<_> =
        others.iter_mut().map(|author| author.write(b"withheld, all of it")).collect();
    let (mut foreigner, _) = Author::found(7);
    let proven = |entry: &VerifiedEntry| Proven {
        header: entry.verified_header().bytes().clone(),
        signature: *entry.verified_header().signature(),
    };
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|i| proven(&entries[i]));
    let forged = Proven { signature: Signature([7; 64]), ..third.clone() };
    let moved = proven(&foreigner.write(b"of another space"));
    let lists = [
        // A header that does not verify, or is of another space, is passed over; the order is that of those that hold.
        (vec![first.clone(), forged, moved, fourth.clone()], vec![0, 3]),
        (vec![second.clone(), first.clone(), third.clone()], vec![1, 2]),
        (vec![first.clone(), first.clone()], vec![0]),
        (vec![Proven { header: vec![0xff; 40].into(), ..second.clone() }, second], vec![1]),
    ];
    entries.push(genesis);
    for (i, (list, expected)) in lists.into_iter().enumerate() {
        let frontier = Frontier { proven: list, claimed: vec![] };
        let mut founder = founder.clone();
        let entry = founder.write_as(Kind::FRONTIER, Topic::ZERO, vec![], &frontier.to_cbor());
        let source = store(founder.space(), 1);
        fill(&*source, [&entries[4], &entry]).await;
        let report = pull(&source, &store(founder.space(), 2), &bookmarks()).await;
        let mut expected: Vec<_> = expected.into_iter().map(|i: usize| entries[i].id()).collect();
        expected.sort();
        assert_eq!(incomplete(&report).missing.ids, expected, "list {i}: {report}");
        // Who is handed the frontier judges it alike.
        for entry in &entries[..4] {
            let evidence = Evidence::Frontier { frontier: entry_raw(&report), proven: entry.id() };
            let verdict = evidence.verify(&founder.space(), &bulla_core::Verifier::new([1; 32]));
            match expected.contains(&entry.id()) {
                true => assert!(verdict.is_ok(), "list {i}"),
                false => assert_eq!(verdict, Err(EvidenceError::NotProven(entry.id()))),
            }
        }
    }
}

fn entry_raw(report: &Report) -> bulla_core::RawEntry {
    match report.unreached[0].evidence.clone().unwrap() {
        Evidence::Frontier { frontier, .. } => frontier,
        evidence @ Evidence::Fork { .. } => panic!("{evidence:?}"),
    }
}

/// Clauses: SYN-51.
#[tokio::test]
async fn a21_what_the_target_refused_was_not_withheld() {
    let world = world().await;
    let tip = world.tip();
    let poor = world.with(1, 9).await;
    let rich = world.with(3, 10).await;
    for is_retryable in [false, true] {
        let target =
            Arc::new(Refusing::new(store(world.founder.space(), 2), is_retryable, move |id| {
                id == tip
            }));
        let bookmarks = bookmarks();
        assert_unreached(&world, &pull(&poor, &target, &bookmarks).await);
        let report = pull(&rich, &target, &bookmarks).await;
        assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 1 }), "{report}");
        assert!(report.misbehaviour.is_empty() && report.unreached.is_empty(), "{report}");
        let report = pull(&poor, &target, &bookmarks).await;
        assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    }
}

#[derive(Debug)]
struct NotOf(AuthorKey);

#[async_trait::async_trait]
impl FrontierJudge for NotOf {
    async fn counts(&self, _: &Context, attested: &[Attested]) -> Result<Vec<bool>, StoreError> {
        assert!(attested.iter().all(|one| one.evidence.is_none()));
        Ok(attested.iter().map(|one| one.witness != self.0).collect())
    }
}

/// Clauses: SYN-50.
#[tokio::test]
async fn a21_frontiers_count_as_the_caller_says() {
    let world = world().await;
    let source = world.with(1, 9).await;
    let (target, bookmarks) = (store(world.founder.space(), 2), bookmarks());
    let judge = Arc::new(NotOf(world.founder.id()));
    let options = Options::pull().with_frontier_judge(judge);
    let report = run(&source, &target, &bookmarks, options).await;
    assert!(report.is_clean() && report.unreached.is_empty(), "{report}");
    // What was read is not forgotten: the judge may change its mind.
    assert_unreached(&world, &pull(&source, &target, &bookmarks).await);
}

/// Clauses: SYN-50.
#[tokio::test]
async fn a21_a_frontier_whose_payload_comes_later_is_read_then() {
    let world = world().await;
    let frontier = world.frontier.id();
    let origin = world.with(1, 9).await;
    let strip = move |item: GetItem| match item {
        GetItem::Entry(entry) if entry.id() == frontier => {
            GetItem::Header(entry.verified_header().clone(), PayloadState::Missing)
        }
        item => item,
    };
    let hooks = Hooks {
        scan: Some(Box::new(move |_, _, mut page: Page| {
            for item in &mut page.items {
                if let (true, ScanBody::Entry(entry)) = (item.id == frontier, &item.body) {
                    let header = entry.verified_header().clone();
                    item.body = ScanBody::Header(header, PayloadState::Missing);
                }
            }
            Ok(page)
        })),
        get: Some(Box::new(move |_, _, items| Ok(items.into_iter().map(strip).collect()))),
        ..Hooks::default()
    };
    let source = Hostile::new(Arc::clone(&origin) as _, hooks);
    let (target, bookmarks) = (store(world.founder.space(), 2), bookmarks());
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::PayloadsMissing(1)), "{report}");
    assert_unreached(&world, &pull(&origin, &target, &bookmarks).await);
}

/// Clauses: SYN-50.
#[tokio::test]
async fn a21_a_frontier_that_could_not_be_read_is_read_by_the_next_run() {
    let world = world().await;
    let source = world.with(1, 9).await;
    let fails = AtomicBool::new(true);
    let hooks = Hooks {
        get: Some(Box::new(move |_, _, items| match fails.swap(false, Ordering::SeqCst) {
            true => Err(unavailable()),
            false => Ok(items),
        })),
        ..Hooks::default()
    };
    let target = Hostile::new(store(world.founder.space(), 2), hooks);
    let bookmarks = bookmarks();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::Target(_)), "{report}");
    assert_unreached(&world, &pull(&source, &target, &bookmarks).await);
    // Each frontier is read once; after that only what it proves is asked about.
    target.forget();
    assert_unreached(&world, &pull(&source, &target, &bookmarks).await);
    assert_eq!((target.calls("scan"), target.calls("get")), (0, 2), "two looks for the evidence");
}

/// Clauses: SYN-53.
#[tokio::test]
async fn a21_a_source_that_is_given_the_entry_meanwhile_is_not_accused() {
    let world = world().await;
    let origin = world.with(1, 9).await;
    let tip = world.tip();
    let late = Hooks {
        // Asked for the entry, it has none; asked whether it holds it, it was pushed in between.
        has: Some(Box::new(move |_, ids: &Vec<EntryId>, presence: Vec<Has>| {
            let answers = ids.iter().zip(presence);
            Ok(answers.map(|(id, has)| if *id == tip { Has::Yes } else { has }).collect())
        })),
        ..Hooks::default()
    };
    let source = Hostile::new(Arc::clone(&origin) as _, late);
    let report = pull(&source, &store(world.founder.space(), 2), &bookmarks()).await;
    assert!(matches!(incomplete(&report).reason, Reason::FrontierUnreached(1)), "{report}");
    assert!(report.misbehaviour.is_empty(), "{report}");
}

/// Clauses: SYN-53.
#[tokio::test]
async fn a21_a_source_that_cannot_say_is_not_accused() {
    let world = world().await;
    let hooks = Hooks {
        has: Some(Box::new(|_, _, presence: Vec<Has>| {
            Ok(presence.into_iter().map(|_| Has::Unknown).collect())
        })),
        ..Hooks::default()
    };
    let source = Hostile::new(world.with(1, 9).await, hooks);
    let (target, bookmarks) = (store(world.founder.space(), 2), bookmarks());
    fill(&*target, &world.chain[9..]).await;
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean() && source.calls("has") == 1, "{report}");
}
