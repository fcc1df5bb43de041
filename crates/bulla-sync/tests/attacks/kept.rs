//! What runs keep: read when it is needed, written when it changed, and never forgotten, wherever the machine stops.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_core::values::{Has, Presence};
use bulla_core::{Verified, VerifiedEntry};
use bulla_store::{Bookmarks, ContentAddressedStore as _, Context, MemoryStore, Result};
use bulla_sync::{Options, Report, Verdict};

use crate::support::*;

/// Bookmarks that count, and that stop at a change as a machine does.
#[derive(Debug, Default)]
struct Counted {
    values: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    reads: AtomicUsize,
    changes: AtomicUsize,
    bytes: AtomicUsize,
    /// The change that is not done any more, nor any after it; 0 for none.
    stop_at: AtomicUsize,
}

impl Counted {
    fn again(&self) -> Arc<Self> {
        Arc::new(Self {
            values: Mutex::new(self.values.lock().unwrap().clone()),
            ..Self::default()
        })
    }

    /// Reads, changes and bytes written since it was asked before.
    fn counts(&self) -> (usize, usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.reads), take(&self.changes), take(&self.bytes))
    }

    fn stop_at(&self, nth: usize) {
        self.changes.store(0, Ordering::SeqCst);
        self.stop_at.store(nth, Ordering::SeqCst);
    }

    fn change(&self) -> Result<()> {
        let nth = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        let stop_at = self.stop_at.load(Ordering::SeqCst);
        if stop_at != 0 && nth >= stop_at { Err(unavailable()) } else { Ok(()) }
    }

    /// Every value of this letter is gone, or rubbish.
    fn spoil(&self, letter: u8, rubbish: Option<&[u8]>) -> usize {
        let mut values = self.values.lock().unwrap();
        let keys: Vec<_> = values.keys().filter(|key| key[11] == letter).cloned().collect();
        for key in &keys {
            match rubbish {
                Some(rubbish) => values.insert(key.clone(), rubbish.to_vec()),
                None => values.remove(key),
            };
        }
        keys.len()
    }
}

#[async_trait]
impl Bookmarks for Counted {
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(self.values.lock().unwrap().get(key).cloned())
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.change()?;
        self.bytes.fetch_add(value.len(), Ordering::SeqCst);
        self.values.lock().unwrap().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    async fn remove(&self, key: &[u8]) -> Result<()> {
        self.change()?;
        self.values.lock().unwrap().remove(key);
        Ok(())
    }
}

/// Clauses: SYN-24, SYN-25, SYN-55.
#[tokio::test]
async fn a_run_costs_what_it_brings_however_many_wrote_before() {
    const AUTHORS: u32 = 10_000;
    let (mut founder, genesis) = Author::found(1);
    let mut authors: Vec<_> = (0..AUTHORS)
        .map(|i| {
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&i.to_be_bytes());
            founder.of_seed(&seed)
        })
        .collect();
    let (source, target) = (store(founder.space(), 1), store(founder.space(), 2));
    fill(&*source, [&genesis]).await;
    let entries: Vec<_> =
        authors.iter_mut().map(|author| author.write(b"payload of sixteen")).collect();
    fill(&*source, &entries).await;
    let bookmarks = Arc::new(Counted::default());
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
    let (_, changes, first) = bookmarks.counts();
    assert!(changes < 1_100 && first > 700_000, "{changes} changes, {first} bytes");

    for _ in 0..2 {
        assert!(pull(&source, &target, &bookmarks).await.is_clean());
        assert_eq!(bookmarks.counts(), (3, 0, 0), "nothing new");
    }
    // A hundred entries of one author: a page of sequences, how far it got, and what was seen.
    fill(&*source, &founder.write_many(100)).await;
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
    let (reads, changes, bytes) = bookmarks.counts();
    assert!(reads <= 4 && changes <= 5 && bytes < 8_192, "{reads}, {changes}, {bytes}");
    // And of a hundred authors.
    let entries: Vec<_> =
        authors.iter_mut().step_by(100).map(|of| of.write(b"payload of sixteen")).collect();
    fill(&*source, &entries).await;
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
    let (reads, changes, bytes) = bookmarks.counts();
    assert!(reads <= 103 && changes <= 104 && bytes < first / 6, "{reads}, {changes}, {bytes}");
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
    assert_eq!(bookmarks.counts(), (3, 0, 0));
}

