//! Reading a log page by page, without believing the pages (chapter `sync.md`, SYN-32 to SYN-34).

use std::sync::Arc;

use bulla_core::limits::MAX_PAGE_ITEMS;
use bulla_core::values::{
    Cursor, Filter, Page, PageLimit, PayloadState, ScanBody, ScanItem, ScanRequest, Want,
};
use bulla_core::{Bloom, Code};
use bulla_store::StoreError;

use crate::report::MAX_LISTED;
use crate::side::{Halt, Role, Side};
use crate::{Reason, ScanFault};

/// Most pages in a row that carry nothing (SYN-33). A store leaves out thousands of entries on each, so an honest log of
/// tens of millions passes; a longer one is resumed by the next run.
const MAX_IDLE_PAGES: u32 = 4_096;

/// Bytes of a page of ids.
const ID_PAGE_BYTES: u32 = 2 * 1024 * 1024;

/// Receipts at which a source showed nothing though nothing was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gaps {
    pub(crate) receipts: Vec<u64>,
    pub(crate) count: u64,
}

/// Reads a log from one cursor to a receipt.
#[derive(Debug)]
pub(crate) struct Walk {
    side: Arc<Side>,
    request: ScanRequest,
    /// Where the next page starts.
    after: Cursor,
    /// Where the log ends for this walk.
    end: Cursor,
    idle_pages: u32,
    gaps: Gaps,
}

impl Walk {
    /// A walk from `start` to `end`, both of one lineage.
    pub(crate) fn new(
        side: &Arc<Side>,
        start: Cursor,
        end: Cursor,
        want: Want,
        limit: PageLimit,
    ) -> Self {
        let request = ScanRequest {
            after: Some(start),
            until: Some(end.receipt),
            filter: Filter::all(),
            except: None,
            want,
            limit,
        };
        Self {
            side: Arc::clone(side),
            request,
            after: start,
            end,
            idle_pages: 0,
            gaps: Gaps::default(),
        }
    }

    /// A walk that reads ids only.
    pub(crate) fn ids(side: &Arc<Side>, start: Cursor, end: Cursor) -> Self {
        let limit = PageLimit { max_bytes: ID_PAGE_BYTES, max_items: MAX_PAGE_ITEMS };
        Self::new(side, start, end, Want::Ids, limit)
    }

    /// The same, leaving out what does not match.
    pub(crate) fn with_filter(mut self, filter: Filter) -> Self {
        self.request.filter = filter;
        self
    }

    /// The same, leaving out what this filter says is held.
    pub(crate) fn with_except(mut self, except: Option<Bloom>) -> Self {
        self.request.except = except;
        self
    }

    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>, Halt> {
        if self.after.receipt >= self.end.receipt {
            return Ok(None);
        }
        self.request.after = Some(self.after);
        let page = self.side.scan(self.request.clone()).await?;
        if page.cursor.lineage != self.after.lineage {
            return Err(match self.side.role() {
                Role::Source => Halt::SourceChanged,
                Role::Target => Halt::Stop(Reason::TargetChanged),
            });
        }
        self.check(&page).map_err(|fault| self.blame(fault))?;
        self.after = page.cursor;
        Ok(Some(page))
    }

    /// Where the next page starts.
    pub(crate) const fn after(&self) -> Cursor {
        self.after
    }

    /// Receipts at which nothing was shown though nothing was left out.
    pub(crate) fn into_gaps(self) -> Gaps {
        self.gaps
    }

    /// What to make of a page that breaks the rules.
    pub(crate) fn blame(&self, fault: ScanFault) -> Halt {
        match self.side.role() {
            Role::Source => Halt::Fault(fault),
            Role::Target => {
                let error = StoreError::peer(Code::new("sync.scan"), fault.to_string());
                Halt::Stop(Reason::Target(error))
            }
        }
    }

    fn check(&mut self, page: &Page) -> Result<(), ScanFault> {
        let (from, to, until) = (self.after.receipt, page.cursor.receipt, self.end.receipt);
        if to < from {
            return Err(ScanFault::Backward { from, to });
        }
        if to > until {
            return Err(ScanFault::Beyond { until, actual: to });
        }
        if to == from && !page.end {
            return Err(ScanFault::Stalled(from));
        }
        if page.end && to < until {
            return Err(ScanFault::EndsShort { until, actual: to });
        }
        // At the head's receipt the log hash is the head's; before, nobody but the source knows it.
        if to == until && page.cursor.log_hash != self.end.log_hash {
            return Err(ScanFault::LogHash(to));
        }
        self.idle_pages = if page.items.is_empty() { self.idle_pages.saturating_add(1) } else { 0 };
        if self.idle_pages > MAX_IDLE_PAGES {
            return Err(ScanFault::Idle(self.idle_pages));
        }
        self.check_size(page)?;
        let leaves_out = !self.request.filter.is_all() || self.request.except.is_some();
        let mut last = from;
        for item in &page.items {
            if item.receipt <= last || item.receipt > to {
                return Err(ScanFault::Order(item.receipt));
            }
            if !fits(item, self.request.want) {
                return Err(ScanFault::Item(item.receipt));
            }
            if !leaves_out {
                self.gap(last, item.receipt);
            }
            last = item.receipt;
        }
        if !leaves_out {
            self.gap(last, to.saturating_add(1));
        }
        Ok(())
    }

    fn check_size(&self, page: &Page) -> Result<(), ScanFault> {
        let limit = self.request.limit.clamped();
        let bytes =
            page.items.iter().fold(0_usize, |sum, item| sum.saturating_add(item.size_bytes()));
        let within = |size: usize, most: u32| u32::try_from(size).is_ok_and(|size| size <= most);
        // One item is always allowed, however long.
        let fits = page.items.len() <= 1
            || (within(page.items.len(), limit.max_items) && within(bytes, limit.max_bytes));
        if fits { Ok(()) } else { Err(ScanFault::Oversize) }
    }

    /// Notes the receipts between two, both excluded.
    fn gap(&mut self, after: u64, before: u64) {
        let count = before.saturating_sub(after).saturating_sub(1);
        self.gaps.count = self.gaps.count.saturating_add(count);
        let room = MAX_LISTED.saturating_sub(self.gaps.receipts.len());
        self.gaps.receipts.extend((after..before).skip(1).take(room));
    }
}

/// Whether an item is what was asked for, and its id is that of its entry.
fn fits(item: &ScanItem, want: Want) -> bool {
    match (&item.body, want) {
        (ScanBody::Invalid(_), _) | (ScanBody::Id(_), Want::Ids) => true,
        (ScanBody::Header(header, _), Want::Headers) => header.id() == item.id,
        // A payload that could have come along and did not must be absent.
        (ScanBody::Header(header, state), Want::Entries { inline_up_to }) => {
            let too_long = header.header().payload_length > inline_up_to;
            header.id() == item.id && (too_long || *state != PayloadState::Present)
        }
        (ScanBody::Entry(entry), Want::Entries { .. }) => entry.id() == item.id,
        (ScanBody::Id(_), Want::Headers | Want::Entries { .. })
        | (ScanBody::Header(..), Want::Ids)
        | (ScanBody::Entry(_), Want::Ids | Want::Headers) => false,
    }
}
