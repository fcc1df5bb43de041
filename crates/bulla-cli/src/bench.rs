//! Measures this machine: client, nodes and disk on it, each part in a fresh process.
//!
//! A relay keeps entries by 1, 100 and 10,000 authors on disk; empty stores pull them, directly, through a passthrough and
//! through a warm cache, over HTTP on loopback. Everything is verified on arrival and durable at every commit.

mod append;
mod entries;
mod machine;
mod nodes;
mod roles;
mod steps;
mod summary;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::args::BenchArgs;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::Output;

use nodes::{Node, Nodes};
use roles::Task;
use summary::number;

pub(crate) use roles::role;

/// Runs everything and prints a table, or JSON with every single run.
pub(crate) async fn run(output: Output, arguments: &BenchArgs) -> Result<()> {
    let temporary = match &arguments.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| io("make", folder, &error))?;
            tempfile::tempdir_in(folder)
        }
        None => tempfile::tempdir(),
    };
    let temporary = temporary.map_err(|error| Failure::new(Exit::Failure, error))?;
    let work = temporary.path();
    let machine = machine::describe(work).map_err(|error| io("measure", work, &error))?;
    if cfg!(debug_assertions) {
        output.note("this is a debug build: its figures say nothing");
    }
    let mut series = Vec::new();
    for authors in &arguments.authors {
        output.note(format!("{} entries by {authors} authors ...", arguments.entries));
        let folder = work.join(format!("by-{authors}"));
        series.push(one_series(output, arguments, &folder, *authors).await?);
        remove(&folder);
    }
    output.note("durable appends ...");
    let mut appends = Vec::new();
    for run in 0..arguments.runs {
        let folder = make(&work.join(format!("append-{run}")))?;
        let sync_us = machine::sync_us(&folder).map_err(|error| io("sync", &folder, &error))?;
        let mut figures = child("append", &task(arguments, &folder, arguments.appends, 1)).await?;
        set(&mut figures, "fdatasync_us", json!(sync_us));
        appends.push(figures);
        remove(&folder);
    }
    let large = match arguments.large {
        0 => Value::Null,
        entries => {
            output.note(format!("{entries} entries, once ..."));
            large_store(arguments, &work.join("large"), entries).await?
        }
    };
    let figures = json!({
        "machine": machine,
        "payload": arguments.payload, "durability": "every commit", "transport": "http, loopback",
        "series": series, "append": appends, "large": large,
    });
    output.json(&figures);
    summary::print(output, &figures);
    Ok(())
}

fn task(arguments: &BenchArgs, folder: &Path, entries: u64, authors: u64) -> Task {
    Task {
        folder: folder.to_owned(),
        entries,
        authors,
        payload: arguments.payload,
        url: String::new(),
        node: String::new(),
        space: String::new(),
    }
}

/// Everything about entries of so many authors.
async fn one_series(
    output: Output,
    arguments: &BenchArgs,
    work: &Path,
    authors: u64,
) -> Result<Value> {
    let nodes = Nodes::prepare(work).await?;
    let filled = task(arguments, &nodes.relay_data(), arguments.entries, authors);
    let space = text(&child("fill", &filled).await?, "space");
    // Before a node has it: the steps alone, one after the other.
    let steps_folder = make(&work.join("steps"))?;
    std::os::unix::fs::symlink(nodes.relay_data(), steps_folder.join("from"))
        .map_err(|error| io("link", &steps_folder, &error))?;
    let one = Task { space: space.clone(), ..task(arguments, &steps_folder, 0, authors) };
    let steps = child("steps", &one).await?;
    remove(&steps_folder);

    let nodes = nodes.start(&space).await?;
    let mut direct = Vec::new();
    let mut following = Vec::new();
    let mut through = Vec::new();
    let mut cached = Vec::new();
    // The first pull through the cache fills it, and is not measured.
    let pull = Pull { arguments, space: &space, work, authors };
    remove(&pull.from(&nodes.cache, "cold").await?.1);
    let mut filled = None;
    for run in 0..arguments.runs {
        output.note(format!("  run {} of {}", run + 1, arguments.runs));
        let (figures, folder) = pull.from(&nodes.relay, &format!("direct-{run}")).await?;
        direct.push(figures);
        if let Some(before) = filled.replace(folder) {
            remove(&before);
        }
        let (figures, folder) = pull.from(&nodes.passthrough, "passthrough").await?;
        through.push(figures);
        remove(&folder);
        let before = nodes.relay.sent_bytes().await?;
        let (mut figures, folder) = pull.from(&nodes.cache, "warm").await?;
        set(&mut figures, "origin_sent_bytes", json!(nodes.relay.sent_bytes().await? - before));
        cached.push(figures);
        remove(&folder);
    }
    // Each adds a hundred entries to the relay, so they come last.
    if let Some(folder) = filled {
        for _ in 0..arguments.runs {
            following.push(child("follow", &pull.task(&nodes.relay, &folder)).await?);
        }
        remove(&folder);
    }
    let relay_peak = nodes.relay.used().peak_bytes;
    nodes.stop().await?;
    Ok(json!({
        "authors": authors, "entries": arguments.entries, "steps": steps,
        "direct": direct, "follow": following, "passthrough": through, "warm_cache": cached,
        "relay_peak_bytes": relay_peak,
    }))
}

