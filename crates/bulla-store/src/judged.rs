//! Stores whose entries an admission judges, now and again later (chapter `store.md`, part "Marks").

use async_trait::async_trait;
use bulla_core::values::{PayloadState, PutReport, Rule};
use bulla_core::{
    AuthorKey, Code, EntryId, KeyId, Kind, SetDigest, Topic, Verified, VerifiedHeader,
};

use crate::{ContentAddressedStore, Context, Result};

/// Whether an entry that is held counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It counts.
    Counts,
    /// It does not, for this reason: a stable code of the directory (DIR-32), or another one of the admission's.
    Not(Code),
}

impl Mark {
    /// The reason why the entry does not count, if it does not.
    #[must_use]
    pub const fn code(&self) -> Option<&Code> {
        match self {
            Self::Counts => None,
            Self::Not(code) => Some(code),
        }
    }
}

/// What an admission wants to know of an entry that is held: parts of its header and what became of its payload, never the
/// payload itself (MARK-8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Where the store received it.
    pub receipt: u64,
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
    /// Its topic; zero for control kinds.
    pub topic: Topic,
    /// The epoch key that sealed it; zero for control kinds.
    pub key_id: KeyId,
    /// The length of its payload in bytes, held or not.
    pub payload_length: u32,
    /// Whether it counts.
    pub mark: Mark,
    /// Whether its payload is held, and if not why.
    pub payload: PayloadState,
}

impl Facts {
    /// The facts of an entry held at `receipt` with this mark and its payload in this state.
    #[must_use]
    pub fn of(header: &VerifiedHeader, receipt: u64, mark: Mark, payload: PayloadState) -> Self {
        let fields = header.header();
        Self {
            receipt,
            id: header.id(),
            author: fields.author,
            sequence: fields.sequence,
            previous: fields.previous,
            kind: fields.kind,
            topic: fields.topic,
            key_id: fields.key_id,
            payload_length: fields.payload_length,
            mark,
            payload,
        }
    }

    /// Where it stands among its author's entries.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { sequence: self.sequence, receipt: self.receipt }
    }
}

/// Part of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactsPage {
    /// The entries, in the order of the listing.
    pub facts: Vec<Facts>,
    /// Whether these are the last.
    pub end: bool,
}

/// A place among the entries of one author. The branches of a fork share a sequence, and are told apart by receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The author's own number.
    pub sequence: u64,
    /// The receipt in this store.
    pub receipt: u64,
}

impl Place {
    /// Before every entry of this sequence.
    #[must_use]
    pub const fn before(sequence: u64) -> Self {
        Self { sequence, receipt: 0 }
    }
}

/// New marks for entries that are held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// At most 4,096 entries and what is said of each. Of an entry named twice the last word stands.
    pub marks: Vec<(EntryId, Mark)>,
    /// With the last part of a judgement: the digest of the control entries that all marks of the store are made from
    /// now. `None` leaves what the store says of that as it is.
    pub by: Option<SetDigest>,
}

/// What a judgement did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkReport {
    /// Entries whose mark is another one now. Each entry counts once.
    pub changed: u64,
    /// Entries that had this mark.
    pub unchanged: u64,
    /// Ids that are not held, in the order given: nothing was done for them, and nothing is remembered.
    pub unknown: Vec<EntryId>,
}

/// A store that says of each entry it holds whether it counts. Called by admission only, never over a network: a peer's
/// verdict would be a hint, and every replica judges for itself (MARK-1).
///
/// # Contract
///
/// - **MARK-1** A store is under the rule *all* until [`set_rule`](Self::set_rule) brings it under *directory*, for ever.
///   Under *all* everything counts, and [`put_judged`](Self::put_judged) and [`mark`](Self::mark) are refused.
/// - **MARK-2** An entry that does not count keeps its receipt, its place in the log hash and the state of its payload.
///   The head's counting set is exactly the entries held without a mark.
/// - **MARK-3** Control entries are marked like others; the head's control set stays that of all of them.
/// - **MARK-4** An entry and its mark are stored in one commit. An entry held already keeps its mark. What comes through
///   [`put`](ContentAddressedStore::put) counts, and makes the store forget what it was judged by.
/// - **MARK-5** A judgement is one commit; doing it again changes nothing.
/// - **MARK-6** [`judged_by`](Self::judged_by) says which control entries the marks are made from. Where that is not the
///   head's control digest, the admission judges everything again.
/// - **MARK-7** Rule, marks and that digest survive restart, backup, restore and a new lineage.
/// - **MARK-8** Listings are of one moment and read no payload.
/// - **MARK-9** Every change of a mark is a change of the head, and watchers are told.
#[async_trait]
pub trait Judged: ContentAddressedStore {
    /// The rule that the store counts by.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head).
    async fn rule(&self, cx: &Context) -> Result<Rule>;

    /// Brings the store under a rule, durably. Everything held counts at first, and the store was judged by nothing. Doing
    /// it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`](crate::StoreError::Unsupported) for the rule *all* once it is *directory*.
    async fn set_rule(&self, cx: &Context, rule: Rule) -> Result<()>;

    /// Stores entries with what is said of each (MARK-4); bounds and outcomes are those of
    /// [`put`](ContentAddressedStore::put).
    ///
    /// # Errors
    ///
    /// As `put`; and [`StoreError::Unsupported`](crate::StoreError::Unsupported) under the rule *all*: nothing is stored.
    async fn put_judged(&self, cx: &Context, batch: Vec<(Verified, Mark)>) -> Result<PutReport>;

    /// Says anew what counts, durably (MARK-5).
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`](crate::StoreError::Request) with `request.too_large` for more than 4,096 marks;
    /// [`StoreError::Unsupported`](crate::StoreError::Unsupported) under the rule *all*. After an error nothing has changed.
    async fn mark(&self, cx: &Context, judgement: Judgement) -> Result<MarkReport>;

    /// The entries that do not count, in the order of their receipts, from after a receipt on; at least one and at most
    /// 4,096 if there are any.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head); [`StoreError::Corrupt`](crate::StoreError::Corrupt) where a header cannot
    /// be read.
    async fn marked(&self, cx: &Context, after: u64, limit: usize) -> Result<FactsPage>;

    /// The entries of one author by sequence, branches of a fork by receipt, from after a place on; limits as for
    /// [`marked`](Self::marked).
    ///
    /// # Errors
    ///
    /// As [`marked`](Self::marked).
    async fn authored(
        &self,
        cx: &Context,
        author: AuthorKey,
        after: Place,
        limit: usize,
    ) -> Result<FactsPage>;

    /// What is known of each id, in order, at most 10,000; `None` for one that is not held.
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`](crate::StoreError::Request) with `request.too_large`; else as [`marked`](Self::marked).
    async fn facts(&self, cx: &Context, ids: &[EntryId]) -> Result<Vec<Option<Facts>>>;

    /// The digest of the control entries that the marks are made from; `None` when nobody said so, or when entries came
    /// since that nobody judged.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head).
    async fn judged_by(&self, cx: &Context) -> Result<Option<SetDigest>>;
}
