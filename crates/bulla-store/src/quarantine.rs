//! Entries that were refused and are kept all the same, to be judged again (chapter `store.md`, part "Quarantine").

use async_trait::async_trait;
use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::Refusal;
use bulla_core::{AuthorKey, Code, EntryId, KeyId, Kind, Topic, Verified};
use futures_util::{Stream, stream};

use crate::{ContentAddressedStore, Context, Result};

/// The code of an entry for which its author has no room in quarantine (QUAR-4).
pub const AUTHOR_FULL: &str = "quarantine.author_full";
/// The code of an entry for which there is no room in quarantine, and of a store in which that happened (QUAR-4).
pub const FULL: &str = "quarantine.full";

/// What became of an entry given to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept now.
    Kept,
    /// It was kept. Its code is now the one given, and a payload that it lacked is kept too if there is room.
    Already,
    /// The store holds it, at this receipt: it is not kept.
    Held(u64),
    /// It is not kept: `quarantine.author_full` and `quarantine.full`, which may change, or `entry.space`.
    Refused(Refusal),
}

/// What is said of an entry in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFacts {
    /// Its id.
    pub id: EntryId,
    /// Who signed it.
    pub author: AuthorKey,
    /// The author's own number of it.
    pub sequence: u64,
    /// The author's entry before it.
    pub previous: EntryId,
    /// What it is for.
    pub kind: Kind,
    /// Its topic.
    pub topic: Topic,
    /// The epoch key that sealed it.
    pub key_id: KeyId,
    /// Why it was refused.
    pub code: Code,
    /// Header, signature and payload, in bytes.
    pub size_bytes: u64,
    /// Whether its payload is kept with it.
    pub has_payload: bool,
}

impl KeptFacts {
    /// The facts of an entry kept for this reason.
    #[must_use]
    pub fn of(entry: &Verified, code: Code) -> Self {
        let header = entry.header();
        Self {
            id: entry.id(),
            author: header.author,
            sequence: header.sequence,
            previous: header.previous,
            kind: header.kind,
            topic: header.topic,
            key_id: header.key_id,
            code,
            size_bytes: size_of(entry),
            has_payload: entry.payload().is_some(),
        }
    }
}

/// Part of what is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptPage {
    /// The entries, by id.
    pub facts: Vec<KeptFacts>,
    /// Whether these are the last.
    pub end: bool,
}

/// An entry taken out of quarantine to be looked at; it stays there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEntry {
    /// The entry, with its payload if that is kept.
    pub entry: Verified,
    /// Why it was refused.
    pub code: Code,
}

/// How much is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptTotals {
    /// Entries.
    pub entries: u64,
    /// Their headers, signatures and payloads, in bytes.
    pub bytes: u64,
}

impl KeptTotals {
    /// With one more entry.
    #[must_use]
    pub const fn with(self, bytes: u64) -> Self {
        Self { entries: self.entries.saturating_add(1), bytes: self.bytes.saturating_add(bytes) }
    }

    /// With one entry less.
    #[must_use]
    pub const fn without(self, bytes: u64) -> Self {
        Self { entries: self.entries.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }
}

/// How much a quarantine takes (QUAR-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineBounds {
    /// Of one author: 1,024 entries and 4 MiB unless set.
    pub author: KeptTotals,
    /// Of all authors of the space together: 16,384 entries and 64 MiB unless set.
    pub all: KeptTotals,
}

impl Default for QuarantineBounds {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            author: KeptTotals { entries: 1_024, bytes: 4 * MIB },
            all: KeptTotals { entries: 16_384, bytes: 64 * MIB },
        }
    }
}

impl QuarantineBounds {
    /// Why there would be too much of an author, or in all; the author's own bound is named first.
    #[must_use]
    pub fn refusal(&self, author: KeptTotals, all: KeptTotals) -> Option<Refusal> {
        let is_over = |totals: KeptTotals, bound: KeptTotals| {
            totals.entries > bound.entries || totals.bytes > bound.bytes
        };
        let code = if is_over(author, self.author) {
            AUTHOR_FULL
        } else if is_over(all, self.all) {
            FULL
        } else {
            return None;
        };
        Some(Refusal { code: Code::new(code), is_retryable: true })
    }
}

