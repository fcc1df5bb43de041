//! The nodes behind this one.

use std::net::IpAddr;
use std::path::PathBuf;

use bulla_client::{ClientSettings, Upstream, UpstreamError};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Fault, NodeText};

/// A node that passthroughs and caches stand in front of. Addresses come from here only, never from a request (A51).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// What spaces call it.
    pub name: Spanned<String>,
    /// `https://host[:port]`; `http://` only with a loopback address.
    pub url: Spanned<String>,
    /// The key it must prove.
    pub node: NodeText,
    /// Certificates of a private authority, PEM, beside those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Networks it may lie in although they are not public: `127.0.0.1/32`, `10.0.0.0/8`.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Allows plain HTTP to an address that is not loopback.
    #[serde(default)]
    pub dangerous_plain_http: bool,
    /// How long to wait, and how much to ask for at once.
    #[serde(default)]
    pub client: ClientSettings,
    /// When to ask again after it was away, for the control entries that are followed there.
    #[serde(default)]
    pub follow: Option<Spanned<FollowConfig>>,
}

/// How control entries are followed at an upstream (NODE-29). One that was away is asked again after `first_retry_ms`, and
/// after twice as long each time up to `longest_retry_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FollowConfig {
    /// The first time, in milliseconds. Default 100.
    pub first_retry_ms: u64,
    /// At the latest, in milliseconds. Default 5,000, which is also the most.
    pub longest_retry_ms: u64,
    /// Most control entries of a space that are believed; with more of them nobody is served. Default 1,000,000, far beyond
    /// what the largest spaces have, which is also the most.
    pub max_control_entries: usize,
}

impl Default for FollowConfig {
    fn default() -> Self {
        Self {
            first_retry_ms: 100,
            longest_retry_ms: MAX_RETRY_MS,
            max_control_entries: MAX_CONTROL_ENTRIES,
        }
    }
}

impl FollowConfig {
    fn check(self) -> Result<(), &'static str> {
        let Self { first_retry_ms, longest_retry_ms, max_control_entries } = self;
        if !(1..=longest_retry_ms).contains(&first_retry_ms) {
            return Err("follow.first_retry_ms must be 1 to follow.longest_retry_ms");
        }
        if longest_retry_ms > MAX_RETRY_MS {
            return Err("follow.longest_retry_ms must be at most 5,000");
        }
        if !(1..=MAX_CONTROL_ENTRIES).contains(&max_control_entries) {
            return Err("follow.max_control_entries must be 1 to 1,000,000");
        }
        Ok(())
    }
}

/// A revocation that waits at an upstream that is back counts here no later than this.
const MAX_RETRY_MS: u64 = 5_000;
/// Some 600 bytes each are held in memory.
const MAX_CONTROL_ENTRIES: usize = 1_000_000;

/// A network by address and prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    /// Any address in it.
    pub address: IpAddr,
    /// How many bits are common.
    pub prefix: u8,
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text} is not a network such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix = prefix.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        // A network of every address is no rule.
        if prefix == 0 || prefix > width { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl UpstreamConfig {
    /// Address and key.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`] for an address that is none, or plain HTTP to somewhere else than this machine.
    pub fn upstream(&self) -> Result<Upstream, UpstreamError> {
        if self.dangerous_plain_http {
            Upstream::dangerous_plain(self.url.get_ref(), self.node.0)
        } else {
            Upstream::new(self.url.get_ref(), self.node.0)
        }
    }

    /// When it is asked again after it was away.
    #[must_use]
    pub fn follow(&self) -> FollowConfig {
        self.follow.as_ref().map_or_else(FollowConfig::default, |follow| *follow.get_ref())
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        self.upstream().map_err(|error| Fault::new(self.url.span(), error.to_string()))?;
        let Some(follow) = &self.follow else { return Ok(()) };
        follow.get_ref().check().map_err(|message| Fault::new(follow.span(), message))
    }
}
