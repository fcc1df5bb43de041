//! The three nodes, each a process of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bulla::{AuthorKey, Device, NodeId, SpaceId};

use super::forwarder::Forwarder;
use crate::exit::Result;
use crate::home::io;
use crate::local_node::{CONFIG_START, LocalNode, NodeFolder};

/// A device that may use the nodes.
pub(crate) struct Peer {
    name: &'static str,
    key: AuthorKey,
}

impl Peer {
    pub(crate) fn device(name: &'static str, device: &Device) -> Self {
        Self { name, key: device.author() }
    }
}

/// A running node and the wire to it.
pub(crate) struct Running {
    pub(crate) id: NodeId,
    pub(crate) forwarder: Forwarder,
    node: LocalNode,
}

/// Relay, cache in front of it, passthrough in front of that.
pub(crate) struct Chain {
    pub(crate) relay: Running,
    pub(crate) cache: Running,
    pub(crate) passthrough: Running,
    /// The wires between the nodes.
    inner: [(&'static str, Forwarder); 2],
    traffic: PathBuf,
}

/// The node behind another, as its configuration names it.
struct Upstream<'a> {
    origin: &'a str,
    id: NodeId,
}

impl Chain {
    /// Makes keys and configurations, starts all three and waits until they take requests.
    pub(crate) async fn start(work: &Path, space: SpaceId, peers: &[Peer]) -> Result<Self> {
        let traffic = work.join("traffic");
        let listen = async |name: &str| {
            Forwarder::listen(&traffic, name)
                .await
                .map_err(|error| io("record in", &traffic, &error))
        };
        let relay = NodeFolder::new(work, "relay").await?;
        let cache = NodeFolder::new(work, "cache").await?;
        let passthrough = NodeFolder::new(work, "passthrough").await?;
        let to_relay = listen("laptop-relay").await?;
        let cache_to_relay = listen("cache-relay").await?;
        let to_cache = listen("laptop-cache").await?;
        let passthrough_to_cache = listen("passthrough-cache").await?;
        let to_passthrough = listen("phone-passthrough").await?;

        let origins = [to_relay.origin(), cache_to_relay.origin()];
        let text = configuration(space, "relay", &origins, None, peers, Some(cache.id));
        let (relay, at) = Running::start(relay, &text, to_relay).await?;
        relay.forwarder.lead_to(at);
        cache_to_relay.lead_to(at);

        let (origin, origins) =
            (cache_to_relay.origin(), [to_cache.origin(), passthrough_to_cache.origin()]);
        let upstream = Upstream { origin: &origin, id: relay.id };
        let text =
            configuration(space, "cache", &origins, Some(&upstream), peers, Some(passthrough.id));
        let (cache, at) = Running::start(cache, &text, to_cache).await?;
        cache.forwarder.lead_to(at);
        passthrough_to_cache.lead_to(at);

        let (origin, origins) = (passthrough_to_cache.origin(), [to_passthrough.origin()]);
        let upstream = Upstream { origin: &origin, id: cache.id };
        let text = configuration(space, "passthrough", &origins, Some(&upstream), peers, None);
        let (passthrough, at) = Running::start(passthrough, &text, to_passthrough).await?;
        passthrough.forwarder.lead_to(at);

        let inner =
            [("cache - relay", cache_to_relay), ("passthrough - cache", passthrough_to_cache)];
        Ok(Self { relay, cache, passthrough, inner, traffic })
    }

    /// Bytes asked and answered on each wire.
    pub(crate) fn wires(&self) -> Vec<(&'static str, u64, u64)> {
        let row = |name, forwarder: &Forwarder| {
            let (asked, answered) = forwarder.bytes();
            (name, asked, answered)
        };
        let [cache_relay, passthrough_cache] = &self.inner;
        vec![
            row("laptop - relay", &self.relay.forwarder),
            row(cache_relay.0, &cache_relay.1),
            row(passthrough_cache.0, &passthrough_cache.1),
            row("phone - passthrough", &self.passthrough.forwarder),
        ]
    }

    /// Where everything lies that a node wrote, logged or said.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let nodes = [&self.relay, &self.cache, &self.passthrough];
        nodes.iter().map(|node| node.node.folder.clone()).chain([self.traffic.clone()]).collect()
    }

    /// Asks all to stop, the outermost first, and waits until they have.
    pub(crate) async fn stop(self) -> Result<()> {
        for node in [self.passthrough, self.cache, self.relay] {
            node.node.stop().await?;
        }
        Ok(())
    }
}

impl Running {
    async fn start(
        node: NodeFolder,
        configuration: &str,
        forwarder: Forwarder,
    ) -> Result<(Self, SocketAddr)> {
        let node = node.start(configuration).await?;
        let at = node.listen;
        Ok((Self { id: node.id, forwarder, node }, at))
    }
}

fn configuration(
    space: SpaceId,
    mode: &str,
    origins: &[String],
    upstream: Option<&Upstream<'_>>,
    peers: &[Peer],
    downstream: Option<NodeId>,
) -> String {
    let mut text = format!("{CONFIG_START}origins = {origins:?}\n\n[log]\nlevel = \"trace\"\n");
    if let Some(Upstream { origin, id }) = upstream {
        let _ = write!(
            text,
            "\n[[upstream]]\nname = \"origin\"\nurl = \"{origin}\"\nnode = \"{id}\"\nnetworks = [\"127.0.0.0/8\"]\n"
        );
    }
    let _ = write!(text, "\n[[space]]\nid = \"{space}\"\nmode = \"{mode}\"\n");
    if upstream.is_some() {
        text.push_str("upstream = \"origin\"\n");
    }
    for peer in peers {
        let _ = write!(
            text,
            "\n[[space.allow]]\npeer = \"{}\"\nlabel = \"{}\"\nrights = [\"read\", \"write\"]\n",
            peer.key, peer.name
        );
    }
    if let Some(node) = downstream {
        let _ = write!(
            text,
            "\n[[space.allow]]\npeer = \"{node}\"\nrights = [\"read\", \"write\", \"carry\"]\n"
        );
    }
    text
}
