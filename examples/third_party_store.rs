//! A store of your own, held to the same contract as ours: wrap something, then run the whole suite over it.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bulla_conformance::suite::{self, Harness, HarnessError, Options, Subject};
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, MemoryStore, Result};

/// Counts what was asked of the store behind it. Yours would ask a database here.
#[derive(Debug)]
struct Counted(Arc<MemoryStore>);

static CALLS: AtomicU64 = AtomicU64::new(0);

impl Counted {
    fn inner(&self) -> &MemoryStore {
        CALLS.fetch_add(1, Ordering::Relaxed);
        &self.0
    }
}

#[async_trait]
#[rustfmt::skip]
impl ContentAddressedStore for Counted {
    fn space(&self) -> SpaceId { self.0.space() }
    async fn head(&self, cx: &Context) -> Result<Head> { self.inner().head(cx).await }
    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> { self.inner().put(cx, batch).await }
    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> { self.inner().get(cx, request).await }
    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> { self.inner().has(cx, ids).await }
    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> { self.inner().scan(cx, request).await }
    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> { self.inner().summary(cx, request).await }
    async fn watch(&self, cx: &Context) -> Result<HeadStream> { self.inner().watch(cx).await }
    async fn status(&self, cx: &Context) -> Result<StoreStatus> { self.inner().status(cx).await }
}

/// All that the suite asks for: an empty store of a space. The one that erases is named because it lies behind.
#[derive(Debug)]
struct Mine;

#[async_trait]
impl Harness for Mine {
    async fn fresh(&self, space: SpaceId) -> std::result::Result<Subject, HarnessError> {
        let memory = Arc::new(MemoryStore::new(space)?);
        Ok(Subject::new(Arc::new(Counted(Arc::clone(&memory)))).with_origin(memory))
    }
}

#[tokio::main]
async fn main() {
    let report = suite::run(Arc::new(Mine), &Options::default()).await;
    assert!(report.is_conformant(), "{report}");
    let [passed, failed, skipped, errors] = report.counts();
    println!("{passed} cases passed, {failed} failed, {skipped} skipped, {errors} could not run");
    println!("the store was asked {} times", CALLS.load(Ordering::Relaxed));
    assert!(passed > 0 && CALLS.load(Ordering::Relaxed) > 0);
}
