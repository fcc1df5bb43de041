//! The configuration of spaces and upstreams, ready to be used.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_client::{BuildError, Client, PublicAddresses, UpstreamError};
use bulla_core::SpaceId;
use bulla_identity::NodeKeys;
use bulla_store::{CacheSettings, Clock};

use crate::config::{
    AccessKind, Config, FollowConfig, FreshnessConfig, Mode, SpaceConfig, SpacePattern,
    UpstreamConfig,
};

/// An upstream that cannot be used. *Fix the configuration.*
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Its address is none.
    #[error("upstream {name}")]
    Address {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: UpstreamError,
    },
    /// Its certificates cannot be read.
    #[error("upstream {name}: cannot read {path}")]
    Authorities {
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Its address is not allowed, or TLS cannot be set up.
    #[error("upstream {name}")]
    Client {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: BuildError,
    },
}

/// How a space is served.
#[derive(Debug)]
pub(crate) enum Binding {
    Relay,
    Passthrough(Client),
    Cache { client: Client, settings: CacheSettings },
}

/// A space in front of an upstream whose directory is followed there.
#[derive(Debug)]
pub(crate) struct InFront {
    pub(crate) space: SpaceId,
    pub(crate) binding: Arc<Binding>,
    pub(crate) follow: FollowConfig,
}

#[derive(Debug)]
pub(super) struct Plan {
    upstreams: HashMap<String, (UpstreamConfig, Client)>,
    named: HashMap<SpaceId, Bound>,
    rest: Option<Bound>,
}

/// A binding and the configuration it came from.
#[derive(Debug, Clone)]
struct Bound {
    mode: Mode,
    access: AccessKind,
    upstream: Option<UpstreamConfig>,
    cache: FreshnessConfig,
    binding: Arc<Binding>,
}

