//! Reading pages, several from one answer, and checking that they follow from each other.

use std::time::Duration;

use bulla_core::limits::{MAX_PAGE_BYTES, MAX_PAGE_ITEMS};
use bulla_core::values::{
    Cursor, Page, PageLimit, PayloadState, ScanBody, ScanItem, ScanRequest, Want,
};
use bulla_core::{LogHash, RawEntry, Verified};
use bulla_store::{Context, Result, rules};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::headers::CONTENT_CBOR_SEQUENCE;
use bulla_wire::route::SpaceRoute;
use bulla_wire::scan::ScanMessage;
use bulla_wire::stream::{BodyItem, PageEnd};
use bulla_wire::{BodyDecoder, Form};

use super::{NetworkStore, lock, mismatch};
use crate::error::{CURSOR, from_stream, peer};
use crate::transport::{Answer, Body};
use crate::verification::{CHUNK, Pending, Verdict};

/// Most answers with further pages that one store keeps.
const MAX_OPEN_SCANS: usize = 4;

/// An answer that has further pages.
#[derive(Debug)]
pub(super) struct OpenScan {
    answer: Answer,
    decoder: BodyDecoder,
    /// What would have to be asked to get the next page: `after` is where the last one stopped.
    next: ScanRequest,
    /// On the monotonic clock.
    last_used: Duration,
}

/// An item whose verdict may be still to come.
enum Slot {
    Ready(ScanItem),
    Entry { receipt: u64, state: PayloadState, is_compact: bool },
}

pub(super) async fn scan(
    store: &NetworkStore,
    cx: &Context,
    mut request: ScanRequest,
) -> Result<Page> {
    rules::check_scan(&request)?;
    let limits = store.client.limits(cx).await?;
    request.limit = page_limit(request.limit, &limits);
    let mut open = match take_open(store, &request) {
        Some(mut open) => {
            open.answer.set_deadline(cx.deadline);
            open.answer.begin();
            open
        }
        None => ask(store, cx, &request, Form::Compact, pages(store, &request, &limits)).await?,
    };
    let (mut items, end) = read_page(store, &mut open).await?;
    let doubtful = items.iter().any(|(_, is_doubtful)| *is_doubtful);
    if doubtful {
        ask_plain(store, cx, &request, &mut items).await?;
    }
    let items: Vec<ScanItem> = items.into_iter().map(|(item, _)| item).collect();
    check_page(store, &request, &items, &end)?;
    if end.more {
        open.next = ScanRequest { after: Some(end.cursor), ..request };
        keep_open(store, open);
    }
    Ok(Page { items, cursor: end.cursor, end: end.end })
}

fn page_limit(limit: PageLimit, limits: &NodeLimits) -> PageLimit {
    let limit = limit.clamped();
    PageLimit {
        max_bytes: limit.max_bytes.min(u32::try_from(limits.page_bytes).unwrap_or(MAX_PAGE_BYTES)),
        max_items: limit.max_items.min(u32::try_from(limits.page_items).unwrap_or(MAX_PAGE_ITEMS)),
    }
}

/// How many pages to ask for: more than one only up to a receipt, below which nothing changes (WIRE-36).
fn pages(store: &NetworkStore, request: &ScanRequest, limits: &NodeLimits) -> u32 {
    if request.until.is_none() {
        return 1;
    }
    let wanted = store.client.inner.transport.settings().pages_per_scan;
    wanted.min(u32::try_from(limits.pages_per_scan).unwrap_or(u32::MAX)).max(1)
}

fn take_open(store: &NetworkStore, request: &ScanRequest) -> Option<OpenScan> {
    let transport = &store.client.inner.transport;
    let now = transport.clock().monotonic();
    let keep = Duration::from_millis(transport.settings().open_scan_ms);
    let mut open = lock(&store.open_scans);
    open.retain(|scan| now.saturating_sub(scan.last_used) <= keep);
    let found = open.iter().position(|scan| scan.next == *request)?;
    Some(open.swap_remove(found))
}

