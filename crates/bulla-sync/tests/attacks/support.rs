//! Entries, stores that misbehave and bookmarks that fail, for the tests of this crate.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests stop at the first surprise"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_core::cbor::Encode;
use bulla_core::genesis::{Founder, Genesis, Policy};
use bulla_core::header::signing_message;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutOutcome, PutReport, Refusal, ScanBody,
    ScanRequest, StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{
    AuthorKey, Code, ContentHash, EntryId, Header, KeyId, Kind, Lineage, RawEntry, Salt, Signature,
    SpaceId, Topic, Verified, VerifiedEntry, Verifier,
};
use bulla_store::{
    Bookmarks, ContentAddressedStore, Context, HeadStream, MemoryBookmarks, MemoryStore, Result,
    StoreError,
};
use bulla_sync::{Evidence, Finding, Incomplete, Options, Report, Verdict, frontier_of, replicate};
use ed25519_dalek::{Signer, SigningKey};

/// An author of one space.
#[derive(Clone)]
pub(crate) struct Author {
    key: SigningKey,
    space: SpaceId,
    pub(crate) sequence: u64,
    pub(crate) previous: EntryId,
}

impl Author {
    /// Founds a space.
    pub(crate) fn found(seed: u8) -> (Self, VerifiedEntry) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let author = AuthorKey(key.verifying_key().to_bytes());
        let founder = Founder { author, sealing_key: bulla_core::SealingKey([seed; 32]) };
        let genesis =
            Genesis { founders: vec![founder], recovery: None, policy: Policy::default() };
        let payload = genesis.to_cbor();
        let mut founder = Self { key, space: SpaceId::ZERO, sequence: 0, previous: EntryId::ZERO };
        let entry = founder.write_as(Kind::GENESIS, Topic::ZERO, Vec::new(), &payload);
        founder.space = entry.id().into();
        (founder, entry)
    }

    /// Another author of the same space.
    pub(crate) fn another(&self, seed: u8) -> Self {
        self.of_seed(&[seed; 32])
    }

    /// One of very many authors of the same space.
    pub(crate) fn of_seed(&self, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        Self { key, space: self.space, sequence: 0, previous: EntryId::ZERO }
    }

    pub(crate) fn id(&self) -> AuthorKey {
        AuthorKey(self.key.verifying_key().to_bytes())
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.space
    }

    /// The next entry of the chain.
    pub(crate) fn write(&mut self, payload: &[u8]) -> VerifiedEntry {
        self.write_as(Kind::OPERATION, Topic::ZERO, Vec::new(), payload)
    }

    pub(crate) fn write_many(&mut self, count: usize) -> Vec<VerifiedEntry> {
        (0..count).map(|i| self.write(format!("payload number {i:>8}").as_bytes())).collect()
    }

    /// The next entry of the chain, with dependencies.
    pub(crate) fn write_on(&mut self, dependencies: &[EntryId]) -> VerifiedEntry {
        let mut dependencies = dependencies.to_vec();
        dependencies.sort();
        self.write_as(Kind::OPERATION, Topic::ZERO, dependencies, b"payload of sixteen")
    }

    pub(crate) fn write_as(
        &mut self,
        kind: Kind,
        topic: Topic,
        dependencies: Vec<EntryId>,
        payload: &[u8],
    ) -> VerifiedEntry {
        self.sequence += 1;
        let mut salt = [0; 24];
        salt[..8].copy_from_slice(&self.sequence.to_be_bytes());
        let header = Header {
            space: self.space,
            author: self.id(),
            sequence: self.sequence,
            previous: self.previous,
            timestamp: self.sequence << 16,
            kind,
            topic,
            dependencies,
            key_id: if kind.is_control() { KeyId::ZERO } else { KeyId([9; 32]) },
            salt: Salt(salt),
            payload_length: u32::try_from(payload.len()).unwrap(),
            content_hash: ContentHash::of(payload),
        };
        let entry = self.sign(&header, payload);
        self.previous = entry.id();
        entry
    }

    /// An entry whose header is as given.
    pub(crate) fn sign(&self, header: &Header, payload: &[u8]) -> VerifiedEntry {
        let bytes = header.to_cbor();
        let message = signing_message(&Header::digest_of(&bytes));
        let raw = RawEntry {
            header: bytes.into(),
            signature: Signature(self.key.sign(&message).to_bytes()),
            payload: Some(payload.to_vec().into()),
        };
        let verifier = Verifier::new([0; 32]);
        let verified = if header.kind == Kind::GENESIS {
            verifier.verify_genesis(raw).unwrap()
        } else {
            verifier.verify(&self.space, raw).unwrap()
        };
        match verified {
            Verified::Entry(entry) => entry,
            Verified::Header(_) => unreachable!("it has a payload"),
        }
    }
}

