//! What a memory store holds, and how it changes. No locks, no waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulla_core::values::{Head, Page, PayloadState, PutOutcome, ScanRequest, Summary};
use bulla_core::{
    AuthorKey, Bloom, Code, EntryId, Lineage, LogHash, SetDigest, SpaceId, Verified, VerifiedEntry,
};

use super::quarantine::Ward;
use crate::rules::{self, Offer, PageBuilder, Row};
use crate::tally::Tally;
use crate::{Mark, QuarantineBounds, Result, StoreError};

/// One entry as it is held.
#[derive(Debug)]
pub(super) struct Stored {
    /// The entry; a header exactly when `state` is not `Present`.
    pub(super) entry: Verified,
    pub(super) state: PayloadState,
    log_hash: LogHash,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) tally: Tally,
    /// The head of `tally`, hashed once per change.
    head: Head,
    /// By receipt, from 1 on.
    stored: Vec<Stored>,
    /// Standard maps are keyed at random, so that chosen ids cannot flood them.
    receipts: HashMap<EntryId, u64>,
    /// Author, sequence and receipt of every entry.
    pub(super) authors: BTreeSet<(AuthorKey, u64, u64)>,
    /// Why entries do not count, by receipt.
    pub(super) marks: BTreeMap<u64, Code>,
    /// The control entries that the marks are made from.
    pub(super) judged_by: Option<SetDigest>,
    /// What was refused and is kept.
    pub(super) ward: Ward,
    /// Erasures of entries that have not arrived.
    remembered: HashMap<EntryId, PayloadState>,
    pub(super) payload_bytes: u64,
    pub(super) commits: u64,
    pub(super) is_removed: bool,
}

impl State {
    pub(super) fn new(space: &SpaceId, lineage: Lineage, bounds: QuarantineBounds) -> Self {
        let tally = Tally::new(space, lineage);
        Self {
            head: tally.head(),
            tally,
            stored: Vec::new(),
            receipts: HashMap::new(),
            authors: BTreeSet::new(),
            marks: BTreeMap::new(),
            judged_by: None,
            ward: Ward::new(bounds),
            remembered: HashMap::new(),
            payload_bytes: 0,
            commits: 0,
            is_removed: false,
        }
    }

    /// Ends a change: counts it and hashes the head anew.
    pub(super) fn commit(&mut self) {
        self.head = self.tally.head();
        self.commits += 1;
    }

    /// Stores an entry with what an admission says of it; `None` where none was asked (MARK-4).
    pub(super) fn put(
        &mut self,
        space: &SpaceId,
        entry: Verified,
        mark: Option<Mark>,
    ) -> PutOutcome {
        if let Some(refusal) = rules::refusal(space, &entry) {
            return PutOutcome::Refused(refusal);
        }
        let id = entry.id();
        let Some(&receipt) = self.receipts.get(&id) else {
            let receipt = self.append(entry);
            match mark {
                Some(mark) => _ = self.set_mark(receipt, &id, mark),
                // Somebody has to judge it still; under the rule all nobody ever did.
                None => self.judged_by = None,
            }
            return PutOutcome::Stored(receipt);
        };
        let Some(stored) = stored_mut(&mut self.stored, receipt) else {
            return PutOutcome::Duplicate(receipt);
        };
        // An erased or pruned payload that comes back is not wanted: it stays a header (ERA-3).
        match (stored.state, entry) {
            (PayloadState::Missing, Verified::Entry(entry)) => {
                self.payload_bytes += payload_bytes(&entry);
                stored.entry = entry.into();
                stored.state = PayloadState::Present;
                self.tally.payload_added(&id);
                PutOutcome::PayloadAdded(receipt)
            }
            _ => PutOutcome::Duplicate(receipt),
        }
    }

    fn append(&mut self, entry: Verified) -> u64 {
        let id = entry.id();
        // An erasure never reaches a control entry, not even one that arrives after it (ERA-5).
        let erased = self.remembered.remove(&id).filter(|_| !entry.header().kind.is_control());
        let (entry, state) = match (erased, entry) {
            (Some(erased), entry) => (entry.verified_header().clone().into(), erased),
            (None, Verified::Entry(entry)) => {
                self.payload_bytes += payload_bytes(&entry);
                (entry.into(), PayloadState::Present)
            }
            (None, header @ Verified::Header(_)) => (header, PayloadState::Missing),
        };
        let header = entry.header();
        let receipt = self.tally.append(&id, header, state == PayloadState::Present);
        self.authors.insert((header.author, header.sequence, receipt));
        self.ward.remove(&id);
        self.stored.push(Stored { entry, state, log_hash: self.tally.log_hash });
        self.receipts.insert(id, receipt);
        receipt
    }

