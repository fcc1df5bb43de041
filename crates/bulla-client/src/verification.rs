//! Verifies what arrives, on as many cores as there are, while more arrives.

use std::sync::Arc;

use bulla_core::verify::attach_payload;
use bulla_core::{
    Code, EntryId, Header, RawEntry, SpaceId, Verified, VerifiedHeader, Verifier, VerifyError,
};
use bulla_store::{Result, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Entries that are verified together: one batch of the verifier.
pub(crate) const CHUNK: usize = 1_024;

/// What became of an entry.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// It is genuine.
    Good(Verified),
    /// The header is, the payload is not the one it names.
    WrongPayload(VerifiedHeader),
    /// It is not.
    Bad {
        /// The id that its bytes would have.
        id: EntryId,
        /// Why.
        code: Code,
    },
}

/// Verifies on the runtime's blocking threads, no more at a time than there are cores.
#[derive(Debug)]
pub(crate) struct Verification {
    verifier: Arc<Verifier>,
    permits: Arc<Semaphore>,
}

/// Verdicts to come, in order.
#[derive(Debug)]
pub(crate) struct Pending {
    verdicts: JoinHandle<Vec<Verdict>>,
}

impl Verification {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { verifier: Arc::new(Verifier::new(seed)), permits: Arc::new(Semaphore::new(cores)) }
    }

    /// Begins to verify; waits while all cores are busy, so that a fast node cannot pile up work.
    pub(crate) async fn begin(&self, space: SpaceId, raw: Vec<RawEntry>) -> Result<Pending> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| StoreError::internal("verifying", error))?;
        let verifier = Arc::clone(&self.verifier);
        let verdicts = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            judge(&verifier, &space, raw)
        });
        Ok(Pending { verdicts })
    }

    /// Verifies a few.
    pub(crate) async fn all(&self, space: SpaceId, raw: Vec<RawEntry>) -> Result<Vec<Verdict>> {
        let mut raw = raw;
        let mut pending = Vec::new();
        while !raw.is_empty() {
            let rest = raw.split_off(raw.len().min(CHUNK));
            pending.push(self.begin(space, raw).await?);
            raw = rest;
        }
        let mut verdicts = Vec::new();
        for chunk in pending {
            verdicts.extend(chunk.verdicts().await?);
        }
        Ok(verdicts)
    }
}

impl Pending {
    pub(crate) async fn verdicts(self) -> Result<Vec<Verdict>> {
        self.verdicts.await.map_err(|error| StoreError::internal("verifying", error))
    }
}

fn judge(verifier: &Verifier, space: &SpaceId, raw: Vec<RawEntry>) -> Vec<Verdict> {
    let announced = raw.clone();
    let verdicts = verifier.verify_batch(space, raw);
    let verdict =
        |(raw, verdict): (RawEntry, std::result::Result<Verified, VerifyError>)| match verdict {
            Ok(verified) => Verdict::Good(verified),
            Err(error) => header_alone(verifier, space, raw, error),
        };
    announced.into_iter().zip(verdicts).map(verdict).collect()
}

/// A wrong payload does not make its header wrong.
fn header_alone(
    verifier: &Verifier,
    space: &SpaceId,
    mut raw: RawEntry,
    error: VerifyError,
) -> Verdict {
    let id = EntryId::compute(&Header::digest_of(&raw.header), &raw.signature);
    let bad = Verdict::Bad { id, code: error.code() };
    let Some(payload) = raw.payload.take() else { return bad };
    match verifier.verify(space, raw) {
        Ok(Verified::Header(header)) if attach_payload(header.clone(), payload).is_err() => {
            Verdict::WrongPayload(header)
        }
        Ok(_) | Err(_) => bad,
    }
}
