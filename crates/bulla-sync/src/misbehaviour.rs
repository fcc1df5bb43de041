//! What a peer did wrong, with the evidence.

use bulla_core::values::{Acknowledgement, Cursor};
use bulla_core::{EntryId, LogHash};

use crate::Attested;

/// What a peer did wrong, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// The source had a state, in this lineage and marked fresh, that it has no longer (SYN-31). Restored from a backup
    /// without a new lineage, or two stores behind one name, or worse. Nothing local was changed because of it.
    #[error(
        "rollback: lineage {} was at receipt {} with log hash {}, now {answered}",
        seen.lineage, seen.receipt, seen.log_hash.short()
    )]
    Rollback {
        /// What the source showed before.
        seen: Cursor,
        /// What it says now.
        answered: RolledBack,
    },
    /// The source, marked fresh, shows signed frontiers and says that it does not hold entries that these prove (SYN-53): it
    /// withholds them, lost them, or never took them. That the entries exist is proven to anybody; that this source denies
    /// them is this replica's word.
    #[error("the source denies {count} entries that frontiers shown by it prove")]
    Withheld {
        /// How many.
        count: u64,
        /// The first of them, at most [`MAX_LISTED`](crate::MAX_LISTED), ascending by id.
        attested: Vec<Attested>,
    },
    /// Pages of a scan break the rules of the contract (SYN-33).
    #[error("scan: {0}")]
    Scan(#[from] ScanFault),
    /// The store denies entries whose receipt it signed (SYN-41). The acknowledgement proves it to anybody.
    #[error("{} of the {} entries that node {} acknowledged are gone", denied.len(), acknowledgement.count, acknowledgement.node)]
    Denied {
        /// The signed word.
        acknowledgement: Box<Acknowledgement>,
        /// Receipts and ids that the digest of the acknowledgement covers, in its order.
        covered: Vec<(u64, EntryId)>,
        /// Those that the store does not hold.
        denied: Vec<EntryId>,
    },
}

/// How the present state of a source shows that it was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RolledBack {
    /// Its head is lower.
    #[error("its head is at receipt {0}")]
    Lower(u64),
    /// Its head is at the same receipt and has another log hash.
    #[error("it has log hash {} there", _0.short())]
    LogHash(LogHash),
    /// It refuses the cursor: its history there is another one.
    #[error("it refuses that cursor")]
    Refused,
}

/// A page of a scan that breaks the rules of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanFault {
    /// The page does not move the cursor on and is not the last.
    #[error("a page does not move the cursor past receipt {0}")]
    Stalled(u64),
    /// The cursor went back.
    #[error("a page moves the cursor back from receipt {from} to {to}")]
    Backward {
        /// From here.
        from: u64,
        /// To there.
        to: u64,
    },
    /// The cursor passed the receipt where the scan was to stop.
    #[error("a page ends at receipt {actual}, beyond {until}")]
    Beyond {
        /// Where the scan was to stop.
        until: u64,
        /// Where the page ended.
        actual: u64,
    },
    /// The source says that the scan is over before the receipt its head announced.
    #[error("the scan ends at receipt {actual}, the head announced {until}")]
    EndsShort {
        /// The head's last receipt.
        until: u64,
        /// Where the scan ended.
        actual: u64,
    },
    /// Items are not in receipt order, or outside the page's own range.
    #[error("item of receipt {0} is out of place")]
    Order(u64),
    /// The log hash at the head's receipt is not the head's.
    #[error("log hash at receipt {0} is not the one of the head")]
    LogHash(u64),
    /// Too many pages in a row carry nothing.
    #[error("{0} pages in a row carry nothing")]
    Idle(u32),
    /// The source shows the same entries again and again.
    #[error("{0} entries shown that were shown before")]
    Repeats(u64),
    /// A page holds more than was asked for.
    #[error("a page holds more than was asked for")]
    Oversize,
    /// An item is not what was asked for, or its id is not that of its entry.
    #[error("item of receipt {0} is not what was asked for")]
    Item(u64),
    /// A `get` answered with no item, more items than ids, or another entry.
    #[error("the answer to get does not fit the ids asked for")]
    Get,
}

impl ScanFault {
    /// Whether the cursors before this page are as good as ever, so that the next run may go on from there.
    pub(crate) const fn is_resumable(self) -> bool {
        matches!(self, Self::Stalled(_) | Self::EndsShort { .. } | Self::Idle(_) | Self::Get)
    }
}
