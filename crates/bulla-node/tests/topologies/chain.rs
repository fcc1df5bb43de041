//! Nodes in this process, each in front of the next.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulla_client::{Client, Upstream};
use bulla_conformance::suite::HarnessError;
use bulla_core::PeerKey;
use bulla_identity::{DeviceKeys, Initiator, NodeKeys, OsRandomness, Passphrase, WorkFactor};
use bulla_node::config::Overrides;
use bulla_node::error::NodeError;
use bulla_node::ready::Ready;
use bulla_node::run::{ConfigSource, Node};
use bulla_store_rocksdb::OpenError;
use tempfile::TempDir;

/// What a node of a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    Relay,
    Passthrough,
    Cache,
}

/// Nodes from the nearest to the relay at the far end, and a device that may do everything at the nearest.
#[derive(Debug)]
pub(crate) struct Chain {
    links: Vec<Link>,
    device: Arc<DeviceKeys>,
    // Last, so that nothing writes there any more.
    _folder: TempDir,
}

/// One node and what its configuration is made of.
#[derive(Debug)]
struct Link {
    hop: Hop,
    folder: PathBuf,
    /// Who asks it.
    peer: PeerKey,
    /// `None` only while it restarts.
    node: Option<Node>,
}

impl Chain {
    /// Starts the nodes, the farthest first.
    pub(crate) async fn start(hops: &[Hop]) -> Result<Self, HarnessError> {
        let folder = tempfile::tempdir()?;
        let device = Arc::new(DeviceKeys::generate(&OsRandomness)?);
        let mut links = Vec::new();
        let mut peer = device.peer_key();
        for (number, hop) in hops.iter().enumerate() {
            let folder = folder.path().join(number.to_string());
            std::fs::create_dir(&folder)?;
            let keys = create_key(&folder)?;
            links.push(Link { hop: *hop, folder, peer, node: None });
            peer = keys.peer_key();
        }
        let mut upstream = None;
        for link in links.iter_mut().rev() {
            link.write_config(upstream.as_ref())?;
            let node = link.open().await?;
            upstream = Some(node.ready());
            link.node = Some(node);
        }
        Ok(Self { links, device, _folder: folder })
    }

    /// The node at the far end.
    pub(crate) fn relay(&self) -> &Node {
        self.links.last().and_then(|link| link.node.as_ref()).unwrap()
    }

    /// A client of the nearest node.
    pub(crate) fn client(&self) -> Result<Client, HarnessError> {
        let ready = self.links.first().and_then(|link| link.node.as_ref()).unwrap().ready();
        let upstream = Upstream::new(&format!("http://{}", ready.listen), ready.node.parse()?)?;
        Ok(Client::builder(upstream, Arc::clone(&self.device) as _).build()?)
    }

    /// Ends the relay and starts it again over the same database. It comes back at another address, so the node in front
    /// of it takes that up from its configuration, with everything it holds.
    pub(crate) async fn restart_relay(&mut self) -> Result<(), HarnessError> {
        let Some((relay, before)) = self.links.split_last_mut() else { return Ok(()) };
        relay.node.take().unwrap().end().await?;
        let node = relay.open().await?;
        let ready = node.ready();
        relay.node = Some(node);
        if let Some(link) = before.last_mut() {
            link.write_config(Some(&ready))?;
            link.node.as_mut().unwrap().reload().await;
        }
        Ok(())
    }
}

impl Link {
    fn source(&self) -> ConfigSource {
        ConfigSource { path: self.folder.join("node.toml"), overrides: Overrides::default() }
    }

    /// Opens the node. What served the last requests of the one before may hold the database for a moment longer.
    async fn open(&self) -> Result<Node, HarnessError> {
        for _ in 0..LOOKS {
            match Node::start(self.source(), None).await {
                Err(NodeError::Open(OpenError::Locked { .. })) => tokio::time::sleep(LOOK).await,
                started => return Ok(started?),
            }
        }
        Err("the database stays locked after the node ended".into())
    }

    fn write_config(&self, upstream: Option<&Ready>) -> Result<(), HarnessError> {
        let mut text = String::from(
            "key_file = 'node.key'\npassphrase_file = 'passphrase'\ndata_dir = 'data'\n\
             [listen]\naddress = '127.0.0.1:0'\n[disk]\nlow_water_bytes = 0\n",
        );
        if let Some(upstream) = upstream {
            let (address, node) = (upstream.listen, &upstream.node);
            writeln!(
                text,
                "[[upstream]]\nname = 'next'\nurl = 'http://{address}'\nnode = '{node}'\n\
                 networks = ['127.0.0.0/8']"
            )?;
        }
        let mode = match self.hop {
            Hop::Relay => "'relay'",
            Hop::Passthrough => "'passthrough'\nupstream = 'next'",
            Hop::Cache => "'cache'\nupstream = 'next'",
        };
        let peer = self.peer;
        writeln!(
            text,
            "[[space]]\nid = '*'\nmode = {mode}\n\
             allow = [{{ peer = '{peer}', rights = ['read', 'write', 'carry'] }}]"
        )?;
        Ok(std::fs::write(self.source().path, text)?)
    }
}

fn create_key(folder: &std::path::Path) -> Result<NodeKeys, HarnessError> {
    use std::os::unix::fs::OpenOptionsExt;
    let passphrase = folder.join("passphrase");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&passphrase)?;
    std::io::Write::write_all(&mut file, b"correct horse\n")?;
    let keys = NodeKeys::generate(&OsRandomness)?;
    let passphrase = Passphrase::read(&passphrase)?;
    keys.create_file(&folder.join("node.key"), &passphrase, WorkFactor::dangerous(2))?;
    Ok(keys)
}

/// Between two looks at a lock.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 24_000;
