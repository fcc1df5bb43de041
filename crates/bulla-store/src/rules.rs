//! The rules that every store answers by, written once: bounds of requests, cursors, and how a page is filled.
//!
//! A store that uses these gives the same answer as every other one (chapter `store.md`). They are pure; nothing here
//! reads or waits.

mod page;

use bulla_core::limits::{
    MAX_COUNTER, MAX_ENTRIES_PER_PUT, MAX_FILTER_TERMS, MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES,
    MAX_PUT_BYTES,
};
use bulla_core::values::{
    Cursor, Filter, PayloadState, Refusal, Rule, ScanRequest, SummaryRequest,
};
use bulla_core::{Code, Lineage, LogHash, SpaceId, Verified};

use crate::{CursorRefusal, Result, StoreError};

pub use page::{MAX_LEFT_OUT, Offer, PageBuilder, Row};

/// Most entries in one judgement, and most items in one listing for an admission (MARK-5, MARK-8).
pub const MAX_MARKS: usize = 4_096;
/// Longest key of a bookmark in bytes.
pub const MAX_BOOKMARK_KEY_BYTES: usize = 256;
/// Longest value of a bookmark in bytes.
pub const MAX_BOOKMARK_VALUE_BYTES: usize = 64 * 1024;
/// The code of a request beyond a bound (STO-10).
pub const TOO_LARGE: &str = "request.too_large";
/// The code of a filter whose terms are not in order (FLT-2).
pub const BAD_FILTER: &str = "request.filter";
/// The code of an entry that belongs to another space (STO-9).
pub const OTHER_SPACE: &str = "entry.space";

/// Checks the bounds of a batch: at most 4,096 entries and 16 MiB (STO-21).
///
/// # Errors
///
/// [`StoreError::Request`] with `request.too_large`.
pub fn check_put(batch: &[Verified]) -> Result<()> {
    check_batch(batch.iter())
}

/// As [`check_put`], for entries that something is said of: a mark, a code (MARK-4, QUAR-2).
///
/// # Errors
///
/// As [`check_put`].
pub fn check_given<T>(batch: &[(Verified, T)]) -> Result<()> {
    check_batch(batch.iter().map(|(entry, _)| entry))
}

fn check_batch<'e>(batch: impl ExactSizeIterator<Item = &'e Verified>) -> Result<()> {
    if batch.len() > MAX_ENTRIES_PER_PUT {
        return Err(too_large(format!(
            "{} entries in one put, at most {MAX_ENTRIES_PER_PUT}",
            batch.len()
        )));
    }
    let bytes = batch.fold(0_usize, |sum, entry| sum.saturating_add(entry.size_bytes()));
    if bytes > MAX_PUT_BYTES {
        return Err(too_large(format!("{bytes} bytes in one put, at most {MAX_PUT_BYTES}")));
    }
    Ok(())
}

/// Checks how many entries one judgement names: at most 4,096 (MARK-5).
///
/// # Errors
///
/// [`StoreError::Request`] with `request.too_large`.
pub fn check_marks(count: usize) -> Result<()> {
    if count > MAX_MARKS {
        return Err(too_large(format!("{count} marks in one judgement, at most {MAX_MARKS}")));
    }
    Ok(())
}

/// What a store under the rule *all* says to whoever would judge its entries (MARK-1).
///
/// # Errors
///
/// [`StoreError::Unsupported`] unless the rule is *directory*.
pub fn check_rule(rule: Rule) -> Result<()> {
    match rule {
        Rule::Directory => Ok(()),
        Rule::All => Err(StoreError::Unsupported { what: "judging entries under the rule all" }),
    }
}

/// How many items one listing for an admission has: what was asked for, at least one and at most 4,096 (MARK-8, QUAR-6).
#[must_use]
pub fn clamp_listing(limit: usize) -> usize {
    limit.clamp(1, MAX_MARKS)
}

