//! `bulla-node space quarantine`: what was refused and is kept (QUAR, ADM-10).

use std::sync::Arc;

use bulla_admission::{AdmissionSettings, DirectoryAdmission};
use bulla_core::SpaceId;
use bulla_store::{Context, KeptFacts, Quarantine as _, kept_pages};
use bulla_store_rocksdb::DiskStore;
use clap::{Args, Subcommand};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::super::database::open;
use super::super::{ConfigArgs, say};
use super::not_here;
use crate::config::AccessKind;
use crate::error::NodeError;
use crate::members::access_of;

/// What can be done with a quarantine.
#[derive(Debug, Subcommand)]
pub(in crate::commands) enum QuarantineCommand {
    /// Lists the entries, each with the reason why it does not count.
    List(ListArgs),
    /// Judges all of them again, and stores those that count by now. Nodes do so by themselves whenever members change.
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
pub(in crate::commands) struct ListArgs {
    /// Which space: 64 hexadecimal digits.
    space: SpaceId,
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::commands) struct RetryArgs {
    /// Which space: 64 hexadecimal digits.
    space: SpaceId,
    #[command(flatten)]
    config: ConfigArgs,
}

impl QuarantineCommand {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        match self {
            Self::List(args) => list(args).await,
            Self::Retry(args) => retry(args).await,
        }
    }
}

async fn list(args: ListArgs) -> Result<(), NodeError> {
    let disk = open(&args.config.source().load()?).await?;
    let store: DiskStore =
        disk.disk_store(args.space).await.map_err(|error| not_here(error, args.space))?;
    let cx = Context::new();
    let kept = kept_pages(|after, limit| store.kept(&cx, after, limit));
    let rows: Vec<KeptFacts> = kept.try_concat().await?;
    if args.json {
        let rows = rows.iter().map(|facts| {
            json!({
                "id": facts.id.to_string(),
                "author": facts.author.to_string(),
                "sequence": facts.sequence,
                "kind": facts.kind.0,
                "code": facts.code.to_string(),
                "bytes": facts.size_bytes,
            })
        });
        return say(&Value::from_iter(rows).to_string());
    }
    if rows.is_empty() {
        return say("nothing in quarantine");
    }
    for facts in rows {
        let (id, author, sequence) = (facts.id, facts.author.short(), facts.sequence);
        let (code, bytes) = (facts.code, facts.size_bytes);
        say(&format!("{id}  {author} #{sequence}, {bytes} bytes: {code}"))?;
    }
    Ok(())
}

async fn retry(args: RetryArgs) -> Result<(), NodeError> {
    let config = args.config.source().load()?;
    if access_of(&config, &args.space) != Some(AccessKind::Directory) {
        return Err(NodeError::NotJudged(args.space));
    }
    let disk = open(&config).await?;
    let store = disk.disk_store(args.space).await.map_err(|error| not_here(error, args.space))?;
    let cx = Context::new();
    let settings = AdmissionSettings::default();
    let admission = DirectoryAdmission::open(&cx, Arc::new(store), settings).await?;
    let retried = admission.retry(&cx).await?;
    drop(admission);
    disk.settle().await?;
    let (stored, kept) = (retried.stored, retried.kept.entries);
    say(&format!("{stored} entries stored, {kept} in quarantine still"))
}