/// A space: the genesis and `count` entries of its founder.
pub(crate) fn chain(count: usize) -> (Author, Vec<VerifiedEntry>) {
    let (mut author, genesis) = Author::found(1);
    let mut entries = vec![genesis];
    entries.extend(author.write_many(count));
    (author, entries)
}

/// An empty store with a lineage of this byte.
pub(crate) fn store(space: SpaceId, lineage: u8) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::with_lineage(space, Lineage([lineage; 16])))
}

pub(crate) async fn fill<'a>(
    store: &dyn ContentAddressedStore,
    entries: impl IntoIterator<Item = &'a VerifiedEntry>,
) {
    let all: Vec<Verified> = entries.into_iter().cloned().map(Into::into).collect();
    for batch in all.chunks(4096) {
        store.put(&Context::new(), batch.to_vec()).await.unwrap();
    }
}

pub(crate) async fn head(store: &dyn ContentAddressedStore) -> Head {
    store.head(&Context::new()).await.unwrap()
}

pub(crate) async fn holds(store: &dyn ContentAddressedStore, id: EntryId) -> bool {
    let presence = store.has(&Context::new(), &[id]).await.unwrap();
    presence[0] == bulla_core::values::Has::Yes
}

pub(crate) async fn same_entries(
    a: &dyn ContentAddressedStore,
    b: &dyn ContentAddressedStore,
) -> bool {
    let (a, b) = (head(a).await, head(b).await);
    a.same_entries(&b) && a.present == b.present
}

pub(crate) async fn pull(
    source: &Arc<impl ContentAddressedStore>,
    target: &Arc<impl ContentAddressedStore>,
    bookmarks: &Arc<impl Bookmarks>,
) -> Report {
    run(source, target, bookmarks, Options::pull()).await
}

pub(crate) async fn push(
    source: &Arc<impl ContentAddressedStore>,
    target: &Arc<impl ContentAddressedStore>,
    bookmarks: &Arc<impl Bookmarks>,
) -> Report {
    run(source, target, bookmarks, Options::push()).await
}

pub(crate) async fn run(
    source: &Arc<impl ContentAddressedStore>,
    target: &Arc<impl ContentAddressedStore>,
    bookmarks: &Arc<impl Bookmarks>,
    options: Options,
) -> Report {
    let (source, target) = (Arc::clone(source), Arc::clone(target));
    replicate(source, target, Arc::clone(bookmarks) as _, options).await
}

pub(crate) fn bookmarks() -> Arc<MemoryBookmarks> {
    Arc::new(MemoryBookmarks::new())
}

/// Why a run is incomplete; panics when it is not.
pub(crate) fn incomplete(report: &Report) -> &Incomplete {
    match &report.verdict {
        Verdict::Incomplete(incomplete) => incomplete,
        verdict => panic!("expected incomplete, got {verdict}"),
    }
}

type Forgery = Box<dyn Fn(&ScanRequest) -> Page + Send + Sync>;
type Hook<Q, A> = Box<dyn Fn(usize, &Q, A) -> Result<A> + Send + Sync>;

/// A store whose answers are changed on the way. Each hook is given how often it was called before, the request and the
/// honest answer.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) head: Option<Hook<(), Head>>,
    pub(crate) scan: Option<Hook<ScanRequest, Page>>,
    /// Answers in place of the honest store.
    pub(crate) before_scan: Option<Forgery>,
    pub(crate) get: Option<Hook<GetRequest, Vec<GetItem>>>,
    pub(crate) has: Option<Hook<Vec<EntryId>, Presence>>,
    pub(crate) put: Option<Hook<Vec<EntryId>, PutReport>>,
    /// Asked before the honest store is: an error keeps the batch out.
    pub(crate) before_put: Option<Hook<Vec<EntryId>, ()>>,
    pub(crate) summary: Option<Hook<SummaryRequest, Summary>>,
}

