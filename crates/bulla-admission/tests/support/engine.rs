//! An engine that counts what is asked of it, and fails or hangs at a call that a test chose. Which store does the work is for
//! the test program to say, in its module `backend`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, Rule, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{AuthorKey, Code, EntryId, SetDigest, SpaceId, Verified};
use bulla_store::{
    ContentAddressedStore, Context, Erasable, Erasure, ErasureReport, Facts, FactsPage, HeadStream,
    Judged, Judgement, Kept, KeptEntry, KeptPage, KeptTotals, Mark, MarkReport, Quarantine,
    QuarantineBounds, Result, StoreError,
};
use tokio::sync::Notify;

use crate::backend::{self, Place, Store};

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and nothing was done.
    Before,
    /// It was done, and the answer is lost.
    After,
    /// Nothing is done and nothing is answered: who asked gives up.
    HangBefore,
    /// It was done, and nothing is answered.
    HangAfter,
    /// It waits for [`Engine::go_on`], and is done then.
    Wait,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] =
        [Self::Before, Self::After, Self::HangBefore, Self::HangAfter];
}

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) inner: Store,
    calls: AtomicU64,
    /// Headers that were read for the admission.
    reads: AtomicU64,
    /// Entries whose payloads it had erased.
    erased: AtomicU64,
    /// Which call fails, and how.
    plan: Mutex<Option<(u64, Fault)>>,
    /// Lets a call go on that waits.
    held: Notify,
    /// Told when a call hangs.
    hung: Notify,
    /// Where the store lies; it goes last.
    _place: Place,
}

impl Engine {
    pub(crate) fn new(space: SpaceId, number: u8) -> Arc<Self> {
        Self::with_bounds(space, number, QuarantineBounds::default())
    }

    pub(crate) fn with_bounds(space: SpaceId, number: u8, bounds: QuarantineBounds) -> Arc<Self> {
        let (inner, place) = backend::open(space, number, bounds);
        Arc::new(Self {
            inner,
            _place: place,
            calls: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            erased: AtomicU64::new(0),
            plan: Mutex::default(),
            held: Notify::new(),
            hung: Notify::new(),
        })
    }

    /// Plans a fault at the `nth` call from now on, the first being 1.
    pub(crate) fn plan(&self, nth: u64, fault: Fault) {
        *self.plan.lock().unwrap() = Some((self.calls() + nth, fault));
    }

    /// Whether the fault is still to come.
    pub(crate) fn heal(&self) -> bool {
        self.plan.lock().unwrap().take().is_some()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    pub(crate) fn erased(&self) -> u64 {
        self.erased.load(Ordering::SeqCst)
    }

    /// Lets a call go on that waits.
    pub(crate) fn go_on(&self) {
        self.held.notify_one();
    }

    fn read(&self, headers: usize) {
        self.reads.fetch_add(headers as u64, Ordering::SeqCst);
    }

    async fn enter(&self) -> Result<Option<Fault>> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = {
            let mut plan = self.plan.lock().unwrap();
            let is_now = plan.is_some_and(|(nth, _)| nth == number);
            if is_now { plan.take().map(|(_, fault)| fault) } else { None }
        };
        match fault {
            Some(Fault::Before) => Err(lost()),
            Some(Fault::HangBefore) => self.hang().await,
            Some(Fault::Wait) => {
                self.held.notified().await;
                Ok(None)
            }
            fault => Ok(fault),
        }
    }

    async fn hang<T>(&self) -> T {
        self.hung.notify_one();
        std::future::pending().await
    }

