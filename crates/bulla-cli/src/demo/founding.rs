//! The laptop founds a space and lets three nodes carry it.

use std::path::Path;
use std::sync::Arc;

use bulla::{Device, NodeId, Role, Space};
use bulla_core::values::GetItem;
use bulla_store::{ContentAddressedStore, Context, StoreExt as _};

use super::new_device;
use super::nodes::{Chain, Site};
use super::replica::Replica;
use super::steps::Steps;
use crate::exit::{Exit, Failure, Result};

/// What the members call the nodes. A node that knew one of these names would have opened a seal.
pub(crate) const NODE_LABELS: [&str; 3] =
    ["relay in the cellar", "cache in the office", "passthrough at the gate"];

/// The device that owns the space.
pub(crate) struct Laptop {
    pub(crate) device: Device,
    pub(crate) replica: Replica,
    /// The space at the relay, as this device uses it.
    pub(crate) relay: Arc<dyn ContentAddressedStore>,
}

/// Founds the space, and starts relay, cache and passthrough as nodes that may carry it. The relay is told of the space by
/// its genesis, and by its control entries who may use it.
pub(crate) async fn play(work: &Path, steps: &mut Steps) -> Result<(Laptop, Chain)> {
    steps.start("found a space on the laptop");
    let device = new_device()?;
    let replica = Replica::found(work, "laptop", &device).await?;
    let space = &replica.space;
    let id = space.id();

    steps.start("start relay, cache and passthrough");
    let relay = Site::new(work, "relay").await?;
    let cache = Site::new(work, "cache").await?;
    let passthrough = Site::new(work, "passthrough").await?;
    let nodes: [NodeId; 3] = [relay.id(), cache.id(), passthrough.id()];
    let relay = relay.start_relay(id, &["laptop", "phone", "tablet", "cache"]).await?;
    let at_relay: Arc<dyn ContentAddressedStore> = relay.client("laptop", &device)?.store(id);
    bring(space, &*at_relay).await?;
    for (node, label) in nodes.into_iter().zip(NODE_LABELS) {
        space.grant(node, Role::Relay, label).await?;
    }
    replica.push(&at_relay).await?;
    let cache = cache.start_front("cache", &relay, id, &["laptop", "passthrough"]).await?;
    let users = ["phone", "tablet"];
    let passthrough = passthrough.start_front("passthrough", &cache, id, &users).await?;
    let chain = Chain::new(work, relay, cache, passthrough);
    Ok((Laptop { device, replica, relay: at_relay }, chain))
}

/// Gives the relay the genesis, by which it learns who founded the space.
async fn bring(space: &Space, relay: &dyn ContentAddressedStore) -> Result<()> {
    let cx = Context::new();
    let genesis = space.outgoing().get_one(&cx, space.id().into()).await?;
    let GetItem::Entry(genesis) = genesis else {
        return Err(Failure::new(Exit::Failure, "the space has no genesis"));
    };
    relay.put(&cx, vec![genesis.into()]).await?;
    Ok(())
}
