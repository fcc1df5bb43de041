//! Entries by id: from what is held, else one question to the origin for all who ask.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bulla_core::values::{GetItem, GetRequest, Has, PayloadState, Presence};
use bulla_core::{Code, EntryId, Verified};

use super::inner::{Epoch, Inner, answers, is_away};
use super::storage::{CachedEntry, CachedPart};
use crate::rules::{self, ByteBudget};
use crate::{Context, Result, StoreError};

/// What one question to the origin gave, for all who wait for it: a prefix of what was asked may be missing from it.
pub(super) type Fetched = Result<Arc<HashMap<EntryId, GetItem>>>;

/// Ids looked at in one step of a long request.
const WINDOW: usize = 1024;
/// How often a question is repeated that was answered for others and not for us, before we ask alone.
const JOINS: usize = 3;

/// What is held of a run of ids.
struct Held {
    /// How many of the ids were looked at.
    covered: usize,
    entries: HashMap<EntryId, CachedEntry>,
}

impl Inner {
    pub(super) async fn get(
        self: &Arc<Self>,
        cx: &Context,
        request: GetRequest,
    ) -> Result<Vec<GetItem>> {
        rules::check_ids(request.ids.len())?;
        let onward = self.onward(cx)?;
        let mut budget = ByteBudget::new(request.max_bytes);
        let mut fetched: HashMap<EntryId, GetItem> = HashMap::new();
        let mut items = Vec::with_capacity(request.ids.len());
        while let Some(rest) = request.ids.get(items.len()..).filter(|rest| !rest.is_empty()) {
            let window = rest.get(..WINDOW).unwrap_or(rest);
            let held = self.held(window, CachedPart::Whole, budget.left_bytes()).await;
            let generation = self.generation();
            let mut missing = None;
            for (index, id) in window.iter().enumerate().take(held.covered) {
                let item = match (fetched.get(id), held.entries.get(id)) {
                    (Some(item), _) => item.clone(),
                    (None, Some(kept)) if kept.generation == generation => match &kept.entry {
                        Verified::Entry(entry) => GetItem::Entry(entry.clone()),
                        Verified::Header(_) => {
                            missing = Some(index);
                            break;
                        }
                    },
                    (None, _) => {
                        missing = Some(index);
                        break;
                    }
                };
                if !budget.take(size_bytes(&item)) {
                    return Ok(items);
                }
                items.push(item);
            }
            let Some(missing) = missing else { continue };
            let wanted =
                window.get(missing..held.covered).unwrap_or_default().iter().filter(|id| {
                    let is_held = held.entries.get(id).is_some_and(|kept| {
                        kept.generation == generation && matches!(kept.entry, Verified::Entry(_))
                    });
                    !is_held && !fetched.contains_key(*id)
                });
            // In the order asked, the one that holds us up first: an answer is a prefix.
            let mut seen = HashSet::new();
            let wanted: Vec<_> = wanted.filter(|id| seen.insert(**id)).copied().collect();
            match self.fetch(&onward, &wanted, budget.left_bytes()).await? {
                Ok(answers) => fetched.extend(answers),
                Err(error) if is_away(&error) => {
                    fetched.extend(
                        wanted.into_iter().map(|id| (id, without_origin(held.entries.get(&id)))),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    pub(super) async fn has(self: &Arc<Self>, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        rules::check_ids(ids.len())?;
        let onward = self.onward(cx)?;
        let generation = self.generation();
        let mut answers: HashMap<EntryId, Has> = HashMap::with_capacity(ids.len());
        let mut looked_at = 0;
        while let Some(rest) = ids.get(looked_at..).filter(|rest| !rest.is_empty()) {
            let held = self.held(rest, CachedPart::Header, u32::MAX).await;
            for id in rest.iter().take(held.covered) {
                // Only of an entry whose payload the origin had, as far as we were told under this history, do we answer
                // for the origin: "yes" keeps a client from sending it.
                let kept = held.entries.get(id);
                if kept.is_some_and(|kept| {
                    kept.generation == generation && kept.state == PayloadState::Present
                }) {
                    answers.insert(*id, Has::Yes);
                } else if self.is_denied(id) {
                    answers.insert(*id, Has::No);
                }
            }
            looked_at += held.covered;
        }
        let mut seen = HashSet::new();
        let unknown: Vec<_> = ids
            .iter()
            .filter(|id| !answers.contains_key(*id) && seen.insert(**id))
            .copied()
            .collect();
        if !unknown.is_empty() {
            match self.ask_has(&onward, &unknown).await {
                Ok(asked) => answers.extend(unknown.into_iter().zip(asked)),
                Err(error) if is_away(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ids.iter().map(|id| answers.get(id).copied().unwrap_or(Has::Unknown)).collect())
    }

    async fn ask_has(&self, onward: &Context, ids: &[EntryId]) -> Result<Presence> {
        if let Some(error) = self.away() {
            return Err(error);
        }
        let epoch = self.epoch();
        let answer = self.upstream.has(onward, ids).await;
        self.note_outcome(&answer);
        let answer = answer?;
        if answer.len() != ids.len() {
            return Err(short_answer("has"));
        }
        let denied = ids.iter().zip(&answer).filter(|(_, has)| **has == Has::No).map(|(id, _)| *id);
        self.deny(denied, epoch);
        Ok(answer)
    }

    /// Asks the origin for entries, together with all who want them now: what it answered, with at least the first id, or
    /// why it did not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Deadline`] when it is the caller's own time that is up; that says nothing of the origin.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        onward: &Context,
        ids: &[EntryId],
        max_bytes: u32,
    ) -> Result<Result<HashMap<EntryId, GetItem>>> {
        let mut found = HashMap::new();
        for id in ids.iter().filter(|id| self.is_denied(id)) {
            found.insert(*id, GetItem::Absent);
        }
        let ids: Vec<_> = ids.iter().filter(|id| !found.contains_key(*id)).copied().collect();
        let Some(first) = ids.first().copied() else { return Ok(Ok(found)) };
        if let Some(error) = self.away() {
            return Ok(Err(error));
        }
        for _ in 0..JOINS {
            let epoch = self.epoch();
            let keys: Vec<_> = ids.iter().map(|id| (epoch, *id)).collect();
            let boarded = self.entries.board(&keys, onward.hops.nodes().len(), |keys| {
                let (inner, cx) = (Arc::clone(self), self.shared_context(onward));
                Box::pin(async move {
                    let ids = keys.into_iter().map(|(_, id)| id).collect();
                    inner.fetch_alone(&cx, ids, max_bytes, epoch).await.map(Arc::new)
                })
            });
            for flight in boarded {
                let is_own = flight.is_own;
                match self.within(onward, flight.answer()).await? {
                    Some(Ok(answers)) => {
                        let wanted =
                            ids.iter().filter_map(|id| Some((*id, answers.get(id)?.clone())));
                        found.extend(wanted);
                    }
                    // The one we joined came round by its own path; ours may be a good one.
                    Some(Err(StoreError::Loop(_))) | None if !is_own => {}
                    Some(Err(error)) => return Ok(Err(error)),
                    None => {}
                }
            }
            if found.contains_key(&first) {
                return Ok(Ok(found));
            }
        }
        let epoch = self.epoch();
        let cx = self.shared_context(onward);
        let alone = self.fetch_alone(&cx, ids, max_bytes, epoch);
        Ok(self.within(onward, alone).await?.map(|answers| {
            found.extend(answers);
            found
        }))
    }

    /// One `get` to the origin, kept.
    async fn fetch_alone(
        &self,
        cx: &Context,
        ids: Vec<EntryId>,
        max_bytes: u32,
        epoch: Epoch,
    ) -> Result<HashMap<EntryId, GetItem>> {
        let generation = self.generation();
        let answer = self.upstream.get(cx, GetRequest { ids: ids.clone(), max_bytes }).await;
        self.note_outcome(&answer);
        let items = answer?;
        if items.is_empty() || items.len() > ids.len() {
            return Err(short_answer("get"));
        }
        let (mut keep, mut gone, mut denied) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = HashMap::with_capacity(items.len());
        for (id, item) in ids.into_iter().zip(items) {
            if !answers(&item, &id) {
                return Err(StoreError::peer(
                    Code::new("peer.wrong_entry"),
                    "the origin answered for another entry",
                ));
            }
            match &item {
                GetItem::Entry(entry) => {
                    let entry = entry.clone().into();
                    keep.push(CachedEntry { entry, state: PayloadState::Present, generation });
                }
                GetItem::Header(header, state) => {
                    if matches!(state, PayloadState::Erased(_) | PayloadState::Pruned(_)) {
                        gone.push(id);
                    }
                    keep.push(CachedEntry {
                        entry: header.clone().into(),
                        state: *state,
                        generation,
                    });
                }
                GetItem::Absent => denied.push(id),
                GetItem::Corrupt | GetItem::Unavailable => {}
            }
            found.insert(id, item);
        }
        self.keep(keep, &gone).await;
        self.deny(denied, epoch);
        Ok(found)
    }

    /// What the storage holds of a prefix of the ids, as much as `max_bytes` allow.
    async fn held(&self, ids: &[EntryId], part: CachedPart, max_bytes: u32) -> Held {
        let maybe: Vec<_> = ids.iter().filter(|id| self.may_hold(id)).copied().collect();
        if maybe.is_empty() {
            return Held { covered: ids.len(), entries: HashMap::new() };
        }
        let Some(kept) = self.soft(self.storage.get(&self.space, &maybe, part, max_bytes).await)
        else {
            return Held { covered: ids.len(), entries: HashMap::new() };
        };
        // The first id that may be held and was not looked at ends the prefix.
        let first_left = maybe.get(kept.len());
        let covered =
            first_left.and_then(|left| ids.iter().position(|id| id == left)).unwrap_or(ids.len());
        let entries =
            maybe.into_iter().zip(kept).filter_map(|(id, kept)| Some((id, kept?))).collect();
        Held { covered: covered.max(1), entries }
    }
}

/// What can be said of an entry while the origin is away.
fn without_origin(kept: Option<&CachedEntry>) -> GetItem {
    match kept {
        Some(CachedEntry { entry: Verified::Entry(entry), .. }) => GetItem::Entry(entry.clone()),
        Some(CachedEntry { entry: Verified::Header(header), state, .. })
            if *state != PayloadState::Present =>
        {
            GetItem::Header(header.clone(), *state)
        }
        Some(_) | None => GetItem::Unavailable,
    }
}

fn size_bytes(item: &GetItem) -> usize {
    match item {
        GetItem::Entry(entry) => Verified::Entry(entry.clone()).size_bytes(),
        GetItem::Header(header, _) => Verified::Header(header.clone()).size_bytes(),
        GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => 0,
    }
}

fn short_answer(call: &str) -> StoreError {
    let reason = format!("the origin answered {call} for too few or too many entries");
    StoreError::peer(Code::new("store.short_answer"), reason)
}
