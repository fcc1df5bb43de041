//! The parts of a measurement that run in processes of their own: parameters come on standard input, figures go to
//! standard output, both as JSON.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulla::sync::{Options, Report, replicate};
use bulla::{NodeId, SpaceId};
use bulla_client::{Client, NetworkStore, Traffic, Upstream};
use bulla_store::{Clock as _, ContentAddressedStore, Context, Spaces as _, SystemClock};
use bulla_store_rocksdb::DiskSpaces;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entries::{Authors, fill, reader};
use super::{append, machine, steps};
use crate::app::open_spaces;
use crate::exit::{Exit, Failure, Result, with_causes};

/// What a role is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) folder: PathBuf,
    #[serde(default)]
    pub(super) entries: u64,
    #[serde(default)]
    pub(super) authors: u64,
    #[serde(default)]
    pub(super) payload: usize,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) node: String,
    #[serde(default)]
    pub(super) space: String,
}

impl Task {
    pub(super) fn space(&self) -> Result<SpaceId> {
        self.space.parse().map_err(Failure::usage)
    }
}

/// Does what the role says.
pub(crate) async fn role(name: &str) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(Failure::usage)?;
    let task: Task = serde_json::from_str(&text).map_err(Failure::usage)?;
    let figures = match name {
        "fill" => fill_store(&task).await?,
        "pull" => first_pull(&task).await?,
        "follow" => follow(&task).await?,
        "append" => append::run(&task).await?,
        "open" => open(&task).await?,
        "steps" => steps::run(&task).await?,
        _ => return Err(Failure::usage(format!("there is no role {name}"))),
    };
    let written = writeln!(std::io::stdout(), "{figures}");
    written.map_err(|error| Failure::new(Exit::Failure, error))
}

pub(super) fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

async fn fill_store(task: &Task) -> Result<Value> {
    let (mut authors, genesis) = Authors::found(task.authors, task.payload)?;
    let spaces = open_spaces(&task.folder)?;
    let store = spaces.create(&Context::new(), authors.space).await?;
    fill(&*store, genesis, &mut authors, task.entries).await?;
    spaces.settle().await?;
    // A store that has come to rest, as one that a node serves has.
    spaces.compact().await?;
    spaces.close().await;
    Ok(json!({ "space": authors.space.to_string() }))
}

fn client(task: &Task) -> Result<Client> {
    let node: NodeId = task.node.parse().map_err(Failure::usage)?;
    let upstream = Upstream::new(&task.url, node).map_err(Failure::usage)?;
    let builder = Client::builder(upstream, Arc::new(reader()));
    builder.build().map_err(|error| Failure::new(Exit::Failure, with_causes(&error)))
}

async fn pull(
    remote: &Arc<NetworkStore>,
    local: &Arc<dyn ContentAddressedStore>,
    spaces: &DiskSpaces,
) -> Result<Report> {
    let (from, to) = (Arc::clone(remote) as _, Arc::clone(local));
    let report = replicate(from, to, Arc::new(spaces.bookmarks()), Options::pull()).await;
    if report.verdict.is_complete() {
        return Ok(report);
    }
    Err(Failure::new(Exit::Incomplete, report))
}

fn since(before: Traffic, after: Traffic) -> Value {
    json!({
        "requests": after.requests - before.requests,
        "sent_bytes": after.sent_bytes - before.sent_bytes,
        "received_bytes": after.received_bytes - before.received_bytes,
    })
}

/// An empty store pulls everything.
async fn first_pull(task: &Task) -> Result<Value> {
    let (clock, client) = (SystemClock::new(), client(task)?);
    let spaces = open_spaces(&task.folder)?;
    let local = spaces.create(&Context::new(), task.space()?).await?;
    let remote = client.store(task.space()?);
    // Connected and logged in, as every device is but once.
    remote.head(&Context::new()).await?;
    let (before, cpu, traffic) = (spaces.status(), machine::used(None), client.traffic());
    let start = clock.monotonic();
    let report = pull(&remote, &local, &spaces).await?;
    let took = clock.monotonic().saturating_sub(start);
    let (after, used) = (spaces.status(), machine::used(None));
    let (counts, timings) = (report.counts, report.timings);
    let figures = json!({
        "entries": counts.stored,
        "payload_bytes": counts.payload_bytes,
        "seconds": seconds(took),
        "traffic": since(traffic, client.traffic()),
        "cpu_ms": used.cpu_ms - cpu.cpu_ms,
        "peak_bytes": used.peak_bytes,
        "commits": after.commits - before.commits,
        "fsyncs": after.fsyncs - before.fsyncs,
        "waited_for_source_seconds": seconds(timings.source),
        "waited_for_target_seconds": seconds(timings.target),
        "proof_seconds": seconds(timings.hashing),
    });
    spaces.close().await;
    Ok(figures)
}

/// Entries that are new in the last measurement.
const NEW: usize = 100;

/// A store that has everything asks what is new, first nothing, then a little.
async fn follow(task: &Task) -> Result<Value> {
    let (clock, client) = (SystemClock::new(), client(task)?);
    let spaces = open_spaces(&task.folder)?;
    let local = spaces.open(&Context::new(), task.space()?).await?;
    let remote = client.store(task.space()?);
    remote.head(&Context::new()).await?;
    let measure = async || -> Result<Value> {
        let (traffic, start) = (client.traffic(), clock.monotonic());
        let report = pull(&remote, &local, &spaces).await?;
        let took = clock.monotonic().saturating_sub(start);
        Ok(json!({
            "ms": seconds(took) * 1e3,
            "stored": report.counts.stored,
            "traffic": since(traffic, client.traffic()),
            "rung": report.rung().map(bulla_sync::Rung::name),
        }))
    };
    let nothing = measure().await?;
    let mut author = Authors::join(task.space()?, 1, task.payload)?;
    remote.put(&Context::new(), author.write_many(NEW)?).await?;
    let little = measure().await?;
    spaces.close().await;
    Ok(json!({ "nothing_new": nothing, "new": little }))
}

/// Opens a store and reads its head.
async fn open(task: &Task) -> Result<Value> {
    let clock = SystemClock::new();
    let start = clock.monotonic();
    let spaces = open_spaces(&task.folder)?;
    let head = spaces.open(&Context::new(), task.space()?).await?.head(&Context::new()).await?;
    let took = clock.monotonic().saturating_sub(start);
    spaces.close().await;
    Ok(json!({
        "seconds": seconds(took),
        "entries": head.held.count,
        "peak_bytes": machine::used(None).peak_bytes,
    }))
}
