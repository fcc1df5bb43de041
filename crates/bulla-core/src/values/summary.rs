//! A small hint of what a store holds (chapter `store.md`, SUM-1 to SUM-4).

use crate::{Bloom, values::Cursor};

/// Asks for a hint of what a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryRequest {
    /// A Bloom filter over all ids, with the asker's salt.
    Bloom {
        /// Fresh random bytes.
        salt: [u8; 16],
    },
    /// The first coded symbols of a sketch; no store of this version has one.
    Sketch {
        /// How many symbols.
        symbols: u32,
    },
}

/// The hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Summary {
    /// Over the ids of all receipts up to the cursor.
    Bloom {
        /// What it covers.
        upto: Cursor,
        /// The filter.
        bloom: Bloom,
    },
}
