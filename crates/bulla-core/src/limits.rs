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
/// Most cuts of one device: one for each branch of its chain (CTL-6).
pub const MAX_CUTS: usize = 16;
/// Most parents of a key epoch (CTL-30).
pub const MAX_EPOCH_PARENTS: usize = 64;
/// Most recipients of a key epoch (CTL-30).
pub const MAX_EPOCH_RECIPIENTS: usize = 8_192;
/// Shortest sealed inheritance of a key epoch in bytes: the authentication tag alone (CTL-30).
pub const MIN_INHERITED_BYTES: usize = 16;
/// Longest sealed inheritance of a key epoch in bytes (CTL-30).
pub const MAX_INHERITED_BYTES: usize = 4_096;
/// Most headers that a frontier carries (CTL-40).
pub const MAX_PROVEN: usize = 256;
/// Most claims without a header in a frontier (CTL-40).
pub const MAX_CLAIMED: usize = 4_096;
/// Most devices that one entry adds to a group, takes out of it, or revokes by recovery (CTL-50, CTL-70).
pub const MAX_CHANGED_DEVICES: usize = 1_024;
/// Most ids and most ranges in one erasure (CTL-60).
pub const MAX_ERASED: usize = 4_096;
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
