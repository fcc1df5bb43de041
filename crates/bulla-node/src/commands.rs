//! What the program can be told to do.

mod config;
mod database;
mod key;
mod space;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Overrides;
use crate::error::NodeError;
use crate::log;
use crate::run::{ConfigSource, run};

/// Serves sealed entries that it cannot open.
///
/// A node relays, caches or passes on the spaces that its configuration names, for the devices and nodes that it names.
#[derive(Debug, Parser)]
#[command(name = "bulla-node", version, disable_help_subcommand = true)]
pub struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the node until SIGTERM or SIGINT; SIGHUP reads the configuration again.
    Run {
        #[command(flatten)]
        config: ConfigArgs,
        /// Writes one line of JSON there once the node serves: its key, addresses and process.
        #[arg(long, env = "BULLA_NODE_READY_FILE", value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Looks at a configuration without running it.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The node's own key.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// The spaces kept on disk; the node must not be running.
    #[command(subcommand)]
    Space(space::SpaceCommand),
    /// Reads the whole database and checks every hash, signature and index; the node must not be running.
    Verify(database::VerifyArgs),
    /// Copies the database to a new folder; the node must not be running.
    Backup(database::BackupArgs),
    /// Makes a database of a backup, in a new folder. Every space takes a new lineage.
    Restore(database::RestoreArgs),
    /// Rewrites the database without what was erased or removed; the node must not be running.
    Compact(ConfigArgs),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, env = "BULLA_NODE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
}

impl ConfigArgs {
    fn source(self) -> ConfigSource {
        ConfigSource { path: self.config, overrides: self.overrides }
    }
}

impl Program {
    /// Does what it was told.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn execute(self) -> Result<(), NodeError> {
        match self.command {
            Command::Run { config, ready_file } => {
                let source = config.source();
                // Read once more by the node itself; here only for how to log.
                let config = source.load()?;
                let log = log::start(config.log).map_err(|error| NodeError::Io {
                    context: "cannot begin to log".to_owned(),
                    source: std::io::Error::other(error),
                })?;
                run(source, Some(log), ready_file.as_deref()).await
            }
            Command::Config(command) => command.execute().await,
            Command::Key(command) => command.execute().await,
            Command::Space(command) => command.execute().await,
            Command::Verify(args) => args.execute().await,
            Command::Backup(args) => args.execute().await,
            Command::Restore(args) => args.execute().await,
            Command::Compact(args) => database::compact(args).await,
        }
    }
}

/// Writes lines to standard output.
fn say(text: &str) -> Result<(), NodeError> {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(NodeError::io("cannot write to standard output"))
}
