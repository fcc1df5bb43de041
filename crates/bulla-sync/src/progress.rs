//! How far a run got.

use crate::Rung;

/// How far a run got. The totals come first and may change when the run takes another rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The rung the run is on; `None` before it chose one.
    pub rung: Option<Rung>,
    /// Receipts of the source to go through on this rung.
    pub receipts_total: u64,
    /// Receipts of the source gone through on this rung.
    pub receipts_done: u64,
    /// Entries stored in the target so far.
    pub entries_stored: u64,
    /// Bytes of payloads stored in the target so far; how many there will be nobody knows before.
    pub payload_bytes: u64,
}
