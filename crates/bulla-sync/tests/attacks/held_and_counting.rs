//! Stores that hold what does not count, or refuse and keep it: a run is proven over what is held, and whether it counts
//! each side judges itself.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::values::{Counting, Rule};
use bulla_core::{Code, EntryId, Verified, VerifiedEntry};
use bulla_store::{
    Admission, Context, GuardedStore, Judged as _, Judgement, Mark, MemoryStore, Operation,
    Quarantine as _, Result, Ruling, Verdict as Ruled,
};
use bulla_sync::{Rung, Verdict};

use crate::support::*;

async fn under_a_directory(store: &MemoryStore, marked: &[VerifiedEntry]) {
    let cx = Context::new();
    store.set_rule(&cx, Rule::Directory).await.unwrap();
    mark(store, marked).await;
}

async fn mark(store: &MemoryStore, marked: &[VerifiedEntry]) {
    let not = Mark::Not(Code::new("directory.cut"));
    let marks = marked.iter().map(|entry| (entry.id(), not.clone())).collect();
    store.mark(&Context::new(), Judgement { marks, by: None }).await.unwrap();
}

/// Clauses: SYN-6, SYN-10, MARK-1, MARK-2.
#[tokio::test]
async fn what_does_not_count_at_the_source_is_brought_and_proven_all_the_same() {
    let (author, entries) = chain(60);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    under_a_directory(&origin, &entries[20..30]).await;
    let source = Hostile::counting(Arc::clone(&origin) as _);
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    let (at_source, at_target) = (head(&*source).await, head(&*target).await);
    assert_eq!(at_target.held, at_source.held);
    assert_eq!((at_source.counting_set().count, at_target.counting), (51, Counting::All));
    assert!(!at_source.same_entries(&at_target), "what counts under two rules is not compared");

    // Equal sets are equal by whatever rule they are counted: nothing is asked for but the heads.
    source.forget();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.rung(), source.all_calls()), (Some(Rung::Equal), 1));
}

/// Clauses: SYN-6, SYN-23, HEAD-5.
#[tokio::test]
async fn equal_counting_entries_are_enough_and_claim_nothing_of_what_else_is_held() {
    let (mut author, entries) = chain(40);
    let (origin, target) = (store(author.space(), 1), store(author.space(), 2));
    fill(&*origin, &entries).await;
    let bookmarks = bookmarks();
    for store in [&origin, &target] {
        under_a_directory(store, &[]).await;
    }
    assert!(pull(&origin, &target, &bookmarks).await.is_clean());

    // The source takes some that count nowhere.
    let strangers = author.another(7).write_many(5);
    fill(&*origin, &strangers).await;
    mark(&origin, &strangers).await;
    let source = Hostile::counting(Arc::clone(&origin) as _);
    let report = pull(&source, &target, &bookmarks).await;
    assert_eq!((report.rung(), source.all_calls()), (Some(Rung::Equal), 1), "{report}");
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    assert_eq!(head(&*target).await.held.count, 41);

    // The next run must not believe that they were shown.
    let newer = author.write(b"one more that counts");
    fill(&*origin, [&newer]).await;
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rung(), Some(Rung::Cursor), "what was known before is known still");
    assert_eq!(report.counts.stored, 6);
    assert_eq!(head(&*target).await.held, head(&*origin).await.held);
}

/// Clauses: SYN-6, SYN-12, HEAD-5.
#[tokio::test]
async fn source_whose_counting_entries_are_held_may_still_withhold_what_it_holds() {
    // The head of the source names more than it shows. That what it calls counting is all held is no proof under another
    // rule, and the run says so.
    let (author, entries) = chain(30);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let hooks = Hooks {
        head: Some(Box::new(|_, (), mut head| {
            head.counting = Counting::Directory(head.held);
            head.held.count += 1;
            head.held.digest.0[0] ^= 1;
            Ok(head)
        })),
        ..Hooks::default()
    };
    let source = Hostile::new(origin as _, hooks);
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(report.verdict, Verdict::Incomplete(_)), "{report}");
    assert_eq!(head(&*target).await.held.count, 31, "what was shown is held");
}

/// Quarantines one entry until it may come in.
#[derive(Debug)]
struct Quarantining(EntryId);

#[async_trait]
impl Admission for Quarantining {
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let verdict = |entry: &Verified| match entry.id() == self.0 {
            true => Ruled::Quarantine(Code::new("directory.no_right")),
            false => Ruled::Admit,
        };
        Ok(entries.iter().map(verdict).collect::<Vec<_>>().into())
    }

    async fn stored(&self, _cx: &Context, _control: &[Verified]) -> Result<()> {
        Ok(())
    }
}

/// Clauses: ADM-3, SYN-18, SYN-7.
#[tokio::test]
async fn quarantined_entry_is_offered_once_and_found_when_it_was_admitted() {
    let (author, entries) = chain(40);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    // By an author whom nobody refers to: a reference to what is not held would be reported besides (SYN-16).
    let odd = author.another(7).write(b"a payload of a member to be");
    fill(&*origin, [&odd]).await;
    let engine = store(author.space(), 2);
    under_a_directory(&engine, &[]).await;
    let guarded = GuardedStore::judging(Arc::clone(&engine), Arc::new(Quarantining(odd.id())));
    let target = Hostile::counting(Arc::new(guarded));
    let (source, bookmarks) = (Hostile::counting(origin), bookmarks());
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 1 }), "{report}");
    let kept = engine.kept(&Context::new(), None, 10).await.unwrap().facts;
    assert_eq!(kept.iter().map(|facts| facts.id).collect::<Vec<_>>(), [odd.id()]);

    // The target has it: neither is the source asked for it again, nor the target offered it.
    for store in [&source, &target] {
        store.forget();
    }
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 1 }), "{report}");
    assert_eq!((source.calls("get"), target.calls("put")), (0, 0));

    // When the target admits it by itself, the next run finds it there.
    engine.put_judged(&Context::new(), vec![(odd.into(), Mark::Counts)]).await.unwrap();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    assert_eq!((source.calls("get"), target.calls("put")), (0, 0));
}

/// Clauses: SYN-7, SYN-18, HEAD-5.
#[tokio::test]
async fn equal_counting_entries_forget_nothing_that_was_refused() {
    let (author, entries) = chain(20);
    let (origin, engine) = (store(author.space(), 1), store(author.space(), 2));
    let odd = author.another(7).write(b"a payload of a stranger");
    fill(&*origin, entries.iter().chain([&odd])).await;
    under_a_directory(&origin, std::slice::from_ref(&odd)).await;
    under_a_directory(&engine, &[]).await;
    let admission = Arc::new(Quarantining(odd.id()));
    let target = Arc::new(GuardedStore::judging(Arc::clone(&engine), admission));
    let bookmarks = bookmarks();
    for rung in [Rung::Full, Rung::Equal, Rung::Equal] {
        let report = pull(&origin, &target, &bookmarks).await;
        assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 1 }), "{report}");
        assert_eq!(report.rung(), Some(rung), "{report}");
        let (one, other) = (head(&*origin).await, head(&*engine).await);
        assert!(one.same_entries(&other) && one.held != other.held, "{one:?} {other:?}");
    }
}
