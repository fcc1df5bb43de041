//! What flags and the environment put on top of the file (NODE-3).

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Spanned;

use super::{AdminConfig, Config, LogFormat, LogLevel};

/// Flags, each with its environment variable. A flag counts more than the environment, and that more than the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// Address and port for clients; port 0 lets the system choose one.
    #[arg(long, env = "BULLA_NODE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Address and port for the operator.
    #[arg(long, env = "BULLA_NODE_ADMIN", value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
    /// Where relays and caches keep what they hold.
    #[arg(long, env = "BULLA_NODE_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The file with the node's key.
    #[arg(long, env = "BULLA_NODE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Where the passphrase of the key file is; `/dev/fd/3` for a descriptor.
    #[arg(long, env = "BULLA_NODE_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// How much is logged.
    #[arg(long, env = "BULLA_NODE_LOG_LEVEL", value_enum, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How it is logged.
    #[arg(long, env = "BULLA_NODE_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl Overrides {
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(address) = self.listen {
            let span = config.listen.address.span();
            config.listen.address = Spanned::new(span, address);
        }
        if let Some(address) = self.admin {
            config.admin = Some(AdminConfig { address });
        }
        if let Some(folder) = &self.data_dir {
            config.data_dir = Some(folder.clone());
        }
        if let Some(file) = &self.key_file {
            config.key_file.clone_from(file);
        }
        if let Some(file) = &self.passphrase_file {
            config.passphrase_file.clone_from(file);
        }
        if let Some(level) = self.log_level {
            config.log.level = level;
        }
        if let Some(format) = self.log_format {
            config.log.format = format;
        }
    }
}
