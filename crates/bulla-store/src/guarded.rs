//! A store behind somebody who decides.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutOutcome, PutReport, Refusal, ScanRequest,
    StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{Code, EntryId, Lineage, SpaceId, Verified};
use futures_util::{StreamExt as _, stream};

use crate::{
    ContentAddressedStore, Context, Erasable, Erasure, ErasureReport, HeadStream, Judged, Kept,
    Mark, Quarantine, Result, StoreError, rules,
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
    /// It is stored and counts.
    Admit,
    /// It is stored and does not count, for this reason (MARK-4).
    ///
    /// Also for every entry that the store holds already with a mark: its payload may still be wanted.
    Mark(Code),
    /// It gets no receipt, and is kept to be judged again (ADM-3). Its sender is told this code and that offering it again
    /// is of no use; where there is no room it is told that, and that it may try again.
    Quarantine(Code),
    /// As [`Quarantine`](Self::Quarantine), but its header alone is kept: its payload is erased.
    QuarantineHeader(Code),
    /// It is not stored and not kept.
    Refuse(Refusal),
    /// It cannot be decided yet; its sender offers it again.
    Pending,
}

/// What is decided of the entries of a batch.
#[derive(Default)]
pub struct Ruling {
    /// One verdict for each entry, in order.
    pub verdicts: Vec<Verdict>,
    /// Held until the entries are stored and kept as was said, and then dropped. An admission whose verdicts may change
    /// gives a lock here, so that it does not change its mind about entries that are on their way into the store: shared
    /// for application entries, exclusive for control entries.
    pub permit: Option<Box<dyn Any + Send>>,
}

impl From<Vec<Verdict>> for Ruling {
    fn from(verdicts: Vec<Verdict>) -> Self {
        Self { verdicts, permit: None }
    }
}

impl Debug for Ruling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ruling").field("verdicts", &self.verdicts).finish_non_exhaustive()
    }
}

/// Decides who may do what, and which entries may be stored and count.
///
/// An admission that judges entries by the control entries of their space keeps the store's marks in step with them:
///
/// 1. before anything else it brings the store under the rule *directory*, and, where
///    [`judged_by`](Judged::judged_by) is not the head's control digest, judges everything again. It does so too when it
///    finds the two different later: a `put` may have been dropped between storing control entries and
///    [`stored`](Self::stored);
/// 2. [`judge`](Self::judge) says what it thinks of entries that arrive;
/// 3. [`stored`](Self::stored) tells it of control entries that came: it marks anew what they change, and stores with
///    [`put_judged`](Judged::put_judged) what it kept and now admits.
#[async_trait]
pub trait Admission: Debug + Send + Sync + 'static {
    /// Whether this operation may go on.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] or [`StoreError::Forbidden`] when it may not; any other when it cannot be decided.
    async fn allow(&self, cx: &Context, operation: Operation) -> Result<()>;

    /// What to do with entries given to `put`: one verdict each, in order. All of them are of the store's space. Over an
    /// engine that judges ([`GuardedStore::judging`]) they are all control entries or none of them is.
    ///
    /// # Errors
    ///
    /// When nothing can be decided; then nothing of these is stored.
    async fn judge(&self, cx: &Context, entries: &[Verified]) -> Result<Ruling>;

    /// Control entries were stored, or their payloads added, durably. Called before anything else of their batch is judged,
    /// and while the permit of their ruling is held.
    ///
    /// # Errors
    ///
    /// When what follows from them could not be done. The `put` then fails; the control entries stay.
    async fn stored(&self, cx: &Context, control: &[Verified]) -> Result<()>;

    /// Entries of other kinds were stored, or their payloads added, and entries of any kind were quarantined, durably;
    /// called over an engine that judges, while the permit of their ruling is held. For admissions whose verdicts wait for
    /// headers.
    ///
    /// # Errors
    ///
    /// When what follows from them could not be done. The `put` then fails; the entries stay.
    async fn arrived(&self, _cx: &Context, _entries: &[Verified]) -> Result<()> {
        Ok(())
    }

    /// The permit of control entries is gone, be they stored, held before or refused. For what follows from any that are held,
    /// may take long, and need not be done before anything else is judged: who offers them again brings it to its end.
    ///
    /// # Errors
    ///
    /// When it could not be done. The `put` then fails; the control entries stay.
    async fn follow_up(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }
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

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        Ok(vec![Verdict::Admit; entries.len()].into())
    }

    async fn stored(&self, _cx: &Context, _control: &[Verified]) -> Result<()> {
        Ok(())
    }

    async fn arrived(&self, _cx: &Context, _entries: &[Verified]) -> Result<()> {
        Ok(())
    }

    async fn follow_up(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }
}