    /// Drops the payload of a held entry; `None` if the entry is not held, else whether there was a payload.
    pub(super) fn drop_payload(&mut self, id: &EntryId, state: PayloadState) -> Option<bool> {
        let stored = stored_mut(&mut self.stored, *self.receipts.get(id)?)?;
        let dropped = match &stored.entry {
            Verified::Entry(entry) => {
                self.payload_bytes = self.payload_bytes.saturating_sub(payload_bytes(entry));
                self.tally.payload_dropped(id);
                stored.entry = entry.verified_header().clone().into();
                true
            }
            Verified::Header(_) => false,
        };
        stored.state = if dropped { state } else { rules::stronger_absence(stored.state, state) };
        Some(dropped)
    }

    /// Says of a held entry whether it counts; whether that is new.
    pub(super) fn set_mark(&mut self, receipt: u64, id: &EntryId, mark: Mark) -> bool {
        match mark {
            Mark::Counts => {
                let was_marked = self.marks.remove(&receipt).is_some();
                if was_marked {
                    self.tally.marked.remove(id);
                }
                was_marked
            }
            Mark::Not(code) => {
                let earlier = self.marks.insert(receipt, code.clone());
                if earlier.is_none() {
                    self.tally.marked.insert(id);
                }
                earlier != Some(code)
            }
        }
    }

    /// Keeps an erasure for an entry that is not held.
    pub(super) fn remember(&mut self, id: EntryId, state: PayloadState) {
        let kept = self.remembered.entry(id).or_insert(state);
        *kept = rules::stronger_absence(*kept, state);
    }

    /// Takes back what an erasure said of an entry; whether there was one. What was pruned was so for another reason.
    pub(super) fn restore(&mut self, id: &EntryId) -> bool {
        let is_erased = |state: PayloadState| matches!(state, PayloadState::Erased(_));
        if self.remembered.get(id).is_some_and(|state| is_erased(*state)) {
            self.remembered.remove(id);
            return true;
        }
        let receipt = self.receipts.get(id).copied();
        let Some(stored) = receipt.and_then(|receipt| stored_mut(&mut self.stored, receipt)) else {
            return false;
        };
        let is_taken = is_erased(stored.state);
        if is_taken {
            stored.state = PayloadState::Missing;
        }
        is_taken
    }

    pub(super) fn receipt_of(&self, id: &EntryId) -> Option<u64> {
        self.receipts.get(id).copied()
    }

    pub(super) fn by_id(&self, id: &EntryId) -> Option<&Stored> {
        self.by_receipt(*self.receipts.get(id)?)
    }

    pub(super) fn by_receipt(&self, receipt: u64) -> Option<&Stored> {
        self.stored.get(index(receipt)?)
    }

    pub(super) const fn head(&self) -> Head {
        self.head
    }

    pub(super) const fn lineage(&self) -> Lineage {
        self.tally.lineage
    }

    pub(super) fn scan(&self, space: &SpaceId, request: &ScanRequest) -> Result<Page> {
        let Tally { lineage, last_receipt, .. } = self.tally;
        let start = match request.after {
            Some(cursor) => {
                rules::check_cursor(space, &cursor, lineage, last_receipt, |receipt| {
                    self.by_receipt(receipt).map(|stored| stored.log_hash).ok_or_else(broken)
                })?;
                cursor
            }
            None => rules::start_cursor(space, lineage),
        };
        let mut page = PageBuilder::new(request, start, last_receipt);
        while let Some(receipt) = page.next_receipt() {
            let stored = self.by_receipt(receipt).ok_or_else(broken)?;
            let header = stored.entry.verified_header();
            let row = Row { receipt, log_hash: stored.log_hash, header, state: stored.state };
            let offer = page.offer(row, || match &stored.entry {
                Verified::Entry(entry) => Ok(Some(entry.clone())),
                Verified::Header(_) => Err(broken()),
            })?;
            if offer == Offer::Full {
                break;
            }
        }
        Ok(page.finish())
    }

    pub(super) fn bloom(&self, salt: [u8; 16]) -> Summary {
        let mut bloom = Bloom::for_count(self.tally.last_receipt, salt);
        for stored in &self.stored {
            bloom.insert(&stored.entry.id());
        }
        Summary::Bloom { upto: self.head.cursor(), bloom }
    }
}

fn stored_mut(stored: &mut [Stored], receipt: u64) -> Option<&mut Stored> {
    stored.get_mut(index(receipt)?)
}

fn index(receipt: u64) -> Option<usize> {
    usize::try_from(receipt.checked_sub(1)?).ok()
}

fn payload_bytes(entry: &VerifiedEntry) -> u64 {
    u64::from(entry.header().payload_length)
}

/// Receipts are handed out in order and entries never leave, so this cannot happen.
fn broken() -> StoreError {
    StoreError::Internal {
        context: "a receipt of the memory store has no entry".into(),
        source: None,
    }
}
