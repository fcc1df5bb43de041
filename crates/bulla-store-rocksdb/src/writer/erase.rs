//! What a commit does with an erasure, and with payloads found damaged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bulla_core::{ContentHash, EntryId, Header};
use bulla_store::{Erasure, ErasureReport, Result, rules};

use super::plan::{Change, Plan, Touched};
use crate::error::damaged_row;
use crate::layout::{
    Family, HeaderRow, IndexRow, RemovalRow, State, hash_key, id_key, marker_key, receipt_key,
};
use crate::space::Space;

/// What this erasure did so far, for ids that it names twice and payloads that several entries share.
#[derive(Default)]
struct Done {
    states: HashMap<EntryId, State>,
    removals: HashMap<EntryId, State>,
    markers: HashSet<(ContentHash, u64)>,
}

impl Plan<'_> {
    /// Drops payloads. Its space has nothing else in this commit.
    pub(super) fn erase(&mut self, space: &Arc<Space>, erasure: &Erasure) -> Result<ErasureReport> {
        let mut touched = self.touch(space)?;
        let report = self.erase_all(&mut touched, erasure);
        self.put_back(touched);
        report
    }

    fn erase_all(&mut self, touched: &mut Touched, erasure: &Erasure) -> Result<ErasureReport> {
        let given =
            if erasure.is_prune { State::Pruned(erasure.by) } else { State::Erased(erasure.by) };
        let mut report = ErasureReport::default();
        let mut done = Done::default();
        for id in &erasure.ids {
            let index: Option<IndexRow> =
                self.database.row(Family::Ids, &id_key(touched.number(), id))?;
            match index {
                Some(index) => {
                    self.erase_held(touched, id, index.receipt, given, &mut done, &mut report)?;
                }
                None => {
                    self.remember(touched, id, given, &mut done)?;
                    report.remembered += 1;
                }
            }
        }
        Ok(report)
    }

    fn erase_held(
        &mut self,
        touched: &mut Touched,
        id: &EntryId,
        receipt: u64,
        given: State,
        done: &mut Done,
        report: &mut ErasureReport,
    ) -> Result<()> {
        let bytes = self
            .database
            .get(Family::Headers, &receipt_key(touched.number(), receipt))?
            .ok_or_else(|| damaged_row("headers"))?;
        let row = HeaderRow::parse(&bytes)
            .filter(|row| row.id == *id)
            .ok_or_else(|| damaged_row("headers"))?;
        if row.is_control {
            report.refused += 1;
            return Ok(());
        }
        let held = done.states.get(id).copied().unwrap_or(row.state);
        let state = if held.is_present() {
            report.dropped += 1;
            self.drop_payload(touched, &row, receipt, held, done)?;
            given
        } else {
            report.already_absent += 1;
            stronger(held, given)
        };
        if state != held {
            self.put_state(touched.number(), &row, receipt, state)?;
            done.states.insert(*id, state);
        }
        Ok(())
    }

    /// Keeps an erasure of an entry that is not held.
    fn remember(
        &mut self,
        touched: &mut Touched,
        id: &EntryId,
        given: State,
        done: &mut Done,
    ) -> Result<()> {
        let key = id_key(touched.number(), id);
        let kept = match done.removals.get(id) {
            Some(state) => Some(*state),
            None => self.database.row::<RemovalRow>(Family::Removals, &key)?.map(RemovalRow::state),
        };
        if kept.is_none() {
            touched.row.removals = touched.row.removals.saturating_add(1);
        }
        let state = kept.map_or(given, |kept| stronger(kept, given));
        if let Some(row) = RemovalRow::new(state) {
            self.batch.put(Family::Removals, key, row.to_bytes())?;
            done.removals.insert(*id, state);
        }
        Ok(())
    }

    /// Takes back what erasures said; of how many entries. Their space has nothing else in this commit.
    pub(super) fn restore(&mut self, space: &Arc<Space>, ids: &[EntryId]) -> Result<u64> {
        let mut touched = self.touch(space)?;
        let count = self.restore_all(&mut touched, ids);
        self.put_back(touched);
        count
    }

    fn restore_all(&mut self, touched: &mut Touched, ids: &[EntryId]) -> Result<u64> {
        let number = touched.number();
        let mut done = HashSet::new();
        for id in ids {
            let key = id_key(number, id);
            let Some(index) = self.database.row::<IndexRow>(Family::Ids, &key)? else {
                let removal: Option<RemovalRow> = self.database.row(Family::Removals, &key)?;
                // What was pruned was so for another reason.
                if removal.is_some_and(|removal| !removal.is_prune) && done.insert(*id) {
                    self.batch.delete(Family::Removals, key)?;
                    touched.row.removals = touched.row.removals.saturating_sub(1);
                }
                continue;
            };
            let bytes = self
                .database
                .get(Family::Headers, &receipt_key(number, index.receipt))?
                .ok_or_else(|| damaged_row("headers"))?;
            let row = HeaderRow::parse(&bytes)
                .filter(|row| row.id == *id)
                .ok_or_else(|| damaged_row("headers"))?;
            if matches!(row.state, State::Erased(_)) && done.insert(*id) {
                self.put_state(number, &row, index.receipt, State::Missing)?;
            }
        }
        Ok(u64::try_from(done.len()).unwrap_or(u64::MAX))
    }

    /// Removes a payload's bytes, or its claim to bytes that others share.
    fn drop_payload(
        &mut self,
        touched: &mut Touched,
        row: &HeaderRow<'_>,
        receipt: u64,
        held: State,
        done: &mut Done,
    ) -> Result<()> {
        let number = touched.number();
        let header = Header::decode(row.header).map_err(|_| damaged_row("headers"))?;
        if held == State::Large {
            let hash = header.content_hash;
            self.batch.delete(Family::Markers, marker_key(number, &hash, receipt))?;
            done.markers.insert((hash, receipt));
            if !self
                .database
                .has_marker(number, &hash, |other| done.markers.contains(&(hash, other)))?
            {
                self.batch.delete(Family::Large, hash_key(number, &hash))?;
            }
        } else {
            self.batch.delete(Family::Payloads, receipt_key(number, receipt))?;
        }
        touched.row.present = touched.row.present.saturating_sub(1);
        touched.row.payload_bytes =
            touched.row.payload_bytes.saturating_sub(u64::from(header.payload_length));
        touched.changes.push(Change::PayloadDropped(row.id));
        Ok(())
    }

    fn put_state(
        &mut self,
        number: u32,
        row: &HeaderRow<'_>,
        receipt: u64,
        state: State,
    ) -> Result<()> {
        self.batch.put(Family::Headers, receipt_key(number, receipt), row.with_state(state))?;
        self.batch.put(
            Family::Ids,
            id_key(number, &row.id),
            IndexRow::new(receipt, state).to_bytes(),
        )
    }

    /// Makes payloads that do not hold any more missing, so that they are wanted again; how many there were. Entries that
    /// share a damaged payload are all named by the caller.
    pub(super) fn quarantine(&mut self, space: &Arc<Space>, receipts: &[u64]) -> Result<u64> {
        let mut touched = self.touch(space)?;
        let outcome = self.quarantine_all(&mut touched, receipts);
        self.put_back(touched);
        outcome
    }

    fn quarantine_all(&mut self, touched: &mut Touched, receipts: &[u64]) -> Result<u64> {
        let mut done = Done::default();
        let mut count = 0;
        for &receipt in receipts {
            let Some(bytes) =
                self.database.get(Family::Headers, &receipt_key(touched.number(), receipt))?
            else {
                continue;
            };
            let row = HeaderRow::parse(&bytes).ok_or_else(|| damaged_row("headers"))?;
            if row.state.is_present() && !done.states.contains_key(&row.id) {
                self.drop_payload(touched, &row, receipt, row.state, &mut done)?;
                self.put_state(touched.number(), &row, receipt, State::Missing)?;
                done.states.insert(row.id, State::Missing);
                count += 1;
            }
        }
        Ok(count)
    }
}

/// Of two reasons for an absence the stronger one.
fn stronger(held: State, given: State) -> State {
    State::absent(rules::stronger_absence(held.payload_state(), given.payload_state()))
        .unwrap_or(held)
}
