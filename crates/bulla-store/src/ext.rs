//! Conveniences over any store. They promise nothing that the contract does not.

use std::collections::VecDeque;
use std::future::Future;

use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES, MAX_PUT_BYTES};
use bulla_core::values::{
    Cursor, GetItem, GetRequest, Has, PutOutcome, PutReport, ScanItem, ScanRequest,
};
use bulla_core::{Code, EntryId, Verified};
use futures_util::{Stream, stream};

use crate::{ContentAddressedStore, Context, Result, StoreError};

/// Conveniences; every store has them.
pub trait StoreExt: ContentAddressedStore {
    /// Looks one entry up.
    ///
    /// # Errors
    ///
    /// As [`get`](ContentAddressedStore::get); [`StoreError::Peer`] when the store gives no answer.
    fn get_one(&self, cx: &Context, id: EntryId) -> impl Future<Output = Result<GetItem>> + Send {
        async move {
            let request = GetRequest { ids: vec![id], max_bytes: MAX_PAGE_BYTES };
            self.get(cx, request).await?.pop().ok_or_else(|| short_answer("get"))
        }
    }

    /// Looks any number of entries up: asks as often as needed, one answer per id, in order.
    ///
    /// The answers are held in memory together; the caller bounds how many it asks for.
    ///
    /// # Errors
    ///
    /// As [`get_one`](Self::get_one).
    fn get_all(
        &self,
        cx: &Context,
        ids: &[EntryId],
    ) -> impl Future<Output = Result<Vec<GetItem>>> + Send {
        async move {
            let mut items = Vec::with_capacity(ids.len());
            while let Some(rest) = ids.get(items.len()..).filter(|rest| !rest.is_empty()) {
                let ids: Vec<_> = rest.iter().take(MAX_IDS_PER_REQUEST).copied().collect();
                let asked = ids.len();
                let answer = self.get(cx, GetRequest { ids, max_bytes: MAX_PAGE_BYTES }).await?;
                if answer.is_empty() || answer.len() > asked {
                    return Err(short_answer("get"));
                }
                items.extend(answer);
            }
            Ok(items)
        }
    }

    /// Whether one id is held.
    ///
    /// # Errors
    ///
    /// As [`has`](ContentAddressedStore::has); [`StoreError::Peer`] when the store gives no answer.
    fn has_one(&self, cx: &Context, id: EntryId) -> impl Future<Output = Result<Has>> + Send {
        async move { self.has(cx, &[id]).await?.pop().ok_or_else(|| short_answer("has")) }
    }

    /// Stores one entry.
    ///
    /// # Errors
    ///
    /// As [`put`](ContentAddressedStore::put); [`StoreError::Peer`] when the store gives no outcome.
    fn put_one(
        &self,
        cx: &Context,
        entry: impl Into<Verified> + Send,
    ) -> impl Future<Output = Result<PutOutcome>> + Send {
        let entry = entry.into();
        async move { self.put(cx, vec![entry]).await?.outcomes.pop().ok_or_else(|| short_answer("put")) }
    }

    /// Stores any number of entries in as many batches as the bounds of `put` ask for; one outcome each, in order.
    ///
    /// # Errors
    ///
    /// As [`put`](ContentAddressedStore::put): batches before the failed one are stored.
    /// [`StoreError::Unavailable`] with `store.lineage_changed` when the store was reset between two batches.
    fn put_all(
        &self,
        cx: &Context,
        entries: Vec<Verified>,
    ) -> impl Future<Output = Result<PutReport>> + Send {
        async move {
            let mut rest: VecDeque<_> = entries.into();
            let mut report = put_batch(self, cx, &mut rest).await?;
            while !rest.is_empty() {
                let mut answer = put_batch(self, cx, &mut rest).await?;
                if answer.lineage != report.lineage {
                    return Err(StoreError::Unavailable {
                        code: Code::new("store.lineage_changed"),
                        reason: "the store was reset while a put was under way".into(),
                        retry_after: None,
                    });
                }
                report.outcomes.append(&mut answer.outcomes);
            }
            Ok(report)
        }
    }

    /// Every item of a scan, page after page, to its end as the store tells it.
    ///
    /// The stream ends after its first error. A store that neither ends nor moves its cursor, or that moves it back, is
    /// an error and not an endless stream.
    fn scan_all<'a>(
        &'a self,
        cx: &'a Context,
        request: ScanRequest,
    ) -> impl Stream<Item = Result<ScanItem>> + Send + 'a {
        let walk = Walk { request, items: VecDeque::new(), is_over: false };
        stream::try_unfold(walk, move |mut walk| async move {
            loop {
                if let Some(item) = walk.items.pop_front() {
                    return Ok(Some((item, walk)));
                }
                if walk.is_over {
                    return Ok(None);
                }
                let page = self.scan(cx, walk.request.clone()).await?;
                check_progress(walk.request.after.as_ref(), &page.cursor, page.end)?;
                walk.is_over = page.end;
                walk.request.after = Some(page.cursor);
                walk.items = page.items.into();
            }
        })
    }
}

impl<T: ContentAddressedStore + ?Sized> StoreExt for T {}

struct Walk {
    request: ScanRequest,
    items: VecDeque<ScanItem>,
    is_over: bool,
}

/// Checks that a page moved the reader on (SCAN-7): the same lineage, and a greater receipt unless the scan ended.
///
/// # Errors
///
/// [`StoreError::Peer`] with `scan.stalled`.
pub fn check_progress(before: Option<&Cursor>, after: &Cursor, is_end: bool) -> Result<()> {
    let moved = match before {
        None => is_end || after.receipt > 0,
        Some(before) => {
            let forward =
                after.receipt > before.receipt || (is_end && after.receipt == before.receipt);
            before.lineage == after.lineage && forward
        }
    };
    if moved {
        return Ok(());
    }
    Err(StoreError::peer(Code::new("scan.stalled"), "the page does not move the cursor forward"))
}

/// Puts what fits one batch from the front of `rest`.
async fn put_batch<S: ContentAddressedStore + ?Sized>(
    store: &S,
    cx: &Context,
    rest: &mut VecDeque<Verified>,
) -> Result<PutReport> {
    let batch = next_batch(rest);
    let asked = batch.len();
    let report = store.put(cx, batch).await?;
    if report.outcomes.len() == asked { Ok(report) } else { Err(short_answer("put")) }
}

/// As many entries from the front as one `put` may carry, and at least one.
fn next_batch(rest: &mut VecDeque<Verified>) -> Vec<Verified> {
    let mut batch = Vec::new();
    let mut bytes = 0_usize;
    while let Some(entry) = rest.front() {
        bytes = bytes.saturating_add(entry.size_bytes());
        if batch.len() >= MAX_ENTRIES_PER_PUT || (bytes > MAX_PUT_BYTES && !batch.is_empty()) {
            break;
        }
        batch.extend(rest.pop_front());
    }
    batch
}

fn short_answer(call: &str) -> StoreError {
    StoreError::peer(
        Code::new("store.short_answer"),
        format!("the store answered {call} for too few or too many entries"),
    )
}
