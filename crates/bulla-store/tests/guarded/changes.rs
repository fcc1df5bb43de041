//! Admissions that change their mind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_conformance::suite::author::{World, whole};
use bulla_core::values::{PutOutcome, Rule, ScanRequest};
use bulla_core::{EntryId, Lineage, Verified};
use bulla_store::{
    Admission, ContentAddressedStore as _, Context, GuardedStore, Judged as _, Judgement, Mark,
    MemoryStore, Operation, Place, Quarantine as _, Result, Ruling, Verdict,
};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::RwLock;

use crate::script::{code, scene};

const CUT: &str = "directory.cut";
const NO_RIGHT: &str = "directory.no_right";

/// Lets everybody write until a control entry comes, and cuts everybody off by it: the smallest directory whose verdicts
/// change. Odd sequences of what comes later are quarantined, even ones are marked.
#[derive(Debug)]
struct Cutting {
    engine: Arc<MemoryStore>,
    is_cut: AtomicBool,
    turn: Arc<RwLock<()>>,
}

impl Cutting {
    fn verdict(&self, entry: &Verified) -> Verdict {
        if entry.header().kind.is_control() || !self.is_cut.load(Ordering::SeqCst) {
            Verdict::Admit
        } else if entry.header().sequence.is_multiple_of(2) {
            Verdict::Mark(code(CUT))
        } else {
            Verdict::Quarantine(code(NO_RIGHT))
        }
    }
}

#[async_trait]
impl Admission for Cutting {
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let turn = Arc::clone(&self.turn);
        let is_control = entries.iter().any(|entry| entry.header().kind.is_control());
        let permit: Box<dyn std::any::Any + Send> = match is_control {
            true => Box::new(turn.write_owned().await),
            false => Box::new(turn.read_owned().await),
        };
        let verdicts = entries.iter().map(|entry| self.verdict(entry)).collect();
        // Others get their chance to be judged or stored in between, if anything lets them.
        tokio::task::yield_now().await;
        Ok(Ruling { verdicts, permit: Some(permit) })
    }

    async fn stored(&self, cx: &Context, _control: &[Verified]) -> Result<()> {
        self.is_cut.store(true, Ordering::SeqCst);
        let mut after = None;
        loop {
            let request = ScanRequest { after, ..ScanRequest::everything() };
            let page = self.engine.scan(cx, request).await?;
            let ids: Vec<EntryId> = page.items.iter().map(|item| item.id).collect();
            let facts = self.engine.facts(cx, &ids).await?;
            let marks = facts.into_iter().flatten().filter(|facts| !facts.kind.is_control());
            let marks = marks.map(|facts| (facts.id, Mark::Not(code(CUT)))).collect();
            let by = page.end.then_some(self.engine.head(cx).await?.control.digest);
            self.engine.mark(cx, Judgement { marks, by }).await?;
            if page.end {
                return Ok(());
            }
            after = Some(page.cursor);
        }
    }
}

/// Clauses: ADM-1, ADM-2, MARK-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_verdict_outlives_the_control_entries_it_was_made_from() {
    for seed in 0..24 {
        let (world, cx) = (World::new([seed; 32]).unwrap(), Context::new());
        let engine = Arc::new(MemoryStore::with_lineage(world.space(), Lineage([1; 16])));
        engine.set_rule(&cx, Rule::Directory).await.unwrap();
        let (is_cut, turn) = (AtomicBool::new(false), Arc::default());
        let admission = Arc::new(Cutting { engine: Arc::clone(&engine), is_cut, turn });
        let guarded = Arc::new(GuardedStore::judging(Arc::clone(&engine), admission));
        let mut tasks = Vec::new();
        for number in 0..6 {
            let entries = world.entries(number, 8).unwrap();
            let (guarded, cx, genesis) =
                (Arc::clone(&guarded), cx.clone(), world.genesis().clone());
            tasks.push(tokio::spawn(async move {
                for (at, entry) in entries.iter().enumerate() {
                    if number == 3 && at == usize::from(seed % 8) {
                        guarded.put(&cx, whole([&genesis])).await.unwrap();
                    }
                    guarded.put(&cx, whole([entry])).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }));
        }
        for done in join_all(tasks).await {
            done.unwrap();
        }
        let head = engine.head(&cx).await.unwrap();
        assert_eq!(head.counting_set().count, 1, "seed {seed}: the control entry alone counts");
        assert_eq!(head.counting_set(), head.control, "seed {seed}");
        assert_eq!(engine.judged_by(&cx).await.unwrap(), Some(head.control.digest), "seed {seed}");
        let kept = engine.kept_totals(&cx).await.unwrap().entries;
        assert_eq!(head.held.count + kept, 6 * 8 + 1, "seed {seed}: nothing is lost");
        // What has a place was there before the cut or is marked for another reason than what was kept.
        for number in 0..6 {
            let author = world.author(number).id();
            let page = engine.authored(&cx, author, Place::default(), 100).await.unwrap();
            assert!(
                page.facts.iter().all(|facts| facts.mark == Mark::Not(code(CUT))),
                "seed {seed}"
            );
        }
    }
}

