//! Aim: a space looks the same through any chain of nodes (NODE-40). Method: the conformance suite, every case, over real nodes in
//! this process that speak HTTP over loopback, each from a configuration file; the relay at the far end has a database on
//! disk, which the cases about erasure and restart work on directly.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "topologies/chain.rs"]
mod chain;

use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::{Harness, HarnessError, Kept, Options, Reopen, Subject, trials};
use bulla_core::{NodeId, SpaceId};
use bulla_store::{
    CacheSettings, CacheStorage, CachedStore, ContentAddressedStore, MemoryCacheStorage, Spaces,
    SystemClock,
};
use chain::{Chain, Hop};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    // Long enough for four nodes on the slowest machine.
    let options = Options { case_timeout_ms: 600_000, ..Options::default() };
    let relay = [Hop::Relay];
    let three = [Hop::Passthrough, Hop::Passthrough, Hop::Relay];
    let middle = [Hop::Passthrough, Hop::Cache, Hop::Relay];
    let topologies: [(&str, Arc<dyn Harness>); 4] = [
        ("network", Arc::new(Topology::over(&relay))),
        ("network_over_three_hops", Arc::new(Topology::over(&three))),
        ("cache_before_a_relay", Arc::new(Topology { has_cache: true, ..Topology::over(&relay) })),
        ("cache_in_the_middle", Arc::new(Topology::over(&middle))),
    ];
    let tests: Vec<Trial> =
        topologies.iter().flat_map(|(name, harness)| trials(name, harness, &options)).collect();
    libtest_mimic::run(&arguments, tests).exit();
}

/// A device, perhaps with a cache of its own, and the nodes in front of it, nearest first.
#[derive(Debug, Clone)]
struct Topology {
    hops: Vec<Hop>,
    has_cache: bool,
}

impl Topology {
    fn over(hops: &[Hop]) -> Self {
        Self { hops: hops.to_vec(), has_cache: false }
    }

    /// What the suite tests: the store as a device at the near end sees it.
    async fn subject(
        &self,
        chain: Chain,
        cache: Option<Arc<dyn CacheStorage>>,
        space: SpaceId,
    ) -> Result<Subject, HarnessError> {
        let origin = chain.relay().disk().ok_or("the relay has a database")?;
        let origin = Arc::new(origin.create_disk_store(space).await?);
        let mut store: Arc<dyn ContentAddressedStore> = chain.client()?.store(space);
        if let Some(storage) = &cache {
            let (storage, clock) = (Arc::clone(storage), Arc::new(SystemClock::new()));
            let (node, settings) = (NodeId([0xca; 32]), CacheSettings::default());
            store = Arc::new(CachedStore::open(store, storage, node, clock, settings).await?);
        }
        let restart = Restart { topology: self.clone(), chain, cache, space };
        Ok(Subject::new(store).with_origin(origin).with_reopen(restart))
    }
}

#[async_trait]
impl Harness for Topology {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        let chain = Chain::start(&self.hops).await?;
        let storage = || Arc::new(MemoryCacheStorage::new(64 << 20)) as Arc<dyn CacheStorage>;
        self.subject(chain, self.has_cache.then(storage), space).await
    }

    /// The spaces of the nearest node as its service sees them; only a relay makes and removes them.
    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        if self.hops != [Hop::Relay] {
            return Ok(None);
        }
        let chain = Chain::start(&self.hops).await?;
        let subject = chain.relay().spaces();
        Ok(Some(Kept { subject, guard: Some(Box::new(chain)) }))
    }
}

/// The chain, held for as long as the subject, and restarted at its far end.
struct Restart {
    topology: Topology,
    chain: Chain,
    cache: Option<Arc<dyn CacheStorage>>,
    space: SpaceId,
}

#[async_trait]
impl Reopen for Restart {
    async fn reopen(mut self: Box<Self>) -> Result<Subject, HarnessError> {
        self.chain.restart_relay().await?;
        self.topology.subject(self.chain, self.cache, self.space).await
    }
}
