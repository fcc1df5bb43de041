//! Verification on threads of its own, so that a large batch does not keep other requests waiting.

use std::sync::Arc;

use bulla_core::{RawEntry, SpaceId, Verified, Verifier, VerifyError};
use tokio::sync::Semaphore;

/// The one verifier of a service and the threads it may use.
#[derive(Debug, Clone)]
pub(crate) struct VerifyPool {
    verifier: Arc<Verifier>,
    threads: Arc<Semaphore>,
}

/// A verdict for each entry, in order.
pub(crate) type Verdicts = Vec<Result<Verified, VerifyError>>;

/// The verification did not end; nothing is known of the batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// It panicked.
    #[error("verification failed")]
    Panic(#[from] tokio::task::JoinError),
    /// The pool is closed.
    #[error("verification is closed")]
    Closed(#[from] tokio::sync::AcquireError),
}

impl VerifyPool {
    pub(crate) fn new(verifier: Verifier, threads: usize) -> Self {
        Self { verifier: Arc::new(verifier), threads: Arc::new(Semaphore::new(threads.max(1))) }
    }

    /// Judges a batch.
    pub(crate) async fn judge(
        &self,
        space: SpaceId,
        batch: Vec<RawEntry>,
    ) -> Result<Verdicts, PoolError> {
        let permit = Arc::clone(&self.threads).acquire_owned().await?;
        let verifier = Arc::clone(&self.verifier);
        let verdicts = tokio::task::spawn_blocking(move || {
            // Held by the work and not by whoever waits for it: work whose asker went away still counts.
            let _permit = permit;
            verifier.verify_batch(&space, batch)
        });
        Ok(verdicts.await?)
    }
}
