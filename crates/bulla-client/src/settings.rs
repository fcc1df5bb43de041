//! How long a client waits, and how much it asks for at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a client waits, and how much it asks for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSettings {
    /// Longest time to connect, name resolution and TLS included, in milliseconds; 10,000.
    pub connect_ms: u64,
    /// Longest time from the end of a request to the head of its answer, in milliseconds; 30,000. Sending the request
    /// may take as much longer as its bytes need at [`slowest_bytes_per_second`](Self::slowest_bytes_per_second).
    pub response_header_ms: u64,
    /// Longest silence in the middle of an answer, in milliseconds; 30,000. All silences of an answer to one call, or of
    /// one page, may together take as much longer as its bytes need at
    /// [`slowest_bytes_per_second`](Self::slowest_bytes_per_second): a node that drips is given up.
    pub idle_read_ms: u64,
    /// The slowest transfer that is still waited for, in bytes per second; 16,384.
    pub slowest_bytes_per_second: u64,
    /// How long an unused connection is kept, in milliseconds; 10,000.
    pub pool_idle_ms: u64,
    /// Longest silence on a feed before it counts as broken, in milliseconds; 45,000. The node is asked for a heartbeat
    /// three times as often.
    pub feed_silence_ms: u64,
    /// Most pages that a scan up to a fixed receipt reads ahead in one answer; 1,024.
    pub pages_per_scan: u32,
    /// How long an answer with further pages is kept for the next call, in milliseconds; 10,000.
    pub open_scan_ms: u64,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            response_header_ms: 30_000,
            idle_read_ms: 30_000,
            slowest_bytes_per_second: 16_384,
            pool_idle_ms: 10_000,
            feed_silence_ms: 45_000,
            pages_per_scan: 1_024,
            open_scan_ms: 10_000,
        }
    }
}

impl ClientSettings {
    /// How long to wait for the head of the answer to a request with this many bytes.
    pub(crate) fn answer_within(&self, request_bytes: usize) -> Duration {
        let bytes = u64::try_from(request_bytes).unwrap_or(u64::MAX);
        let sending_ms = bytes.saturating_mul(1000) / self.slowest_bytes_per_second.max(1);
        Duration::from_millis(self.response_header_ms.saturating_add(sending_ms))
    }
}