/// An engine whose entries are judged and that keeps what was refused.
pub trait JudgedEngine: Judged + Quarantine {}

impl<T: Judged + Quarantine + ?Sized> JudgedEngine for T {}

/// A store that asks before it does anything.
///
/// Over any store ([`new`](Self::new)) entries are stored or refused: one that could only be marked or kept is refused with
/// its code, and may be offered again. Over an engine that judges ([`judging`](Self::judging)) the control entries of a
/// batch are judged and stored before the rest is judged; then what is admitted is stored with its marks, and what is
/// quarantined is kept.
#[derive(Debug)]
pub struct GuardedStore<S: ?Sized, A> {
    store: Arc<S>,
    engine: Option<Arc<dyn JudgedEngine>>,
    admission: Arc<A>,
}

impl<S: JudgedEngine, A: Admission> GuardedStore<S, A> {
    /// Puts `admission` before an engine that marks what does not count and keeps what is refused. The engine must be under
    /// the rule *directory* when the first entry is admitted.
    #[must_use]
    pub fn judging(engine: Arc<S>, admission: Arc<A>) -> Self {
        Self { store: Arc::clone(&engine), engine: Some(engine), admission }
    }
}

impl<S: ContentAddressedStore + ?Sized, A: Admission> GuardedStore<S, A> {
    /// Puts `admission` before `store`.
    #[must_use]
    pub const fn new(store: Arc<S>, admission: Arc<A>) -> Self {
        Self { store, engine: None, admission }
    }

    async fn allow(&self, cx: &Context, operation: Operation) -> Result<()> {
        self.admission.allow(cx, operation).await
    }

    /// Judges a part of a batch and does what was said; gives the store's lineage.
    async fn put_part(&self, cx: &Context, part: Vec<Given>, batch: &mut Batch) -> Result<Lineage> {
        let (places, entries): (Vec<usize>, Vec<Verified>) = part.into_iter().unzip();
        let has_control = entries.iter().any(|entry| entry.header().kind.is_control());
        let Ruling { verdicts, permit } = self.admission.judge(cx, &entries).await?;
        if verdicts.len() != entries.len() {
            let context =
                format!("admission gave {} verdicts for {} entries", verdicts.len(), entries.len());
            return Err(StoreError::Internal { context, source: None });
        }
        let (mut admitted, mut kept) = (Vec::new(), Vec::new());
        for ((place, entry), verdict) in places.into_iter().zip(entries).zip(verdicts) {
            match verdict {
                Verdict::Admit => admitted.push((place, (entry, Mark::Counts))),
                Verdict::Mark(code) => admitted.push((place, (entry, Mark::Not(code)))),
                Verdict::Quarantine(code) => kept.push((place, (entry, code))),
                Verdict::QuarantineHeader(code) => {
                    let header = Verified::Header(entry.verified_header().clone());
                    kept.push((place, (header, code)));
                }
                Verdict::Refuse(refusal) => batch.set(place, PutOutcome::Refused(refusal)),
                Verdict::Pending => batch.set(place, PutOutcome::Pending),
            }
        }
        let (lineage, New { control, mut others }) =
            self.store_admitted(cx, admitted, batch).await?;
        others.extend(self.keep(cx, kept, batch).await?);
        if !control.is_empty() {
            self.admission.stored(cx, &control).await?;
        }
        if !others.is_empty() {
            self.admission.arrived(cx, &others).await?;
        }
        drop(permit);
        if has_control {
            self.admission.follow_up(cx).await?;
        }
        Ok(lineage)
    }

    /// Stores what was admitted; gives the lineage and what is new.
    async fn store_admitted(
        &self,
        cx: &Context,
        admitted: Vec<(usize, (Verified, Mark))>,
        batch: &mut Batch,
    ) -> Result<(Lineage, New)> {
        let (places, given): (Vec<usize>, Vec<(Verified, Mark)>) = match &self.engine {
            Some(_) => admitted.into_iter().unzip(),
            // Nothing can say there that an entry does not count.
            None => admitted
                .into_iter()
                .filter_map(|(place, (entry, mark))| match mark {
                    Mark::Counts => Some((place, (entry, Mark::Counts))),
                    Mark::Not(code) => {
                        batch.set(place, for_now(code));
                        None
                    }
                })
                .unzip(),
        };
        let is_judged = self.engine.is_some();
        let told: Vec<(usize, Verified)> = places
            .iter()
            .zip(&given)
            .filter(|(_, (entry, _))| is_judged || entry.header().kind.is_control())
            .map(|(place, (entry, _))| (*place, entry.clone()))
            .collect();
        let PutReport { lineage, outcomes } = match &self.engine {
            Some(engine) => engine.put_judged(cx, given).await?,
            None => self.store.put(cx, given.into_iter().map(|(entry, _)| entry).collect()).await?,
        };
        check_answer(outcomes.len(), places.len())?;
        for (place, outcome) in places.into_iter().zip(outcomes) {
            batch.set(place, outcome);
        }
        let new = told.into_iter().filter(|(place, _)| batch.is_new(*place));
        let (control, others) =
            new.map(|(_, entry)| entry).partition(|entry| entry.header().kind.is_control());
        Ok((lineage, New { control, others }))
    }

