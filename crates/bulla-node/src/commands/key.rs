//! `bulla-node key`: the node's own key.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::say;
use crate::config::Overrides;
use crate::error::NodeError;
use crate::keys;
use crate::run::ConfigSource;

/// What can be done with the key.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Makes a key under the passphrase and prints its public half. It replaces nothing.
    Create(KeyArgs),
    /// Prints the public half of the key: what clients and configurations name this node by.
    Show(KeyArgs),
}

/// Where the key is: in a configuration, or named here.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// The configuration that names key file and passphrase file.
    #[arg(long, env = "BULLA_NODE_CONFIG", value_name = "FILE", required_unless_present_all = ["key_file", "passphrase_file"])]
    config: Option<PathBuf>,
    /// The key file.
    #[arg(long, env = "BULLA_NODE_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where its passphrase is; `/dev/fd/3` for a descriptor.
    #[arg(long, env = "BULLA_NODE_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Key file and passphrase file.
    fn files(self) -> Result<(PathBuf, PathBuf), NodeError> {
        match self {
            Self { key_file: Some(key), passphrase_file: Some(passphrase), .. } => {
                Ok((key, passphrase))
            }
            Self { config: Some(path), key_file, passphrase_file } => {
                let overrides = Overrides { key_file, passphrase_file, ..Overrides::default() };
                let config = ConfigSource { path, overrides }.load()?;
                Ok((config.key_file, config.passphrase_file))
            }
            // The parser asks for one or the other.
            Self { config: None, .. } => Err(NodeError::NoKeyFile),
        }
    }
}

impl KeyCommand {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        let keys = match self {
            Self::Create(args) => {
                let (key_file, passphrase_file) = args.files()?;
                keys::create(key_file, passphrase_file).await?
            }
            Self::Show(args) => {
                let (key_file, passphrase_file) = args.files()?;
                keys::read(key_file, passphrase_file).await?
            }
        };
        say(&keys.node_id().to_string())
    }
}
