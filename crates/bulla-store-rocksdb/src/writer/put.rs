//! What a commit does with entries given.

use bulla_core::values::{PutOutcome, Refusal, Rule};
use bulla_core::{Code, EntryId, Verified};
use bulla_store::{Mark, Result, StoreError, rules};

use super::plan::{Change, Fresh, Plan, Touched};
use crate::error::damaged_row;
use crate::layout::{
    Family, HeaderRow, INLINE_BYTES, IndexRow, KeptRow, Key, RemovalRow, Row, State, author_key,
    header_row, id_key, kept_key, receipt_key,
};
use crate::queue::Slice;

impl Plan<'_> {
    /// Adds entries of one space; one outcome each.
    pub(super) fn put(&mut self, slice: &Slice) -> Result<Vec<PutOutcome>> {
        let mut touched = self.touch(&slice.space)?;
        let outcomes = self.put_all(&mut touched, &slice.entries, slice.marks.as_deref());
        self.put_back(touched);
        outcomes
    }

    fn put_all(
        &mut self,
        touched: &mut Touched,
        entries: &[Verified],
        marks: Option<&[Mark]>,
    ) -> Result<Vec<PutOutcome>> {
        let number = touched.number();
        let keys: Vec<Key> = entries.iter().map(|entry| id_key(number, &entry.id())).collect();
        let mut index = self.look_up(Family::Ids, &keys)?.into_iter();
        // Erasures of entries that have not come yet are rare; no space without one pays for the look-up.
        let removals = if touched.row.removals > 0 {
            self.look_up(Family::Removals, &keys)?
        } else {
            Vec::new()
        };
        let mut removals = removals.into_iter();
        // The same goes for entries that were refused before.
        let kept = if touched.kept.entries > 0 {
            let keys: Vec<Key> =
                entries.iter().map(|entry| kept_key(number, &entry.id())).collect();
            self.look_up(Family::Quarantine, &keys)?
        } else {
            Vec::new()
        };
        let mut kept = kept.into_iter();
        let mut outcomes = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let held = parse(index.next(), "ids");
            let removal = parse(removals.next(), "removals");
            let kept = kept.next().and_then(left);
            let said = Said { mark: marks.map(|marks| marks.get(at)), kept };
            let outcome = held.and_then(|held| self.put_one(touched, entry, held, removal?, said));
            // What is damaged here says nothing of the entry, and stops no other one (STO-5).
            outcomes.push(outcome.unwrap_or_else(|error| refused(&error)));
        }
        Ok(outcomes)
    }

    fn put_one(
        &mut self,
        touched: &mut Touched,
        entry: &Verified,
        held: Option<IndexRow>,
        removal: Option<RemovalRow>,
        said: Said<'_>,
    ) -> Result<PutOutcome> {
        if let Some(refusal) = rules::refusal(&touched.space().id, entry) {
            return Ok(PutOutcome::Refused(refusal));
        }
        let id = entry.id();
        let fresh = touched.fresh.get(&id).copied();
        let held = fresh.map(|fresh| IndexRow::new(fresh.receipt, fresh.state)).or(held);
        match (held, entry.payload()) {
            (None, _) => {
                let outcome = self.append(touched, entry, &id, removal)?;
                self.judge(touched, entry, &id, said)?;
                Ok(outcome)
            }
            (Some(held), Some(payload)) if held.is_missing => {
                self.add_payload(touched, entry, payload, held, fresh)
            }
            (Some(held), _) => Ok(PutOutcome::Duplicate(held.receipt)),
        }
    }

    /// Adds what is said of an entry that was just appended, and takes it out of quarantine.
    fn judge(
        &mut self,
        touched: &mut Touched,
        entry: &Verified,
        id: &EntryId,
        said: Said<'_>,
    ) -> Result<()> {
        let (number, receipt) = (touched.number(), touched.row.last_receipt);
        match said.mark {
            Some(Some(Mark::Not(code))) => {
                self.batch.put(Family::Marks, receipt_key(number, receipt), code.as_str())?;
                touched.judged_mut().marked.insert(id);
            }
            Some(Some(Mark::Counts)) => {}
            // Somebody has to judge it still (MARK-4).
            Some(None) | None => {
                let judged = touched.judged.as_deref();
                if judged
                    .is_some_and(|judged| judged.rule == Rule::Directory && judged.by.is_some())
                {
                    touched.judged_mut().by = None;
                }
            }
        }
        if let Some((code, bytes)) = said.kept {
            let author = entry.header().author;
            let of_author = touched.kept_of(self.database, &author)?.without(bytes);
            self.batch.delete(Family::Quarantine, kept_key(number, id))?;
            touched.kept_of.insert(author, of_author);
            touched.kept = touched.kept.without(bytes);
            touched.left.push((receipt, code));
            touched.is_quarantine_full = Some(false);
        }
        Ok(())
    }

    fn append(
        &mut self,
        touched: &mut Touched,
        entry: &Verified,
        id: &EntryId,
        removal: Option<RemovalRow>,
    ) -> Result<PutOutcome> {
        let number = touched.number();
        let receipt = touched.row.last_receipt.saturating_add(1);
        let log_hash = touched.row.log_hash.next(id);
        let header = entry.header();
        let is_control = header.kind.is_control();
        let state = match (removal, entry.payload()) {
            // An erasure never reaches a control entry, not even one that arrives after it (ERA-5).
            (Some(removal), _) if !is_control => removal.state(),
            (_, Some(payload)) => state_of(payload),
            (_, None) => State::Missing,
        };
        if let Some(payload) = entry.payload().filter(|_| state.is_present()) {
            self.put_payload(touched, entry, receipt, payload, state)?;
        }
        let key = receipt_key(number, receipt);
        self.batch.put(
            Family::Headers,
            key,
            header_row(entry.verified_header(), &log_hash, state),
        )?;
        self.batch.put(
            Family::Ids,
            id_key(number, id),
            IndexRow::new(receipt, state).to_bytes(),
        )?;
        self.batch.put(
            Family::Authors,
            author_key(number, &header.author, header.sequence, receipt),
            [],
        )?;
        if removal.is_some() {
            self.batch.delete(Family::Removals, id_key(number, id))?;
            touched.row.removals = touched.row.removals.saturating_sub(1);
        }

        touched.row.last_receipt = receipt;
        touched.row.log_hash = log_hash;
        touched.row.control = touched.row.control.saturating_add(u64::from(is_control));
        if state.is_present() {
            touched.row.present = touched.row.present.saturating_add(1);
            touched.row.payload_bytes =
                touched.row.payload_bytes.saturating_add(u64::from(header.payload_length));
        }
        touched.fresh.insert(*id, Fresh { receipt, log_hash, state });
        touched.changes.push(Change::Appended {
            id: *id,
            is_control,
            has_payload: state.is_present(),
        });
        Ok(PutOutcome::Stored(receipt))
    }

    fn add_payload(
        &mut self,
        touched: &mut Touched,
        entry: &Verified,
        payload: &[u8],
        held: IndexRow,
        fresh: Option<Fresh>,
    ) -> Result<PutOutcome> {
        let (number, id, receipt) = (touched.number(), entry.id(), held.receipt);
        let key = receipt_key(number, receipt);
        let log_hash = match fresh {
            Some(fresh) => fresh.log_hash,
            None => {
                let bytes = self
                    .database
                    .get(Family::Headers, &key)?
                    .ok_or_else(|| damaged_row("headers"))?;
                let row = HeaderRow::parse(&bytes)
                    .filter(|row| row.id == id)
                    .ok_or_else(|| damaged_row("headers"))?;
                if row.state != State::Missing {
                    return Ok(PutOutcome::Duplicate(receipt));
                }
                row.log_hash
            }
        };
        let state = state_of(payload);
        self.put_payload(touched, entry, receipt, payload, state)?;
        self.batch.put(
            Family::Headers,
            key,
            header_row(entry.verified_header(), &log_hash, state),
        )?;
        self.batch.put(
            Family::Ids,
            id_key(number, &id),
            IndexRow::new(receipt, state).to_bytes(),
        )?;

        touched.row.present = touched.row.present.saturating_add(1);
        touched.row.payload_bytes =
            touched.row.payload_bytes.saturating_add(u64::from(entry.header().payload_length));
        touched.fresh.insert(id, Fresh { receipt, log_hash, state });
        touched.changes.push(Change::PayloadAdded(id));
        Ok(PutOutcome::PayloadAdded(receipt))
    }

    fn put_payload(
        &mut self,
        touched: &mut Touched,
        entry: &Verified,
        receipt: u64,
        payload: &[u8],
        state: State,
    ) -> Result<()> {
        if state == State::Large {
            self.put_large(touched, &entry.header().content_hash, receipt, payload)
        } else {
            self.batch.put(Family::Payloads, receipt_key(touched.number(), receipt), payload)
        }
    }
}

