//! Pages: from a run of rows, else from the origin.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_core::limits::MAX_PAYLOAD_BYTES;
use bulla_core::values::{
    Cursor, Filter, GetItem, Page, PageLimit, PayloadState, ScanBody, ScanItem, ScanRequest, Want,
};
use bulla_core::{Code, EntryId, LogHash, Verified, VerifiedEntry, VerifiedHeader};

use super::inner::Inner;
use super::storage::{CachedEntry, CachedOrigin, CachedPart, CachedRow};
use crate::rules::{self, Offer, PageBuilder, Row};
use crate::{Context, Result, StoreError};

/// Rows looked at in one step.
const ROWS_PER_STEP: usize = 512;
/// Ids asked for when the entries are likely to be held: a page of 256 KiB.
const IDS_PER_PAGE: u32 = 8192;

/// What a page of the origin depends on; pages with `except` are not shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PageKey {
    after: Option<Cursor>,
    until: Option<u64>,
    filter: Filter,
    want: Want,
    limit: PageLimit,
}

/// Why a page made here stops where it does.
enum Gap {
    /// It is full, or at the last receipt known or asked for.
    None,
    /// The next row is not kept.
    Row,
    /// The next rows are kept, these entries are not.
    Entries(Vec<EntryId>),
}

/// What is at hand of an entry.
enum Body {
    Entry(VerifiedEntry),
    Header(VerifiedHeader),
}

/// Entries just fetched, with what the origin said of them.
type Overlay = HashMap<EntryId, GetItem>;

impl Inner {
    pub(super) async fn scan(self: &Arc<Self>, cx: &Context, request: ScanRequest) -> Result<Page> {
        rules::check_scan(&request)?;
        let onward = self.onward(cx)?;
        // Where a scan begins, and when its cursor is news to us, the origin says which history is the present one.
        let is_ours = |known: &CachedOrigin| {
            request.after.is_some_and(|after| {
                after.lineage == known.head.lineage && after.receipt <= known.head.last_receipt
            })
        };
        let mut asked = None;
        if !self.known().is_some_and(|known| is_ours(&known)) {
            asked = Some(self.current_head(&onward).await?);
        }
        if let Some(page) =
            self.scan_held(&onward, &request, asked.map(|head| head.cursor())).await?
        {
            return Ok(page);
        }
        self.scan_origin(&onward, request).await
    }

    /// A page from what is held, if it moves the reader on and its end can be told.
    async fn scan_held(
        self: &Arc<Self>,
        onward: &Context,
        request: &ScanRequest,
        asked: Option<Cursor>,
    ) -> Result<Option<Page>> {
        let Some(known) = self.known() else { return Ok(None) };
        let Some(start) = self.start(request, &known) else { return Ok(None) };
        let mut overlay = Overlay::new();
        let (mut page, mut gap) = self.page_of_rows(request, start, &known, &overlay).await?;
        if page.cursor == start
            && matches!(gap, Gap::Row)
            && is_worth_asking_ids(request, start, &known)
        {
            let ids = ScanRequest {
                want: Want::Ids,
                filter: Filter::all(),
                except: None,
                limit: PageLimit { max_items: IDS_PER_PAGE, ..PageLimit::MAX },
                ..request.clone()
            };
            self.scan_origin(onward, ids).await?;
            (page, gap) = self.page_of_rows(request, start, &known, &overlay).await?;
        }
        if page.cursor == start
            && let Gap::Entries(missing) = gap
        {
            overlay = self.fetch(onward, &missing, request.limit.clamped().max_bytes).await??;
            (page, gap) = self.page_of_rows(request, start, &known, &overlay).await?;
        }
        let has_moved = page.cursor != start;
        if !matches!(gap, Gap::None) {
            page.end = false;
            return Ok(has_moved.then_some(page));
        }
        if !page.end || request.until.is_some_and(|until| page.cursor.receipt >= until) {
            return Ok(Some(page));
        }
        // The last receipt we know of: only the origin can say that there is none after it.
        let newest = match asked {
            Some(newest) => newest,
            None => self.current_head(onward).await?.cursor(),
        };
        if newest == page.cursor {
            return Ok(Some(page));
        }
        page.end = false;
        let goes_on = newest.lineage == page.cursor.lineage && newest.receipt > page.cursor.receipt;
        Ok((has_moved && goes_on).then_some(page))
    }

