//! The node's own key, in a file under a passphrase that never stands in an argument (NODE-4).

use std::path::PathBuf;

use bulla_identity::{NodeKeys, OsRandomness, Passphrase, WorkFactor};

use crate::error::NodeError;

/// Reads the key of a node. Takes some tenths of a second, on a thread of its own.
///
/// # Errors
///
/// [`NodeError::Passphrase`] or [`NodeError::KeyFile`].
pub async fn read(key_file: PathBuf, passphrase_file: PathBuf) -> Result<NodeKeys, NodeError> {
    on_thread(move || {
        let passphrase = passphrase(passphrase_file)?;
        NodeKeys::read_file(&key_file, &passphrase)
            .map_err(|source| NodeError::KeyFile { path: key_file, source })
    })
    .await
}

/// Makes a new key and writes it to a file that must not exist.
///
/// # Errors
///
/// As [`read`].
pub async fn create(key_file: PathBuf, passphrase_file: PathBuf) -> Result<NodeKeys, NodeError> {
    on_thread(move || {
        let passphrase = passphrase(passphrase_file)?;
        let failed = |source| NodeError::KeyFile { path: key_file.clone(), source };
        let keys = NodeKeys::generate(&OsRandomness).map_err(|error| failed(error.into()))?;
        keys.create_file(&key_file, &passphrase, work_factor()).map_err(failed)?;
        Ok(keys)
    })
    .await
}

/// What a guess at the passphrase costs. Only tests lower it, by a variable that says so.
fn work_factor() -> WorkFactor {
    let lowered = std::env::var("BULLA_DANGEROUS_WORK_FACTOR").ok();
    let lowered = lowered.and_then(|text| text.parse().ok());
    lowered.map_or_else(WorkFactor::default, WorkFactor::dangerous)
}

fn passphrase(path: PathBuf) -> Result<Passphrase, NodeError> {
    Passphrase::read(&path).map_err(|source| NodeError::Passphrase { path, source })
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| NodeError::Io {
        context: "cannot read the key".to_owned(),
        source: std::io::Error::other(error),
    })?
}
