//! Looking at one space again.

mod judged;

use std::collections::HashSet;
use std::sync::Arc;

use bulla_core::{ContentHash, EntryId, LogHash, RawEntry, VerifiedHeader, Verifier};
use bulla_store::tally::TallySet;
use bulla_store::{KeptTotals, Result, StoreError};
use bytes::Bytes;

use super::{Problem, ProblemKind, VerifyReport};
use crate::digests::{Delta, Digests};
use crate::error::read_error;
use crate::layout::{
    Family, HeaderRow, IndexRow, JudgedRow, Key, LiveRow, Row, State, author_key, id_key,
    marker_key, receipt_key, space_range,
};
use crate::read::{View, verified_entry, verified_header};
use crate::shared::Shared;
use crate::space::Space;

/// Headers whose signatures are judged together.
const BATCH: usize = 256;

/// A check under way.
pub(super) struct Check<'d> {
    view: View<'d>,
    space: &'d Space,
    verifier: &'d Verifier,
    report: VerifyReport,
    /// As the store says, at the moment of the view.
    expected: LiveRow,
    digests: Option<Digests>,
    /// As counted.
    counted: LiveRow,
    delta: Delta,
    /// What counts, as the store says and as counted.
    judged: Option<Arc<JudgedRow>>,
    marked: TallySet,
    kept: KeptTotals,
    inline: u64,
    large: u64,
    /// Long payloads found good.
    good: HashSet<ContentHash>,
    /// Receipts of entries whose payload is damaged.
    damaged: Vec<u64>,
}

/// A header that was read and has its id.
struct Read {
    receipt: u64,
    state: State,
    header: VerifiedHeader,
}

impl<'d> Check<'d> {
    /// Takes the view and what the store says of it at the same moment.
    pub(super) fn new(
        shared: &'d Shared,
        space: &'d Space,
        verifier: &'d Verifier,
        mut report: VerifyReport,
    ) -> Result<Self> {
        let mut live = space.live()?;
        let digests = match live.digests(&shared.database, space.number) {
            Ok(digests) => Some(digests.clone()),
            Err(StoreError::Corrupt { reason, .. }) => {
                let detail = format!("cannot be computed: {reason}");
                report.add(Problem {
                    space: space.id,
                    receipt: None,
                    id: None,
                    kind: ProblemKind::Digest,
                    detail,
                });
                None
            }
            Err(error) => return Err(error),
        };
        let view = View::of(shared, space.number, &live);
        let expected = live.row;
        let (judged, kept) = (live.judged.clone(), live.kept);
        let counted = LiveRow {
            removals: expected.removals,
            ..LiveRow::empty(LogHash::start(&space.id, &live.lineage))
        };
        drop(live);
        Ok(Self {
            view,
            space,
            verifier,
            report,
            expected,
            digests,
            counted,
            delta: Delta::default(),
            judged,
            marked: TallySet::default(),
            kept,
            inline: 0,
            large: 0,
            good: HashSet::new(),
            damaged: Vec::new(),
        })
    }

    /// Runs the check; the report and the receipts of damaged payloads.
    pub(super) fn run(mut self) -> Result<(VerifyReport, Vec<u64>)> {
        self.check_large()?;
        let mut batch = Vec::with_capacity(BATCH);
        for receipt in 1..=self.expected.last_receipt {
            if let Some(read) = self.read(receipt)? {
                batch.push(read);
            }
            if batch.len() == BATCH || receipt == self.expected.last_receipt {
                self.check_signatures(&batch);
                self.check_indexes(&batch)?;
                for read in batch.drain(..) {
                    self.check_payload(&read)?;
                }
            }
        }
        self.check_marks()?;
        self.check_sums();
        self.check_numbers_of_rows()?;
        self.check_quarantine()?;
        Ok((self.report, self.damaged))
    }

