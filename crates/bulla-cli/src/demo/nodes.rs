//! The three nodes, each a process of its own, and the wires to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla::{Device, NodeId, SpaceId};
use bulla_client::{Client, Upstream};

use super::forwarder::Forwarder;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::io;
use crate::local_node::{CONFIG_START, LocalNode, NodeFolder};

/// A node that has its key and does not run yet.
pub(crate) struct Site {
    name: &'static str,
    folder: NodeFolder,
    traffic: PathBuf,
}

/// A running node, and a wire for each who uses it.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    node: LocalNode,
    configuration: String,
    wires: Vec<Wire>,
}

struct Wire {
    user: &'static str,
    node: &'static str,
    forwarder: Forwarder,
}

/// Relay, cache in front of it, passthrough in front of that.
pub(crate) struct Chain {
    pub(crate) relay: Node,
    pub(crate) cache: Node,
    pub(crate) passthrough: Node,
    traffic: PathBuf,
}

/// What went over a wire, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(crate) wire: String,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
}

impl Site {
    /// Makes the node's folder and key.
    pub(crate) async fn new(work: &Path, name: &'static str) -> Result<Self> {
        let folder = NodeFolder::new(work, name).await?;
        Ok(Self { name, folder, traffic: traffic(work) })
    }

    /// The node's key.
    pub(crate) fn id(&self) -> NodeId {
        self.folder.id
    }

    /// Starts it as a relay with mailboxes, for users by their names. Which space it serves is all that it is told: who may
    /// do what there says the space.
    pub(crate) async fn start_relay(self, space: SpaceId, users: &[&'static str]) -> Result<Node> {
        let sections =
            format!("[mailbox]\nenabled = true\n\n[[space]]\nid = \"{space}\"\nmode = \"relay\"\n");
        self.start(&sections, users).await
    }

    /// Starts it in front of another node, which has a wire for it.
    pub(crate) async fn start_front(
        self,
        mode: &str,
        behind: &Node,
        space: SpaceId,
        users: &[&'static str],
    ) -> Result<Node> {
        let sections = format!(
            "[[upstream]]\nname = \"origin\"\nurl = \"{}\"\nnode = \"{}\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
             [[space]]\nid = \"{space}\"\nmode = \"{mode}\"\nupstream = \"origin\"\n",
            behind.origin(self.name)?,
            behind.id,
        );
        self.start(&sections, users).await
    }

    async fn start(self, sections: &str, users: &[&'static str]) -> Result<Node> {
        let Self { name, folder, traffic } = self;
        let mut wires = Vec::with_capacity(users.len());
        for user in users {
            let forwarder = Forwarder::listen(&traffic, &format!("{user}-{name}"))
                .await
                .map_err(|error| io("record in", &traffic, &error))?;
            wires.push(Wire { user, node: name, forwarder });
        }
        let origins: Vec<String> = wires.iter().map(|wire| wire.forwarder.origin()).collect();
        let mut text = String::from(CONFIG_START);
        let _ = write!(text, "origins = {origins:?}\n\n[log]\nlevel = \"trace\"\n\n{sections}");
        let node = folder.start(&text).await?;
        for wire in &wires {
            wire.forwarder.lead_to(node.listen);
        }
        Ok(Node { id: node.id, node, configuration: text, wires })
    }
}

impl Node {
    /// The address by which a user reaches it.
    pub(crate) fn origin(&self, user: &str) -> Result<String> {
        let wire = self.wires.iter().find(|wire| wire.user == user);
        let wire = wire.ok_or_else(|| {
            Failure::new(Exit::Failure, format!("there is no wire for the {user} here"))
        })?;
        Ok(wire.forwarder.origin())
    }

    /// A client that has not logged in yet.
    pub(crate) fn client(&self, user: &str, device: &Device) -> Result<Client> {
        let upstream = Upstream::new(&self.origin(user)?, self.id).map_err(Failure::usage)?;
        let builder = Client::builder(upstream, Arc::clone(device) as _);
        builder.build().map_err(|error| Failure::new(Exit::Failure, with_causes(&error)))
    }

    fn carried(&self) -> impl Iterator<Item = Carried> + '_ {
        self.wires.iter().map(|wire| {
            let (asked, answered) = wire.forwarder.bytes();
            Carried { wire: format!("{} - {}", wire.user, wire.node), asked, answered }
        })
    }
}

impl Chain {
    /// These nodes, which were made in one folder.
    pub(crate) fn new(work: &Path, relay: Node, cache: Node, passthrough: Node) -> Self {
        Self { relay, cache, passthrough, traffic: traffic(work) }
    }

    /// What went over each wire so far.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        self.nodes().into_iter().flat_map(Node::carried).collect()
    }

    /// Where everything lies that a node wrote, logged or said.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let nodes = self.nodes().into_iter().map(|node| node.node.folder.clone());
        nodes.chain([self.traffic.clone()]).collect()
    }

    /// The files among them that no node wrote, as they were written here: words of theirs prove nothing.
    pub(crate) fn configurations(&self) -> BTreeMap<PathBuf, String> {
        let file = |node: &Node| (node.node.folder.join("node.toml"), node.configuration.clone());
        self.nodes().into_iter().map(file).collect()
    }

    /// Where the relay keeps its database.
    pub(crate) fn relay_store(&self) -> PathBuf {
        self.relay.node.folder.join("data/store")
    }

    /// Asks all to stop, the outermost first, and waits until they have.
    pub(crate) async fn stop(self) -> Result<()> {
        for node in [self.passthrough, self.cache, self.relay] {
            node.node.stop().await?;
        }
        Ok(())
    }

    fn nodes(&self) -> [&Node; 3] {
        [&self.relay, &self.cache, &self.passthrough]
    }
}

fn traffic(work: &Path) -> PathBuf {
    work.join("traffic")
}
