//! Every bound of the messages, written once. The bounds of entries, pages and batches are in
//! [`bulla_core::limits`].

use bulla_core::limits::{MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES};

/// Longest single item of a stream in bytes: the longest entry and its framing (WIRE-12).
pub const MAX_ITEM_BYTES: usize = MAX_PAYLOAD_BYTES + MAX_HEADER_BYTES + 1024;
/// Longest body that is one item, in bytes; only a summary may be longer (WIRE-13).
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Longest answer to `summary`, and longest scan request (it may carry a filter), in bytes (WIRE-13).
pub const MAX_SUMMARY_BYTES: usize = 32 * 1024 * 1024 + 1024;
/// Most entries of one table of the compact form; what comes after is spelled out (CMP-4).
pub const MAX_TABLE: usize = 65_536;
/// Longest message of an error in bytes (ERR-4).
pub const MAX_ERROR_MESSAGE_BYTES: usize = 512;
/// Most details of an error (ERR-5).
pub const MAX_ERROR_DETAILS: usize = 32;
/// Highest protocol version that can be named (WIRE-3).
pub const MAX_VERSION: u64 = 0xffff;
/// Most members of the capabilities map (CAP-2).
pub const MAX_CAPABILITIES: usize = 64;
/// Most rungs or features in the capabilities (CAP-2).
pub const MAX_CAPABILITY_NAMES: usize = 64;
/// Most spaces in one login (LOGIN-1).
pub const MAX_LOGIN_SPACES: usize = 256;
/// Longest origin in a login, in bytes (LOGIN-1).
pub const MAX_ORIGIN_BYTES: usize = 256;
/// Longest body of a request about a mailbox, in bytes (WIRE-13).
pub const MAX_MAILBOX_BODY_BYTES: usize = 8 * 1024;
/// Length of a token in bytes (WIRE-23).
pub const TOKEN_BYTES: usize = 32;
/// Most spaces in one answer to `spaces` (WIRE-40).
pub const MAX_SPACES_PER_PAGE: usize = 4_096;
/// Most spaces in one feed (FEED-2).
pub const MAX_FEED_SPACES: usize = 4_096;
/// Most entries that ride along with one feed item (FEED-5).
pub const MAX_RIDERS: usize = 64;
/// Most bytes of entries that ride along with one feed item (FEED-5).
pub const MAX_RIDER_BYTES: usize = 64 * 1024;
/// Shortest and longest heartbeat interval of a feed in milliseconds (FEED-3).
pub const HEARTBEAT_MS: std::ops::RangeInclusive<u64> = 100..=60_000;
/// Most pages in one answer to `scan` (WIRE-36).
pub const MAX_PAGES_PER_SCAN: u32 = 4_096;
/// Most symbols a summary request may name (WIRE-38).
pub const MAX_SKETCH_SYMBOLS: u32 = 1 << 20;
/// Most stores in one answer to `status`: one for each hop and the last (WIRE-39).
pub const MAX_STATUS_CHAIN: usize = bulla_core::limits::MAX_HOPS + 1;
/// Longest engine name in bytes (WIRE-39).
pub const MAX_ENGINE_BYTES: usize = 64;
/// Most impairments of one store (WIRE-39).
pub const MAX_IMPAIRMENTS: usize = 16;
/// Longest request id in bytes (WIRE-8).
pub const MAX_REQUEST_ID_BYTES: usize = 64;
/// Longest deadline in milliseconds that a header may name: one day (WIRE-7).
pub const MAX_DEADLINE_MS: u64 = 24 * 60 * 60 * 1000;