/// A first pull of a store that is large, and how long it takes to open.
async fn large_store(arguments: &BenchArgs, work: &Path, entries: u64) -> Result<Value> {
    let authors = arguments.authors.iter().copied().max().unwrap_or(1);
    let nodes = Nodes::prepare(work).await?;
    let space = text(
        &child("fill", &task(arguments, &nodes.relay_data(), entries, authors)).await?,
        "space",
    );
    let nodes = nodes.start(&space).await?;
    let pull = Pull { arguments, space: &space, work, authors };
    let (figures, folder) = pull.from(&nodes.relay, "large").await?;
    let follow = child("follow", &pull.task(&nodes.relay, &folder)).await?;
    let relay_peak = nodes.relay.used().peak_bytes;
    nodes.stop().await?;
    let mut opened = Vec::new();
    for _ in 0..arguments.runs {
        let one = Task { space: space.clone(), ..task(arguments, &folder, 0, 0) };
        opened.push(child("open", &one).await?);
    }
    remove(&folder);
    Ok(json!({
        "authors": authors, "entries": entries, "direct": figures, "follow": follow, "open": opened,
        "relay_peak_bytes": relay_peak,
    }))
}

/// A first pull into an empty store.
struct Pull<'a> {
    arguments: &'a BenchArgs,
    space: &'a str,
    work: &'a Path,
    authors: u64,
}

impl Pull<'_> {
    fn task(&self, node: &Node, folder: &Path) -> Task {
        Task {
            url: node.url(),
            node: node.id(),
            space: self.space.to_owned(),
            ..task(self.arguments, folder, 0, self.authors)
        }
    }

    /// The figures, and the folder of the store that was filled.
    async fn from(&self, node: &Node, name: &str) -> Result<(Value, PathBuf)> {
        let folder = make(&self.work.join("client").join(name))?;
        let before = node.used();
        let mut figures = child("pull", &self.task(node, &folder)).await?;
        set(&mut figures, "node_cpu_ms", json!(node.used().cpu_ms - before.cpu_ms));
        if number(&figures, "entries") < 1.0 {
            return Err(Failure::new(Exit::Incomplete, "a node served nothing to measure with"));
        }
        let per_second = number(&figures, "entries") / number(&figures, "seconds");
        set(&mut figures, "per_second", json!(per_second));
        let received = number(figures.get("traffic").unwrap_or(&Value::Null), "received_bytes");
        let ratio = received / number(&figures, "payload_bytes");
        set(&mut figures, "wire_bytes_per_payload_byte", json!(ratio));
        Ok((figures, folder))
    }
}

/// Plays a role in a process of its own.
async fn child(role: &str, task: &Task) -> Result<Value> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Failure, format!("{role}: {error}"));
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = tokio::process::Command::new(program);
    command.args(["bench", "--role", role]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.kill_on_drop(true).spawn().map_err(|error| failed(&error))?;
    let given = serde_json::to_vec(task).map_err(|error| failed(&error))?;
    if let Some(mut input) = process.stdin.take() {
        input.write_all(&given).await.map_err(|error| failed(&error))?;
    }
    let ended = process.wait_with_output().await.map_err(|error| failed(&error))?;
    if !ended.status.success() {
        return Err(failed(&ended.status));
    }
    serde_json::from_slice(&ended.stdout).map_err(|error| failed(&error))
}

fn make(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|error| io("make", folder, &error))?;
    Ok(folder.to_owned())
}

/// Room for the next; what cannot be removed now goes with the temporary folder.
fn remove(folder: &Path) {
    drop(std::fs::remove_dir_all(folder));
}

fn set(figures: &mut Value, name: &str, value: Value) {
    if let Some(object) = figures.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn text(figures: &Value, name: &str) -> String {
    figures.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
