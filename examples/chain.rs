//! Three nodes in this process, one behind the other: passthrough, cache, relay. Which is which stands in their
//! configuration; a chain is no other code than a single node.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::VecDeque;
use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use bulla::net::{Client, Upstream};
use bulla::{Context, Device, Kind, MemorySpaces, Passphrase, Role, Space, Write, sync};
use bulla_core::PeerKey;
use bulla_identity::{Initiator as _, NodeKeys, OsRandomness, WorkFactor};
use bulla_node::config::Overrides;
use bulla_node::ready::Ready;
use bulla_node::run::{ConfigSource, Node};
use bulla_store::ContentAddressedStore as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (laptop, phone) = (Device::generate()?, Device::generate()?);
    let mine = Space::found(&laptop, &MemorySpaces::new()).await?;
    mine.grant(phone.joining_card(mine.id(), None), Role::Reader, "phone").await?;
    let work = tempfile::tempdir()?;

    // Each node lets in both devices and the node in front of it, by their keys. The far end starts first.
    let modes = ["relay", "cache", "passthrough"];
    let keys = modes.map(|_| NodeKeys::generate(&OsRandomness));
    let mut keys = keys.into_iter().collect::<Result<VecDeque<_>, _>>()?;
    let mut nodes: Vec<Node> = Vec::new();
    for mode in modes {
        let own = keys.pop_front().ok_or("each has a key")?;
        let mut peers = vec![laptop.peer_key(), phone.peer_key()];
        peers.extend(keys.front().map(NodeKeys::peer_key));
        nodes.push(start(&work.path().join(mode), mode, &own, &peers, nodes.last()).await?);
    }
    let [relay, _, passthrough] = nodes.as_slice() else { return Err("three were started".into()) };

    // The laptop pushes to the relay at the far end.
    let id = mine.write(Write::new(Kind::OPERATION, "by way of three nodes")).await?;
    let at_relay = client(relay, &laptop)?.store(mine.id());
    assert!(sync::push(&mine, Arc::clone(&at_relay) as _).await.is_clean());

    // The phone pulls at the near end; what it gets is verified at every hop, and by itself.
    let at_passthrough = client(passthrough, &phone)?.store(mine.id());
    let source = Arc::clone(&at_passthrough) as _;
    let (copy, report) = Space::join(&phone, &MemorySpaces::new(), mine.id(), source).await?;
    println!("pulled through the chain: {report}");
    assert!(report.is_clean());
    assert_eq!(copy.read(id).await?.as_slice(), b"by way of three nodes");

    // A chain shows the relay's own head, so that a cursor means the same at every hop.
    let (there, here) =
        (at_relay.head(&Context::new()).await?, at_passthrough.head(&Context::new()).await?);
    assert_eq!((there.lineage, there.log_hash), (here.lineage, here.log_hash));
    println!("one digest at both ends: {}", here.held.digest);

    for node in nodes.into_iter().rev() {
        node.end().await?;
    }
    Ok(())
}

/// Starts a node, in front of another or as the one at the end.
async fn start(
    folder: &Path,
    mode: &str,
    keys: &NodeKeys,
    peers: &[PeerKey],
    behind: Option<&Node>,
) -> Result<Node, Box<dyn Error>> {
    std::fs::create_dir(folder)?;
    // `bulla-node key create` makes a key file that costs more to guess at.
    std::fs::write(folder.join("passphrase"), "correct horse battery staple\n")?;
    std::fs::set_permissions(folder.join("passphrase"), Permissions::from_mode(0o600))?;
    let passphrase = Passphrase::read(&folder.join("passphrase"))?;
    keys.create_file(&folder.join("node.key"), &passphrase, WorkFactor::dangerous(2))?;

    let mut text = String::from("key_file = 'node.key'\npassphrase_file = 'passphrase'\n");
    text += "data_dir = 'data'\n[listen]\naddress = '127.0.0.1:0'\n";
    if let Some(Ready { listen, node, .. }) = behind.map(Node::ready) {
        text += &format!("[[upstream]]\nname = 'next'\nurl = 'http://{listen}'\nnode = '{node}'\n");
        // Nodes ask public addresses only, unless a network is named.
        text += "networks = ['127.0.0.0/8']\n";
    }
    text += &format!("[[space]]\nid = '*'\nmode = '{mode}'\n");
    text += if behind.is_some() { "upstream = 'next'\n" } else { "" };
    for peer in peers {
        text += &format!("[[space.allow]]\npeer = '{peer}'\nrights = ['read', 'write', 'carry']\n");
    }
    let path = folder.join("node.toml");
    std::fs::write(&path, text)?;
    Ok(Node::start(ConfigSource { path, overrides: Overrides::default() }, None).await?)
}

fn client(node: &Node, device: &Device) -> Result<Client, Box<dyn Error>> {
    let ready = node.ready();
    let upstream = Upstream::new(&format!("http://{}", ready.listen), ready.node.parse()?)?;
    Ok(Client::builder(upstream, Arc::clone(device) as _).build()?)
}