fn keep_open(store: &NetworkStore, mut scan: OpenScan) {
    scan.last_used = store.client.inner.transport.clock().monotonic();
    let mut open = lock(&store.open_scans);
    if open.len() >= MAX_OPEN_SCANS {
        let oldest = open.iter().enumerate().min_by_key(|(_, scan)| scan.last_used);
        if let Some((oldest, _)) = oldest {
            open.swap_remove(oldest);
        }
    }
    open.push(scan);
}

async fn ask(
    store: &NetworkStore,
    cx: &Context,
    request: &ScanRequest,
    form: Form,
    pages: u32,
) -> Result<OpenScan> {
    let message = ScanMessage { request: request.clone(), form, pages };
    let route = store.route(SpaceRoute::Scan);
    let body = Some(Body::item(&message));
    let answer = store.client.request(cx, route, body, CONTENT_CBOR_SEQUENCE).await?;
    let decoder = BodyDecoder::scan(store.space, request.after.as_ref(), request.limit);
    Ok(OpenScan { answer, decoder, next: request.clone(), last_used: Duration::ZERO })
}

/// Reads one page; the flag of an item says that the plain form may say more about it.
async fn read_page(
    store: &NetworkStore,
    open: &mut OpenScan,
) -> Result<(Vec<(ScanItem, bool)>, PageEnd)> {
    let verification = &store.client.inner.verification;
    let stream_error = |error| from_stream(error, store.space);
    let mut slots = Vec::new();
    let mut raw: Vec<RawEntry> = Vec::new();
    let mut pending: Vec<Pending> = Vec::new();
    let end = loop {
        let Some(item) = open.decoder.next_item().map_err(stream_error)? else {
            match open.answer.chunk().await? {
                Some(chunk) => open.decoder.push(&chunk),
                None => {
                    open.decoder.finish().map_err(stream_error)?;
                    return Err(mismatch("answer has no further page"));
                }
            }
            continue;
        };
        match item {
            BodyItem::PageEnd(end) => break end,
            BodyItem::Entry(entry) => {
                let (receipt, state, is_compact) = (entry.receipt, entry.state, entry.is_compact);
                slots.push(Slot::Entry { receipt, state, is_compact });
                raw.push(entry.raw);
                if raw.len() == CHUNK {
                    let chunk = std::mem::replace(&mut raw, Vec::with_capacity(CHUNK));
                    pending.push(verification.begin(store.space, chunk).await?);
                }
            }
            BodyItem::Id { receipt, id, state } => {
                slots.push(Slot::Ready(ScanItem { receipt, id, body: ScanBody::Id(state) }));
            }
            BodyItem::Invalid { receipt, id, code } => {
                slots.push(Slot::Ready(ScanItem { receipt, id, body: ScanBody::Invalid(code) }));
            }
            _ => return Err(mismatch("item does not belong into a scan")),
        }
    };
    if !raw.is_empty() {
        pending.push(verification.begin(store.space, raw).await?);
    }
    if !end.more {
        // The body must be over too, or what follows belongs to it.
        while let Some(chunk) = open.answer.chunk().await? {
            open.decoder.push(&chunk);
            open.decoder.finish().map_err(stream_error)?;
        }
    }
    let mut verdicts = Vec::with_capacity(slots.len());
    for chunk in pending {
        verdicts.extend(chunk.verdicts().await?);
    }
    let mut verdicts = verdicts.into_iter();
    let mut items = Vec::with_capacity(slots.len());
    for slot in slots {
        items.push(match slot {
            Slot::Ready(item) => (item, false),
            Slot::Entry { receipt, state, is_compact } => {
                let verdict = verdicts.next().ok_or_else(|| mismatch("no verdict"))?;
                let is_doubtful = is_compact && !matches!(verdict, Verdict::Good(_));
                (item(receipt, state, verdict), is_doubtful)
            }
        });
    }
    Ok((items, end))
}

