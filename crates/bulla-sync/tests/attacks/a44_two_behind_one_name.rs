//! Two relays behind one name, each with an order of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, MemoryStore, Result};
use bulla_sync::{Options, Verdict};

use crate::support::*;

/// Sends each request to one of two stores in turn, by a rhythm.
#[derive(Debug)]
struct Balanced {
    stores: [Arc<MemoryStore>; 2],
    rhythm: u64,
    turn: AtomicUsize,
}

impl Balanced {
    fn next(&self) -> &MemoryStore {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        let bit = self.rhythm >> (turn % 64) & 1;
        &self.stores[usize::from(bit == 1)]
    }
}

#[async_trait]
impl ContentAddressedStore for Balanced {
    fn space(&self) -> SpaceId {
        self.stores[0].space()
    }
    async fn head(&self, cx: &Context) -> Result<Head> {
        self.next().head(cx).await
    }
    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.next().put(cx, batch).await
    }
    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.next().get(cx, request).await
    }
    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.next().has(cx, ids).await
    }
    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.next().scan(cx, request).await
    }
    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.next().summary(cx, request).await
    }
    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.next().watch(cx).await
    }
    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.next().status(cx).await
    }
}

/// Runs against both in every rhythm: never a false "complete", and in the end nothing is skipped.
async fn alternate(lineages: [u8; 2]) {
    let (author, entries) = chain(60);
    let extra = author.another(2).write_many(30);
    let (first, second) = (store(author.space(), lineages[0]), store(author.space(), lineages[1]));
    fill(&*first, entries.iter().chain(&extra[..20])).await;
    fill(&*second, extra.iter().rev().chain(&entries)).await;
    let mut dice = Dice(44);
    let (target, bookmarks) = (store(author.space(), 7), bookmarks());
    let mut completed = 0;
    for run_number in 0..60 {
        // Long stretches at one of the two come up now and then, as they do behind a real balancer.
        let rhythm = match run_number % 4 {
            0 => 0xaaaa_aaaa_aaaa_aaaa,
            1 => dice.next(),
            2 => 0,
            _ => u64::MAX,
        };
        let source = Arc::new(Balanced {
            stores: [Arc::clone(&first), Arc::clone(&second)],
            rhythm,
            turn: AtomicUsize::new(0),
        });
        let options = Options::pull().with_pages(1 << 20, 25);
        let report = run(&source, &target, &bookmarks, options).await;
        assert!(report.counts.source_requests < 100, "{report}");
        if matches!(report.verdict, Verdict::Complete) {
            completed += 1;
            let head = report.source_head.unwrap();
            // Complete means: all of the store whose head it was.
            let judged = if head.cursor() == crate::support::head(&*first).await.cursor() {
                entries.iter().chain(&extra[..20])
            } else {
                entries.iter().chain(&extra[..])
            };
            for entry in judged {
                assert!(holds(&*target, entry.id()).await, "run {run_number}: skipped");
            }
        }
    }
    assert!(completed >= 20, "{completed}");
    for entry in entries.iter().chain(&extra) {
        assert!(holds(&*target, entry.id()).await);
    }
}

#[tokio::test]
async fn a44_two_lineages_behind_one_name_skip_nothing() {
    alternate([1, 2]).await;
}

#[tokio::test]
async fn a44_two_orders_under_one_lineage_skip_nothing() {
    alternate([1, 1]).await;
}
