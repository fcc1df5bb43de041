//! Reading entries back. Every header is decoded and its id computed anew, every payload hashed, on every read
//! (invariant 2): what a caller gets is what was verified before it was stored, or it gets told that it is damaged.

mod get;
mod judged;
mod kept;
mod scan;

use bulla_core::values::{Summary, SummaryRequest};
use bulla_core::{Bloom, Cursor, VerifiedEntry, VerifiedHeader};
use bulla_store::{Result, StoreError, rules};
use bytes::Bytes;
use rocksdb::{ReadOptions, Snapshot};

use crate::database::Database;
use crate::error::{damaged_row, read_error};
use crate::layout::{Family, HeaderRow, IndexRow, Row, State, hash_key, receipt_key, space_range};
use crate::shared::Shared;
use crate::space::{Live, Space};

pub(crate) use get::{get, has};
pub(crate) use judged::{authored, facts, marked};
pub(crate) use kept::{kept, kept_entries};
pub(crate) use scan::scan;

/// What is visible of a space at one moment: nothing above `upto`, and every row as it was then.
pub(crate) struct View<'d> {
    pub(crate) database: &'d Database,
    pub(crate) number: u32,
    pub(crate) upto: Cursor,
    snapshot: Snapshot<'d>,
}

impl<'d> View<'d> {
    /// The view of now.
    pub(crate) fn new(shared: &'d Shared, space: &Space) -> Result<Self> {
        let live = space.live()?;
        Ok(Self::of(shared, space.number, &live))
    }

    /// The view of a state that the caller holds locked: what is published is then in the snapshot.
    pub(crate) fn of(shared: &'d Shared, number: u32, live: &Live) -> Self {
        let upto = Cursor {
            lineage: live.lineage,
            receipt: live.row.last_receipt,
            log_hash: live.row.log_hash,
        };
        Self {
            database: &shared.database,
            number,
            upto,
            snapshot: shared.database.raw().snapshot(),
        }
    }

    /// Options for reads of this view.
    pub(crate) fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.snapshot);
        options
    }

    /// The bytes of a payload; `None` when they are not there.
    pub(crate) fn payload(
        &self,
        header: &VerifiedHeader,
        receipt: u64,
        state: State,
    ) -> Result<Option<Bytes>> {
        let (family, key) = match state {
            State::Inline => (Family::Payloads, receipt_key(self.number, receipt)),
            State::Large => (Family::Large, hash_key(self.number, &header.header().content_hash)),
            State::Missing | State::Erased(_) | State::Pruned(_) => return Ok(None),
        };
        let found = self
            .database
            .raw()
            .get_pinned_cf_opt(self.database.family(family)?, key, &self.options())
            .map_err(read_error(family.name()))?;
        Ok(found.map(|bytes| Bytes::copy_from_slice(&bytes)))
    }
}

/// The header of a row, its id computed anew.
pub(crate) fn verified_header(row: &HeaderRow<'_>) -> Result<VerifiedHeader> {
    VerifiedHeader::from_store(Bytes::copy_from_slice(row.header), row.signature, &row.id)
        .map_err(|error| StoreError::Corrupt { id: Some(row.id), reason: error.to_string() })
}

/// The whole entry; `None` when the payload is not there or is not the one the header names.
pub(crate) fn verified_entry(
    header: &VerifiedHeader,
    payload: Result<Option<Bytes>>,
) -> Result<Option<VerifiedEntry>> {
    let id = header.id();
    let payload = match payload {
        Ok(payload) => payload,
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, id = %id.short(), "stored payload cannot be read");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(payload) = payload else {
        tracing::error!(id = %id.short(), "stored payload is gone");
        return Ok(None);
    };
    match VerifiedEntry::from_store(header.clone(), payload) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) => {
            tracing::error!(%error, id = %id.short(), "stored payload is damaged");
            Ok(None)
        }
    }
}

/// A Bloom filter over all visible ids, read from the index alone.
pub(crate) fn summary(shared: &Shared, space: &Space, request: &SummaryRequest) -> Result<Summary> {
    let salt = rules::check_summary(request)?;
    let view = View::new(shared, space)?;
    let mut bloom = Bloom::for_count(view.upto.receipt, salt);
    let (first, end) = space_range(view.number);
    let mut options = view.options();
    options.set_iterate_upper_bound(end.as_ref());
    options.fill_cache(false);
    let mut rows =
        view.database.raw().raw_iterator_cf_opt(view.database.family(Family::Ids)?, options);
    rows.seek(first);
    while let Some((key, value)) = rows.item() {
        let row = IndexRow::parse(value).ok_or_else(|| damaged_row("ids"))?;
        let id = key.last_chunk().copied().ok_or_else(|| damaged_row("ids"))?;
        if row.receipt <= view.upto.receipt {
            bloom.insert(&id.into());
        }
        rows.next();
    }
    rows.status().map_err(read_error("ids"))?;
    Ok(Summary::Bloom { upto: view.upto, bloom })
}