/// An author's trunk, and two branches of its end.
fn forked(founder: &Author) -> (Vec<VerifiedEntry>, [VerifiedEntry; 2]) {
    let mut author = founder.another(40);
    let trunk = author.write_many(6);
    let branch = |name: &[u8]| author.clone().write(name);
    (trunk, [branch(b"one branch, sealed"), branch(b"the other, as well")])
}

/// Clauses: SYN-21, SYN-55.
#[tokio::test]
async fn a_fork_is_found_in_the_same_run_though_what_was_kept_of_its_author_is_gone() {
    let (founder, genesis) = Author::found(1);
    let (trunk, branches) = forked(&founder);
    for rubbish in [None, Some(&b""[..]), Some(&[0xff; 9]), Some(&[0x82, 2, 0x80])] {
        let (source, target) = (store(founder.space(), 1), store(founder.space(), 2));
        fill(&*source, [&genesis].into_iter().chain(&trunk).chain([&branches[0]])).await;
        let bookmarks = Arc::new(Counted::default());
        assert!(pull(&source, &target, &bookmarks).await.forks.is_empty());
        assert_eq!(bookmarks.spoil(b't', rubbish), 2);
        fill(&*source, [&branches[1]]).await;
        for _ in 0..2 {
            let report = pull(&source, &target, &bookmarks).await;
            assert!(report.verdict.is_complete() && report.forks.len() == 1, "{report}");
        }
    }
}

/// A store of these entries that lost one of their payloads.
async fn damaged(founder: &Author, entries: &[VerifiedEntry]) -> Arc<MemoryStore> {
    let target = store(founder.space(), 2);
    let all = entries.iter().enumerate().map(|(i, entry)| match i {
        1 => Verified::from(entry.verified_header().clone()),
        _ => entry.clone().into(),
    });
    target.put(&Context::new(), all.collect()).await.unwrap();
    target
}

/// The target is examined anew, that ends early, and the machine stops while the lists are kept: what they had before is
/// not taken for what is known of all entries.
///
/// Clauses: SYN-20, SYN-25, SYN-55.
#[tokio::test]
async fn lists_begun_anew_are_not_relied_on_before_they_are_whole() {
    let (founder, genesis) = Author::found(1);
    let (trunk, branches) = forked(&founder);
    let entries: Vec<_> =
        [&genesis].into_iter().chain(&trunk).chain([&branches[0]]).cloned().collect();
    let source = store(founder.space(), 1);
    fill(&*source, &entries).await;
    let kept = Arc::new(Counted::default());
    let whole = store(founder.space(), 2);
    assert!(pull(&source, &whole, &kept).await.is_clean());
    fill(&*source, [&branches[1]]).await;
    for nth in 1..8 {
        let bookmarks = kept.again();
        // A payload is lost, so everything is examined; the third page cannot be read.
        let inner = damaged(&founder, &entries).await;
        let hooks = Hooks {
            scan: Some(Box::new(
                |nth, _, page| if nth == 2 { Err(unavailable()) } else { Ok(page) },
            )),
            ..Hooks::default()
        };
        let target = Hostile::new(inner, hooks);
        bookmarks.stop_at(nth);
        let options = Options::pull().with_pages(1 << 20, 2);
        incomplete(&run(&source, &target, &bookmarks, options.clone()).await);
        bookmarks.stop_at(0);
        // The payload is there again, so that nothing but what was kept tells of it.
        let target = store(founder.space(), 2);
        fill(&*target, &entries).await;
        let report = run(&source, &target, &bookmarks, options).await;
        assert!(report.verdict.is_complete() && report.forks.len() == 1, "{nth}: {report}");
    }
}

