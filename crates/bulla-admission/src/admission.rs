//! The admission itself: its parts, its locks, and what a guarded store asks of it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bulla_core::values::Has;
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry};
use bulla_directory::Directory;
use bulla_store::{
    Admission, Context, Erasable, Judged, Mark, Operation, Quarantine, Result, Ruling, StoreError,
};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use crate::access::DirectoryAccess;
use crate::chains::Chains;
use crate::erasing::Owed;
use crate::flights::{Arrival, Flight, Flights};
use crate::keys::KeyUse;
use crate::names::Names;
use crate::quota::{Totals, Usage};
use crate::settings::AdmissionSettings;
use crate::state::{Pending, State, Word};
use crate::tending::{Bell, Ringing};

/// What an admission asks of the store it stands before: memory and disk are such.
pub trait Engine: Judged + Quarantine + Erasable {}

impl<T: Judged + Quarantine + Erasable + ?Sized> Engine for T {}

/// Judges what enters a store by the directory of its space, and keeps the store's marks, its quarantine and its erasures in
/// step with that (ADM-5 to ADM-16).
///
/// Verdicts and what is done by them do not overlap: control entries are judged, stored and carried out one batch at a
/// time, while application entries come in side by side. Reading is never held up.
#[derive(Debug)]
pub struct DirectoryAdmission {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) settings: AdmissionSettings,
    /// Shared by application entries on their way into the engine, exclusive for everything that changes verdicts.
    gate: Arc<tokio::sync::RwLock<()>>,
    state: RwLock<State>,
    chains: tokio::sync::Mutex<Chains>,
    usage: Mutex<Usage>,
    /// What erasures leave to be done, and who is at it.
    owed: Mutex<Owed>,
    pub(crate) erasing: tokio::sync::Mutex<()>,
    /// Which keys are in use; `None` where nobody looked.
    pub(crate) keys: Mutex<Option<KeyUse>>,
    /// Which refused entries others name.
    pub(crate) names: Mutex<Names>,
    pub(crate) flights: Flights,
    /// Rung when something may have been left undone.
    pub(crate) bell: Bell,
    pub(crate) access: DirectoryAccess,
}

impl DirectoryAdmission {
    pub(crate) fn new(engine: Arc<dyn Engine>, settings: AdmissionSettings) -> Self {
        let (space, bell) = (engine.space(), Bell::default());
        Self {
            engine,
            settings,
            gate: Arc::default(),
            state: RwLock::new(State::new(space)),
            chains: tokio::sync::Mutex::new(Chains::new(settings)),
            usage: Mutex::default(),
            owed: Mutex::default(),
            erasing: tokio::sync::Mutex::default(),
            keys: Mutex::default(),
            names: Mutex::default(),
            flights: Flights::new(bell.clone()),
            bell,
            access: DirectoryAccess::new(),
        }
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.engine.space()
    }

    /// What peers may do, to be asked on every request.
    #[must_use]
    pub const fn access(&self) -> &DirectoryAccess {
        &self.access
    }

    /// Asks the directory. What is asked must be short: control entries wait for it.
    ///
    /// It may know control entries for a moment before they are durable.
    pub fn with_directory<T>(&self, ask: impl FnOnce(&Directory) -> T) -> T {
        ask(&self.state().directory)
    }

    /// What an author has under a policy that limits it, what is on its way included (ADM-12); nothing is counted under one
    /// that does not.
    #[must_use]
    pub fn usage(&self, author: &bulla_core::AuthorKey) -> Totals {
        let charged = self.state().controls.charged_of(author);
        self.usage_now().of(author).plus(charged)
    }

    /// How often entries were judged by their place in a chain since this was opened, for who watches that it grows with their
    /// number and not faster (ADM-9).
    pub async fn chain_judgements(&self) -> u64 {
        self.chains().await.judged()
    }

    /// Does what was left undone when a `put` was dropped or failed. The next `put` does so too, but of erasures that are not
    /// carried out a part only; and so does, by itself, an admission that is [tended](Self::tend).
    ///
    /// # Errors
    ///
    /// Those of the engine; then it is still to be done.
    pub async fn settle(&self, cx: &Context) -> Result<()> {
        drop(self.exclusive(cx).await?);
        self.finish_erasing(cx).await
    }

    /// The chains, without what calls left there that were dropped.
    pub(crate) async fn chains(&self) -> tokio::sync::MutexGuard<'_, Chains> {
        let mut chains = self.chains.lock().await;
        chains.settle();
        chains
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn usage_now(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a `put` left something to be done, or is just doing it.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.state().pending.is_some() || self.flights.has_lost() || self.owed().is_any()
    }

    /// Waits until nothing is on its way, and does what was left undone.
    pub(crate) async fn exclusive(
        &self,
        cx: &Context,
    ) -> Result<Ringing<OwnedRwLockWriteGuard<()>>> {
        let guard = Arc::clone(&self.gate).write_owned().await;
        // Whoever holds this may be dropped anywhere.
        let guard = Ringing::new(self.bell.clone(), guard);
        // What was lost is looked up first: what follows from control entries may count usage anew.
        self.settle_lost(cx).await?;
        self.tidy_names();
        self.settle_pending(cx).await?;
        Ok(guard)
    }

