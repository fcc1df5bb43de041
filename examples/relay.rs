//! A relay in this process: two devices that never meet exchange an entry through it, and it can read none of it.
//!
//! `bulla-node` is this and a configuration file, TLS, a database and an operator's page.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use bulla::net::{Client, Upstream};
use bulla::{Device, Kind, MemorySpaces, Role, Space, SpaceId, Spaces as _, Write, sync};
use bulla_identity::{NodeKeys, OsRandomness};
use bulla_server::{
    AccessList, AccessRules, Components, Figures, HttpApi, HttpSettings, Listener, Rights, Service,
    ServiceSettings,
};
use bulla_store::{Context, SystemClock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (laptop, phone) = (Device::generate()?, Device::generate()?);
    let mine = Space::found(&laptop, &MemorySpaces::new()).await?;
    mine.grant(phone.joining_card(mine.id(), None), Role::Reader, "phone").await?;

    let stop = CancellationToken::new();
    let upstream = relay(mine.id(), &[&laptop, &phone], &stop).await?;
    println!("relay {} at {}", upstream.node(), upstream.origin());

    // The laptop writes and pushes. Every answer is signed by the node, and the client checks that it is that node.
    let id = mine.write(Write::new(Kind::OPERATION, "see you at eight")).await?;
    let client = Client::builder(upstream.clone(), Arc::clone(&laptop) as _).build()?;
    let pushed = sync::push(&mine, client.store(mine.id())).await;
    println!("push: {pushed}");
    assert!(pushed.is_clean());

    // The phone needs the id of the space, and fetches the rest from the relay, the keys sealed to it among it.
    let client = Client::builder(upstream.clone(), Arc::clone(&phone) as _).build()?;
    let from_relay = client.store(mine.id());
    let (copy, pulled) = Space::join(&phone, &MemorySpaces::new(), mine.id(), from_relay).await?;
    println!("pull: {pulled}");
    assert!(pulled.is_clean());
    assert_eq!(copy.read(id).await?.as_slice(), b"see you at eight");

    // A stranger does not even learn that the space exists.
    let stranger = Device::generate()?;
    let client = Client::builder(upstream, Arc::clone(&stranger) as _).build()?;
    let refused = sync::pull(&copy, client.store(copy.id())).await;
    println!("a stranger: {refused}");
    assert!(!refused.verdict.is_complete());

    stop.cancel();
    Ok(())
}

/// Serves one space from memory to the devices named; the address of the node and the key it proves to have.
async fn relay(
    space: SpaceId,
    members: &[&Device],
    stop: &CancellationToken,
) -> Result<Upstream, Box<dyn Error>> {
    let spaces = Arc::new(MemorySpaces::new());
    spaces.create(&Context::new(), space).await?;
    let mut rules = AccessRules::new();
    for member in members {
        let rights = Rights { read: true, write: true, carry: false };
        rules.allow(space, member.author().into(), rights);
    }
    let keys = Arc::new(NodeKeys::generate(&OsRandomness)?);
    let node = keys.node_id();
    let (access, clock) = (AccessList::new(rules), Arc::new(SystemClock::new()));
    let components = Components { keys, spaces, access, clock, randomness: Arc::new(OsRandomness) };
    let service = Service::new(components, ServiceSettings::default())?;

    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", tcp.local_addr()?);
    service.set_origins(vec![origin.clone()]);
    let api = Arc::new(HttpApi::new(service, Figures::new()));
    tokio::spawn(Listener::new(tcp, None, HttpSettings::default(), api).serve(stop.clone()));
    Ok(Upstream::new(&origin, node)?)
}
