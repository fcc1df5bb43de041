//! One bad entry among good ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_core::{EntryId, Verified};
use bulla_store::guarded::{Admission, GuardedStore, Operation, Verdict as Judgement};
use bulla_store::{Context, MemoryStore, Result, Ruling};
use bulla_sync::{Reason, Verdict, Why};

use crate::support::*;

const BATCH: usize = 250;

#[tokio::test]
async fn a24_one_refused_entry_in_each_place_of_a_batch() {
    let (author, entries) = chain(BATCH - 1);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    for bad in (0..BATCH).step_by(7).chain([BATCH - 1]) {
        let refused = entries[bad].id();
        let target = refusing(store(author.space(), 2), refused, false);
        let bookmarks = bookmarks();
        let report = pull(&source, &target, &bookmarks).await;
        assert!(
            matches!(
                report.verdict,
                Verdict::CompleteButUnresolved(_) | Verdict::CompleteExcept { refused: 1 }
            ),
            "{report}"
        );
        assert_eq!((report.counts.stored, report.counts.refused), (249, 1));
        let exception = &report.exceptions[0];
        assert_eq!((exception.id, exception.why), (refused, Why::Refused));
        assert_eq!(exception.code.as_str(), "test.refused");
        assert_eq!(head(&*target).await.held.count, 249);
        // The next sync is clean: nothing is offered again, the refusal is remembered.
        let puts = target.calls("put");
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.verdict.is_complete(), "{report}");
        assert_eq!((report.exception_count, target.calls("put")), (1, puts));
    }
}

#[tokio::test]
async fn a24_an_entry_refused_for_now_is_offered_again_and_taken() {
    let (mut author, entries) = chain(20);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let (honest, bookmarks) = (store(author.space(), 2), bookmarks());
    let report = pull(&source, &refusing(honest.clone(), entries[20].id(), true), &bookmarks).await;
    assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 1 }), "{report}");
    assert_eq!(report.exceptions[0].why, Why::RefusedForNow);
    fill(&*source, &author.another(2).write_many(5)).await;
    let report = pull(&source, &honest, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.stored, 6);
    fill(&*source, &author.write_many(1)).await;
    assert!(pull(&source, &honest, &bookmarks).await.is_clean());
}

/// Clauses: SYN-13, SYN-18.
#[tokio::test]
async fn a24_one_entry_that_does_not_verify_in_each_place_of_a_batch() {
    let (author, entries) = chain(BATCH - 1);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    for bad in (0..BATCH).step_by(7).chain([BATCH - 1]) {
        let broken = entries[bad].id();
        let source = Hostile::new(Arc::clone(&origin) as _, corrupting(broken, "entry.signature"));
        let (target, bookmarks) = (store(author.space(), 2), bookmarks());
        let report = pull(&source, &target, &bookmarks).await;
        assert!(matches!(incomplete(&report).reason, Reason::EntriesMissing(1)), "{report}");
        assert_eq!(incomplete(&report).missing.ids, [broken]);
        assert_eq!(report.exceptions[0].code.as_str(), "entry.signature");
        assert_eq!(head(&*target).await.held.count, 249);
        assert!(!holds(&*target, broken).await, "never marked present");
        // It is asked for again, and is had from the same source once that is mended, with nothing else sent.
        let report = pull(&source, &target, &bookmarks).await;
        assert_eq!(incomplete(&report).missing.ids, [broken]);
        let report = pull(&origin, &target, &bookmarks).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.counts.offered, 1);
    }
}

