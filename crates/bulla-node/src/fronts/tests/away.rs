//! An upstream that goes away and comes back, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{AuthorKey, Code, EntryId, NodeId, PeerKey, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, MemoryStore, Result, StoreError};
use futures_util::StreamExt as _;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::{ControlReplica, MANY};
use crate::config::FollowConfig;
use crate::judged::Judged;
use crate::owner::Owner;

/// A store that can be away, and says when it is asked to be followed.
#[derive(Debug)]
struct Shaky {
    inner: MemoryStore,
    is_away: AtomicBool,
    /// Ends the feeds there are.
    cut: Arc<Notify>,
    asked: mpsc::UnboundedSender<Instant>,
}

impl Shaky {
    fn away(&self) -> Result<()> {
        if !self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (code, reason) = (Code::new("upstream.unavailable"), "away".to_owned());
        Err(StoreError::Unavailable { code, reason, retry_after: None })
    }
}

#[async_trait]
impl ContentAddressedStore for Shaky {
    fn space(&self) -> SpaceId {
        self.inner.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.away()?;
        self.inner.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.away()?;
        self.inner.put(cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.away()?;
        self.inner.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.away()?;
        self.inner.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.away()?;
        self.inner.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.away()?;
        self.inner.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.asked.send(Instant::now()).unwrap();
        self.away()?;
        let cut = Arc::clone(&self.cut).notified_owned();
        Ok(Box::pin(self.inner.watch(cx).await?.take_until(cut)))
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.away()?;
        self.inner.status(cx).await
    }
}

/// How long it took from each question to the next.
async fn gaps(
    asked: &mut mpsc::UnboundedReceiver<Instant>,
    last: &mut Instant,
    count: usize,
) -> Vec<u64> {
    let mut gaps = Vec::new();
    for _ in 0..count {
        let now = asked.recv().await.unwrap();
        gaps.push(u64::try_from(now.duration_since(*last).as_millis()).unwrap());
        *last = now;
    }
    gaps
}

/// Clauses: NODE-29.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_was_away_is_asked_again_within_five_seconds() {
    let owner = Owner::new();
    let (space, cx) = (owner.space(), Context::new());
    let founder = PeerKey(owner.keys.author().0);
    let (sender, mut asked) = mpsc::unbounded_channel();
    let inner = MemoryStore::new(space).unwrap();
    inner.put(&cx, vec![owner.genesis.clone().into()]).await.unwrap();
    let cut = Arc::new(Notify::new());
    let is_away = AtomicBool::new(true);
    let shaky = Arc::new(Shaky { inner, is_away, cut: Arc::clone(&cut), asked: sender });
    let judged = Arc::<Judged>::default();
    let replica = Arc::new(ControlReplica::new(space, Arc::clone(&judged), None, MANY));
    let (tried, mut was_tried) = watch::channel(false);
    let upstream: Arc<dyn ContentAddressedStore> = Arc::clone(&shaky) as _;
    let follow = FollowConfig::default();
    let run = Arc::clone(&replica).run(upstream, NodeId([7; 32]), follow, tried);
    let following = tokio::spawn(run);

    let mut last = Instant::now();
    let doubling = [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
    assert_eq!(gaps(&mut asked, &mut last, doubling.len()).await, doubling);
    was_tried.wait_for(|tried| *tried).await.unwrap();
    assert!(!judged.rights(&founder, &space).any(), "nobody has a right before it was read once");

    // It is back, and is read at the next question.
    let mut changes = judged.changes();
    shaky.is_away.store(false, Ordering::SeqCst);
    assert_eq!(gaps(&mut asked, &mut last, 1).await, [5_000]);
    while !judged.rights(&founder, &space).any() {
        changes.changed().await.unwrap();
    }

    // Lost again after an hour: asked soon, since it worked, and what is known stays.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    shaky.is_away.store(true, Ordering::SeqCst);
    last = Instant::now();
    cut.notify_waiters();
    assert_eq!(gaps(&mut asked, &mut last, 4).await, [100, 200, 400, 800]);
    assert!(judged.rights(&founder, &space).any());
    assert!(replica.rights(&AuthorKey(founder.0)).any());
    following.abort();
}
