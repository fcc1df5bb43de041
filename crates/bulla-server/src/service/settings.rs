//! What an operator may set of the service. All times are in milliseconds.

use bulla_core::limits::{
    MAX_ENTRIES_PER_PUT, MAX_HEADER_BYTES, MAX_PAGE_BYTES, MAX_PAYLOAD_BYTES, MAX_PUT_BYTES,
};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::limits::MAX_FEED_SPACES;
use serde::{Deserialize, Serialize};

use super::MailboxSettings;
use crate::settings::SettingError;

/// Limits of what a service does for its peers (NODE-30).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// How long a token is good. Default 900,000: 15 minutes.
    pub token_lifetime_ms: u64,
    /// Most tokens at once. Default 65,536.
    pub max_sessions: usize,
    /// Longest time for a request, if the client does not name a shorter one. Feeds have none. Default 120,000.
    pub request_timeout_ms: u64,
    /// How long a request waits for a place before it is sent away with `node.busy`. Default 10,000.
    pub patience_ms: u64,
    /// Most requests at once that hold batches or pages in memory. Default 64.
    pub max_heavy: usize,
    /// Most of them for one peer. Default 32.
    pub max_heavy_per_peer: usize,
    /// Most feeds at once. Default 1,024.
    pub max_feeds: usize,
    /// Most feeds of one peer. Default 64.
    pub max_feeds_per_peer: usize,
    /// Most hop paths by which the feeds of one peer came; those that passed no other node are not counted. A proxy has
    /// a feed at the node behind for each. Default 16.
    pub max_feed_paths_per_peer: usize,
    /// Most spaces in one feed. Default 4,096, the bound of the format.
    pub max_feed_spaces: usize,
    /// Most bytes of entries in one `put`. Default 16 MiB, the bound of the format.
    pub max_put_bytes: usize,
    /// Most entries in one `put`. Default 4,096, the bound of the format.
    pub max_put_entries: usize,
    /// Most bytes of entries on one page. Default 4 MiB.
    pub max_page_bytes: u32,
    /// Threads that verify. Default: as many as there are cores.
    pub verify_threads: usize,
    /// Mailboxes; off by default. They have a section of their own in a configuration.
    #[serde(skip)]
    pub mailbox: MailboxSettings,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            token_lifetime_ms: 15 * 60 * 1000,
            max_sessions: 65_536,
            request_timeout_ms: 120_000,
            patience_ms: 10_000,
            max_heavy: 64,
            max_heavy_per_peer: 32,
            max_feeds: 1_024,
            max_feeds_per_peer: 64,
            max_feed_paths_per_peer: 16,
            max_feed_spaces: MAX_FEED_SPACES,
            max_put_bytes: MAX_PUT_BYTES,
            max_put_entries: MAX_ENTRIES_PER_PUT,
            max_page_bytes: 4 * 1024 * 1024,
            verify_threads: std::thread::available_parallelism().map_or(1, usize::from),
            mailbox: MailboxSettings::default(),
        }
    }
}

impl ServiceSettings {
    /// Checks that the values can work together.
    ///
    /// # Errors
    ///
    /// [`SettingError`] naming the first setting that cannot.
    pub fn check(&self) -> Result<(), SettingError> {
        let refuse = |name, rule| Err(SettingError { name, rule });
        if !(1..=MAX_TOKEN_LIFETIME_MS).contains(&self.token_lifetime_ms) {
            return refuse("token_lifetime_ms", "between 1 and 900,000 milliseconds");
        }
        for (name, value) in
            [("request_timeout_ms", self.request_timeout_ms), ("patience_ms", self.patience_ms)]
        {
            if !(1..=MAX_TIMEOUT_MS).contains(&value) {
                return refuse(name, "between 1 and 3,600,000 milliseconds");
            }
        }
        for (name, value) in [
            ("max_sessions", self.max_sessions),
            ("max_heavy", self.max_heavy),
            ("max_heavy_per_peer", self.max_heavy_per_peer),
            ("max_feeds", self.max_feeds),
            ("max_feeds_per_peer", self.max_feeds_per_peer),
            ("max_feed_paths_per_peer", self.max_feed_paths_per_peer),
            ("verify_threads", self.verify_threads),
        ] {
            if !(1..=MAX_COUNT).contains(&value) {
                return refuse(name, "between 1 and 1,000,000");
            }
        }
        // Below this, an entry that the format allows could not be sent at all.
        let one_entry = MAX_PAYLOAD_BYTES + MAX_HEADER_BYTES + 64;
        if !(one_entry..=MAX_PUT_BYTES).contains(&self.max_put_bytes) {
            return refuse("max_put_bytes", "between 1,056,832 and 16,777,216");
        }
        if !(1..=MAX_ENTRIES_PER_PUT).contains(&self.max_put_entries) {
            return refuse("max_put_entries", "between 1 and 4,096");
        }
        if !(1..=MAX_FEED_SPACES).contains(&self.max_feed_spaces) {
            return refuse("max_feed_spaces", "between 1 and 4,096");
        }
        if !(1..=MAX_PAGE_BYTES).contains(&self.max_page_bytes) {
            return refuse("max_page_bytes", "between 1 and 16,777,216");
        }
        self.mailbox.check()
    }

    pub(super) fn limits(&self) -> NodeLimits {
        NodeLimits {
            put_bytes: self.max_put_bytes as u64,
            put_entries: self.max_put_entries as u64,
            page_bytes: u64::from(self.max_page_bytes),
            feed_spaces: self.max_feed_spaces as u64,
            ..NodeLimits::MAX
        }
    }
}

/// Longer lifetimes would make a stolen token worth more than the design allows (A46).
const MAX_TOKEN_LIFETIME_MS: u64 = 15 * 60 * 1000;
const MAX_TIMEOUT_MS: u64 = 3_600_000;
const MAX_COUNT: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_their_own_check() {
        ServiceSettings::default().check().unwrap();
    }

    #[test]
    fn bounds_of_the_text_are_those_of_the_check() {
        let one_entry = MAX_PAYLOAD_BYTES + MAX_HEADER_BYTES + 64;
        assert_eq!((one_entry, MAX_PUT_BYTES), (1_056_832, 16_777_216));
        let small = ServiceSettings { max_put_bytes: one_entry - 1, ..ServiceSettings::default() };
        assert_eq!(small.check().unwrap_err().name, "max_put_bytes");
        let long = ServiceSettings { token_lifetime_ms: 900_001, ..ServiceSettings::default() };
        assert_eq!(long.check().unwrap_err().name, "token_lifetime_ms");
    }
}
