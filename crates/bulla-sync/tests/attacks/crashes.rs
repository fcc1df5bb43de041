//! The machine stops between any two steps: what was acknowledged is neither lost nor fetched for nothing, and no
//! checkpoint speaks of what is not there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_sync::{Options, Reason, Verdict};

use crate::support::*;

fn options() -> Options {
    Options::pull().with_pages(1 << 20, 10)
}

/// Clauses: SYN-20, SYN-3.
#[tokio::test]
async fn a_crash_between_put_and_checkpoint_repeats_and_loses_nothing() {
    let (author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    // From the nth write on nothing is kept any more: as if the machine had stopped there, with the puts done.
    for nth in 1..=14 {
        let bookmarks = Arc::new(FaultyBookmarks::default());
        bookmarks.fail_from.store(nth, Ordering::SeqCst);
        let target = store(author.space(), 2);
        let report = run(&source, &target, &bookmarks, options()).await;
        if let Verdict::Incomplete(incomplete) = &report.verdict {
            assert!(matches!(incomplete.reason, Reason::Bookmarks(_)), "{nth}: {report}");
        }
        bookmarks.fail_from.store(0, Ordering::SeqCst);
        let report = run(&source, &target, &bookmarks, options()).await;
        assert!(report.is_clean(), "{nth}: {report}");
        assert!(same_entries(&*source, &*target).await);
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_repeats_the_batch() {
    let (author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    for nth in 0..11 {
        for is_stored in [false, true] {
            let honest = store(author.space(), 2);
            let fails = move |n| if n == nth { Err(unavailable()) } else { Ok(()) };
            let mut hooks = Hooks::default();
            if is_stored {
                hooks.put = Some(Box::new(move |n, _, report| fails(n).map(|()| report)));
            } else {
                hooks.before_put = Some(Box::new(move |n, _, ()| fails(n)));
            }
            let target = Hostile::new(Arc::clone(&honest) as _, hooks);
            let bookmarks = bookmarks();
            let report = run(&source, &target, &bookmarks, options()).await;
            assert!(matches!(incomplete(&report).reason, Reason::Target(_)), "{report}");
            let report = run(&source, &target, &bookmarks, options()).await;
            assert!(report.is_clean(), "{nth} {is_stored}: {report}");
            assert!(same_entries(&*source, &*honest).await);
        }
    }
}

#[tokio::test]
async fn a_dropped_run_is_safe() {
    let (author, entries) = chain(100);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    for stop_at in 0..12 {
        // The source never answers from some page on; the run is dropped while it waits.
        let (reached, mut waits) = tokio::sync::mpsc::unbounded_channel();
        let source =
            Arc::new(Hanging { inner: Hostile::counting(origin.clone()), stop_at, reached });
        let (target, bookmarks) = (store(author.space(), 2), bookmarks());
        tokio::select! {
            report = run(&source, &target, &bookmarks, options()) => {
                assert!(stop_at > 10 && report.is_clean(), "{report}");
            }
            _ = waits.recv() => {}
        }
        let report = run(&origin, &target, &bookmarks, options()).await;
        assert!(report.is_clean(), "{stop_at}: {report}");
        assert!(same_entries(&*origin, &*target).await);
    }
}

#[tokio::test]
async fn bookmarks_that_hold_rubbish_count_as_none() {
    use bulla_store::Bookmarks;
    let (mut author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let kept = bookmarks();
    let target = store(author.space(), 2);
    let recorder = Arc::new(Recording { inner: Arc::clone(&kept), keys: Default::default() });
    assert!(run(&source, &target, &recorder, options()).await.is_clean());
    let keys: Vec<Vec<u8>> = recorder.keys.lock().unwrap().iter().cloned().collect();
    assert!(keys.len() >= 3);
    for key in keys {
        for rubbish in [&b""[..], &[0xff; 100], &[0x85, 2], &[0xf6]] {
            fill(&*source, &author.write_many(2)).await;
            kept.write(&key, rubbish).await.unwrap();
            let report = run(&source, &target, &kept, options()).await;
            assert!(report.is_clean(), "{report}");
            assert!(same_entries(&*source, &*target).await);
        }
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_pair_is_not_used() {
    use bulla_store::Bookmarks;
    let (author, entries) = chain(50);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let recorder = Arc::new(Recording { inner: bookmarks(), keys: Default::default() });
    assert!(pull(&source, &store(author.space(), 2), &recorder).await.is_clean());
    let keys: Vec<Vec<u8>> = recorder.keys.lock().unwrap().iter().cloned().collect();
    // Every value also under the keys of another target.
    for key in keys {
        let value = recorder.inner.read(&key).await.unwrap().unwrap();
        let other: Vec<u8> = key.iter().map(|byte| if *byte == 2 { 3 } else { *byte }).collect();
        recorder.inner.write(&other, &value).await.unwrap();
    }
    let target = store(author.space(), 3);
    let report = pull(&source, &target, &recorder.inner).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}

use fixtures::{Hanging, Recording};

mod fixtures {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bulla_core::values::{
        GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
        SummaryRequest,
    };
    use bulla_core::{EntryId, SpaceId, Verified};
    use bulla_store::{
        Bookmarks, ContentAddressedStore, Context, HeadStream, MemoryBookmarks, Result,
    };

    use super::*;

    /// Never answers from the nth scan on.
    #[derive(Debug)]
    pub(super) struct Hanging {
        pub(super) inner: Arc<Hostile>,
        pub(super) stop_at: usize,
        pub(super) reached: tokio::sync::mpsc::UnboundedSender<()>,
    }

    #[async_trait]
    impl ContentAddressedStore for Hanging {
        fn space(&self) -> SpaceId {
            self.inner.space()
        }
        async fn head(&self, cx: &Context) -> Result<Head> {
            self.inner.head(cx).await
        }
        async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
            self.inner.put(cx, batch).await
        }
        async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
            self.inner.get(cx, request).await
        }
        async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
            self.inner.has(cx, ids).await
        }
        async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
            if self.inner.calls("scan") >= self.stop_at {
                let _ = self.reached.send(());
                std::future::pending::<()>().await;
            }
            self.inner.scan(cx, request).await
        }
        async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
            self.inner.summary(cx, request).await
        }
        async fn watch(&self, cx: &Context) -> Result<HeadStream> {
            self.inner.watch(cx).await
        }
        async fn status(&self, cx: &Context) -> Result<StoreStatus> {
            self.inner.status(cx).await
        }
    }

    /// Remembers the keys written.
    #[derive(Debug)]
    pub(super) struct Recording {
        pub(super) inner: Arc<MemoryBookmarks>,
        pub(super) keys: Mutex<BTreeSet<Vec<u8>>>,
    }

    #[async_trait]
    impl Bookmarks for Recording {
        async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
            self.inner.read(key).await
        }
        async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
            self.keys.lock().unwrap().insert(key.to_vec());
            self.inner.write(key, value).await
        }
        async fn remove(&self, key: &[u8]) -> Result<()> {
            self.inner.remove(key).await
        }
    }
}