/// What is known of an entry besides what is held.
struct Said<'m> {
    /// By an admission, if one was asked.
    mark: Option<Option<&'m Mark>>,
    /// Its code and its bytes, if it is in quarantine.
    kept: Option<(Code, u64)>,
}

/// The code and the bytes of an entry in quarantine. A row that cannot be read is left where it is: it says nothing of the
/// entry, listings leave it out and `verify` finds it.
fn left(found: Result<Option<rocksdb::DBPinnableSlice<'_>>>) -> Option<(Code, u64)> {
    let bytes = match found {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::error!(%error, "a row of the quarantine cannot be read");
            return None;
        }
    };
    let row = KeptRow::parse(&bytes);
    if row.is_none() {
        tracing::error!("a row of the quarantine has the wrong shape");
    }
    row.map(|row| (row.code.clone(), row.size_bytes()))
}

fn state_of(payload: &[u8]) -> State {
    if payload.len() > INLINE_BYTES { State::Large } else { State::Inline }
}

/// What a look-up found; nothing when nothing was looked up.
fn parse<R: Row>(
    found: Option<Result<Option<rocksdb::DBPinnableSlice<'_>>>>,
    what: &'static str,
) -> Result<Option<R>> {
    found
        .transpose()?
        .flatten()
        .map(|bytes| R::parse(&bytes).ok_or_else(|| damaged_row(what)))
        .transpose()
}

fn refused(error: &StoreError) -> PutOutcome {
    PutOutcome::Refused(Refusal { code: error.code(), is_retryable: true })
}