    /// Reads one header row by point read: a damaged block then hides only its own rows.
    fn read(&mut self, receipt: u64) -> Result<Option<Read>> {
        let found = self.get(Family::Headers, &receipt_key(self.view.number, receipt));
        let bytes = match found {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.lost(receipt, None, "row is gone".to_owned()),
            Err(StoreError::Corrupt { reason, .. }) => return self.lost(receipt, None, reason),
            Err(error) => return Err(error),
        };
        let Some(row) = HeaderRow::parse(&bytes) else {
            return self.lost(receipt, None, "row has the wrong shape".to_owned());
        };
        let log_hash = self.counted.log_hash.next(&row.id);
        if log_hash != row.log_hash {
            self.problem(
                receipt,
                Some(row.id),
                ProblemKind::LogHash,
                format!("{} instead of {log_hash}", row.log_hash),
            );
        }
        // Goes on from what is written, so that one broken link is one problem.
        self.counted.log_hash = row.log_hash;
        self.counted.last_receipt = receipt;
        self.counted.control = self.counted.control.saturating_add(u64::from(row.is_control));
        self.delta.append(&row.id, row.is_control, row.state.is_present());
        let header = match verified_header(&row) {
            Ok(header) => header,
            Err(error) => return self.lost(receipt, Some(row.id), error.to_string()),
        };
        if row.is_control != header.header().kind.is_control() {
            self.problem(
                receipt,
                Some(row.id),
                ProblemKind::Header,
                "marked as the wrong sort of entry".to_owned(),
            );
        }
        self.report.entries = self.report.entries.saturating_add(1);
        Ok(Some(Read { receipt, state: row.state, header }))
    }

    fn lost(&mut self, receipt: u64, id: Option<EntryId>, detail: String) -> Result<Option<Read>> {
        self.problem(receipt, id, ProblemKind::Header, detail);
        Ok(None)
    }

    fn check_signatures(&mut self, batch: &[Read]) {
        let raw: Vec<RawEntry> = batch.iter().map(|read| read.header.to_raw()).collect();
        let verdicts = self.verifier.verify_batch(&self.space.id, raw);
        for (read, verdict) in batch.iter().zip(verdicts) {
            if let Err(error) = verdict {
                self.problem(
                    read.receipt,
                    Some(read.header.id()),
                    ProblemKind::Signature,
                    error.to_string(),
                );
            }
        }
    }

    fn check_indexes(&mut self, batch: &[Read]) -> Result<()> {
        let number = self.view.number;
        for read in batch {
            let id = read.header.id();
            let expected = IndexRow::new(read.receipt, read.state);
            let found = self.get(Family::Ids, &id_key(number, &id));
            self.check_index(
                read,
                found.map(|row| row.as_deref().and_then(IndexRow::parse) == Some(expected)),
                "id",
            )?;
            let header = read.header.header();
            let key = author_key(number, &header.author, header.sequence, read.receipt);
            let found = self.get(Family::Authors, &key);
            self.check_index(read, found.map(|row| row.is_some()), "author")?;
            if read.state == State::Large {
                let found = self
                    .get(Family::Markers, &marker_key(number, &header.content_hash, read.receipt));
                self.check_index(read, found.map(|row| row.is_some()), "marker")?;
            }
        }
        Ok(())
    }

    fn check_index(&mut self, read: &Read, holds: Result<bool>, what: &str) -> Result<()> {
        let detail = match holds {
            Ok(true) => return Ok(()),
            Ok(false) => format!("no {what} row, or another one"),
            Err(StoreError::Corrupt { reason, .. }) => format!("{what} row: {reason}"),
            Err(error) => return Err(error),
        };
        self.problem(read.receipt, Some(read.header.id()), ProblemKind::Index, detail);
        Ok(())
    }

    /// Hashes every long payload once, however many entries share it.
    fn check_large(&mut self) -> Result<()> {
        let (first, end) = space_range(self.view.number);
        let mut rows = self.rows(Family::Large, &end)?;
        rows.seek(first);
        let mut orphans = 0_u64;
        while let Some((key, value)) = rows.item() {
            let hash = key.last_chunk().copied().map_or(ContentHash::ZERO, ContentHash);
            if ContentHash::of(value) == hash {
                self.good.insert(hash);
            }
            if !self.view.database.has_marker(self.view.number, &hash, |_| false)? {
                orphans += 1;
            }
            rows.next();
        }
        // Where a block cannot be read the walk ends; the payloads behind it are then looked at one by one.
        let is_whole = rows.status().is_ok();
        drop(rows);
        if is_whole && orphans > 0 {
            self.problem(
                None,
                None,
                ProblemKind::Orphan,
                format!("{orphans} long payloads without an entry"),
            );
        }
        Ok(())
    }

