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
    /// Who says who may do what. Unless it is set: this file where it has a list, otherwise the space itself.
    #[serde(default)]
    pub access: Option<Spanned<AccessKind>>,
    /// Who may do what, under [`AccessKind::List`].
    #[serde(default)]
    pub allow: Option<Spanned<Vec<Allow>>>,
    /// Who may bring spaces that are not here yet, to a relay of every space under [`AccessKind::Directory`].
    #[serde(default)]
    pub accept: Option<Spanned<AcceptConfig>>,
}

/// Who says who may do what in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    /// The control entries of the space: its members, by their roles.
    Directory,
    /// This file.
    List,
}

/// Who may bring spaces, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptConfig {
    /// From whom.
    pub from: AcceptFrom,
    /// Most spaces that are here without being named. Default 1,024.
    #[serde(default = "default_max_spaces")]
    pub max_spaces: usize,
    /// Most of them that one device founded. Default 16.
    #[serde(default = "default_max_spaces_per_peer")]
    pub max_spaces_per_peer: usize,
}

/// From whom spaces are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptFrom {
    /// From members of spaces that are here, and those on the list of another.
    Members,
    /// From whoever proves a key.
    Anyone,
}

const fn default_max_spaces() -> usize {
    1_024
}

const fn default_max_spaces_per_peer() -> usize {
    16
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
    /// Who says who may do what.
    #[must_use]
    pub fn access(&self) -> AccessKind {
        let unless_set = match &self.allow {
            Some(_) => AccessKind::List,
            None => AccessKind::Directory,
        };
        self.access.as_ref().map_or(unless_set, |access| *access.get_ref())
    }

    /// The list, empty unless there is one.
    #[must_use]
    pub fn allow(&self) -> &[Allow] {
        self.allow.as_ref().map_or(&[], |allow| allow.get_ref())
    }

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
        self.check_access()?;
        for allow in self.allow() {
            if allow.rights.get_ref().is_empty() {
                return Err(Fault::new(allow.rights.span(), "rights must name at least one right"));
            }
        }
        Ok(())
    }

    fn check_access(&self) -> Result<(), Fault> {
        let is_for_every = *self.id.get_ref() == SpacePattern::Every;
        let is_judged = self.access() == AccessKind::Directory;
        if let Some(allow) = &self.allow
            && is_judged
        {
            let message = "access = \"directory\" has no list: the space says who its members are";
            return Err(Fault::new(allow.span(), message));
        }
        if is_judged && is_for_every && !self.is(Mode::Relay) {
            let message = "in front of an upstream every space under access = \"directory\" has a table of its own";
            return Err(Fault::new(self.mode.span(), message));
        }
        let Some(accept) = &self.accept else { return Ok(()) };
        if !(is_judged && is_for_every) {
            let message = "accept is for a relay with id = \"*\" and access = \"directory\"";
            return Err(Fault::new(accept.span(), message));
        }
        let AcceptConfig { max_spaces, max_spaces_per_peer, .. } = *accept.get_ref();
        for (name, number) in
            [("max_spaces", max_spaces), ("max_spaces_per_peer", max_spaces_per_peer)]
        {
            if !(1..=MAX_ACCEPTED).contains(&number) {
                let message = format!("accept.{name} must be 1 to 1,000,000");
                return Err(Fault::new(accept.span(), message));
            }
        }
        Ok(())
    }
}

/// More spaces than one node can be asked to have at hand.
const MAX_ACCEPTED: usize = 1_000_000;
