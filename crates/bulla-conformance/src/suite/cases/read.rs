//! Reading a store and judging what it says on the way; used by every table.

use bulla_core::limits::MAX_PAGE_BYTES;
use bulla_core::values::{
    Counted, Cursor, GetItem, GetRequest, Head, Page, PageLimit, PutOutcome, PutReport, ScanBody,
    ScanItem, ScanRequest, Want,
};
use bulla_core::{EntryId, LogHash, SetHash, Verified, VerifiedEntry};
use bulla_store::{ContentAddressedStore, Context, StoreExt as _};

use crate::suite::case::{Failure, Stage, check, check_eq};

/// More pages than any scan of the suite needs.
const MOST_PAGES: usize = 20_000;

/// Asks for ids only.
pub(super) fn ids_only() -> ScanRequest {
    ScanRequest { want: Want::Ids, ..ScanRequest::everything() }
}

/// A page limit of so many items.
pub(super) fn items(max_items: u32) -> PageLimit {
    PageLimit { max_items, ..PageLimit::MAX }
}

/// Puts a batch and checks what every report must keep: one outcome each, the lineage of the head.
pub(super) async fn put(stage: &Stage, batch: Vec<Verified>) -> Result<PutReport, Failure> {
    put_to(&*stage.subject.store, &stage.cx, batch).await
}

/// [`put`] to a store without a stage.
pub(super) async fn put_to(
    store: &dyn ContentAddressedStore,
    cx: &Context,
    batch: Vec<Verified>,
) -> Result<PutReport, Failure> {
    let asked = batch.len();
    let report = store.put(cx, batch).await?;
    check_eq!(report.outcomes.len(), asked, "one outcome per entry (STO-5)");
    Ok(report)
}

/// Puts entries that must all be new, one receipt after the other from `first` on.
pub(super) async fn put_new(
    stage: &Stage,
    batch: Vec<Verified>,
    first: u64,
) -> Result<(), Failure> {
    let report = put(stage, batch).await?;
    for (outcome, receipt) in report.outcomes.iter().zip(first..) {
        check_eq!(
            *outcome,
            PutOutcome::Stored(receipt),
            "receipts follow one another in the order of the batch"
        );
    }
    Ok(())
}

/// The head.
pub(super) async fn head(stage: &Stage) -> Result<Head, Failure> {
    Ok(stage.subject.store.head(&stage.cx).await?)
}

/// Every page of a scan, each judged by the rules of SCAN.
pub(super) async fn pages(stage: &Stage, request: ScanRequest) -> Result<Vec<Page>, Failure> {
    pages_of(&*stage.subject.store, &stage.cx, request).await
}

/// [`pages`] of a store without a stage.
pub(super) async fn pages_of(
    store: &dyn ContentAddressedStore,
    cx: &Context,
    mut request: ScanRequest,
) -> Result<Vec<Page>, Failure> {
    let mut pages = Vec::new();
    loop {
        let page = store.scan(cx, request.clone()).await?;
        judge_page(&request, &page)?;
        let (cursor, end) = (page.cursor, page.end);
        pages.push(page);
        if end {
            return Ok(pages);
        }
        check!(pages.len() < MOST_PAGES, "a scan comes to its end");
        request.after = Some(cursor);
    }
}

/// What must hold of any page.
fn judge_page(request: &ScanRequest, page: &Page) -> Result<(), Failure> {
    let start = request.after.map_or(0, |cursor| cursor.receipt);
    let receipts: Vec<_> = page.items.iter().map(|item| item.receipt).collect();
    check!(receipts.is_sorted_by(|a, b| a < b), "receipts ascend strictly (SCAN-1): {receipts:?}");
    check!(
        receipts.first().is_none_or(|first| *first > start),
        "items lie after the cursor (SCAN-1)"
    );
    check!(
        receipts.last().is_none_or(|last| *last <= page.cursor.receipt),
        "items lie up to the page's cursor (SCAN-7)"
    );
    check!(page.cursor.receipt >= start, "a page never moves the cursor back (SCAN-7)");
    check!(
        page.end || page.cursor.receipt > start,
        "a page that is not the last moves the cursor (SCAN-7)"
    );
    if let Some(until) = request.until {
        check!(page.cursor.receipt <= until.max(start), "a scan stops at `until` (SCAN-5)");
    }
    let limit = request.limit.clamped();
    check!(page.items.len() <= limit.max_items as usize, "a page keeps its item limit (SCAN-2)");
    let bytes: usize = page.items.iter().map(ScanItem::size_bytes).sum();
    check!(
        bytes <= limit.max_bytes as usize || page.items.len() == 1,
        "a page of {} items and {bytes} bytes keeps its byte limit of {} (SCAN-2)",
        page.items.len(),
        limit.max_bytes
    );
    for item in &page.items {
        let id = match &item.body {
            ScanBody::Id(_) => item.id,
            ScanBody::Header(header, _) => header.id(),
            ScanBody::Entry(entry) => entry.id(),
            ScanBody::Invalid(code) => {
                return Err(Failure::Broken(format!(
                    "an honest store sent an entry that does not verify: {code}"
                )));
            }
        };
        check_eq!(id, item.id, "an item's id is that of its body (SCAN-3)");
    }
    Ok(())
}

