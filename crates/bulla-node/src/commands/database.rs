//! Work on the database of a node that is not running.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_core::SpaceId;
use bulla_store::SystemClock;
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, OpenError, VerifyOptions};
use clap::Args;

use super::{ConfigArgs, say};
use crate::config::Config;
use crate::error::NodeError;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only this space.
    #[arg(long, value_name = "SPACE")]
    space: Option<SpaceId>,
    /// Drops payloads that are damaged, so that they are fetched again from any source.
    #[arg(long)]
    quarantine: bool,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The folder to make.
    to: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup; it stays as it is.
    from: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Opens the database that a configuration names. It makes none.
pub(super) async fn open(config: &Config) -> Result<DiskSpaces, NodeError> {
    let folder = config.store_folder().ok_or(NodeError::NoData)?;
    let options = DiskOptions { create: false, ..config.disk.options() };
    let opening = move || DiskSpaces::open(folder, options, Arc::new(SystemClock::new()));
    let opened = tokio::task::spawn_blocking(opening).await.map_err(ended)?;
    opened.map_err(|error| match error {
        OpenError::Locked { path } => NodeError::InUse { path },
        error => error.into(),
    })
}

fn ended(error: tokio::task::JoinError) -> NodeError {
    let context = "the work on the database ended early".to_owned();
    NodeError::Io { context, source: std::io::Error::other(error) }
}

impl VerifyArgs {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        let disk = open(&self.config.source().load()?).await?;
        let options = VerifyOptions { space: self.space, quarantine: self.quarantine };
        let report = disk.verify(&options).await?;
        for problem in &report.problems {
            say(&problem.to_string())?;
        }
        let (spaces, entries, payloads) = (report.spaces, report.entries, report.payloads);
        let problems = report.problem_count;
        say(&format!(
            "{spaces} spaces, {entries} entries, {payloads} payloads: {problems} problems"
        ))?;
        if report.quarantined > 0 {
            say(&format!("{} payloads dropped; they are wanted again", report.quarantined))?;
        }
        if report.is_clean() { Ok(()) } else { Err(NodeError::Problems(problems)) }
    }
}

impl BackupArgs {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        let disk = open(&self.config.source().load()?).await?;
        disk.backup(&self.to).await?;
        say(&format!("backup in {}", self.to.display()))
    }
}

impl RestoreArgs {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        let config = self.config.source().load()?;
        let to = config.store_folder().ok_or(NodeError::NoData)?;
        let folder = to.clone();
        if let Some(data) = &config.data_dir {
            std::fs::create_dir_all(data).map_err(NodeError::io("cannot make data_dir"))?;
        }
        let restoring = move || bulla_store_rocksdb::restore(self.from, folder);
        tokio::task::spawn_blocking(restoring).await.map_err(ended)??;
        say(&format!("restored into {}; every space takes a new lineage", to.display()))
    }
}

pub(super) async fn compact(args: ConfigArgs) -> Result<(), NodeError> {
    let report = open(&args.source().load()?).await?.compact().await?;
    let (before, after, took) = (report.before_bytes, report.after_bytes, report.took_ms);
    say(&format!("{before} bytes before, {after} bytes after, {took} ms"))
}
