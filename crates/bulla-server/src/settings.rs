//! What an operator may set of the HTTP side. All times are in milliseconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of an HTTP listener (NODE-10, NODE-11).
///
/// The defaults suit a public node: a peer that stalls or trickles is gone within 15 seconds, and one address cannot
/// take every connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Longest time from accepting a connection to its first whole request head, and from the first byte of a later head
    /// to its end. Default 10,000.
    pub head_timeout_ms: u64,
    /// How long a connection may lie idle between two requests. Default 60,000.
    pub idle_timeout_ms: u64,
    /// Longest TLS handshake. Default 10,000.
    pub handshake_timeout_ms: u64,
    /// Longest wait for the next bytes of a request body, or for the peer to take the next bytes of an answer. Default
    /// 10,000.
    pub stall_timeout_ms: u64,
    /// Slowest transfer of a body in either direction, in bytes per second, over each [`stall_timeout_ms`] spent
    /// waiting for the peer. Time that the node itself takes does not count. Default 1,024; 0 turns it off.
    ///
    /// [`stall_timeout_ms`]: Self::stall_timeout_ms
    pub min_bytes_per_second: u64,
    /// Longest request head in bytes. Default 16,384.
    pub max_head_bytes: usize,
    /// Most connections at once; further ones wait in the system's queue. Default 1,024.
    pub max_connections: usize,
    /// Most connections at once from one IPv4 address or one IPv6 /64 network; further ones are closed. Default 256.
    pub max_connections_per_address: usize,
    /// How long requests under way may go on once the node was told to stop. Default 20,000.
    pub drain_timeout_ms: u64,
    /// Whether HTTP/2 is offered beside HTTP/1.1, over TLS only. Default `false`.
    pub http2: bool,
    /// Most requests at once on one HTTP/2 connection. Default 64.
    pub http2_max_streams: u32,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            head_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            handshake_timeout_ms: 10_000,
            stall_timeout_ms: 10_000,
            min_bytes_per_second: 1_024,
            max_head_bytes: 16 * 1024,
            max_connections: 1_024,
            max_connections_per_address: 256,
            drain_timeout_ms: 20_000,
            http2: false,
            http2_max_streams: 64,
        }
    }
}

/// A setting that cannot work. *Fix the configuration.*
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {rule}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl HttpSettings {
    /// Checks that the values can work together.
    ///
    /// # Errors
    ///
    /// [`SettingError`] naming the first setting that cannot.
    pub fn check(&self) -> Result<(), SettingError> {
        let timeouts = [
            ("head_timeout_ms", self.head_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("handshake_timeout_ms", self.handshake_timeout_ms),
            ("stall_timeout_ms", self.stall_timeout_ms),
        ];
        for (name, value) in timeouts {
            // A timeout of zero would refuse everybody, and none at all is what an attacker wants.
            if !(1..=MAX_TIMEOUT_MS).contains(&value) {
                return Err(SettingError { name, rule: "between 1 and 3,600,000 milliseconds" });
            }
        }
        if self.drain_timeout_ms > MAX_TIMEOUT_MS {
            return Err(SettingError {
                name: "drain_timeout_ms",
                rule: "at most 3,600,000 milliseconds",
            });
        }
        if !(MIN_HEAD_BYTES..=MAX_HEAD_BYTES).contains(&self.max_head_bytes) {
            return Err(SettingError { name: "max_head_bytes", rule: "between 8,192 and 65,536" });
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.max_connections) {
            return Err(SettingError { name: "max_connections", rule: "between 1 and 1,000,000" });
        }
        if self.max_connections_per_address == 0 {
            return Err(SettingError { name: "max_connections_per_address", rule: "at least 1" });
        }
        if !(1..=1_000).contains(&self.http2_max_streams) {
            return Err(SettingError { name: "http2_max_streams", rule: "between 1 and 1,000" });
        }
        Ok(())
    }

    pub(crate) fn head_timeout(&self) -> Duration {
        Duration::from_millis(self.head_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_timeout_ms)
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        Duration::from_millis(self.stall_timeout_ms)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

const MAX_TIMEOUT_MS: u64 = 3_600_000;
// hyper's read buffer is never smaller than this.
const MIN_HEAD_BYTES: usize = 8 * 1024;
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_CONNECTIONS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_their_own_check() {
        HttpSettings::default().check().unwrap();
    }

    #[test]
    fn a_timeout_of_zero_is_refused_by_name() {
        let settings = HttpSettings { stall_timeout_ms: 0, ..HttpSettings::default() };
        assert_eq!(settings.check().unwrap_err().name, "stall_timeout_ms");
    }
}
