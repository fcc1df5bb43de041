//! What became of entries given to a store (chapter `store.md`, PUT-1 to PUT-9).

use crate::{Code, Lineage};

/// Why a store did not take an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// Whether the same entry may be taken later.
    pub is_retryable: bool,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// New; stored durably under this receipt.
    Stored(u64),
    /// Held already under this receipt; nothing changed.
    Duplicate(u64),
    /// The header was held under this receipt, its payload is now too. Neither receipt nor digests of ids change.
    PayloadAdded(u64),
    /// Not stored.
    Refused(Refusal),
    /// Not decided yet: the store keeps it, or its sender must offer it again.
    Pending,
}

impl PutOutcome {
    /// The receipt, if the store holds the entry.
    #[must_use]
    pub const fn receipt(&self) -> Option<u64> {
        match self {
            Self::Stored(receipt) | Self::Duplicate(receipt) | Self::PayloadAdded(receipt) => {
                Some(*receipt)
            }
            Self::Refused(_) | Self::Pending => None,
        }
    }
}

/// One outcome per entry given, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutReport {
    /// The history the receipts belong to.
    pub lineage: Lineage,
    /// The outcomes.
    pub outcomes: Vec<PutOutcome>,
}