fn item(receipt: u64, state: PayloadState, verdict: Verdict) -> ScanItem {
    let (id, body) = match verdict {
        Verdict::Good(Verified::Entry(entry)) => (entry.id(), ScanBody::Entry(entry)),
        Verdict::Good(Verified::Header(header)) => (header.id(), ScanBody::Header(header, state)),
        Verdict::WrongPayload(header) => {
            (header.id(), ScanBody::Header(header, PayloadState::Missing))
        }
        Verdict::Bad { id, code } => (id, ScanBody::Invalid(code)),
    };
    ScanItem { receipt, id, body }
}

/// Asks for the page once more in the plain form, and takes its word on the items that did not verify: in the compact
/// form one wrong entry spoils those that refer to it, and no field can be named.
async fn ask_plain(
    store: &NetworkStore,
    cx: &Context,
    request: &ScanRequest,
    items: &mut [(ScanItem, bool)],
) -> Result<()> {
    let mut open = ask(store, cx, request, Form::Plain, 1).await?;
    let (plain, _) = read_page(store, &mut open).await?;
    for (item, is_doubtful) in items.iter_mut().filter(|(_, is_doubtful)| *is_doubtful) {
        let again = plain.binary_search_by_key(&item.receipt, |(item, _)| item.receipt);
        if let Some((again, _)) = again.ok().and_then(|found| plain.get(found)) {
            *item = again.clone();
        }
        *is_doubtful = false;
    }
    Ok(())
}

/// What can be said about a page without knowing the store it comes from.
fn check_page(
    store: &NetworkStore,
    request: &ScanRequest,
    items: &[ScanItem],
    end: &PageEnd,
) -> Result<()> {
    let wrong = |what: &str| Err(peer(CURSOR, what.to_owned()));
    let after = request.after.map_or(0, |cursor| cursor.receipt);
    let cursor = &end.cursor;
    if request.after.is_some_and(|after| after.lineage != cursor.lineage) {
        return wrong("cursor is of another lineage than the one before");
    }
    if cursor.receipt < after || (!end.end && cursor.receipt == after) {
        return wrong("cursor does not move");
    }
    if request.until.is_some_and(|until| cursor.receipt > until.max(after)) {
        return wrong("cursor lies beyond the receipt asked for");
    }
    if end.end && end.more {
        return wrong("a page follows the last one");
    }
    let fits = |item: &ScanItem| match (&item.body, request.want) {
        (ScanBody::Invalid(_), _)
        | (ScanBody::Id(_), Want::Ids)
        | (ScanBody::Header(..), Want::Headers | Want::Entries { .. }) => true,
        (ScanBody::Entry(entry), Want::Entries { inline_up_to }) => {
            entry.header().payload_length <= inline_up_to
        }
        (ScanBody::Entry(_), Want::Ids | Want::Headers)
        | (ScanBody::Id(_), Want::Headers | Want::Entries { .. })
        | (ScanBody::Header(..), Want::Ids) => false,
    };
    if !items.iter().all(fits) {
        return Err(mismatch("page has items that were not asked for"));
    }
    check_log_hash(store, request, items, cursor)
}

/// Where every receipt of the page is there with an id that is known, the log hash follows (LOG-3).
fn check_log_hash(
    store: &NetworkStore,
    request: &ScanRequest,
    items: &[ScanItem],
    cursor: &Cursor,
) -> Result<()> {
    let start = request.after.map_or_else(
        || (0, LogHash::start(&store.space, &cursor.lineage)),
        |after| (after.receipt, after.log_hash),
    );
    let end = items.iter().try_fold(start, |(receipt, log_hash), item| {
        let is_next = receipt.checked_add(1) == Some(item.receipt);
        let is_known = !matches!(item.body, ScanBody::Invalid(_));
        (is_next && is_known).then(|| (item.receipt, log_hash.next(&item.id)))
    });
    match end {
        Some((receipt, log_hash)) if receipt == cursor.receipt && log_hash != cursor.log_hash => {
            Err(peer(CURSOR, "log hash does not follow from the entries sent"))
        }
        _ => Ok(()),
    }
}