/// Clauses: MARK-4, QUAR-5, ADM-3.
#[tokio::test]
async fn what_was_kept_is_admitted_when_the_verdict_changes() {
    let scene = scene().await;
    let entries = scene.world.entries(0, 3).unwrap();
    for entry in &entries {
        scene.script.say(entry.id(), Verdict::Quarantine(code(NO_RIGHT)));
    }
    scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
    assert_eq!(scene.engine.head(&scene.cx).await.unwrap().held.count, 0);
    // As an admission does it: what it kept is stored with what it says now.
    let ids: Vec<_> = entries.iter().map(|entry| entry.id()).collect();
    let kept = scene.engine.kept_entries(&scene.cx, &ids, u32::MAX).await.unwrap();
    let marks = [Mark::Counts, Mark::Not(code(CUT)), Mark::Counts];
    let batch = kept.into_iter().flatten().map(|kept| kept.entry).zip(marks).collect();
    let outcomes = scene.engine.put_judged(&scene.cx, batch).await.unwrap().outcomes;
    assert_eq!(outcomes, [1, 2, 3].map(PutOutcome::Stored));
    let head = scene.engine.head(&scene.cx).await.unwrap();
    assert_eq!((head.held.count, head.present.count, head.counting_set().count), (3, 3, 2));
    assert_eq!(scene.engine.kept_totals(&scene.cx).await.unwrap().entries, 0);
    // Whoever offers them still is told that they are here.
    let outcomes = scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap().outcomes;
    assert_eq!(outcomes, [1, 2, 3].map(PutOutcome::Duplicate));
}

/// Clauses: MARK-2, MARK-5.
#[tokio::test]
async fn flipping_verdicts_change_what_counts_and_nothing_else() {
    let scene = scene().await;
    let entries = scene.world.entries(0, 6).unwrap();
    scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
    let before = scene.engine.head(&scene.cx).await.unwrap();
    for round in 0..5 {
        let mark = if round % 2 == 0 { Mark::Not(code(CUT)) } else { Mark::Counts };
        let marks = entries.iter().take(4).map(|entry| (entry.id(), mark.clone())).collect();
        scene.engine.mark(&scene.cx, Judgement { marks, by: None }).await.unwrap();
        let head = scene.engine.head(&scene.cx).await.unwrap();
        assert_eq!(head.counting_set().count, if round % 2 == 0 { 2 } else { 6 });
        assert_eq!((head.cursor(), head.held), (before.cursor(), before.held));
        // A sender that offers them again meanwhile gets the same answer as ever.
        let outcomes = scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap().outcomes;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Duplicate(_))));
        assert_eq!(scene.engine.head(&scene.cx).await.unwrap(), head);
    }
}

/// What a permit saw when it was dropped: how many entries were held and how many were kept.
#[derive(Debug, Default)]
struct Watching {
    seen: Arc<Mutex<Vec<(usize, u64)>>>,
}

struct Permit {
    engine: Arc<MemoryStore>,
    ids: Vec<EntryId>,
    seen: Arc<Mutex<Vec<(usize, u64)>>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let cx = Context::new();
        let facts = self.engine.facts(&cx, &self.ids).now_or_never();
        let held = facts.unwrap().unwrap().into_iter().flatten().count();
        let kept = self.engine.kept_totals(&cx).now_or_never().unwrap().unwrap().entries;
        self.seen.lock().unwrap().push((held, kept));
    }
}

#[derive(Debug)]
struct Permitting {
    engine: Arc<MemoryStore>,
    watching: Watching,
}

#[async_trait]
impl Admission for Permitting {
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let verdict = |entry: &Verified| match entry.header().sequence.is_multiple_of(2) {
            true => Verdict::Quarantine(code(NO_RIGHT)),
            false => Verdict::Admit,
        };
        let permit = Permit {
            engine: Arc::clone(&self.engine),
            ids: entries.iter().map(Verified::id).collect(),
            seen: Arc::clone(&self.watching.seen),
        };
        let verdicts = entries.iter().map(verdict).collect();
        Ok(Ruling { verdicts, permit: Some(Box::new(permit)) })
    }

    async fn stored(&self, _cx: &Context, _control: &[Verified]) -> Result<()> {
        assert_eq!(*self.watching.seen.lock().unwrap(), [], "the permit is held still");
        Ok(())
    }

    async fn arrived(&self, _cx: &Context, _entries: &[Verified]) -> Result<()> {
        Ok(())
    }
}

/// Clauses: ADM-1.
#[tokio::test]
async fn permit_is_held_until_entries_are_stored_and_kept() {
    let scene = scene().await;
    let engine = Arc::clone(&scene.engine);
    let admission = Permitting { engine, watching: Watching::default() };
    let seen = Arc::clone(&admission.watching.seen);
    let guarded = GuardedStore::judging(Arc::clone(&scene.engine), Arc::new(admission));
    let entries = scene.world.entries(0, 5).unwrap();
    let batch = whole(entries.iter().chain([scene.world.genesis()]));
    guarded.put(&scene.cx, batch).await.unwrap();
    // The control entry first; then three of the others that are held and two that are kept.
    assert_eq!(*seen.lock().unwrap(), [(1, 0), (3, 2)]);
}
