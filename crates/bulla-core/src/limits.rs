//! Every bound of the formats, written once. Spec chapter `entries.md`, clauses ENT-20 to ENT-24.

/// Longest header in bytes (ENT-20).
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// Most dependencies one entry may name (ENT-21).
pub const MAX_DEPENDENCIES: usize = 64;
/// Longest payload ciphertext in bytes, 1 MiB (ENT-22). Larger content is chunked.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// Shortest ciphertext of a sealed payload in bytes: the authentication tag alone (ENT-23).
pub const MIN_SEALED_BYTES: usize = 16;
/// Highest sequence, receipt and timestamp: they fit a signed 64-bit integer in every language (ENT-24).
pub const MAX_COUNTER: u64 = (1 << 63) - 1;
/// Deepest nesting of arrays and maps in any CBOR item (CBOR-8).
pub const MAX_CBOR_DEPTH: usize = 8;
/// Most founders a genesis may name (GEN-3).
pub const MAX_FOUNDERS: usize = 64;
/// Longest genesis payload in bytes (GEN-2).
pub const MAX_GENESIS_BYTES: usize = 16 * 1024;
/// Longest stable error code in bytes (ERR-2).
pub const MAX_CODE_BYTES: usize = 64;
/// Most node ids in a hop path (HOP-2).
pub const MAX_HOPS: usize = 16;
/// Most ids in one `get` or `has` request (STO-20).
pub const MAX_IDS_PER_REQUEST: usize = 10_000;
/// Most entries in one `put` (STO-21).
pub const MAX_ENTRIES_PER_PUT: usize = 4_096;
/// Most bytes (headers, signatures and payloads) in one `put` (STO-21).
pub const MAX_PUT_BYTES: usize = 16 * 1024 * 1024;
/// Most items on one page of a scan (STO-22).
pub const MAX_PAGE_ITEMS: u32 = 65_536;
/// Most bytes on one page of a scan or in one answer to `get`, beyond the one item always allowed (STO-22).
pub const MAX_PAGE_BYTES: u32 = 16 * 1024 * 1024;
/// Most topics, authors or kind ranges in one filter (FLT-2).
pub const MAX_FILTER_TERMS: usize = 256;