    /// The answer; `None` if a call of the engine hangs, and who asked gives up.
    pub(crate) async fn unless_hung<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = self.hung.notified() => None,
        }
    }

    async fn leave<T>(&self, fault: Option<Fault>, answer: Result<T>) -> Result<T> {
        match fault {
            None => answer,
            Some(Fault::HangAfter) => self.hang().await,
            Some(_) => answer.and_then(|_| Err(lost())),
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable {
        code: Code::new("store.closed"),
        reason: "a fault that was planned".into(),
        retry_after: None,
    }
}

macro_rules! pass {
    ($self:ident, $call:expr) => {{
        let fault = $self.enter().await?;
        let answer = $call.await;
        $self.leave(fault, answer).await
    }};
}

#[async_trait]
impl ContentAddressedStore for Engine {
    fn space(&self) -> SpaceId {
        self.inner.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        pass!(self, self.inner.head(cx))
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        pass!(self, self.inner.put(cx, batch))
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        pass!(self, self.inner.get(cx, request))
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        pass!(self, self.inner.has(cx, ids))
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        let page: Result<Page> = pass!(self, self.inner.scan(cx, request));
        self.read(page.as_ref().map_or(0, |page| page.items.len()));
        page
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        pass!(self, self.inner.summary(cx, request))
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.inner.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.inner.status(cx).await
    }
}

#[async_trait]
impl Judged for Engine {
    async fn rule(&self, cx: &Context) -> Result<Rule> {
        pass!(self, self.inner.rule(cx))
    }

    async fn set_rule(&self, cx: &Context, rule: Rule) -> Result<()> {
        pass!(self, self.inner.set_rule(cx, rule))
    }

    async fn put_judged(&self, cx: &Context, batch: Vec<(Verified, Mark)>) -> Result<PutReport> {
        pass!(self, self.inner.put_judged(cx, batch))
    }

    async fn mark(&self, cx: &Context, judgement: Judgement) -> Result<MarkReport> {
        pass!(self, self.inner.mark(cx, judgement))
    }

    async fn marked(&self, cx: &Context, after: u64, limit: usize) -> Result<FactsPage> {
        pass!(self, self.inner.marked(cx, after, limit))
    }

    async fn authored(
        &self,
        cx: &Context,
        author: AuthorKey,
        after: bulla_store::Place,
        limit: usize,
    ) -> Result<FactsPage> {
        let page: Result<FactsPage> = pass!(self, self.inner.authored(cx, author, after, limit));
        self.read(page.as_ref().map_or(0, |page| page.facts.len()));
        page
    }

    async fn facts(&self, cx: &Context, ids: &[EntryId]) -> Result<Vec<Option<Facts>>> {
        self.read(ids.len());
        pass!(self, self.inner.facts(cx, ids))
    }

    async fn judged_by(&self, cx: &Context) -> Result<Option<SetDigest>> {
        pass!(self, self.inner.judged_by(cx))
    }
}

#[async_trait]
impl Quarantine for Engine {
    async fn keep(&self, cx: &Context, batch: Vec<(Verified, Code)>) -> Result<Vec<Kept>> {
        pass!(self, self.inner.keep(cx, batch))
    }

    async fn kept(&self, cx: &Context, after: Option<EntryId>, limit: usize) -> Result<KeptPage> {
        pass!(self, self.inner.kept(cx, after, limit))
    }

    async fn kept_entries(
        &self,
        cx: &Context,
        ids: &[EntryId],
        max_bytes: u32,
    ) -> Result<Vec<Option<KeptEntry>>> {
        self.read(ids.len());
        pass!(self, self.inner.kept_entries(cx, ids, max_bytes))
    }

    async fn release(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        pass!(self, self.inner.release(cx, ids))
    }

    async fn drop_payloads(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        pass!(self, self.inner.drop_payloads(cx, ids))
    }

    async fn kept_totals(&self, cx: &Context) -> Result<KeptTotals> {
        pass!(self, self.inner.kept_totals(cx))
    }
}

#[async_trait]
impl Erasable for Engine {
    async fn erase(&self, cx: &Context, erasure: Erasure) -> Result<ErasureReport> {
        let count = erasure.ids.len() as u64;
        let report = pass!(self, self.inner.erase(cx, erasure));
        if report.is_ok() {
            self.erased.fetch_add(count, Ordering::SeqCst);
        }
        report
    }

    async fn restore(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        pass!(self, self.inner.restore(cx, ids))
    }
}
