//! A store behind somebody who decides.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutOutcome, PutReport, Refusal, ScanRequest,
    StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{Code, EntryId, SpaceId, Verified};
use futures_util::{StreamExt as _, stream};

use crate::{
    ContentAddressedStore, Context, Erasable, Erasure, ErasureReport, HeadStream, Result,
    StoreError, rules,
};

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Read the head.
    Head,
    /// Store entries; each is judged besides.
    Put,
    /// Look entries up.
    Get,
    /// Ask what is held.
    Has,
    /// Read in receipt order.
    Scan,
    /// Get a hint of what is held.
    Summary,
    /// Follow the head; asked again for each head given.
    Watch,
    /// Ask how the store is doing.
    Status,
    /// Drop payloads.
    Erase,
}

/// What is decided of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be stored.
    Admit,
    /// It may not.
    Refuse(Refusal),
    /// It cannot be decided yet; its sender offers it again.
    Pending,
}

/// Decides who may do what, and which entries may be stored.
#[async_trait]
pub trait Admission: Debug + Send + Sync + 'static {
    /// Whether this operation may go on.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] or [`StoreError::Forbidden`] when it may not; any other when it cannot be decided.
    async fn allow(&self, cx: &Context, operation: Operation) -> Result<()>;

    /// What to do with entries given to `put`: one verdict each, in order. All of them are of the store's space.
    ///
    /// # Errors
    ///
    /// When nothing can be decided; then nothing is stored.
    async fn judge(&self, cx: &Context, entries: &[Verified]) -> Result<Vec<Verdict>>;
}

/// Lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitAll;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Admission for AdmitAll {
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Vec<Verdict>> {
        Ok(vec![Verdict::Admit; entries.len()])
    }
}

/// A store that asks before it does anything.
#[derive(Debug)]
pub struct GuardedStore<S: ?Sized, A> {
    store: Arc<S>,
    admission: Arc<A>,
}

impl<S: ContentAddressedStore + ?Sized, A: Admission> GuardedStore<S, A> {
    /// Puts `admission` before `store`.
    #[must_use]
    pub const fn new(store: Arc<S>, admission: Arc<A>) -> Self {
        Self { store, admission }
    }

    async fn allow(&self, cx: &Context, operation: Operation) -> Result<()> {
        self.admission.allow(cx, operation).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: ContentAddressedStore + ?Sized, A: Admission> ContentAddressedStore for GuardedStore<S, A> {
    fn space(&self) -> SpaceId {
        self.store.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.allow(cx, Operation::Head).await?;
        self.store.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        rules::check_put(&batch)?;
        self.allow(cx, Operation::Put).await?;
        let space = self.space();
        // Entries of other spaces are refused here, so that admission sees its own only; `None` goes on to be judged.
        let strangers: Vec<Option<Refusal>> =
            batch.iter().map(|entry| rules::refusal(&space, entry)).collect();
        let own: Vec<Verified> = batch
            .into_iter()
            .zip(&strangers)
            .filter(|(_, refusal)| refusal.is_none())
            .map(|(entry, _)| entry)
            .collect();
        let verdicts = self.admission.judge(cx, &own).await?;
        if verdicts.len() != own.len() {
            let context =
                format!("admission gave {} verdicts for {} entries", verdicts.len(), own.len());
            return Err(StoreError::Internal { context, source: None });
        }
        let admitted: Vec<Verified> = own
            .into_iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| **verdict == Verdict::Admit)
            .map(|(entry, _)| entry)
            .collect();
        let asked = admitted.len();
        let PutReport { lineage, outcomes } = self.store.put(cx, admitted).await?;
        if outcomes.len() != asked {
            return Err(StoreError::peer(
                Code::new("store.short_answer"),
                "not one outcome per entry",
            ));
        }
        let mut outcomes = outcomes.into_iter();
        let mut verdicts = verdicts.into_iter();
        let all = strangers.into_iter().map(|stranger| match stranger {
            Some(refusal) => PutOutcome::Refused(refusal),
            None => match verdicts.next() {
                Some(Verdict::Admit) => outcomes.next().unwrap_or(PutOutcome::Pending),
                Some(Verdict::Refuse(refusal)) => PutOutcome::Refused(refusal),
                Some(Verdict::Pending) | None => PutOutcome::Pending,
            },
        });
        Ok(PutReport { lineage, outcomes: all.collect() })
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.allow(cx, Operation::Get).await?;
        self.store.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.allow(cx, Operation::Has).await?;
        self.store.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.allow(cx, Operation::Scan).await?;
        self.store.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.allow(cx, Operation::Summary).await?;
        self.store.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.allow(cx, Operation::Watch).await?;
        let heads = self.store.watch(cx).await?;
        // Whoever lost the right while he listened hears that, and nothing after it.
        let state = Some((heads, Arc::clone(&self.admission), cx.clone()));
        Ok(Box::pin(stream::unfold(state, |state| async move {
            let (mut heads, admission, cx) = state?;
            let head = heads.next().await?;
            match admission.allow(&cx, Operation::Watch).await {
                Ok(()) => Some((head, Some((heads, admission, cx)))),
                Err(error) => Some((Err(error), None)),
            }
        })))
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.allow(cx, Operation::Status).await?;
        self.store.status(cx).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Erasable + ?Sized, A: Admission> Erasable for GuardedStore<S, A> {
    async fn erase(&self, cx: &Context, erasure: Erasure) -> Result<ErasureReport> {
        self.allow(cx, Operation::Erase).await?;
        self.store.erase(cx, erasure).await
    }
}