    /// Waits until no verdict is being changed.
    pub(crate) async fn shared(&self, cx: &Context) -> Result<OwnedRwLockReadGuard<()>> {
        self.go_on_erasing(cx).await?;
        loop {
            let guard = Arc::clone(&self.gate).read_owned().await;
            if self.state().pending.is_none() && !self.flights.has_lost() && !self.has_full_names()
            {
                return Ok(guard);
            }
            drop(guard);
            self.exclusive(cx).await?;
        }
    }

    /// Stores control entries that were judged and may not be stored, and does what follows from them. The gate is held.
    pub(crate) async fn settle_pending(&self, cx: &Context) -> Result<()> {
        let Some(pending) = self.state().pending.clone() else { return Ok(()) };
        self.store_pending(cx, &pending.entries).await?;
        {
            let state = self.state();
            let changed = (!pending.everything).then_some(pending.change.members.as_slice());
            self.access.enter(&state.directory, changed);
        }
        self.carry_out(cx, &pending).await?;
        self.state_mut().pending = None;
        Ok(())
    }

    async fn store_pending(&self, cx: &Context, entries: &[VerifiedEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let batch: Vec<(Verified, Mark)> = {
            let state = self.state();
            entries.iter().map(|e| (e.clone().into(), state.control_mark(&e.id()))).collect()
        };
        let report = self.engine.put_judged(cx, batch).await?;
        if let Some(outcome) = report.outcomes.iter().find(|outcome| outcome.receipt().is_none()) {
            let context = format!("the engine does not take a control entry: {outcome:?}");
            return Err(StoreError::Internal { context, source: None });
        }
        let mut state = self.state_mut();
        if let Some(pending) = &mut state.pending {
            pending.entries.clear();
        }
        Ok(())
    }

    /// Lets entries go for which quotas were set aside.
    pub(crate) fn start<G>(&self, arrivals: Vec<Arrival>, guard: G) -> Flight<G> {
        let mut twice = Vec::new();
        let flight =
            self.flights.start(arrivals, guard, |author, totals| twice.push((author, totals)));
        // Whoever holds the usage may ask for what is under way, never the other way round.
        let mut usage = self.usage_now();
        for (author, totals) in twice {
            usage.remove(&author, totals);
        }
        drop(usage);
        flight
    }

    /// Finds out what became of entries whose `put` was dropped or failed. The gate is held.
    async fn settle_lost(&self, cx: &Context) -> Result<()> {
        let lost = self.flights.lost();
        let mut miscounted = HashSet::new();
        for part in lost.chunks(bulla_core::limits::MAX_ENTRIES_PER_PUT) {
            let ids: Vec<EntryId> = part.iter().map(|arrival| arrival.subject.id).collect();
            let mut landed = Vec::new();
            let presence = self.engine.has(cx, &ids).await?;
            for (arrival, has) in part.iter().zip(&presence) {
                let is_kept = match has {
                    Has::Yes | Has::PayloadMissing => false,
                    Has::No | Has::Unknown => true,
                };
                if !is_kept || !self.kept_entries(cx, &[arrival.subject.id]).await?.is_empty() {
                    landed.push(Arrival { is_kept, ..*arrival });
                }
            }
            self.landed(cx, &landed, true).await?;
            let mut chains = self.chains().await;
            let mut usage = self.usage_now();
            for (arrival, has) in part.iter().zip(presence) {
                match has {
                    // Perhaps another put stored it, and it is counted for both.
                    Has::Yes | Has::PayloadMissing if arrival.reserved != Totals::default() => {
                        miscounted.insert(arrival.author());
                    }
                    Has::Yes | Has::PayloadMissing => {}
                    Has::No | Has::Unknown => {
                        chains.close(&arrival.subject);
                        self.note_word(&arrival.subject, &Word::Counts);
                        usage.remove(&arrival.author(), arrival.reserved);
                    }
                }
            }
            self.flights.found(part.len());
        }
        for author in miscounted {
            self.count_usage_of(cx, author).await?;
        }
        Ok(())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Admission for DirectoryAdmission {
    /// Everything is allowed in this process; what peers may do is for the node to ask of [`DirectoryAccess`].
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let is_control = entries.iter().any(|entry| entry.header().kind.is_control());
        if is_control {
            self.judge_control(cx, entries).await
        } else {
            self.judge_others(cx, entries).await
        }
    }

    async fn stored(&self, cx: &Context, control: &[Verified]) -> Result<()> {
        let ids: Vec<EntryId> = control.iter().map(Verified::id).collect();
        let stored: HashSet<EntryId> = ids.iter().copied().collect();
        if let Some(Pending { entries, .. }) = &mut self.state_mut().pending {
            entries.retain(|entry| !stored.contains(&entry.id()));
        }
        self.settle_pending(cx).await?;
        let arrivals = self.flights.under_way(ids);
        self.landed(cx, &arrivals, false).await?;
        self.flights.land(&arrivals);
        Ok(())
    }

    async fn arrived(&self, cx: &Context, entries: &[Verified]) -> Result<()> {
        let arrivals = self.flights.under_way(entries.iter().map(Verified::id));
        self.landed(cx, &arrivals, false).await?;
        self.flights.land(&arrivals);
        Ok(())
    }

    async fn follow_up(&self, cx: &Context) -> Result<()> {
        self.finish_erasing(cx).await
    }
}