/// Checks how many ids one `get` or `has` asks for: at most 10,000 (STO-20).
///
/// # Errors
///
/// [`StoreError::Request`] with `request.too_large`.
pub fn check_ids(count: usize) -> Result<()> {
    if count > MAX_IDS_PER_REQUEST {
        return Err(too_large(format!(
            "{count} ids in one request, at most {MAX_IDS_PER_REQUEST}"
        )));
    }
    Ok(())
}

/// Checks what can be checked of a scan without looking at the store (FLT-2, CUR-2).
///
/// # Errors
///
/// [`StoreError::Request`]: `request.too_large` for too many terms or a receipt above 2^63 - 1, `request.filter` for
/// terms out of order.
pub fn check_scan(request: &ScanRequest) -> Result<()> {
    let receipts = [request.after.map(|cursor| cursor.receipt), request.until];
    if receipts.into_iter().flatten().any(|receipt| receipt > MAX_COUNTER) {
        return Err(too_large(format!("a receipt above {MAX_COUNTER}")));
    }
    check_filter(&request.filter)
}

/// Checks a filter: at most 256 terms of each sort, in strictly ascending order (FLT-2).
///
/// # Errors
///
/// As [`check_scan`].
pub fn check_filter(filter: &Filter) -> Result<()> {
    let longest = filter.topics.len().max(filter.kinds.len()).max(filter.authors.len());
    if longest > MAX_FILTER_TERMS {
        return Err(too_large(format!(
            "{longest} terms in one filter, at most {MAX_FILTER_TERMS}"
        )));
    }
    if !filter.is_canonical() {
        return Err(StoreError::request(BAD_FILTER, "filter terms are not strictly ascending"));
    }
    Ok(())
}

/// Refuses the kinds of summary that no store of this version keeps (SUM-3).
///
/// # Errors
///
/// [`StoreError::Unsupported`] for a sketch.
pub fn check_summary(request: &SummaryRequest) -> Result<[u8; 16]> {
    match request {
        SummaryRequest::Bloom { salt } => Ok(*salt),
        SummaryRequest::Sketch { .. } => Err(StoreError::Unsupported { what: "sketch" }),
    }
}

/// Checks a cursor against a store's history (STO-12, CUR-3): lineage first, then the receipt, then the log hash.
///
/// `log_hash_at` gives the log hash at a receipt between 1 and `last_receipt`; it is asked at most once.
///
/// # Errors
///
/// [`StoreError::Cursor`], or what `log_hash_at` returns.
pub fn check_cursor(
    space: &SpaceId,
    cursor: &Cursor,
    lineage: Lineage,
    last_receipt: u64,
    log_hash_at: impl FnOnce(u64) -> Result<LogHash>,
) -> Result<()> {
    if cursor.lineage != lineage {
        return Err(CursorRefusal::Lineage { cursor: cursor.lineage, store: lineage }.into());
    }
    if cursor.receipt > last_receipt {
        return Err(
            CursorRefusal::BeyondHead { cursor: cursor.receipt, store: last_receipt }.into()
        );
    }
    let store = if cursor.receipt == 0 {
        LogHash::start(space, &lineage)
    } else {
        log_hash_at(cursor.receipt)?
    };
    if cursor.log_hash != store {
        return Err(CursorRefusal::LogHash {
            receipt: cursor.receipt,
            cursor: cursor.log_hash,
            store,
        }
        .into());
    }
    Ok(())
}

/// The cursor of a reader who has seen nothing of this history.
#[must_use]
pub fn start_cursor(space: &SpaceId, lineage: Lineage) -> Cursor {
    Cursor { lineage, receipt: 0, log_hash: LogHash::start(space, &lineage) }
}

/// Why an entry may not be stored in this space, whoever asks (STO-9).
#[must_use]
pub fn refusal(space: &SpaceId, entry: &Verified) -> Option<Refusal> {
    (entry.verified_header().space() != *space)
        .then(|| Refusal { code: Code::new(OTHER_SPACE), is_retryable: false })
}