/// What an entry takes of the bounds.
#[must_use]
pub fn size_of(entry: &Verified) -> u64 {
    u64::try_from(entry.size_bytes()).unwrap_or(u64::MAX)
}

/// Everything that is kept, page after page, by id: `read` is [`Quarantine::kept`], of anything that leads to one, asked
/// with the id to go on after and the longest page there is (QUAR-6).
///
/// A page is of one moment, and all of them together are not: what is kept, stored or released meanwhile may be seen or not.
/// The stream ends after its first error, which is that of `read`.
pub fn kept_pages<E, F: Future<Output = std::result::Result<KeptPage, E>>>(
    read: impl FnMut(Option<EntryId>, usize) -> F,
) -> impl Stream<Item = std::result::Result<Vec<KeptFacts>, E>> {
    stream::try_unfold((read, None, false), |(mut read, after, is_over)| async move {
        if is_over {
            return Ok(None);
        }
        let page = read(after, MAX_ENTRIES_PER_PUT).await?;
        let last = page.facts.last().map(|facts| facts.id);
        let is_over = page.end || last.is_none();
        Ok(Some((page.facts, (read, last, is_over))))
    })
}

/// A place beside a store for entries that it refused and must not forget. Called by admission only, never over a
/// network.
///
/// # Contract
///
/// - **QUAR-1** What is kept has no receipt and is not held: no call of [`ContentAddressedStore`] shows it.
/// - **QUAR-2** One outcome each, in order; keeping is idempotent by id.
/// - **QUAR-3** Durable on return, as what is stored; it survives restart, backup and restore.
/// - **QUAR-4** Bounded per author and in all. Nothing is pushed out for something else.
/// - **QUAR-5** An entry that is stored leaves the quarantine in the same commit.
/// - **QUAR-6** Listings are of one moment, by id.
/// - **QUAR-7** What is released is forgotten.
/// - **QUAR-8** A payload is dropped in one commit, and its entry stays.
#[async_trait]
pub trait Quarantine: ContentAddressedStore {
    /// Keeps entries, each with the reason why it was refused: at most 4,096 and 16 MiB of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`](crate::StoreError::Request) with `request.too_large`; else as
    /// [`put`](ContentAddressedStore::put).
    async fn keep(&self, cx: &Context, batch: Vec<(Verified, Code)>) -> Result<Vec<Kept>>;

    /// What is kept, by id, from after an id on; at least one and at most 4,096 if there are any.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head); [`StoreError::Corrupt`](crate::StoreError::Corrupt) where an entry cannot
    /// be read.
    async fn kept(&self, cx: &Context, after: Option<EntryId>, limit: usize) -> Result<KeptPage>;

    /// The entries themselves: answers for a prefix of the ids, at most 10,000, in order, as many as `max_bytes` allow and
    /// at least one; `None` for one that is not kept.
    ///
    /// # Errors
    ///
    /// As [`kept`](Self::kept), and `request.too_large`.
    async fn kept_entries(
        &self,
        cx: &Context,
        ids: &[EntryId],
        max_bytes: u32,
    ) -> Result<Vec<Option<KeptEntry>>>;

    /// Forgets entries, at most 10,000, durably; how many of them were kept. They come back only if somebody offers them
    /// again.
    ///
    /// # Errors
    ///
    /// As [`keep`](Self::keep).
    async fn release(&self, cx: &Context, ids: &[EntryId]) -> Result<u64>;

    /// Drops the payloads of entries, at most 10,000, durably; how many were kept with one. What is left of them is their
    /// headers, kept for the reasons they had (QUAR-8).
    ///
    /// # Errors
    ///
    /// As [`keep`](Self::keep).
    async fn drop_payloads(&self, cx: &Context, ids: &[EntryId]) -> Result<u64>;

    /// How much is kept.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head).
    async fn kept_totals(&self, cx: &Context) -> Result<KeptTotals>;
}