/// Clauses: SYN-16, SYN-25.
#[tokio::test]
async fn references_that_were_known_outlive_an_examination_that_ends_early() {
    let (founder, genesis) = Author::found(1);
    let mut gappy = founder.another(7);
    let first = gappy.write(b"payload of sixteen");
    let _hidden = gappy.write(b"payload of sixteen");
    let third = gappy.write(b"payload of sixteen");
    let entries = [genesis, first, third];
    let source = store(founder.space(), 1);
    fill(&*source, &entries).await;
    let bookmarks = Arc::new(Counted::default());
    let is_told = |report: &Report| matches!(report.verdict, Verdict::CompleteButUnresolved(_));
    let report = pull(&source, &store(founder.space(), 2), &bookmarks).await;
    assert!(is_told(&report), "{report}");
    // Everything is examined anew, and the target does not say what it holds.
    let inner = damaged(&founder, &entries).await;
    let hooks =
        Hooks { has: Some(Box::new(|_, _, _: Presence| Err(unavailable()))), ..Hooks::default() };
    let target = Hostile::new(inner, hooks);
    incomplete(&pull(&source, &target, &bookmarks).await);
    // The payload is there again, so that nothing but what was kept tells of it.
    let target = store(founder.space(), 2);
    fill(&*target, &entries).await;
    for _ in 0..2 {
        let report = pull(&source, &target, &bookmarks).await;
        assert!(is_told(&report), "{report}");
    }
}

/// A list was full, so that something found no room; it has room again, and the machine stops before all is examined for
/// that.
///
/// Clauses: SYN-20, SYN-25, SYN-50, SYN-51.
#[tokio::test]
async fn what_found_no_room_is_found_though_the_machine_stopped_when_there_was_room() {
    let (founder, genesis) = Author::found(1);
    // Seventeen branches of one author: one more than is kept.
    let forker = founder.another(7);
    let branches: Vec<_> = (0..17_u8).map(|i| forker.clone().write(&[i; 20])).collect();
    let mut entries = vec![genesis];
    for (seed, branch) in (10..).zip(&branches) {
        entries.push(frontier_over(&mut founder.another(seed), &[branch]).await);
    }
    let source = store(founder.space(), 1);
    fill(&*source, &entries).await;
    let kept = Arc::new(Counted::default());
    let report = pull(&source, &store(founder.space(), 2), &kept).await;
    let known: Vec<_> = report.unreached.iter().map(|of| of.id).collect();
    assert_eq!(known.len(), 16, "{report}");
    // All come but the one that nobody was told of.
    fill(&*source, branches.iter().filter(|branch| known.contains(&branch.id()))).await;
    let left = branches.iter().find(|branch| !known.contains(&branch.id())).unwrap();
    for nth in 1..12 {
        let bookmarks = kept.again();
        let target = store(founder.space(), 2);
        fill(&*target, &entries).await;
        bookmarks.stop_at(nth);
        pull(&source, &target, &bookmarks).await;
        bookmarks.stop_at(0);
        for _ in 0..2 {
            pull(&source, &target, &bookmarks).await;
        }
        let report = pull(&source, &target, &bookmarks).await;
        let Verdict::Incomplete(incomplete) = &report.verdict else { panic!("{nth}: {report}") };
        assert_eq!(incomplete.missing.ids, [left.id()], "{nth}: {report}");
    }
}

