//! The running state behind a store's head.

use bulla_core::values::{Counted, Counting, Freshness, Head, Rule};
use bulla_core::{EntryId, Header, Lineage, LogHash, SetHash, SpaceId};

/// A set of ids: how many, and the state of their digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TallySet {
    /// Number of ids.
    pub count: u64,
    /// State of the set digest.
    pub hash: SetHash,
}

impl TallySet {
    /// Adds an id that is not in the set.
    pub fn insert(&mut self, id: &EntryId) {
        self.count = self.count.saturating_add(1);
        self.hash.insert(id);
    }

    /// Takes an id away that is in the set.
    pub fn remove(&mut self, id: &EntryId) {
        self.count = self.count.saturating_sub(1);
        self.hash.remove(id);
    }

    /// The set without these ids of it.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let mut rest = self.clone();
        rest.count = rest.count.saturating_sub(others.count);
        rest.hash.subtract(&others.hash);
        rest
    }

    /// Count and digest, as heads carry them.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted { count: self.count, digest: self.hash.digest() }
    }
}

/// What a store keeps up to date to answer `head`: last receipt, log hash and the sets (HEAD-1).
///
/// It trusts its caller that an id is appended once and that payloads come and go in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The history.
    pub lineage: Lineage,
    /// The newest receipt.
    pub last_receipt: u64,
    /// The log hash at that receipt.
    pub log_hash: LogHash,
    /// Control entries.
    pub control: TallySet,
    /// All entries.
    pub held: TallySet,
    /// Entries whose payload is present.
    pub present: TallySet,
    /// What counts: under the rule *all* everything held.
    pub rule: Rule,
    /// Entries held that do not count; none under the rule *all*.
    pub marked: TallySet,
}

impl Tally {
    /// The tally of an empty store.
    #[must_use]
    pub fn new(space: &SpaceId, lineage: Lineage) -> Self {
        Self {
            lineage,
            last_receipt: 0,
            log_hash: LogHash::start(space, &lineage),
            control: TallySet::default(),
            held: TallySet::default(),
            present: TallySet::default(),
            rule: Rule::All,
            marked: TallySet::default(),
        }
    }

    /// Counts a new entry and returns its receipt; the log hash moves with it.
    pub fn append(&mut self, id: &EntryId, header: &Header, has_payload: bool) -> u64 {
        self.last_receipt = self.last_receipt.saturating_add(1);
        self.log_hash = self.log_hash.next(id);
        self.held.insert(id);
        if header.kind.is_control() {
            self.control.insert(id);
        }
        if has_payload {
            self.present.insert(id);
        }
        self.last_receipt
    }

    /// Counts a payload that came after its header.
    pub fn payload_added(&mut self, id: &EntryId) {
        self.present.insert(id);
    }

    /// Counts a payload that was erased, pruned or lost.
    pub fn payload_dropped(&mut self, id: &EntryId) {
        self.present.remove(id);
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            lineage: self.lineage,
            last_receipt: self.last_receipt,
            log_hash: self.log_hash,
            control: self.control.counted(),
            held: self.held.counted(),
            counting: match self.rule {
                Rule::All => Counting::All,
                Rule::Directory => Counting::Directory(self.held.without(&self.marked).counted()),
            },
            present: self.present.counted(),
            freshness: Freshness::Fresh,
        }
    }
}
