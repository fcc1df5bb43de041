//! `bulla-node space`: what lies on disk.

use bulla_core::SpaceId;
use bulla_store::{Context, Spaces as _, StoreError};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::database::open;
use super::{ConfigArgs, say};
use crate::error::NodeError;

/// Spaces asked for at once.
const PAGE: usize = 1_000;

/// What can be done with the spaces kept on disk.
#[derive(Debug, Subcommand)]
pub(super) enum SpaceCommand {
    /// Lists them.
    List(ListArgs),
    /// Says what one of them holds.
    Usage(UsageArgs),
    /// Removes one with everything in it.
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// Which: 64 hexadecimal digits.
    space: SpaceId,
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Which: 64 hexadecimal digits.
    space: SpaceId,
    #[command(flatten)]
    config: ConfigArgs,
    /// Does it. Without this it only says what would be lost.
    #[arg(long)]
    yes: bool,
}

impl SpaceCommand {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        match self {
            Self::List(args) => list(args).await,
            Self::Usage(args) => usage(args).await,
            Self::Remove(args) => remove(args).await,
        }
    }
}

async fn list(args: ListArgs) -> Result<(), NodeError> {
    let (cx, disk) = (Context::new(), open(&args.config.source().load()?).await?);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = disk.list(&cx, after, PAGE).await?;
        for space in &page.spaces {
            let head = disk.open(&cx, *space).await?.head(&cx).await?;
            rows.push((*space, head.held.count, head.present.count));
        }
        after = page.spaces.last().copied();
        if page.end || after.is_none() {
            break;
        }
    }
    if args.json {
        let rows = rows.iter().map(|(space, entries, payloads)| {
            json!({ "space": space.to_string(), "entries": entries, "payloads": payloads })
        });
        return say(&Value::from_iter(rows).to_string());
    }
    if rows.is_empty() {
        return say("no spaces");
    }
    for (space, entries, payloads) in rows {
        say(&format!("{space}  {entries} entries, {payloads} payloads"))?;
    }
    Ok(())
}

async fn usage(args: UsageArgs) -> Result<(), NodeError> {
    let (cx, disk) = (Context::new(), open(&args.config.source().load()?).await?);
    let store = disk.open(&cx, args.space).await.map_err(|error| not_here(error, args.space))?;
    let (head, status) = (store.head(&cx).await?, store.status(&cx).await?);
    let rows = [
        ("space", json!(args.space.to_string())),
        ("entries", json!(head.held.count)),
        ("counting", json!(head.counting_set().count)),
        ("payloads", json!(head.present.count)),
        ("payload_bytes", json!(status.payload_bytes)),
        ("database_bytes", json!(status.disk_bytes)),
        ("last_receipt", json!(head.last_receipt)),
        ("lineage", json!(head.lineage.to_string())),
        ("digest", json!(head.held.digest.to_string())),
    ];
    if args.json {
        let object = rows.into_iter().map(|(name, value)| (name.to_owned(), value));
        return say(&Value::Object(object.collect()).to_string());
    }
    for (name, value) in rows {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(&format!("{name:15} {value}"))?;
    }
    Ok(())
}

async fn remove(args: RemoveArgs) -> Result<(), NodeError> {
    let (cx, disk) = (Context::new(), open(&args.config.source().load()?).await?);
    let store = disk.open(&cx, args.space).await.map_err(|error| not_here(error, args.space))?;
    let head = store.head(&cx).await?;
    drop(store);
    if !args.yes {
        let entries = head.held.count;
        say(&format!("space {} has {entries} entries, which would be lost here", args.space))?;
        return Err(NodeError::Unconfirmed);
    }
    disk.remove(&cx, args.space).await?;
    disk.settle().await?;
    say(&format!("removed {}", args.space))
}

fn not_here(error: StoreError, space: SpaceId) -> NodeError {
    match error {
        StoreError::NotServed(_) => NodeError::NoSpace(space),
        error => error.into(),
    }
}