/// What a report says of what is kept, for comparison.
fn said(report: &Report) -> String {
    let mut exceptions: Vec<_> = report.exceptions.iter().map(|of| (of.id, of.why)).collect();
    exceptions.sort_unstable_by_key(|(id, _)| *id);
    let unreached: Vec<_> = report.unreached.iter().map(|of| of.id).collect();
    let unresolved = match &report.verdict {
        Verdict::CompleteButUnresolved(by) => format!("{by:?}"),
        Verdict::Incomplete(incomplete) => {
            format!("{} {:?}", incomplete.reason.code(), incomplete.missing)
        }
        verdict => verdict.to_string(),
    };
    format!("{exceptions:?} {unreached:?} {:?} {unresolved}", report.forks)
}

/// Wherever the machine stops in a run that changes every list, the next run says what it would have said.
///
/// Clauses: SYN-3, SYN-20, SYN-24, SYN-25.
#[tokio::test]
async fn nothing_is_forgotten_wherever_a_run_that_changes_every_list_stops() {
    let (mut founder, genesis) = Author::found(1);
    let (trunk, branches) = forked(&founder);
    let mut gappy = founder.another(7);
    let gap = |author: &mut Author| {
        (author.write(b"payload of sixteen"), author.write(b"behind a gap, sealed"))
    };
    let (_, behind) = gap(&mut gappy);
    let mut hidden = founder.another(8);
    let frontiers = [
        frontier_over(&mut founder, &[&hidden.write(b"nobody has it at all")]).await,
        frontier_over(&mut founder, &[&hidden.write(b"nor has it this one"), &trunk[3]]).await,
    ];
    let refused: Vec<_> =
        (50..54).map(|seed| founder.another(seed).write(b"not taken in here")).collect();
    let ids: Vec<_> = refused.iter().map(VerifiedEntry::id).collect();
    let source = store(founder.space(), 1);
    let first = [&genesis].into_iter().chain(&trunk).chain([&branches[0], &behind, &frontiers[0]]);
    fill(&*source, first.chain(&refused[..2])).await;
    let target = || {
        let ids = ids.clone();
        let honest = store(founder.space(), 2);
        Arc::new(Refusing::new(honest, false, move |id| ids.contains(&id)))
    };
    let options = || Options::pull().with_pages(1 << 20, 3);

    let second: Vec<_> = {
        let (_, behind) = gap(&mut founder.another(9));
        [branches[1].clone(), behind, frontiers[1].clone()].into_iter().collect()
    };
    // Without a stop: how many changes there are, and what is said.
    let (held, bookmarks) = (target(), Arc::new(Counted::default()));
    run(&source, &held, &bookmarks, options()).await;
    let before = source_copy(&source, &founder).await;
    fill(&*source, second.iter().chain(&refused[2..])).await;
    bookmarks.counts();
    let expected = said(&run(&source, &held, &bookmarks, options()).await);
    let (_, changes, _) = bookmarks.counts();
    assert!(changes >= 8, "{changes}");
    assert_eq!(said(&run(&source, &held, &bookmarks, options()).await), expected);

    for nth in 1..=changes + 1 {
        let (held, bookmarks) = (target(), Arc::new(Counted::default()));
        run(&before, &held, &bookmarks, options()).await;
        bookmarks.stop_at(nth);
        run(&source, &held, &bookmarks, options()).await;
        bookmarks.stop_at(0);
        let report = run(&source, &held, &bookmarks, options()).await;
        assert_eq!(said(&report), expected, "stopped at {nth}: {report}");
        assert_eq!(holds_all(&*held, &second).await, [Has::Yes; 3]);
    }
}

async fn holds_all(
    store: &dyn bulla_store::ContentAddressedStore,
    entries: &[VerifiedEntry],
) -> Vec<Has> {
    let ids: Vec<_> = entries.iter().map(VerifiedEntry::id).collect();
    store.has(&Context::new(), &ids).await.unwrap()
}

/// The same lineage and log, as it was.
async fn source_copy(source: &Arc<MemoryStore>, founder: &Author) -> Arc<MemoryStore> {
    let copy = store(founder.space(), 1);
    let report = pull(source, &copy, &bookmarks()).await;
    assert!(report.counts.stored > 0, "{report}");
    copy
}
