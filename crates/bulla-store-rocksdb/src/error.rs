//! Why a database does not open, and what its engine's failures mean to a store's callers.

use std::io;
use std::path::PathBuf;

use bulla_core::Code;
use bulla_store::StoreError;

/// Why a database does not open. Variants follow what the operator does next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another part of this one, has it open. *Stop that one first.*
    #[error("{} is open in another process", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// A later version of this program wrote it. *Use that version.*
    #[error("{} has {what} format {found}, this program knows {known} and older", path.display())]
    NewerFormat {
        /// The database.
        path: PathBuf,
        /// `store` or `cache`.
        what: &'static str,
        /// What it says.
        found: u64,
        /// The newest known here.
        known: u64,
    },
    /// The folder holds something else. *Check the path.*
    #[error("{} is not a {what}: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was looked for: `store` or `cache`.
        what: &'static str,
        /// What is missing or strange.
        reason: String,
    },
    /// The folder that was to be made is there already. *Name another.*
    #[error("{} exists already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Its files are damaged. *Restore a backup, or start anew and fetch from peers.*
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What the engine found.
        reason: String,
    },
    /// The options cannot be used. *Change them.*
    #[error("option {option}: {reason}")]
    Options {
        /// Which.
        option: &'static str,
        /// Why not.
        reason: String,
    },
    /// The operating system refused something. *See the cause.*
    #[error("{context}")]
    Io {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine refused something else. *Report it.*
    #[error("{context}")]
    Engine {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: rocksdb::Error,
    },
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        Code::new(match self {
            Self::Locked { .. } => "store.locked",
            Self::NewerFormat { .. } => "store.format",
            Self::NotAStore { .. } => "store.not_a_store",
            Self::Exists { .. } => "store.exists",
            Self::Damaged { .. } => "store.corrupt",
            Self::Options { .. } => "store.options",
            Self::Io { .. } | Self::Engine { .. } => "store.internal",
        })
    }

    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let context = context.into();
        move |source| Self::Io { context, source }
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Damaged { .. } => Self::Corrupt { id: None, reason: error.to_string() },
            OpenError::Locked { .. } => Self::Unavailable {
                code: error.code(),
                reason: error.to_string(),
                retry_after: None,
            },
            other => Self::internal("cannot open the store", other),
        }
    }
}

/// What a failed read means to a caller.
pub(crate) fn read_error(context: &'static str) -> impl Fn(rocksdb::Error) -> StoreError {
    move |error| match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            StoreError::Corrupt { id: None, reason: format!("{context}: {error}") }
        }
        _ => StoreError::internal(context, error),
    }
}

/// A row that does not have the shape it was written in.
pub(crate) fn damaged_row(what: &'static str) -> StoreError {
    StoreError::Corrupt { id: None, reason: format!("{what} row has the wrong shape") }
}

/// Whether the engine says that the device has no room left.
pub(crate) fn is_full(error: &rocksdb::Error) -> bool {
    error.as_ref().contains("No space left on device") || error.as_ref().contains("NoSpace")
}