#[tokio::test]
async fn a24_a_flood_of_refusals_is_bounded_and_does_not_hold_up_the_rest() {
    const FLOOD: usize = 17_000;
    let (mut author, entries) = chain(FLOOD);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let honest = store(author.space(), 2);
    // A target that takes nothing of this chain but one entry in a thousand.
    let is_refused =
        |id: EntryId| !u64::from_le_bytes(id.0[..8].try_into().unwrap()).is_multiple_of(1_000);
    let picky = Arc::new(Refusing::new(honest.clone(), true, is_refused));
    let bookmarks = bookmarks();
    let report = pull(&source, &picky, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::TooManyExceptions(_)), "{report}");
    assert_eq!(report.counts.stored + report.counts.refused, FLOOD as u64 + 1);
    // What comes later is read by cursor, not held up.
    fill(&*source, &author.write_many(3)).await;
    let report = pull(&source, &honest, &bookmarks).await;
    assert!(report.verdict.is_complete() || report.is_retryable(), "{report}");
    let report = pull(&source, &honest, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*honest).await);
}

/// A target that refuses one entry.
/// More is refused for now than is recorded. What was not recorded is offered again all the same, while the list stays full.
///
/// Clauses: SYN-18, SYN-24.
#[tokio::test]
async fn a24_what_found_no_place_among_the_refused_is_offered_again() {
    const FLOOD: usize = 17_000;
    let (author, entries) = chain(FLOOD);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let honest = store(author.space(), 2);
    // At first nothing is taken, then one entry in forty: the list is full both times.
    let is_taken = |id: EntryId| u64::from_le_bytes(id.0[..8].try_into().unwrap()) % 40 == 0;
    let bookmarks = bookmarks();
    let closed = Arc::new(Refusing::new(honest.clone(), true, |_| true));
    let report = pull(&source, &closed, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::TooManyExceptions(_)), "{report}");
    let opened = Arc::new(Refusing::new(honest.clone(), true, move |id| !is_taken(id)));
    let report = pull(&source, &opened, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::TooManyExceptions(_)), "{report}");
    for entry in entries.iter().filter(|entry| is_taken(entry.id())) {
        assert!(holds(&*honest, entry.id()).await);
    }
}

fn refusing(honest: Arc<MemoryStore>, id: EntryId, is_retryable: bool) -> Arc<Refusing> {
    Arc::new(Refusing::new(honest, is_retryable, move |other| other == id))
}

/// Leaves one entry open until it is told to decide.
#[derive(Debug)]
struct Undecided {
    id: EntryId,
    is_open: AtomicBool,
}

#[async_trait::async_trait]
impl Admission for Undecided {
    async fn allow(&self, _: &Context, _: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _: &Context, entries: &[Verified]) -> Result<Ruling> {
        let is_open = self.is_open.load(Ordering::SeqCst);
        let judge = |entry: &Verified| match is_open && entry.id() == self.id {
            true => Judgement::Pending,
            false => Judgement::Admit,
        };
        Ok(entries.iter().map(judge).collect::<Vec<_>>().into())
    }

    async fn stored(&self, _: &Context, _: &[Verified]) -> Result<()> {
        Ok(())
    }
}

/// Clauses: PUT-6, SYN-18.
#[tokio::test]
async fn a24_an_entry_left_open_is_offered_again_and_taken() {
    let (author, entries) = chain(20);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let id = entries[7].id();
    let admission = Arc::new(Undecided { id, is_open: AtomicBool::new(true) });
    let held = store(author.space(), 2);
    let target = Arc::new(GuardedStore::new(Arc::clone(&held), Arc::clone(&admission)));
    let bookmarks = bookmarks();
    for _ in 0..2 {
        let report = pull(&source, &target, &bookmarks).await;
        assert!(matches!(incomplete(&report).reason, Reason::EntriesMissing(1)), "{report}");
        assert_eq!((report.exceptions[0].id, report.exceptions[0].why), (id, Why::Pending));
        assert!(!holds(&*held, id).await, "pending is not stored");
        assert_eq!(head(&*held).await.held.count, 20, "and holds up no other");
    }
    admission.is_open.store(false, Ordering::SeqCst);
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean() && report.counts.stored == 1, "{report}");
    assert!(holds(&*held, id).await);
}