    /// Keeps what was quarantined, and says so; gives what is kept.
    async fn keep(
        &self,
        cx: &Context,
        given: Vec<(usize, (Verified, Code))>,
        batch: &mut Batch,
    ) -> Result<Vec<Verified>> {
        let mut new = Vec::new();
        if given.is_empty() {
            return Ok(new);
        }
        let (places, given): (Vec<usize>, Vec<(Verified, Code)>) = given.into_iter().unzip();
        let Some(engine) = &self.engine else {
            for (place, (_, code)) in places.into_iter().zip(given) {
                batch.set(place, for_now(code));
            }
            return Ok(new);
        };
        let told = given.clone();
        let kept = engine.keep(cx, given).await?;
        check_answer(kept.len(), places.len())?;
        for ((place, (entry, code)), kept) in places.into_iter().zip(told).zip(kept) {
            if matches!(kept, Kept::Kept | Kept::Already) {
                new.push(entry);
            }
            batch.set(
                place,
                match kept {
                    // It is here and judged again here: offering it again would be of no use (ADM-3).
                    Kept::Kept | Kept::Already => {
                        PutOutcome::Refused(Refusal { code, is_retryable: false })
                    }
                    Kept::Held(receipt) => PutOutcome::Duplicate(receipt),
                    Kept::Refused(refusal) => PutOutcome::Refused(refusal),
                },
            );
        }
        Ok(new)
    }
}

/// What a part of a batch brought, or what payloads it brought.
struct New {
    control: Vec<Verified>,
    others: Vec<Verified>,
}

/// An entry of a batch and its place there.
type Given = (usize, Verified);

/// The outcomes of a batch as they come to be known.
struct Batch(Vec<Option<PutOutcome>>);

impl Batch {
    fn set(&mut self, place: usize, outcome: PutOutcome) {
        if let Some(slot) = self.0.get_mut(place) {
            *slot = Some(outcome);
        }
    }

    /// Whether the entry or its payload was stored just now.
    fn is_new(&self, place: usize) -> bool {
        let outcome = self.0.get(place).and_then(Option::as_ref);
        matches!(outcome, Some(PutOutcome::Stored(_) | PutOutcome::PayloadAdded(_)))
    }
}

/// Refused, and worth another try: what is said of an entry that this store can neither mark nor keep.
fn for_now(code: Code) -> PutOutcome {
    PutOutcome::Refused(Refusal { code, is_retryable: true })
}

fn check_answer(answered: usize, asked: usize) -> Result<()> {
    if answered == asked {
        return Ok(());
    }
    Err(StoreError::peer(Code::new("store.short_answer"), "not one outcome per entry"))
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
        let mut outcomes = Batch(vec![None; batch.len()]);
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (place, entry) in batch.into_iter().enumerate() {
            // Entries of other spaces are refused here, so that admission sees its own only.
            if let Some(refusal) = rules::refusal(&space, &entry) {
                outcomes.set(place, PutOutcome::Refused(refusal));
            } else if self.engine.is_some() && entry.header().kind.is_control() {
                first.push((place, entry));
            } else {
                rest.push((place, entry));
            }
        }
        let early = match first.is_empty() {
            true => None,
            false => Some(self.put_part(cx, first, &mut outcomes).await?),
        };
        let lineage = match (early, rest.is_empty()) {
            (Some(lineage), true) => lineage,
            (None, true) => self.store.put(cx, Vec::new()).await?.lineage,
            (_, false) => self.put_part(cx, rest, &mut outcomes).await?,
        };
        if early.is_some_and(|early| early != lineage) {
            return Err(StoreError::Unavailable {
                code: Code::new("store.lineage_changed"),
                reason: "the store was reset while a put was under way".into(),
                retry_after: None,
            });
        }
        let outcomes = outcomes.0.into_iter();
        let outcomes = outcomes.map(|outcome| outcome.unwrap_or(PutOutcome::Pending)).collect();
        Ok(PutReport { lineage, outcomes })
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

    async fn restore(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        self.allow(cx, Operation::Erase).await?;
        self.store.restore(cx, ids).await
    }
}