    /// Where the page starts, if that is a place in the history we know. A cursor that we cannot place is for the origin
    /// to judge: a cache never refuses one (CACHE-5).
    fn start(&self, request: &ScanRequest, known: &CachedOrigin) -> Option<Cursor> {
        let beginning = rules::start_cursor(&self.space, known.head.lineage);
        let Some(after) = request.after else { return Some(beginning) };
        let is_placed = match after.receipt {
            0 => after == beginning,
            receipt if receipt == known.head.last_receipt => after == known.head.cursor(),
            // The next row proves it or does not: see `page_of_rows`.
            receipt => after.lineage == known.head.lineage && receipt < known.head.last_receipt,
        };
        is_placed.then_some(after)
    }

    /// Fills a page from rows and entries held, as far as they go without a gap.
    async fn page_of_rows(
        &self,
        request: &ScanRequest,
        start: Cursor,
        known: &CachedOrigin,
        overlay: &Overlay,
    ) -> Result<(Page, Gap)> {
        let mut page = PageBuilder::new(request, start, known.head.last_receipt);
        let mut gap = Gap::None;
        // A page that touches no row proves nothing of the cursor it starts from.
        let is_proven = start.receipt == 0 || start == known.head.cursor();
        if page.next_receipt().is_none() && !is_proven {
            return Ok((page.finish(), Gap::Row));
        }
        'page: while let Some(next) = page.next_receipt() {
            let rows = self
                .soft(self.storage.rows(&self.space, next, ROWS_PER_STEP).await)
                .unwrap_or_default();
            let rows = proven(rows, page.cursor(), page.until());
            if rows.is_empty() {
                gap = Gap::Row;
                break;
            }
            if page.is_ids_only() {
                for row in &rows {
                    if page.next_receipt().is_none() {
                        break 'page;
                    }
                    if page.offer_id(row.receipt, row.log_hash, row.id, row.state) == Offer::Full {
                        break 'page;
                    }
                }
                continue;
            }
            let bodies = self.bodies(&page, request, &rows, overlay).await;
            for (index, row) in rows.iter().enumerate().take(bodies.covered) {
                if page.next_receipt().is_none() {
                    break 'page;
                }
                let body = bodies.at_hand.get(&row.id);
                // What the origin said last stands.
                let state = match overlay.get(&row.id) {
                    Some(GetItem::Header(_, state)) => *state,
                    _ => row.state,
                };
                let header = match body {
                    Some(Body::Entry(entry)) => entry.verified_header(),
                    Some(Body::Header(header)) => header,
                    None => {
                        gap = Gap::Entries(bodies.missing(&page, &rows, index));
                        break 'page;
                    }
                };
                let lacks_payload = matches!(body, Some(Body::Header(_)))
                    && page.selects(&row.id, header.header())
                    && page.inlines(header.header(), state);
                if lacks_payload {
                    gap = Gap::Entries(bodies.missing(&page, &rows, index));
                    break 'page;
                }
                let offered = Row { receipt: row.receipt, log_hash: row.log_hash, header, state };
                let offer = page.offer(offered, || match body {
                    Some(Body::Entry(entry)) => Ok(Some(entry.clone())),
                    _ => Ok(None),
                })?;
                if offer == Offer::Full {
                    break 'page;
                }
            }
        }
        let page = page.finish();
        Ok((page, gap))
    }

    /// Headers, and payloads where the page would carry them, for a prefix of the rows.
    async fn bodies(
        &self,
        page: &PageBuilder<'_>,
        request: &ScanRequest,
        rows: &[CachedRow],
        overlay: &Overlay,
    ) -> Bodies {
        let mut at_hand = HashMap::with_capacity(rows.len());
        let mut wanted = Vec::with_capacity(rows.len());
        for row in rows {
            match overlay.get(&row.id) {
                Some(GetItem::Entry(entry)) => {
                    at_hand.insert(row.id, Body::Entry(entry.clone()));
                }
                Some(GetItem::Header(header, state)) if *state != PayloadState::Present => {
                    at_hand.insert(row.id, Body::Header(header.clone()));
                }
                _ if self.may_hold(&row.id) => wanted.push(row.id),
                _ => {}
            }
        }
        let max_bytes = request.limit.clamped().max_bytes;
        let takes_all = request.filter.is_all() && request.except.is_none();
        let part = match request.want {
            Want::Entries { inline_up_to }
                if takes_all && inline_up_to as usize >= MAX_PAYLOAD_BYTES =>
            {
                CachedPart::Whole
            }
            Want::Entries { .. } | Want::Headers | Want::Ids => CachedPart::Header,
        };
        let mut end = self.take_held(&wanted, part, max_bytes, &mut at_hand).await;
        if part == CachedPart::Header && matches!(request.want, Want::Entries { .. }) {
            let states: HashMap<_, _> = rows.iter().map(|row| (row.id, row.state)).collect();
            let payloads: Vec<_> = wanted
                .iter()
                .take_while(|id| Some(**id) != end)
                .filter(|id| match (at_hand.get(*id), states.get(*id)) {
                    (Some(Body::Header(header)), Some(state)) => {
                        page.selects(id, header.header()) && page.inlines(header.header(), *state)
                    }
                    _ => false,
                })
                .copied()
                .collect();
            end =
                self.take_held(&payloads, CachedPart::Whole, max_bytes, &mut at_hand).await.or(end);
        }
        let covered =
            end.and_then(|end| rows.iter().position(|row| row.id == end)).unwrap_or(rows.len());
        Bodies { at_hand, covered: covered.max(1) }
    }

    /// Adds what the storage holds of a prefix of the ids; gives the first id that was not looked at.
    async fn take_held(
        &self,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
        at_hand: &mut HashMap<EntryId, Body>,
    ) -> Option<EntryId> {
        if ids.is_empty() {
            return None;
        }
        let kept = self.soft(self.storage.get(&self.space, ids, part, max_bytes).await)?;
        let end = ids.get(kept.len()).copied();
        for (id, kept) in ids.iter().zip(kept) {
            match kept.map(|kept| kept.entry) {
                Some(Verified::Entry(entry)) => at_hand.insert(*id, Body::Entry(entry)),
                Some(Verified::Header(header)) => at_hand.insert(*id, Body::Header(header)),
                None => None,
            };
        }
        end
    }

    /// A page from the origin, together with all who want the same one now.
    async fn scan_origin(self: &Arc<Self>, onward: &Context, request: ScanRequest) -> Result<Page> {
        if let Some(error) = self.away() {
            return Err(error);
        }
        if request.except.is_none() {
            let key = PageKey {
                after: request.after,
                until: request.until,
                filter: request.filter.clone(),
                want: request.want,
                limit: request.limit,
            };
            let boarded =
                self.pages.board(&[(self.epoch(), key)], onward.hops.nodes().len(), |_| {
                    let (inner, cx, request) =
                        (Arc::clone(self), self.shared_context(onward), request.clone());
                    Box::pin(async move { inner.scan_alone(&cx, request).await })
                });
            if let Some(flight) = boarded.into_iter().next() {
                let is_own = flight.is_own;
                let answer = self.within(onward, flight.answer()).await?;
                // A page asked for before we asked may end where there is more by now, and the one who asked may have
                // come round by his own path: then we ask for ourselves.
                let is_for_us = |page: &Page| {
                    !page.end || request.until.is_some_and(|until| page.cursor.receipt >= until)
                };
                match answer {
                    Some(Ok(page)) if is_own || is_for_us(&page) => return Ok(page),
                    Some(Err(error)) if is_own || !matches!(error, StoreError::Loop(_)) => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
        }
        let cx = self.shared_context(onward);
        self.within(onward, self.scan_alone(&cx, request)).await?
    }

    /// One `scan` to the origin, kept.
    async fn scan_alone(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        let generation = self.generation();
        let answer = self.upstream.scan(cx, request.clone()).await;
        self.note_outcome(&answer);
        if matches!(answer, Err(StoreError::Cursor(_))) {
            self.forget_revalidated();
        }
        let page = answer?;
        let rows = self.rows_of(&request, &page)?;
        self.keep_page(&page, rows, generation).await;
        Ok(page)
    }

    /// The rows that a page proves. Its log hash is recomputed: an origin whose pages do not add up to its own cursor is
    /// not believed.
    fn rows_of(&self, request: &ScanRequest, page: &Page) -> Result<Vec<CachedRow>> {
        let has_gaps = !request.filter.is_all() || request.except.is_some();
        let is_proven = page.items.iter().all(|item| !matches!(item.body, ScanBody::Invalid(_)));
        if has_gaps || !is_proven {
            return Ok(Vec::new());
        }
        let start =
            request.after.unwrap_or_else(|| rules::start_cursor(&self.space, page.cursor.lineage));
        let mut last = (start.receipt, start.log_hash);
        let mut rows = Vec::with_capacity(page.items.len());
        for item in &page.items {
            last = (last.0 + 1, last.1.next(&item.id));
            rows.push(CachedRow {
                receipt: item.receipt,
                id: item.id,
                log_hash: last.1,
                state: state_of(item),
            });
            if item.receipt != last.0 {
                return Err(unproven(page.cursor.receipt));
            }
        }
        let is_whole = page.cursor.lineage == start.lineage
            && (page.cursor.receipt, page.cursor.log_hash) == last;
        if is_whole { Ok(rows) } else { Err(unproven(page.cursor.receipt)) }
    }

    async fn keep_page(&self, page: &Page, rows: Vec<CachedRow>, generation: u64) {
        let (mut keep, mut gone) = (Vec::new(), Vec::new());
        for item in &page.items {
            let state = state_of(item);
            if matches!(state, PayloadState::Erased(_) | PayloadState::Pruned(_)) {
                gone.push(item.id);
            }
            let entry: Verified = match &item.body {
                ScanBody::Entry(entry) => entry.clone().into(),
                ScanBody::Header(header, _) => header.clone().into(),
                ScanBody::Id(_) | ScanBody::Invalid(_) => continue,
            };
            keep.push(CachedEntry { entry, state, generation });
        }
        self.keep(keep, &gone).await;
        if rows.is_empty() {
            return;
        }
        let origin = self.origin.lock().await;
        let is_present = origin.known.is_some_and(|known| {
            known.head.lineage == page.cursor.lineage && known.generation == generation
        });
        if is_present {
            self.soft(self.storage.keep_rows(&self.space, &rows).await);
        }
    }
}

/// What is at hand for a prefix of some rows.
struct Bodies {
    at_hand: HashMap<EntryId, Body>,
    covered: usize,
}

impl Bodies {
    /// The entries to fetch, from the row at `index` on: what is not held at all, and what lacks the payload that the
    /// page would carry.
    fn missing(&self, page: &PageBuilder<'_>, rows: &[CachedRow], index: usize) -> Vec<EntryId> {
        let lacks = |row: &&CachedRow| match self.at_hand.get(&row.id) {
            None => true,
            Some(Body::Entry(_)) => false,
            Some(Body::Header(header)) => {
                page.selects(&row.id, header.header()) && page.inlines(header.header(), row.state)
            }
        };
        rows.iter().take(self.covered).skip(index).filter(lacks).map(|row| row.id).collect()
    }
}

/// The rows up to `until` whose log hashes follow one another from the cursor.
fn proven(mut rows: Vec<CachedRow>, cursor: &Cursor, until: u64) -> Vec<CachedRow> {
    let mut last: LogHash = cursor.log_hash;
    let good = rows
        .iter()
        .take_while(|row| {
            last = last.next(&row.id);
            row.receipt <= until && row.log_hash == last
        })
        .count();
    rows.truncate(good);
    rows
}

/// Whether the entries of the next page are likely to be held though their rows are not.
fn is_worth_asking_ids(request: &ScanRequest, start: Cursor, known: &CachedOrigin) -> bool {
    start.receipt < known.kept_upto && matches!(request.want, Want::Entries { .. })
}

fn state_of(item: &ScanItem) -> PayloadState {
    match &item.body {
        ScanBody::Id(state) | ScanBody::Header(_, state) => *state,
        ScanBody::Entry(_) => PayloadState::Present,
        ScanBody::Invalid(_) => PayloadState::Missing,
    }
}

fn unproven(receipt: u64) -> StoreError {
    let reason = format!("the origin's page does not add up to its cursor at receipt {receipt}");
    StoreError::peer(Code::new("peer.log_hash"), reason)
}
