//! How a page of a scan is filled.

use bulla_core::values::{
    Cursor, Page, PageLimit, PayloadState, ScanBody, ScanItem, ScanRequest, Want,
};
use bulla_core::{EntryId, Header, LogHash, Signature, VerifiedEntry, VerifiedHeader};

use super::ByteBudget;
use crate::Result;

/// Most entries that a page leaves out, by filter or `except`, before it ends where it is (SCAN-8). So a filter that
/// matches nothing still costs a bounded amount of work per page.
pub const MAX_LEFT_OUT: u32 = 16_384;

/// One stored entry as a page sees it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Where the store received it.
    pub receipt: u64,
    /// The log hash at that receipt.
    pub log_hash: LogHash,
    /// The header.
    pub header: &'a VerifiedHeader,
    /// What became of the payload.
    pub state: PayloadState,
}

/// What became of an offered row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is on the page.
    Taken,
    /// It was left out by the filter or by `except`; the cursor moved over it.
    LeftOut,
    /// The page is full without it; the cursor stays before it.
    Full,
}

/// Fills a page: rows are offered in receipt order, without gaps, from [`next_receipt`](Self::next_receipt) on.
#[derive(Debug)]
pub struct PageBuilder<'a> {
    request: &'a ScanRequest,
    cursor: Cursor,
    until: u64,
    budget: ByteBudget,
    max_items: usize,
    left_out: u32,
    is_full: bool,
    items: Vec<ScanItem>,
}

impl<'a> PageBuilder<'a> {
    /// An empty page that starts after `start`: the request's own cursor, already checked, or the beginning.
    #[must_use]
    pub fn new(request: &'a ScanRequest, start: Cursor, last_receipt: u64) -> Self {
        let PageLimit { max_bytes, max_items } = request.limit.clamped();
        Self {
            request,
            cursor: start,
            until: request.until.map_or(last_receipt, |until| until.min(last_receipt)),
            budget: ByteBudget::new(max_bytes),
            max_items: usize::try_from(max_items).unwrap_or(usize::MAX),
            left_out: 0,
            is_full: false,
            items: Vec::new(),
        }
    }

    /// The receipt to offer next; `None` when the page is full or the scan's end is reached.
    #[must_use]
    pub fn next_receipt(&self) -> Option<u64> {
        let has_room =
            !self.is_full && self.items.len() < self.max_items && self.left_out < MAX_LEFT_OUT;
        (has_room && self.cursor.receipt < self.until)
            .then(|| self.cursor.receipt.saturating_add(1))
    }

    /// The last receipt this scan may reach.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.until
    }

    /// Where the page has got to.
    #[must_use]
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Whether ids and payload states alone decide this page, so that no header need be read.
    #[must_use]
    pub fn is_ids_only(&self) -> bool {
        self.request.want == Want::Ids && self.request.filter.is_all()
    }

    /// Whether the request wants this entry at all (SCAN-4, SCAN-6).
    #[must_use]
    pub fn selects(&self, id: &EntryId, header: &Header) -> bool {
        self.request.filter.matches(header) && !self.is_excepted(id)
    }

    /// Whether the page would carry this payload, if the entry is selected (SCAN-3).
    #[must_use]
    pub fn inlines(&self, header: &Header, state: PayloadState) -> bool {
        matches!(self.request.want, Want::Entries { inline_up_to } if header.payload_length <= inline_up_to)
            && state == PayloadState::Present
    }

    /// Offers a row. `load` reads the whole entry; it is called only when the page will carry it, and gives `None` when
    /// what is stored turned out damaged, which makes the item a header whose payload is missing (SCAN-9).
    ///
    /// # Errors
    ///
    /// What `load` returns; the page is as it was.
    pub fn offer(
        &mut self,
        row: Row<'_>,
        load: impl FnOnce() -> Result<Option<VerifiedEntry>>,
    ) -> Result<Offer> {
        let id = row.header.id();
        let fields = row.header.header();
        if !self.selects(&id, fields) {
            return Ok(self.leave_out(row.receipt, row.log_hash));
        }
        let header_bytes = row.header.bytes().len().saturating_add(Signature::LEN);
        let inlined = self.inlines(fields, row.state);
        let payload_bytes = usize::try_from(fields.payload_length).unwrap_or(usize::MAX);
        let size = match self.request.want {
            Want::Ids => EntryId::LEN,
            Want::Entries { .. } if inlined => header_bytes.saturating_add(payload_bytes),
            Want::Headers | Want::Entries { .. } => header_bytes,
        };
        let mut budget = self.budget;
        if !budget.take(size) {
            self.is_full = true;
            return Ok(Offer::Full);
        }
        let body = match self.request.want {
            Want::Ids => ScanBody::Id(row.state),
            Want::Entries { .. } if inlined => match load()? {
                Some(entry) => ScanBody::Entry(entry),
                None => ScanBody::Header(row.header.clone(), PayloadState::Missing),
            },
            Want::Headers | Want::Entries { .. } => ScanBody::Header(row.header.clone(), row.state),
        };
        self.budget = budget;
        Ok(self.keep(row.receipt, row.log_hash, id, body))
    }

    /// Offers a row of which only the id is known; for pages that are [`is_ids_only`](Self::is_ids_only).
    pub fn offer_id(
        &mut self,
        receipt: u64,
        log_hash: LogHash,
        id: EntryId,
        state: PayloadState,
    ) -> Offer {
        if self.is_excepted(&id) {
            return self.leave_out(receipt, log_hash);
        }
        if !self.budget.take(EntryId::LEN) {
            self.is_full = true;
            return Offer::Full;
        }
        self.keep(receipt, log_hash, id, ScanBody::Id(state))
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> Page {
        Page { items: self.items, cursor: self.cursor, end: self.cursor.receipt >= self.until }
    }

    fn is_excepted(&self, id: &EntryId) -> bool {
        self.request.except.as_ref().is_some_and(|except| except.may_hold(id))
    }

    fn leave_out(&mut self, receipt: u64, log_hash: LogHash) -> Offer {
        self.left_out = self.left_out.saturating_add(1);
        self.advance(receipt, log_hash);
        Offer::LeftOut
    }

    fn keep(&mut self, receipt: u64, log_hash: LogHash, id: EntryId, body: ScanBody) -> Offer {
        self.items.push(ScanItem { receipt, id, body });
        self.advance(receipt, log_hash);
        Offer::Taken
    }

    fn advance(&mut self, receipt: u64, log_hash: LogHash) {
        debug_assert_eq!(receipt, self.cursor.receipt + 1, "rows are offered without gaps");
        self.cursor.receipt = receipt;
        self.cursor.log_hash = log_hash;
    }
}
