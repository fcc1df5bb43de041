//! A store that fails, lies and waits on command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use tokio::sync::watch;

use crate::{ContentAddressedStore, Context, HeadStream, Result, StoreError};

/// A method of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `head`.
    Head,
    /// `put`.
    Put,
    /// `get`.
    Get,
    /// `has`.
    Has,
    /// `scan`.
    Scan,
    /// `summary`.
    Summary,
    /// `watch`.
    Watch,
    /// `status`.
    Status,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Head,
        Self::Put,
        Self::Get,
        Self::Has,
        Self::Scan,
        Self::Summary,
        Self::Watch,
        Self::Status,
    ];
}

/// When a planned failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The store never hears of the call.
    Before,
    /// The store did it, and the answer is lost.
    After,
}

#[derive(Debug, Default)]
struct Plan {
    /// Calls made so far, by method.
    calls: BTreeMap<Method, u64>,
    /// By method and number of the call, from 1 on.
    failures: BTreeMap<(Method, u64), (Moment, StoreError)>,
    /// Every call fails.
    down: Option<StoreError>,
    gates: BTreeMap<Method, watch::Receiver<bool>>,
}

type Rewrite<Q, A> = Box<dyn FnMut(&Q, A) -> Result<A> + Send>;

#[derive(Default)]
struct Lies {
    head: Option<Rewrite<(), Head>>,
    put: Option<Rewrite<(), PutReport>>,
    get: Option<Rewrite<GetRequest, Vec<GetItem>>>,
    has: Option<Rewrite<Vec<EntryId>, Presence>>,
    scan: Option<Rewrite<ScanRequest, Page>>,
    summary: Option<Rewrite<SummaryRequest, Summary>>,
}

/// Passes calls on, except where a test planned otherwise.
///
/// Numbers of calls count from 1 and per method, over the life of the wrapper.
pub struct FaultyStore {
    store: Arc<dyn ContentAddressedStore>,
    plan: Mutex<Plan>,
    lies: Mutex<Lies>,
}

/// Holds calls back until it is opened or dropped.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Lets every call go on, those that wait and those to come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// How many calls wait or have passed since it was set and still run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        // One receiver is kept by the wrapper to be cloned from.
        self.0.receiver_count().saturating_sub(1)
    }
}

impl FaultyStore {
    /// Behaves like `store` until told otherwise.
    #[must_use]
    pub fn new(store: Arc<dyn ContentAddressedStore>) -> Self {
        Self { store, plan: Mutex::default(), lies: Mutex::default() }
    }

    /// Lets the `nth` call of a method fail; the store never hears of it.
    pub fn fail_before(&self, method: Method, nth: u64, error: StoreError) {
        self.plan().failures.insert((method, nth), (Moment::Before, error));
    }

    /// Lets the `nth` call of a method fail after the store did it: the answer is lost.
    pub fn fail_after(&self, method: Method, nth: u64, error: StoreError) {
        self.plan().failures.insert((method, nth), (Moment::After, error));
    }

    /// Lets every call fail from now on, as when the store cannot be reached; `None` ends it.
    pub fn set_down(&self, error: Option<StoreError>) {
        self.plan().down = error;
    }

    /// Holds every call of a method back until the gate is opened or dropped.
    pub fn hold(&self, method: Method) -> Gate {
        let (sender, receiver) = watch::channel(false);
        self.plan().gates.insert(method, receiver);
        Gate(sender)
    }

    /// How often a method was called.
    #[must_use]
    pub fn calls(&self, method: Method) -> u64 {
        self.plan().calls.get(&method).copied().unwrap_or(0)
    }

    /// Changes every head given, watched ones excepted.
    pub fn rewrite_head(&self, mut lie: impl FnMut(Head) -> Result<Head> + Send + 'static) {
        self.lies().head = Some(Box::new(move |(), head| lie(head)));
    }

    /// Changes every report of `put`.
    pub fn rewrite_put(
        &self,
        mut lie: impl FnMut(PutReport) -> Result<PutReport> + Send + 'static,
    ) {
        self.lies().put = Some(Box::new(move |(), report| lie(report)));
    }