/// A store that answers through [`Hooks`], and counts.
pub(crate) struct Hostile {
    pub(crate) honest: Arc<dyn ContentAddressedStore>,
    hooks: Hooks,
    calls: Mutex<HashMap<&'static str, usize>>,
    pub(crate) scans: Mutex<Vec<ScanRequest>>,
    pub(crate) summaries: Mutex<Vec<SummaryRequest>>,
}

impl std::fmt::Debug for Hostile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hostile")
    }
}

impl Hostile {
    pub(crate) fn new(honest: Arc<dyn ContentAddressedStore>, hooks: Hooks) -> Arc<Self> {
        Arc::new(Self {
            honest,
            hooks,
            calls: Mutex::default(),
            scans: Mutex::default(),
            summaries: Mutex::default(),
        })
    }

    /// One that only counts.
    pub(crate) fn counting(honest: Arc<dyn ContentAddressedStore>) -> Arc<Self> {
        Self::new(honest, Hooks::default())
    }

    pub(crate) fn calls(&self, name: &str) -> usize {
        self.calls.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    pub(crate) fn all_calls(&self) -> usize {
        self.calls.lock().unwrap().values().sum()
    }

    pub(crate) fn forget(&self) {
        self.calls.lock().unwrap().clear();
        self.scans.lock().unwrap().clear();
        self.summaries.lock().unwrap().clear();
    }

    fn count(&self, name: &'static str) -> usize {
        let mut calls = self.calls.lock().unwrap();
        let count = calls.entry(name).or_insert(0);
        *count += 1;
        *count - 1
    }
}

fn hooked<Q, A>(hook: Option<&Hook<Q, A>>, nth: usize, request: &Q, answer: A) -> Result<A> {
    match hook {
        Some(hook) => hook(nth, request, answer),
        None => Ok(answer),
    }
}

#[async_trait]
impl ContentAddressedStore for Hostile {
    fn space(&self) -> SpaceId {
        self.honest.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        let nth = self.count("head");
        hooked(self.hooks.head.as_ref(), nth, &(), self.honest.head(cx).await?)
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        let nth = self.count("put");
        let ids = batch.iter().map(Verified::id).collect();
        hooked(self.hooks.before_put.as_ref(), nth, &ids, ())?;
        let report = self.honest.put(cx, batch).await?;
        hooked(self.hooks.put.as_ref(), nth, &ids, report)
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        let nth = self.count("get");
        let items = self.honest.get(cx, request.clone()).await?;
        hooked(self.hooks.get.as_ref(), nth, &request, items)
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        let nth = self.count("has");
        let presence = self.honest.has(cx, ids).await?;
        hooked(self.hooks.has.as_ref(), nth, &ids.to_vec(), presence)
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        let nth = self.count("scan");
        self.scans.lock().unwrap().push(request.clone());
        if let Some(answer) = &self.hooks.before_scan {
            return Ok(answer(&request));
        }
        let page = self.honest.scan(cx, request.clone()).await?;
        hooked(self.hooks.scan.as_ref(), nth, &request, page)
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        let nth = self.count("summary");
        self.summaries.lock().unwrap().push(request.clone());
        let summary = self.honest.summary(cx, request.clone()).await?;
        hooked(self.hooks.summary.as_ref(), nth, &request, summary)
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.honest.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.honest.status(cx).await
    }
}

/// A store that refuses some entries.
pub(crate) struct Refusing {
    honest: Arc<Hostile>,
    is_retryable: bool,
    refuses: Box<dyn Fn(EntryId) -> bool + Send + Sync>,
}

impl Refusing {
    pub(crate) fn new(
        honest: Arc<MemoryStore>,
        is_retryable: bool,
        refuses: impl Fn(EntryId) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { honest: Hostile::counting(honest), is_retryable, refuses: Box::new(refuses) }
    }

