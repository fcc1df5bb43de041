//! `bulla-node space`: what lies on disk.

mod quarantine;

use bulla_core::SpaceId;
use bulla_store::{ContentAddressedStore as _, Context, Spaces as _, StoreError};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::database::open;
use super::{ConfigArgs, say};
use crate::error::NodeError;
use crate::members::{Membership, access_of};

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
    /// Entries that were refused and are kept, to be judged again.
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
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
            Self::Quarantine(command) => command.execute().await,
        }
    }
}

async fn list(args: ListArgs) -> Result<(), NodeError> {
    let config = args.config.source().load()?;
    let (cx, disk) = (Context::new(), open(&config).await?);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = disk.list(&cx, after, PAGE).await?;
        for space in &page.spaces {
            let store = disk.disk_store(*space).await?;
            let head = store.head(&cx).await?;
            let membership = Membership::read(&cx, &store, access_of(&config, space)).await?;
            rows.push((*space, head.held.count, head.present.count, membership));
        }
        after = page.spaces.last().copied();
        if page.end || after.is_none() {
            break;
        }
    }
    if args.json {
        let rows = rows.iter().map(|(space, entries, payloads, membership)| {
            let facts = [
                ("space", json!(space.to_string())),
                ("entries", json!(entries)),
                ("payloads", json!(payloads)),
            ];
            let facts = facts.into_iter().chain(membership.rows());
            Value::Object(facts.map(|(name, value)| (name.to_owned(), value)).collect())
        });
        return say(&Value::from_iter(rows).to_string());
    }
    if rows.is_empty() {
        return say("no spaces");
    }
    for (space, entries, payloads, membership) in rows {
        let membership = membership.words();
        say(&format!("{space}  {entries} entries, {payloads} payloads; {membership}"))?;
    }
    Ok(())
}

async fn usage(args: UsageArgs) -> Result<(), NodeError> {
    let config = args.config.source().load()?;
    let (cx, disk) = (Context::new(), open(&config).await?);
    let store = disk.disk_store(args.space).await.map_err(|error| not_here(error, args.space))?;
    let (head, status) = (store.head(&cx).await?, store.status(&cx).await?);
    let membership = Membership::read(&cx, &store, access_of(&config, &args.space)).await?;
    let facts = [
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
    let rows = facts.into_iter().chain(membership.rows());
    if args.json {
        let object = rows.map(|(name, value)| (name.to_owned(), value));
        return say(&Value::Object(object.collect()).to_string());
    }
    for (name, value) in rows {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(&format!("{name:17} {value}"))?;
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