    /// Changes every answer of `get`.
    pub fn rewrite_get(
        &self,
        lie: impl FnMut(&GetRequest, Vec<GetItem>) -> Result<Vec<GetItem>> + Send + 'static,
    ) {
        self.lies().get = Some(Box::new(lie));
    }

    /// Changes every answer of `has`.
    pub fn rewrite_has(
        &self,
        lie: impl FnMut(&Vec<EntryId>, Presence) -> Result<Presence> + Send + 'static,
    ) {
        self.lies().has = Some(Box::new(lie));
    }

    /// Changes every page.
    pub fn rewrite_scan(
        &self,
        lie: impl FnMut(&ScanRequest, Page) -> Result<Page> + Send + 'static,
    ) {
        self.lies().scan = Some(Box::new(lie));
    }

    /// Changes every summary.
    pub fn rewrite_summary(
        &self,
        lie: impl FnMut(&SummaryRequest, Summary) -> Result<Summary> + Send + 'static,
    ) {
        self.lies().summary = Some(Box::new(lie));
    }

    /// Tells the truth again and plans no failures.
    pub fn heal(&self) {
        *self.lies() = Lies::default();
        let mut plan = self.plan();
        plan.failures.clear();
        plan.gates.clear();
        plan.down = None;
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lies(&self) -> MutexGuard<'_, Lies> {
        self.lies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, waits at its gate and makes it fail if that is planned before; gives the failure planned after.
    async fn enter(&self, method: Method) -> Result<Option<StoreError>> {
        let (gate, planned) = {
            let mut plan = self.plan();
            let nth = plan.calls.entry(method).or_default();
            *nth += 1;
            let nth = *nth;
            let planned = plan.failures.remove(&(method, nth));
            (plan.gates.get(&method).cloned(), planned)
        };
        if let Some(mut gate) = gate {
            // A dropped gate is an open one.
            let _ = gate.wait_for(|is_open| *is_open).await;
        }
        if let Some(error) = self.plan().down.clone() {
            return Err(error);
        }
        match planned {
            Some((Moment::Before, error)) => Err(error),
            Some((Moment::After, error)) => Ok(Some(error)),
            None => Ok(None),
        }
    }
}

impl std::fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyStore").field("store", &self.store).finish_non_exhaustive()
    }
}

fn leave<T>(after: Option<StoreError>, answer: T) -> Result<T> {
    after.map_or(Ok(answer), Err)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for FaultyStore {
    fn space(&self) -> SpaceId {
        self.store.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        let after = self.enter(Method::Head).await?;
        let answer = leave(after, self.store.head(cx).await?)?;
        self.lies().head.as_mut().map_or(Ok(answer), |lie| lie(&(), answer))
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        let after = self.enter(Method::Put).await?;
        let answer = leave(after, self.store.put(cx, batch).await?)?;
        match self.lies().put.as_mut() {
            Some(lie) => lie(&(), answer),
            None => Ok(answer),
        }
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        let after = self.enter(Method::Get).await?;
        let answer = leave(after, self.store.get(cx, request.clone()).await?)?;
        match self.lies().get.as_mut() {
            Some(lie) => lie(&request, answer),
            None => Ok(answer),
        }
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        let after = self.enter(Method::Has).await?;
        let answer = leave(after, self.store.has(cx, ids).await?)?;
        match self.lies().has.as_mut() {
            Some(lie) => lie(&ids.to_vec(), answer),
            None => Ok(answer),
        }
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        let after = self.enter(Method::Scan).await?;
        let answer = leave(after, self.store.scan(cx, request.clone()).await?)?;
        match self.lies().scan.as_mut() {
            Some(lie) => lie(&request, answer),
            None => Ok(answer),
        }
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        let after = self.enter(Method::Summary).await?;
        let answer = leave(after, self.store.summary(cx, request.clone()).await?)?;
        match self.lies().summary.as_mut() {
            Some(lie) => lie(&request, answer),
            None => Ok(answer),
        }
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        let after = self.enter(Method::Watch).await?;
        leave(after, self.store.watch(cx).await?)
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        let after = self.enter(Method::Status).await?;
        leave(after, self.store.status(cx).await?)
    }
}
