//! Three nodes in this process, one behind the other: passthrough, cache, relay. Which is which stands in their
//! configuration; a chain is no other code than a single node. Who may do what at them says the space itself.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use bulla::net::{Client, Upstream};
use bulla::{Context, Device, Kind, MemorySpaces, Passphrase, Role, Space, SpaceId, Write, sync};
use bulla_core::values::GetItem;
use bulla_identity::{NodeKeys, OsRandomness, WorkFactor};
use bulla_node::config::Overrides;
use bulla_node::ready::Ready;
use bulla_node::run::{ConfigSource, Node};
use bulla_store::{ContentAddressedStore as _, StoreExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (laptop, phone) = (Device::generate()?, Device::generate()?);
    let mine = Space::found(&laptop, &MemorySpaces::new()).await?;
    mine.grant(phone.joining_card(mine.id(), None), Role::Reader, "phone").await?;
    // Three nodes may carry the space, and get no key.
    let key = || NodeKeys::generate(&OsRandomness);
    let keys = [key()?, key()?, key()?];
    for key in &keys {
        mine.grant(key.node_id(), Role::Relay, "").await?;
    }
    let work = tempfile::tempdir()?;
    let [at_end, in_between, in_front] = &keys;

    // The far end starts first. It learns of the space by its genesis, which a founder brings, and then takes the rest.
    let relay = start(&work.path().join("relay"), "relay", mine.id(), at_end, None).await?;
    let at_relay = client(&relay, &laptop)?.store(mine.id());
    let first = mine.outgoing().get_one(&Context::new(), mine.id().into()).await?;
    let GetItem::Entry(genesis) = first else { return Err("a space begins with it".into()) };
    at_relay.put(&Context::new(), vec![genesis.into()]).await?;
    let id = mine.write(Write::new(Kind::OPERATION, "by way of three nodes")).await?;
    assert!(sync::push(&mine, Arc::clone(&at_relay) as _).await.is_clean());

    let folder = work.path().join("cache");
    let cache = start(&folder, "cache", mine.id(), in_between, Some(&relay)).await?;
    let folder = work.path().join("passthrough");
    let passthrough = start(&folder, "passthrough", mine.id(), in_front, Some(&cache)).await?;

    // The phone pulls at the near end; what it gets is verified at every hop, and by itself.
    let at_passthrough = client(&passthrough, &phone)?.store(mine.id());
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

    for node in [passthrough, cache, relay] {
        node.end().await?;
    }
    Ok(())
}

/// Starts a node, in front of another or as the one at the end.
async fn start(
    folder: &Path,
    mode: &str,
    space: SpaceId,
    keys: &NodeKeys,
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
    text += &format!("[[space]]\nid = '{space}'\nmode = '{mode}'\n");
    text += if behind.is_some() { "upstream = 'next'\n" } else { "" };
    let path = folder.join("node.toml");
    std::fs::write(&path, text)?;
    Ok(Node::start(ConfigSource { path, overrides: Overrides::default() }, None).await?)
}

fn client(node: &Node, device: &Device) -> Result<Client, Box<dyn Error>> {
    let ready = node.ready();
    let upstream = Upstream::new(&format!("http://{}", ready.listen), ready.node.parse()?)?;
    Ok(Client::builder(upstream, Arc::clone(device) as _).build()?)
}
