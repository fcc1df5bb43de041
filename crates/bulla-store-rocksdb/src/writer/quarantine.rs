//! What a commit does with entries that were refused and are kept.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_core::{AuthorKey, Code, EntryId, Header, Verified};
use bulla_store::quarantine::{FULL, size_of};
use bulla_store::{Kept, QuarantineBounds, Result, rules};

use super::plan::{Plan, Touched};
use crate::layout::{Family, IndexRow, KeptRow, id_key, kept_key, kept_row};
use crate::space::Space;

/// An entry in quarantine as far as this commit goes.
#[derive(Clone)]
struct There {
    code: Code,
    bytes: u64,
    has_payload: bool,
    /// Which entry of the batch it is; `None` while its row lies in the database.
    given: Option<usize>,
}

impl Plan<'_> {
    /// Keeps entries, one outcome each. Their space has nothing else in this commit.
    pub(super) fn keep(
        &mut self,
        space: &Arc<Space>,
        batch: &[(Verified, Code)],
        bounds: &QuarantineBounds,
    ) -> Result<Vec<Kept>> {
        let mut touched = self.touch(space)?;
        let mut fresh = HashMap::new();
        let outcomes = batch
            .iter()
            .enumerate()
            .map(|(at, given)| self.keep_one(&mut touched, &mut fresh, (batch, at), given, bounds))
            .collect();
        self.put_back(touched);
        outcomes
    }

    fn keep_one(
        &mut self,
        touched: &mut Touched,
        fresh: &mut HashMap<EntryId, There>,
        (batch, at): (&[(Verified, Code)], usize),
        (entry, code): &(Verified, Code),
        bounds: &QuarantineBounds,
    ) -> Result<Kept> {
        if let Some(refusal) = rules::refusal(&touched.space().id, entry) {
            return Ok(Kept::Refused(refusal));
        }
        let (number, id, author) = (touched.number(), entry.id(), entry.header().author);
        let held: Option<IndexRow> = self.database.row(Family::Ids, &id_key(number, &id))?;
        if let Some(held) = held {
            return Ok(Kept::Held(held.receipt));
        }
        let there = match fresh.get(&id) {
            Some(there) => Some(there.clone()),
            None => self.there(number, &id)?,
        };
        let (mut of_author, mut all) = (touched.kept_of(self.database, &author)?, touched.kept);
        if let Some(there) = &there {
            let brings_payload = entry.payload().is_some() && !there.has_payload;
            (of_author, all) = (of_author.without(there.bytes), all.without(there.bytes));
            let grown = (of_author.with(size_of(entry)), all.with(size_of(entry)));
            if !brings_payload || bounds.refusal(grown.0, grown.1).is_some() {
                self.recode(number, &id, there, code, batch)?;
                fresh.insert(id, There { code: code.clone(), ..there.clone() });
                return Ok(Kept::Already);
            }
        }
        let bytes = size_of(entry);
        let (of_author, all) = (of_author.with(bytes), all.with(bytes));
        if let Some(refusal) = bounds.refusal(of_author, all) {
            if refusal.code.as_str() == FULL {
                touched.is_quarantine_full = Some(true);
            }
            return Ok(Kept::Refused(refusal));
        }
        self.batch.put(Family::Quarantine, kept_key(number, &id), kept_row(entry, code))?;
        touched.kept_of.insert(author, of_author);
        touched.kept = all;
        let has_payload = entry.payload().is_some();
        fresh.insert(id, There { code: code.clone(), bytes, has_payload, given: Some(at) });
        Ok(if there.is_some() { Kept::Already } else { Kept::Kept })
    }

    fn there(&self, number: u32, id: &EntryId) -> Result<Option<There>> {
        let bytes = self.database.get(Family::Quarantine, &kept_key(number, id))?;
        // A row that cannot be read counts as none, and is replaced; `verify` finds that the totals are off.
        let row = bytes.as_deref().and_then(KeptRow::parse);
        Ok(row.map(|row| There {
            code: row.code.clone(),
            bytes: row.size_bytes(),
            has_payload: row.payload.is_some(),
            given: None,
        }))
    }

    /// Gives an entry in quarantine another code.
    fn recode(
        &mut self,
        number: u32,
        id: &EntryId,
        there: &There,
        code: &Code,
        batch: &[(Verified, Code)],
    ) -> Result<()> {
        if there.code == *code {
            return Ok(());
        }
        let key = kept_key(number, id);
        if let Some((entry, _)) = there.given.and_then(|given| batch.get(given)) {
            return self.batch.put(Family::Quarantine, key, kept_row(entry, code));
        }
        if let Some(bytes) = self.database.get(Family::Quarantine, &key)?
            && let Some(row) = KeptRow::parse(&bytes)
        {
            self.batch.put(Family::Quarantine, key, row.with_code(code))?;
        }
        Ok(())
    }

    /// Drops payloads of entries that were kept; how many there were.
    pub(super) fn drop_kept(&mut self, space: &Arc<Space>, ids: &[EntryId]) -> Result<u64> {
        let mut touched = self.touch(space)?;
        let count = self.drop_all_kept(&mut touched, ids);
        self.put_back(touched);
        count
    }

    fn drop_all_kept(&mut self, touched: &mut Touched, ids: &[EntryId]) -> Result<u64> {
        let number = touched.number();
        let mut done = std::collections::HashSet::new();
        for id in ids {
            let key = kept_key(number, id);
            let Some(bytes) = self.database.get(Family::Quarantine, &key)? else { continue };
            // A row that cannot be read is left where it is; `verify` finds it.
            let Some(row) = KeptRow::parse(&bytes).filter(|row| row.payload.is_some()) else {
                continue;
            };
            let Some((author, before)) = owner(&row).filter(|_| done.insert(*id)) else { continue };
            let row = row.without_payload();
            self.batch.put(Family::Quarantine, key, row.with_code(&row.code))?;
            let of_author = touched.kept_of(self.database, &author)?;
            let after = row.size_bytes();
            touched.kept_of.insert(author, of_author.without(before).with(after));
            touched.kept = touched.kept.without(before).with(after);
            touched.is_quarantine_full = Some(false);
        }
        Ok(u64::try_from(done.len()).unwrap_or(u64::MAX))
    }

    /// Forgets entries that were kept; how many there were.
    pub(super) fn release(&mut self, space: &Arc<Space>, ids: &[EntryId]) -> Result<u64> {
        let mut touched = self.touch(space)?;
        let count = self.release_all(&mut touched, ids);
        self.put_back(touched);
        count
    }

    fn release_all(&mut self, touched: &mut Touched, ids: &[EntryId]) -> Result<u64> {
        let number = touched.number();
        let mut gone = std::collections::HashSet::new();
        for id in ids {
            let key = kept_key(number, id);
            let Some(bytes) = self.database.get(Family::Quarantine, &key)? else { continue };
            if !gone.insert(*id) {
                continue;
            }
            self.batch.delete(Family::Quarantine, key)?;
            let Some((author, bytes)) = KeptRow::parse(&bytes).and_then(|row| owner(&row)) else {
                continue;
            };
            let of_author = touched.kept_of(self.database, &author)?.without(bytes);
            touched.kept_of.insert(author, of_author);
            touched.kept = touched.kept.without(bytes);
            touched.is_quarantine_full = Some(false);
        }
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }
}

fn owner(row: &KeptRow<'_>) -> Option<(AuthorKey, u64)> {
    Some((Header::decode(row.header).ok()?.author, row.size_bytes()))
}
