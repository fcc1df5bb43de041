//! Pages in receipt order.

use bulla_core::values::{Page, ScanRequest};
use bulla_core::{LogHash, VerifiedEntry, VerifiedHeader};
use bulla_store::rules::{self, Offer, PageBuilder, Row};
use bulla_store::{Result, StoreError};
use bytes::Bytes;
use rocksdb::{DB, DBRawIteratorWithThreadMode};

use super::{View, verified_entry, verified_header};
use crate::error::{damaged_row, read_error};
use crate::layout::{Family, HeaderRow, Key, State, receipt_key};
use crate::shared::Shared;
use crate::space::Space;

/// One page.
pub(crate) fn scan(shared: &Shared, space: &Space, request: &ScanRequest) -> Result<Page> {
    let view = View::new(shared, space)?;
    let start = match request.after {
        Some(cursor) => {
            rules::check_cursor(
                &space.id,
                &cursor,
                view.upto.lineage,
                view.upto.receipt,
                |receipt| log_hash_at(&view, receipt),
            )?;
            cursor
        }
        None => rules::start_cursor(&space.id, view.upto.lineage),
    };
    let mut page = PageBuilder::new(request, start, view.upto.receipt);
    let Some(first) = page.next_receipt() else { return Ok(page.finish()) };
    let end = receipt_key(view.number, page.until().saturating_add(1));
    let mut headers = rows(&view, Family::Headers, &end)?;
    headers.seek(receipt_key(view.number, first));
    let mut payloads = Payloads { view: &view, end, rows: None };
    let is_ids_only = page.is_ids_only();
    while let Some(receipt) = page.next_receipt() {
        let offer = read_row(&view, &headers, receipt).and_then(|row| {
            if is_ids_only {
                return Ok(page.offer_id(receipt, row.log_hash, row.id, row.state.payload_state()));
            }
            let header = verified_header(&row)?;
            let state = row.state.payload_state();
            let row_of_page = Row { receipt, log_hash: row.log_hash, header: &header, state };
            page.offer(row_of_page, || payloads.entry(&header, receipt, row.state))
        });
        match offer {
            Ok(Offer::Full) => break,
            Ok(Offer::Taken | Offer::LeftOut) => headers.next(),
            // What lies before the damage is handed over first; the next page begins at it and says so.
            Err(StoreError::Corrupt { .. }) if page.cursor().receipt > start.receipt => break,
            Err(error) => return Err(error),
        }
    }
    Ok(page.finish())
}

fn read_row<'i>(view: &View<'_>, headers: &'i Rows<'_>, receipt: u64) -> Result<HeaderRow<'i>> {
    let wanted = receipt_key(view.number, receipt);
    match headers.item() {
        Some((key, value)) if key == wanted.as_ref() => {
            HeaderRow::parse(value).ok_or_else(|| damaged_row("headers"))
        }
        _ => {
            headers.status().map_err(read_error("headers"))?;
            Err(StoreError::Corrupt { id: None, reason: format!("no header at receipt {receipt}") })
        }
    }
}

fn log_hash_at(view: &View<'_>, receipt: u64) -> Result<LogHash> {
    let bytes = view.database.get(Family::Headers, &receipt_key(view.number, receipt))?;
    let row = bytes.as_deref().and_then(HeaderRow::parse);
    row.map(|row| row.log_hash).ok_or_else(|| damaged_row("headers"))
}

type Rows<'d> = DBRawIteratorWithThreadMode<'d, DB>;

fn rows<'d>(view: &View<'d>, family: Family, end: &Key) -> Result<Rows<'d>> {
    let mut options = view.options();
    options.set_iterate_upper_bound(end.as_ref());
    Ok(view.database.raw().raw_iterator_cf_opt(view.database.family(family)?, options))
}

/// Payloads beside the headers of a scan, read in step with them.
struct Payloads<'v, 'd> {
    view: &'v View<'d>,
    end: Key,
    rows: Option<Rows<'d>>,
}

impl Payloads<'_, '_> {
    fn entry(
        &mut self,
        header: &VerifiedHeader,
        receipt: u64,
        state: State,
    ) -> Result<Option<VerifiedEntry>> {
        let payload = if state == State::Inline { self.inline(receipt) } else { Ok(None) };
        // Long payloads lie elsewhere; and what a damaged block hides from an iterator, a point read may still find.
        let payload = match payload {
            Ok(Some(payload)) => Ok(Some(payload)),
            Ok(None) | Err(StoreError::Corrupt { .. }) => self.view.payload(header, receipt, state),
            Err(error) => Err(error),
        };
        verified_entry(header, payload)
    }

    fn inline(&mut self, receipt: u64) -> Result<Option<Bytes>> {
        let key = receipt_key(self.view.number, receipt);
        let rows = match &mut self.rows {
            Some(rows) => {
                // Usually the very next row; a step is much cheaper than a search.
                rows.next();
                rows
            }
            none => none.insert(rows(self.view, Family::Payloads, &self.end)?),
        };
        if rows.key() != Some(key.as_ref()) {
            rows.seek(key);
        }
        rows.status().map_err(read_error("payloads"))?;
        Ok(rows
            .item()
            .filter(|(found, _)| *found == key.as_ref())
            .map(|(_, value)| Bytes::copy_from_slice(value)))
    }
}
