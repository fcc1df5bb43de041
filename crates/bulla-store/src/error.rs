//! Why a store did not answer.

use std::sync::Arc;
use std::time::Duration;

use bulla_core::{Code, EntryId, Lineage, LogHash, NodeId, SpaceId};

/// Why a cursor was refused; the reader reconciles from scratch (CUR-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorRefusal {
    /// The store's history is another one: it was created anew, reset or restored.
    #[error("cursor of lineage {cursor}, store has lineage {store}")]
    Lineage {
        /// The cursor's.
        cursor: Lineage,
        /// The store's.
        store: Lineage,
    },
    /// The store has not received as much: it was rolled back, or the cursor is invented.
    #[error("cursor at receipt {cursor}, store ends at {store}")]
    BeyondHead {
        /// The cursor's.
        cursor: u64,
        /// The store's last.
        store: u64,
    },
    /// The histories differ before the cursor.
    #[error("cursor has log hash {cursor} at receipt {receipt}, store has {store}")]
    LogHash {
        /// Where.
        receipt: u64,
        /// The cursor's.
        cursor: LogHash,
        /// The store's.
        store: LogHash,
    },
}

impl CursorRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Lineage { .. } => "cursor.lineage",
            Self::BeyondHead { .. } => "cursor.beyond_head",
            Self::LogHash { .. } => "cursor.log_hash",
        })
    }
}

/// Why a store did not answer. Variants follow what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The cursor is not one of this store's history. *Reconcile from scratch.*
    #[error(transparent)]
    Cursor(#[from] CursorRefusal),
    /// The request breaks a bound or rule of the contract. *Fix the request*; the caller's fault.
    #[error("request refused: {reason}")]
    Request {
        /// The stable code.
        code: Code,
        /// Which rule.
        reason: String,
    },
    /// This store cannot do that at all. *Ask for something else.*
    #[error("{what} is not supported by this store")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The space is unknown here, or this caller may not know of it; the two look the same. *Stop.*
    #[error("space {0} is not served here")]
    NotServed(SpaceId),
    /// The caller may not do that in this space. *Stop, or ask for the right.*
    #[error("this device may not {right} in this space")]
    Forbidden {
        /// The right that lacks: `read`, `write` or `carry`.
        right: &'static str,
    },
    /// The request came round to a node it had passed, or passed too many. *Fix the configuration of the nodes.*
    #[error("request loops: it passed node {0} before")]
    Loop(NodeId),
    /// The store or its origin cannot be reached or is busy. *Retry*, after the time given if there is one.
    #[error("store unavailable: {reason}")]
    Unavailable {
        /// The stable code.
        code: Code,
        /// What happened.
        reason: String,
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// The caller's deadline passed. *Retry with more time.*
    #[error("deadline passed")]
    Deadline,
    /// The node at the other end broke the protocol, or what it sent does not verify. *Use another source*; the peer's
    /// fault.
    #[error("peer at fault: {reason}")]
    Peer {
        /// The stable code.
        code: Code,
        /// What it did.
        reason: String,
    },
    /// The node's key is not the one expected. *Check the address and the key.*
    #[error("node key is {actual}, expected {expected}")]
    WrongNode {
        /// As configured.
        expected: NodeId,
        /// As presented.
        actual: NodeId,
    },
    /// Data held here is damaged. *Verify the store and restore or refetch it.*
    #[error("stored data is damaged: {reason}")]
    Corrupt {
        /// The entry, if it is known which.
        id: Option<EntryId>,
        /// What was found.
        reason: String,
    },
    /// No room is left; reads go on. *Free space, then retry.*
    #[error("no space left on the device")]
    Full,
    /// The store stopped taking writes after a failed sync; reads go on. *Reopen it.*
    #[error("store takes no writes after an earlier failure: {reason}")]
    ReadOnly {
        /// The earlier failure.
        reason: String,
    },
    /// The engine or the operating system failed. *Report it.*
    #[error("{context}")]
    Internal {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

impl StoreError {
    /// The stable code (spec, chapter `errors.md`).
    #[must_use]
    pub fn code(&self) -> Code {
        Code::new(match self {
            Self::Cursor(refusal) => return refusal.code(),
            Self::Request { code, .. }
            | Self::Unavailable { code, .. }
            | Self::Peer { code, .. } => {
                return code.clone();
            }
            Self::Unsupported { .. } => "store.unsupported",
            Self::NotServed(_) => "space.not_served",
            Self::Forbidden { .. } => "space.forbidden",
            Self::Loop(_) => "hop.loop",
            Self::Deadline => "store.deadline",
            Self::WrongNode { .. } => "peer.wrong_node",
            Self::Corrupt { .. } => "store.corrupt",
            Self::Full => "store.full",
            Self::ReadOnly { .. } => "store.read_only",
            Self::Internal { .. } => "store.internal",
        })
    }

    /// Whether the same call may succeed later without anything being changed by the caller.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Deadline | Self::Full | Self::ReadOnly { .. }
        )
    }

    /// An engine failure with its cause.
    pub fn internal(
        context: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Internal { context: context.into(), source: Some(Arc::new(source)) }
    }

    /// A request that breaks a rule.
    pub fn request(code: &'static str, reason: impl Into<String>) -> Self {
        Self::Request { code: Code::new(code), reason: reason.into() }
    }

    /// A peer that broke the protocol.
    pub fn peer(code: Code, reason: impl Into<String>) -> Self {
        Self::Peer { code, reason: reason.into() }
    }
}