impl Plan {
    /// Makes a plan; what did not change since `before` is taken from there, open connections among it.
    pub(super) fn new(
        config: &Config,
        keys: &Arc<NodeKeys>,
        clock: &Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> Result<Self, PlanError> {
        let mut upstreams = HashMap::new();
        for upstream in &config.upstreams {
            let name = upstream.name.get_ref().clone();
            let kept = before.and_then(|before| before.upstreams.get(&name));
            let client = match kept.filter(|(config, _)| is_same(config, upstream)) {
                Some((_, client)) => client.clone(),
                None => client(upstream, keys, clock)?,
            };
            upstreams.insert(name, (upstream.clone(), client));
        }
        let mut plan = Self { upstreams, named: HashMap::new(), rest: None };
        for space in &config.spaces {
            let Some(bound) = plan.bind(space, before) else { continue };
            match space.id.get_ref() {
                SpacePattern::One(id) => drop(plan.named.insert(*id, bound)),
                SpacePattern::Every => plan.rest = Some(bound),
            }
        }
        Ok(plan)
    }

    /// `None` only if the upstream is not there, which the check of the configuration rules out.
    fn bind(&self, space: &SpaceConfig, before: Option<&Self>) -> Option<Bound> {
        let (mode, access) = (*space.mode.get_ref(), space.access());
        let cache = space.cache.unwrap_or_default();
        let upstream = match &space.upstream {
            Some(name) => Some(self.upstreams.get(name.get_ref())?.clone()),
            None => None,
        };
        let kept = before.and_then(|before| match space.id.get_ref() {
            SpacePattern::One(id) => before.named.get(id),
            SpacePattern::Every => before.rest.as_ref(),
        });
        let is_kept = |kept: &&Bound| {
            let upstreams = match (&kept.upstream, &upstream) {
                (Some(kept), Some((upstream, _))) => is_same(kept, upstream),
                (None, None) => true,
                _ => false,
            };
            kept.mode == mode && kept.access == access && kept.cache == cache && upstreams
        };
        if let Some(kept) = kept.filter(is_kept) {
            return Some(kept.clone());
        }
        let binding = match (mode, &upstream) {
            (Mode::Relay, _) => Binding::Relay,
            (Mode::Passthrough, Some((_, client))) => Binding::Passthrough(client.clone()),
            (Mode::Cache, Some((_, client))) => {
                Binding::Cache { client: client.clone(), settings: cache.settings() }
            }
            (Mode::Passthrough | Mode::Cache, None) => return None,
        };
        let upstream = upstream.map(|(config, _)| config);
        Some(Bound { mode, access, upstream, cache, binding: Arc::new(binding) })
    }

    pub(super) fn binding(&self, space: &SpaceId) -> Option<Arc<Binding>> {
        let bound = self.named.get(space).or(self.rest.as_ref())?;
        Some(Arc::clone(&bound.binding))
    }

    /// Whether the directory of a space says who may do what in it.
    pub(super) fn is_judged(&self, space: &SpaceId) -> bool {
        let bound = self.named.get(space).or(self.rest.as_ref());
        bound.is_some_and(|bound| bound.access == AccessKind::Directory)
    }

    /// Whether it does so here, beside its store.
    pub(super) fn is_judged_relay(&self, space: &SpaceId) -> bool {
        let bound = self.named.get(space).or(self.rest.as_ref());
        bound
            .is_some_and(|bound| bound.access == AccessKind::Directory && bound.mode == Mode::Relay)
    }

    /// The spaces in front of an upstream that are judged here by their directories.
    pub(super) fn judged_in_front(&self) -> Vec<InFront> {
        let judged = self.named.iter().filter(|(_, bound)| {
            bound.access == AccessKind::Directory && bound.mode != Mode::Relay
        });
        let in_front = |(space, bound): (&SpaceId, &Bound)| InFront {
            space: *space,
            binding: Arc::clone(&bound.binding),
            follow: bound.upstream.as_ref().map(UpstreamConfig::follow).unwrap_or_default(),
        };
        judged.map(in_front).collect()
    }

    pub(super) fn is_named(&self, space: &SpaceId) -> bool {
        self.named.contains_key(space)
    }

    pub(super) fn named(&self, mode: Mode) -> impl Iterator<Item = SpaceId> {
        self.named.iter().filter(move |(_, bound)| bound.mode == mode).map(|(space, _)| *space)
    }

    pub(super) fn named_in_front(&self) -> Vec<SpaceId> {
        self.named(Mode::Passthrough).chain(self.named(Mode::Cache)).collect()
    }

    /// The upstream that every space not named is bound to.
    pub(super) fn rest_in_front(&self) -> Option<&Client> {
        match &*self.rest.as_ref()?.binding {
            Binding::Relay => None,
            Binding::Passthrough(client) | Binding::Cache { client, .. } => Some(client),
        }
    }
}

/// Whether two sections say the same, wherever in the file they stand.
fn is_same(a: &UpstreamConfig, b: &UpstreamConfig) -> bool {
    a.url.get_ref() == b.url.get_ref()
        && a.node == b.node
        && a.ca_file == b.ca_file
        && a.networks == b.networks
        && a.dangerous_plain_http == b.dangerous_plain_http
        && a.client == b.client
        && a.follow() == b.follow()
}

fn client(
    config: &UpstreamConfig,
    keys: &Arc<NodeKeys>,
    clock: &Arc<dyn Clock>,
) -> Result<Client, PlanError> {
    let name = || config.name.get_ref().clone();
    let upstream =
        config.upstream().map_err(|source| PlanError::Address { name: name(), source })?;
    let rule = config.networks.iter().fold(PublicAddresses::new(), |rule, network| {
        rule.with_network(network.address, network.prefix)
    });
    // It logs in as itself; what its own clients sent never goes on (A52).
    let mut builder = Client::builder(upstream, Arc::clone(keys) as _)
        .with_settings(config.client)
        .with_addresses(Arc::new(rule))
        .with_clock(Arc::clone(clock));
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|source| PlanError::Authorities {
            name: name(),
            path: path.clone(),
            source,
        })?;
        builder = builder.with_authorities(&pem);
    }
    builder.build().map_err(|source| PlanError::Client { name: name(), source })
}
