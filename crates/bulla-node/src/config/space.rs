//! The spaces a node serves, how, and to whom.

use std::time::Duration;

use bulla_core::SpaceId;
use bulla_server::Rights;
use bulla_store::cached::CacheSettings;
use serde::Deserialize;
use toml::Spanned;

use super::{Fault, PeerText};

/// One space, or all that are not named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// The id, 64 hexadecimal digits, or `*`.
    pub id: Spanned<SpacePattern>,
    /// Where its entries are.
    pub mode: Spanned<Mode>,
    /// The upstream of a passthrough or cache, by name.
    #[serde(default)]
    pub upstream: Option<Spanned<String>>,
    /// How a cache asks its upstream.
    #[serde(default)]
    pub cache: Option<FreshnessConfig>,
    /// Who may do what.
    #[serde(default)]
    pub allow: Vec<Allow>,
}

/// Which spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum SpacePattern {
    /// This one.
    One(SpaceId),
    /// Every one that is not named. A relay makes the store of such a space when somebody who may write comes with it.
    Every,
}

impl TryFrom<String> for SpacePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Every);
        }
        text.parse()
            .map(Self::One)
            .map_err(|error: bulla_core::ids::ParseIdError| error.to_string())
    }
}

/// Where the entries of a space are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Here, on disk.
    Relay,
    /// At the upstream; nothing is kept here.
    Passthrough,
    /// At the upstream; what was seen is kept here and given again.
    Cache,
}

/// How a cache asks its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreshnessConfig {
    /// For how long a head is given again without asking the upstream, in milliseconds. Default 0: it is asked each time.
    pub freshness_ms: u64,
    /// For how long the upstream's "not held" is believed, in milliseconds; at most 5,000. Default 2,000.
    pub negative_ms: u64,
    /// For how long an upstream that could not be reached is not asked again, in milliseconds. Default 1,000.
    pub away_ms: u64,
}

impl Default for FreshnessConfig {
    fn default() -> Self {
        let CacheSettings { freshness_ms, negative_ms, away_ms, .. } = CacheSettings::default();
        Self { freshness_ms, negative_ms, away_ms }
    }
}

impl FreshnessConfig {
    /// The settings of the store.
    #[must_use]
    pub fn settings(&self) -> CacheSettings {
        let Self { freshness_ms, negative_ms, away_ms, .. } = *self;
        CacheSettings { freshness_ms, negative_ms, away_ms, ..CacheSettings::default() }
    }
}

/// Somebody who may do something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// The key of a device or of a node.
    pub peer: PeerText,
    /// What it may do.
    pub rights: Spanned<Vec<Right>>,
    /// Who that is, for people.
    #[serde(default)]
    pub label: Option<String>,
}

/// One right. Each stands alone: a cache in front of this node needs all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Fetch entries.
    Read,
    /// Put entries.
    Write,
    /// Ask on behalf of others, as nodes do.
    Carry,
}

impl Allow {
    /// The rights together.
    #[must_use]
    pub fn rights(&self) -> Rights {
        let has = |right| self.rights.get_ref().contains(&right);
        Rights { read: has(Right::Read), write: has(Right::Write), carry: has(Right::Carry) }
    }
}

impl SpaceConfig {
    /// Whether it is served in this mode.
    #[must_use]
    pub fn is(&self, mode: Mode) -> bool {
        *self.mode.get_ref() == mode
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let mode = *self.mode.get_ref();
        let span = self.mode.span();
        match (mode, &self.upstream) {
            (Mode::Relay, Some(name)) => {
                return Err(Fault::new(name.span(), "a relay has no upstream"));
            }
            (Mode::Passthrough | Mode::Cache, None) => {
                return Err(Fault::new(span, "an upstream is needed for this mode"));
            }
            _ => {}
        }
        if self.cache.is_some() && mode != Mode::Cache {
            return Err(Fault::new(span, "only a cache has cache settings"));
        }
        if let Some(cache) = &self.cache {
            let longest = bulla_store::cached::MAX_NEGATIVE_MS;
            if Duration::from_millis(cache.negative_ms) > Duration::from_millis(longest) {
                return Err(Fault::new(span, "cache.negative_ms must be at most 5,000"));
            }
        }
        for allow in &self.allow {
            if allow.rights.get_ref().is_empty() {
                return Err(Fault::new(allow.rights.span(), "rights must name at least one right"));
            }
        }
        Ok(())
    }
}