/// Which reason for an absent payload stands when a second one is given: the first erasure, else the first pruning, else
/// the newer word (ERA-4). So that doing an erasure twice changes nothing.
#[must_use]
pub const fn stronger_absence(held: PayloadState, given: PayloadState) -> PayloadState {
    match (held, given) {
        (PayloadState::Erased(_), _) | (PayloadState::Pruned(_), PayloadState::Pruned(_)) => held,
        _ => given,
    }
}

/// Checks the key of a bookmark: at most 256 bytes.
///
/// # Errors
///
/// [`StoreError::Request`] with `request.too_large`.
pub fn check_bookmark_key(key: &[u8]) -> Result<()> {
    if key.len() > MAX_BOOKMARK_KEY_BYTES {
        return Err(too_large(format!(
            "bookmark key of {} bytes, at most {MAX_BOOKMARK_KEY_BYTES}",
            key.len()
        )));
    }
    Ok(())
}

/// Checks the value of a bookmark: at most 64 KiB.
///
/// # Errors
///
/// [`StoreError::Request`] with `request.too_large`.
pub fn check_bookmark_value(value: &[u8]) -> Result<()> {
    if value.len() > MAX_BOOKMARK_VALUE_BYTES {
        return Err(too_large(format!(
            "bookmark of {} bytes, at most {MAX_BOOKMARK_VALUE_BYTES}",
            value.len()
        )));
    }
    Ok(())
}

/// How many spaces one page lists: what was asked for, at least one and at most 10,000 (SPACES-3).
#[must_use]
pub fn clamp_space_limit(limit: usize) -> usize {
    limit.clamp(1, MAX_IDS_PER_REQUEST)
}

/// Counts an answer's bytes: items are taken while their sum stays within the limit, and one always is (STO-22).
#[derive(Debug, Clone, Copy)]
pub struct ByteBudget {
    max_bytes: u64,
    used_bytes: u64,
    is_first: bool,
}

impl ByteBudget {
    /// A budget of `max_bytes`, bounded by the largest answer any store gives, 16 MiB.
    #[must_use]
    pub fn new(max_bytes: u32) -> Self {
        Self { max_bytes: u64::from(max_bytes.min(MAX_PAGE_BYTES)), used_bytes: 0, is_first: true }
    }

    /// Whether an item of this size may be added; if so it is counted.
    pub fn take(&mut self, size_bytes: usize) -> bool {
        let size = u64::try_from(size_bytes).unwrap_or(u64::MAX);
        let sum = self.used_bytes.saturating_add(size);
        let fits = self.is_first || sum <= self.max_bytes;
        if fits {
            self.used_bytes = sum;
            self.is_first = false;
        }
        fits
    }

    /// Bytes left; zero when a single item took more than there were.
    #[must_use]
    pub fn left_bytes(&self) -> u32 {
        u32::try_from(self.max_bytes.saturating_sub(self.used_bytes)).unwrap_or(u32::MAX)
    }
}

fn too_large(reason: String) -> StoreError {
    StoreError::request(TOO_LARGE, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: GET-2.
    #[test]
    fn no_answer_is_longer_than_the_longest_page() {
        let mut budget = ByteBudget::new(u32::MAX);
        assert_eq!(budget.left_bytes(), MAX_PAGE_BYTES);
        let half = usize::try_from(MAX_PAGE_BYTES / 2).unwrap();
        assert!(budget.take(half) && budget.take(half));
        assert!(!budget.take(1));
        assert!(ByteBudget::new(0).take(usize::MAX), "one item is always allowed");
    }

    /// Clauses: MARK-8, QUAR-6.
    #[test]
    fn no_listing_is_longer_than_the_longest_one() {
        assert_eq!(
            [0, 1, 4_096, 4_097, usize::MAX].map(clamp_listing),
            [1, 1, 4_096, 4_096, 4_096]
        );
    }
}
