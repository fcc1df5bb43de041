//! Measures whether the time of an answer tells one who has no right in a space whether a node serves it.
//!
//! `cargo run --release -p bulla-node --example existence [SAMPLES]`, on a machine that does nothing else. A member of one
//! space asks a node over loopback for the entries of a space that is there and belongs to others, and of one that nobody has, in
//! random turns; Welch's t-test says whether the two distributions of times have one mean. Below 10 is a pass. Its own
//! space is measured against the unknown one the same way and must be found out, or the machine is too noisy.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "../../bulla-crypto/examples/constant_time/welch.rs"]
mod welch;

use std::error::Error;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bulla_client::{Client, Upstream};
use bulla_core::genesis::Policy;
use bulla_core::values::ScanRequest;
use bulla_core::{SpaceId, Verified, Verifier};
use bulla_crypto::found_space;
use bulla_identity::{DeviceKeys, NodeKeys, OsRandomness, Passphrase, WorkFactor};
use bulla_node::config::Overrides;
use bulla_node::run::{ConfigSource, Node};
use bulla_store::{ContentAddressedStore, Context};

use welch::{LIMIT, Times, turns};

const SAMPLES: usize = 10_000;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let samples = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(SAMPLES);
    let folder = tempfile::tempdir()?;
    let node = start(folder.path()).await?;
    let (_theirs, held) = bring_space(&node).await?;
    let (asker, own) = bring_space(&node).await?;
    let unknown = SpaceId([0xee; 32]);
    let of_held = t(samples, &asker, held, unknown).await?;
    let of_own = t(samples, &asker, own, unknown).await?;
    node.end().await?;
    println!("a space of others   t = {of_held:8.2}");
    println!("its own space       t = {of_own:8.2}  (must be found out)");
    let passed = of_held.abs() < LIMIT && of_own.abs() >= LIMIT;
    println!("{samples} samples each: {}", if passed { "passed" } else { "FAILED" });
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A node in this process that takes in any space.
async fn start(folder: &Path) -> Result<Node, Box<dyn Error>> {
    let passphrase = folder.join("passphrase");
    let mut file = std::fs::File::options();
    let mut file = file.write(true).create_new(true).mode(0o600).open(&passphrase)?;
    writeln!(file, "only for this measurement")?;
    let keys = NodeKeys::generate(&OsRandomness)?;
    let secret = Passphrase::read(&passphrase)?;
    keys.create_file(&folder.join("node.key"), &secret, WorkFactor::dangerous(2))?;
    let text = "key_file = 'node.key'\npassphrase_file = 'passphrase'\ndata_dir = 'data'\n\
                [listen]\naddress = '127.0.0.1:0'\n\
                [[space]]\nid = '*'\nmode = 'relay'\naccept = { from = 'anyone' }\n";
    let path = folder.join("node.toml");
    std::fs::write(&path, text)?;
    Ok(Node::start(ConfigSource { path, overrides: Overrides::default() }, None).await?)
}

/// A device with a space of its own at the node.
async fn bring_space(node: &Node) -> Result<(Client, SpaceId), Box<dyn Error>> {
    let keys = Arc::new(DeviceKeys::generate(&OsRandomness)?);
    let sealed = found_space(&keys, &[], None, Policy::default(), 0, &OsRandomness)?;
    let space = SpaceId(sealed.id.0);
    let verdicts = Verifier::new([1; 32]).verify_batch(&space, vec![sealed.raw]);
    let genesis: Result<Vec<Verified>, _> = verdicts.into_iter().collect();
    let ready = node.ready();
    let upstream = Upstream::new(&format!("http://{}", ready.listen), ready.node.parse()?)?;
    let client = Client::builder(upstream, keys).build()?;
    client.store(space).put(&Context::new(), genesis?).await?;
    Ok((client, space))
}

/// Welch's t between the times of the answers about two spaces.
async fn t(
    samples: usize,
    client: &Client,
    one: SpaceId,
    other: SpaceId,
) -> Result<f64, Box<dyn Error>> {
    let (one, other) = (client.store(one), client.store(other));
    let mut times = Times::default();
    for is_other in turns(samples)? {
        times.push(is_other, timed(if is_other { &*other } else { &*one }).await);
    }
    Ok(times.t())
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
async fn timed(store: &dyn ContentAddressedStore) -> f64 {
    let start = std::time::Instant::now();
    // Whatever the answer is, only its time is looked at.
    drop(store.scan(&Context::new(), ScanRequest::everything()).await);
    start.elapsed().as_secs_f64() * 1e9
}