    pub(crate) fn calls(&self, name: &str) -> usize {
        self.honest.calls(name)
    }
}

impl std::fmt::Debug for Refusing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refusing")
    }
}

#[async_trait]
impl ContentAddressedStore for Refusing {
    fn space(&self) -> SpaceId {
        self.honest.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.honest.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        let ids: Vec<_> = batch.iter().map(Verified::id).collect();
        let taken = batch.into_iter().filter(|entry| !(self.refuses)(entry.id())).collect();
        let report = self.honest.put(cx, taken).await?;
        let mut outcomes = report.outcomes.into_iter();
        let refusal = Refusal { code: Code::new("test.refused"), is_retryable: self.is_retryable };
        let outcome = |id| match (self.refuses)(id) {
            true => PutOutcome::Refused(refusal.clone()),
            false => outcomes.next().unwrap(),
        };
        Ok(PutReport { outcomes: ids.into_iter().map(outcome).collect(), ..report })
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.honest.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.honest.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.honest.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.honest.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.honest.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.honest.status(cx).await
    }
}

/// Leaves an entry out of every answer.
pub(crate) fn withholding(id: EntryId) -> Hooks {
    Hooks {
        scan: Some(Box::new(move |_, _, mut page: Page| {
            page.items.retain(|item| item.id != id);
            Ok(page)
        })),
        get: Some(Box::new(move |_, request, items| {
            let answers = request.ids.iter().zip(items);
            Ok(answers
                .map(|(asked, item)| if *asked == id { GetItem::Absent } else { item })
                .collect())
        })),
        ..Hooks::default()
    }
}

/// Says of an entry that it does not verify.
pub(crate) fn corrupting(id: EntryId, code: &'static str) -> Hooks {
    Hooks {
        scan: Some(Box::new(move |_, request, mut page: Page| {
            if request.want == bulla_core::values::Want::Ids {
                return Ok(page);
            }
            for item in &mut page.items {
                if item.id == id {
                    item.body = ScanBody::Invalid(Code::new(code));
                }
            }
            Ok(page)
        })),
        get: Some(Box::new(move |_, request, items| {
            let answers = request.ids.iter().zip(items);
            Ok(answers
                .map(|(asked, item)| if *asked == id { GetItem::Corrupt } else { item })
                .collect())
        })),
        ..Hooks::default()
    }
}

pub(crate) fn unavailable() -> StoreError {
    StoreError::Unavailable {
        code: Code::new("test.unavailable"),
        reason: "the test says so".into(),
        retry_after: None,
    }
}

/// Bookmarks that fail a given write, or lose what was written after a point.
#[derive(Debug, Default)]
pub(crate) struct FaultyBookmarks {
    inner: MemoryBookmarks,
    pub(crate) writes: AtomicU64,
    /// The write that fails, and all after it; 0 for none.
    pub(crate) fail_from: AtomicU64,
    pub(crate) reads: AtomicUsize,
}

#[async_trait]
impl Bookmarks for FaultyBookmarks {
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(key).await
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let nth = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let fail_from = self.fail_from.load(Ordering::SeqCst);
        if fail_from != 0 && nth >= fail_from {
            return Err(unavailable());
        }
        self.inner.write(key, value).await
    }

    async fn remove(&self, key: &[u8]) -> Result<()> {
        self.inner.remove(key).await
    }
}

/// Small numbers from a seed (SplitMix64), so that a failure can be played again.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What a store that holds these entries knows, signed by `author`.
pub(crate) async fn frontier_over(
    author: &mut Author,
    entries: &[&VerifiedEntry],
) -> VerifiedEntry {
    let seen = store(author.space(), 99);
    fill(&*seen, entries.iter().copied()).await;
    let frontier = frontier_of(&Context::new(), &*seen, &author.id()).await.unwrap();
    author.write_as(Kind::FRONTIER, Topic::ZERO, Vec::new(), &frontier.to_cbor())
}

/// What evidence says to somebody who knows the space alone.
pub(crate) fn found(space: SpaceId, evidence: &Evidence) -> Finding {
    evidence.verify(&space, &Verifier::new([1; 32])).unwrap()
}
