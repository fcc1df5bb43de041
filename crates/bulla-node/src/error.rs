//! Why the program ends, and with which exit code.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use bulla_identity::{KeyFileError, PassphraseError};
use bulla_server::{ServiceError, TlsError};
use bulla_store::StoreError;
use bulla_store_rocksdb::OpenError;

use crate::config::ConfigError;
use crate::stacks::PlanError;

/// Why a command of the program failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An upstream cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The passphrase cannot be had.
    #[error("passphrase from {path}")]
    Passphrase {
        /// Where it should be.
        path: PathBuf,
        /// The cause.
        #[source]
        source: PassphraseError,
    },
    /// The key cannot be had.
    #[error("key file {path}")]
    KeyFile {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: KeyFileError,
    },
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service cannot be made.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// An address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Something else that the operating system refused.
    #[error("{context}")]
    Io {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Neither a configuration nor a key file was named.
    #[error("name a configuration, or a key file and a passphrase file")]
    NoKeyFile,
    /// A node has the database open.
    #[error(
        "a node has {path} open: stop it first, or look at /metrics and /spaces of its admin address while it runs"
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// There is no database to work on.
    #[error("the configuration names no data_dir")]
    NoData,
    /// The database has faults; they were printed.
    #[error("{0} problems found")]
    Problems(u64),
    /// There is no such space.
    #[error("there is no space {0}")]
    NoSpace(bulla_core::SpaceId),
    /// The configuration does not say that the directory of this space judges it.
    #[error("space {0} is not under access = \"directory\"")]
    NotJudged(bulla_core::SpaceId),
    /// Asked to do something that cannot be undone without a word of consent.
    #[error("this cannot be undone: say --yes")]
    Unconfirmed,
}

impl NodeError {
    /// The exit code of the program (NODE-51): 2 for what the operator must mend first, 1 for what failed.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Plan(_)
            | Self::Tls(_)
            | Self::Passphrase { .. }
            | Self::KeyFile { .. }
            | Self::NoKeyFile
            | Self::InUse { .. }
            | Self::NoData
            | Self::NoSpace(_)
            | Self::NotJudged(_)
            | Self::Unconfirmed => 2,
            Self::Open(_)
            | Self::Store(_)
            | Self::Service(_)
            | Self::Listen { .. }
            | Self::Io { .. }
            | Self::Problems(_) => 1,
        }
    }

    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let context = context.into();
        move |source| Self::Io { context, source }
    }
}

/// An error with its causes, one after the other.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
