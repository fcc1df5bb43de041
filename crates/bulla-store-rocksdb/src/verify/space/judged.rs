//! Looking again at marks, and at what was refused and is kept.

use std::collections::BTreeMap;

use bulla_core::values::Rule;
use bulla_core::{AuthorKey, Code, EntryId};
use bulla_store::tally::TallySet;
use bulla_store::{KeptTotals, Result, StoreError};

use super::super::ProblemKind;
use super::Check;
use crate::error::read_error;
use crate::layout::{Family, HeaderRow, KeptRow, Row, kept_range, receipt_key, space_range};

impl Check<'_> {
    /// What the store says does not count.
    pub(super) fn marked_as_told(&self) -> TallySet {
        self.judged.as_ref().map(|judged| judged.marked.clone()).unwrap_or_default()
    }

    /// Every mark is a code, and of an entry that is held; the sum is compared with the other sums.
    pub(super) fn check_marks(&mut self) -> Result<()> {
        let (first, end) = space_range(self.view.number);
        let mut rows = self.rows(Family::Marks, &end)?;
        rows.seek(first);
        let mut orphans = 0_u64;
        let mut damaged = Vec::new();
        while let Some((key, value)) = rows.item() {
            let receipt = key.last_chunk().copied().map_or(0, u64::from_be_bytes);
            let header = self.get(Family::Headers, &receipt_key(self.view.number, receipt));
            let id = match header {
                Ok(Some(bytes)) if receipt <= self.expected.last_receipt => {
                    HeaderRow::parse(&bytes).map(|row| row.id)
                }
                Ok(_) | Err(StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            };
            match (id, <Code as Row>::parse(value)) {
                (None, _) => orphans += 1,
                (Some(id), None) => damaged.push((receipt, id)),
                (Some(id), Some(_)) => self.marked.insert(&id),
            }
            rows.next();
        }
        let status = rows.status().map_err(read_error("marks"));
        drop(rows);
        for (receipt, id) in damaged {
            let detail = "mark row has the wrong shape".to_owned();
            self.problem(receipt, Some(id), ProblemKind::Index, detail);
        }
        if orphans > 0 {
            let detail = format!("{orphans} marks without an entry");
            self.problem(None, None, ProblemKind::Orphan, detail);
        }
        let is_under_all = self.judged.as_ref().is_none_or(|judged| judged.rule == Rule::All);
        if is_under_all && self.marked.count > 0 {
            let detail = format!("{} marks under the rule all", self.marked.count);
            self.problem(None, None, ProblemKind::Orphan, detail);
        }
        self.note(status, Family::Marks)
    }

    /// Every entry in quarantine is whole and signed, none of them is held, and the totals are theirs.
    pub(super) fn check_quarantine(&mut self) -> Result<()> {
        let [first, authors_first, end] = kept_range(self.view.number);
        let mut rows = self.rows(Family::Quarantine, &end)?;
        rows.seek(first);
        let (mut all, mut counted, mut told) =
            (KeptTotals::default(), BTreeMap::new(), BTreeMap::new());
        let mut damaged = Vec::new();
        while let Some((key, value)) = rows.item() {
            if key >= authors_first.as_ref() {
                let author = key.last_chunk().copied().map(AuthorKey);
                let totals = <KeptTotals as Row>::parse(value);
                told.extend(author.zip(totals));
                rows.next();
                continue;
            }
            let id = key.last_chunk().copied().map_or(EntryId::ZERO, EntryId);
            match self.kept_author(&id, value)? {
                Ok((author, bytes)) => {
                    let totals: &mut KeptTotals = counted.entry(author).or_default();
                    *totals = totals.with(bytes);
                    all = all.with(bytes);
                }
                Err(detail) => damaged.push((id, detail)),
            }
            rows.next();
        }
        let status = rows.status().map_err(read_error("quarantine"));
        drop(rows);
        for (id, detail) in damaged {
            self.problem(None, Some(id), ProblemKind::Payload, detail);
        }
        if all != self.kept || counted != told {
            let detail = "totals of the quarantine are not those of its entries".to_owned();
            self.problem(None, None, ProblemKind::Digest, detail);
        }
        self.note(status, Family::Quarantine)
    }

    /// Who wrote an entry in quarantine and what it takes; or what is wrong with it.
    fn kept_author(
        &self,
        id: &EntryId,
        row: &[u8],
    ) -> Result<std::result::Result<(AuthorKey, u64), String>> {
        let Some(row) = KeptRow::parse(row) else {
            return Ok(Err("row of the quarantine has the wrong shape".to_owned()));
        };
        let entry = match row.entry(id) {
            Ok(entry) => entry,
            Err(error) => return Ok(Err(format!("in quarantine: {error}"))),
        };
        if let Err(error) = self.verifier.verify(&self.space.id, entry.to_raw()) {
            return Ok(Err(format!("in quarantine: {error}")));
        }
        let held = self.get(Family::Ids, &crate::layout::id_key(self.view.number, id));
        if matches!(held, Ok(Some(_))) {
            return Ok(Err("both held and in quarantine".to_owned()));
        }
        Ok(Ok((entry.header().author, row.size_bytes())))
    }

    /// A walk that ended at a block that cannot be read is a problem, and no reason to stop.
    fn note(&mut self, status: Result<()>, family: Family) -> Result<()> {
        match status {
            Err(StoreError::Corrupt { reason, .. }) => {
                let detail = format!("{}: {reason}", family.name());
                self.problem(None, None, ProblemKind::Index, detail);
                Ok(())
            }
            status => status,
        }
    }
}