    fn check_payload(&mut self, read: &Read) -> Result<()> {
        let header = read.header.header();
        match read.state {
            State::Missing | State::Erased(_) | State::Pruned(_) => return Ok(()),
            State::Inline => self.inline = self.inline.saturating_add(1),
            State::Large => self.large = self.large.saturating_add(1),
        }
        let length = u64::from(header.payload_length);
        self.counted.present = self.counted.present.saturating_add(1);
        self.counted.payload_bytes = self.counted.payload_bytes.saturating_add(length);
        let is_known = read.state == State::Large && self.good.contains(&header.content_hash);
        if is_known
            || verified_entry(
                &read.header,
                self.view.payload(&read.header, read.receipt, read.state),
            )?
            .is_some()
        {
            self.report.payloads = self.report.payloads.saturating_add(1);
            self.report.payload_bytes = self.report.payload_bytes.saturating_add(length);
        } else {
            self.damaged.push(read.receipt);
            let detail = "gone, unreadable or of another hash".to_owned();
            self.problem(read.receipt, Some(read.header.id()), ProblemKind::Payload, detail);
        }
        Ok(())
    }

    /// Compares what was counted with what the store says.
    fn check_sums(&mut self) {
        let mut digests = Digests::default();
        digests.apply(&self.delta, self.expected.last_receipt);
        let given = self.digests.as_ref().unwrap_or(&digests);
        let wrong = [
            (digests.control != given.control, "digest of control entries"),
            (digests.held != given.held, "digest of all entries"),
            (digests.present != given.present, "digest of entries with payload"),
            (self.counted.last_receipt != self.expected.last_receipt, "last receipt"),
            (self.counted.log_hash != self.expected.log_hash, "newest log hash"),
            (self.counted.control != self.expected.control, "number of control entries"),
            (self.counted.present != self.expected.present, "number of payloads"),
            (self.counted.payload_bytes != self.expected.payload_bytes, "number of payload bytes"),
            (self.marked != self.marked_as_told(), "what does not count"),
        ];
        for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
            self.problem(
                None,
                None,
                ProblemKind::Digest,
                format!("{what} is not that of the entries"),
            );
        }
    }

    /// Every entry had its rows; equal numbers say that there are no others.
    fn check_numbers_of_rows(&mut self) -> Result<()> {
        let entries = self.expected.last_receipt;
        let families = [
            (Family::Headers, entries),
            (Family::Ids, entries),
            (Family::Authors, entries),
            (Family::Payloads, self.inline),
            (Family::Markers, self.large),
            (Family::Removals, self.expected.removals),
        ];
        let (first, end) = space_range(self.view.number);
        for (family, expected) in families {
            let mut rows = self.rows(family, &end)?;
            rows.seek(first);
            let mut count = 0_u64;
            while rows.valid() {
                count += 1;
                rows.next();
            }
            let status = rows.status().map_err(read_error(family.name()));
            drop(rows);
            match status {
                Ok(()) if count == expected => {}
                Ok(()) => {
                    let detail = format!("{count} rows of {}, {expected} expected", family.name());
                    self.problem(None, None, ProblemKind::Orphan, detail);
                }
                Err(StoreError::Corrupt { reason, .. }) => {
                    self.problem(
                        None,
                        None,
                        ProblemKind::Index,
                        format!("{}: {reason}", family.name()),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn get(&self, family: Family, key: &Key) -> Result<Option<Bytes>> {
        let database = self.view.database;
        let found = database
            .raw()
            .get_pinned_cf_opt(database.family(family)?, key, &self.view.options())
            .map_err(read_error(family.name()))?;
        Ok(found.map(|bytes| Bytes::copy_from_slice(&bytes)))
    }

    fn rows(
        &self,
        family: Family,
        end: &Key,
    ) -> Result<rocksdb::DBRawIteratorWithThreadMode<'d, rocksdb::DB>> {
        let mut options = self.view.options();
        options.set_iterate_upper_bound(end.as_ref());
        options.fill_cache(false);
        Ok(self
            .view
            .database
            .raw()
            .raw_iterator_cf_opt(self.view.database.family(family)?, options))
    }

    fn problem(
        &mut self,
        receipt: impl Into<Option<u64>>,
        id: Option<EntryId>,
        kind: ProblemKind,
        detail: String,
    ) {
        self.report.add(Problem {
            space: self.space.id,
            receipt: receipt.into(),
            id,
            kind,
            detail,
        });
    }
}