/// All items of a scan.
pub(super) async fn scan(stage: &Stage, request: ScanRequest) -> Result<Vec<ScanItem>, Failure> {
    Ok(pages(stage, request).await?.into_iter().flat_map(|page| page.items).collect())
}

/// The ids a scan gives, in order.
pub(super) async fn scan_ids(stage: &Stage, request: ScanRequest) -> Result<Vec<EntryId>, Failure> {
    Ok(scan(stage, request).await?.into_iter().map(|item| item.id).collect())
}

/// The answer for one id.
pub(super) async fn get(stage: &Stage, id: EntryId) -> Result<GetItem, Failure> {
    Ok(stage.subject.store.get_one(&stage.cx, id).await?)
}

/// One `get` and what every answer must keep: a prefix, at least one, within its bytes.
pub(super) async fn get_some(
    stage: &Stage,
    ids: &[EntryId],
    max_bytes: u32,
) -> Result<Vec<GetItem>, Failure> {
    let request = GetRequest { ids: ids.to_vec(), max_bytes };
    let answer = stage.subject.store.get(&stage.cx, request).await?;
    check!(answer.len() <= ids.len(), "no more answers than ids (GET-1)");
    check!(!answer.is_empty() || ids.is_empty(), "at least one answer (GET-2)");
    let bytes: usize = answer.iter().map(item_bytes).sum();
    let max_bytes = max_bytes.min(MAX_PAGE_BYTES) as usize;
    check!(
        bytes <= max_bytes || answer.len() == 1,
        "{} answers of {bytes} bytes, limit {max_bytes} (GET-2)",
        answer.len()
    );
    for (id, item) in ids.iter().zip(&answer) {
        let answered = match item {
            GetItem::Entry(entry) => entry.id(),
            GetItem::Header(header, _) => header.id(),
            GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => *id,
        };
        check_eq!(answered, *id, "answers come in the order asked (GET-1)");
    }
    Ok(answer)
}

/// What an item counts.
fn item_bytes(item: &GetItem) -> usize {
    match item {
        GetItem::Entry(entry) => Verified::from(entry.clone()).size_bytes(),
        GetItem::Header(header, _) => Verified::from(header.clone()).size_bytes(),
        GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => 0,
    }
}

/// Checks that the store gives exactly this entry, byte for byte.
pub(super) fn check_same(item: &GetItem, entry: &VerifiedEntry) -> Result<(), Failure> {
    let GetItem::Entry(got) = item else {
        return Err(Failure::Broken(format!(
            "expected the whole entry {:?}, got {item:?}",
            entry.id()
        )));
    };
    check_eq!(
        got.to_raw(),
        entry.to_raw(),
        "header, signature and payload come back byte for byte (STO-1)"
    );
    Ok(())
}

/// Count and digest of a set of ids, by the rule of SET.
pub(super) fn counted(ids: &[EntryId]) -> Counted {
    Counted { count: ids.len() as u64, digest: ids.iter().collect::<SetHash>().digest() }
}

/// The cursor after these ids in a store's history, by the rule of LOG.
pub(super) fn cursor_after(stage: &Stage, head: &Head, ids: &[EntryId]) -> Cursor {
    let start = LogHash::start(&stage.world.space(), &head.lineage);
    let log_hash = ids.iter().fold(start, |hash, id| hash.next(id));
    Cursor { lineage: head.lineage, receipt: ids.len() as u64, log_hash }
}
