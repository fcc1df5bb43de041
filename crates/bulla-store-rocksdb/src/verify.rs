//! Looking at everything again: ids, signatures, payloads, log hashes, indexes, digests.

mod space;

use std::sync::Arc;

use bulla_core::{EntryId, SpaceId, Verifier};
use bulla_store::{Context, Result, Spaces, StoreError};

use crate::DiskSpaces;
use crate::queue::Admin;
use crate::shared::blocking;
use space::Check;

/// What [`DiskSpaces::verify`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Only this space; `None` for all.
    pub space: Option<SpaceId>,
    /// Make damaged payloads missing: their bytes are dropped, and they are wanted again from any source.
    pub quarantine: bool,
}

/// What [`DiskSpaces::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Spaces looked at.
    pub spaces: u64,
    /// Entries looked at.
    pub entries: u64,
    /// Payloads read and hashed; one that several entries share counts for each.
    pub payloads: u64,
    /// Their bytes.
    pub payload_bytes: u64,
    /// Problems found.
    pub problem_count: u64,
    /// The first 1,000 of them.
    pub problems: Vec<Problem>,
    /// Payloads made missing.
    pub quarantined: u64,
}

impl VerifyReport {
    /// Most problems listed.
    pub const MAX_PROBLEMS: usize = 1_000;

    /// Whether nothing was wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn add(&mut self, problem: Problem) {
        tracing::error!(%problem, "verification found a problem");
        self.problem_count = self.problem_count.saturating_add(1);
        if self.problems.len() < Self::MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The space.
    pub space: SpaceId,
    /// Where in it, if it concerns one entry.
    pub receipt: Option<u64>,
    /// Which entry, if that is known.
    pub id: Option<EntryId>,
    /// What is wrong.
    pub kind: ProblemKind,
    /// How it showed.
    pub detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "space {}", self.space.short())?;
        if let Some(receipt) = self.receipt {
            write!(f, ", receipt {receipt}")?;
        }
        if let Some(id) = &self.id {
            write!(f, ", entry {}", id.short())?;
        }
        write!(f, ": {}: {}", self.kind.name(), self.detail)
    }
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A header cannot be read, or is not the one whose id was recorded.
    Header,
    /// The header is as it was written, and its signature does not verify: somebody else wrote it.
    Signature,
    /// A payload that should be there cannot be read or does not have its content hash.
    Payload,
    /// A log hash does not follow from the one before.
    LogHash,
    /// An index has no row for an entry, another one, or one too many.
    Index,
    /// Bytes that belong to no entry.
    Orphan,
    /// Digests or counts are not those of the entries.
    Digest,
}

impl ProblemKind {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Signature => "signature",
            Self::Payload => "payload",
            Self::LogHash => "log_hash",
            Self::Index => "index",
            Self::Orphan => "orphan",
            Self::Digest => "digest",
        }
    }
}

impl DiskSpaces {
    /// Reads everything and checks it from the ground up: each header's id and signature, each payload's hash, the chain
    /// of log hashes, every index, digests and counts. Reads and writes go on meanwhile; what they add is not looked at.
    ///
    /// A run over all spaces that finds nothing ends the state *needs audit*.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the check itself could not go on; what it finds is in the report.
    pub async fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| StoreError::internal("drawing a seed", error))?;
        let verifier = Verifier::new(seed);
        let mut report = VerifyReport::default();
        let cx = Context::new();
        if let Some(space) = options.space {
            self.verify_space(&cx, space, options, &verifier, &mut report).await?;
            return Ok(report);
        }
        let mut after = None;
        loop {
            let page = self.list(&cx, after, 1_000).await?;
            after = page.spaces.last().copied();
            for space in page.spaces {
                match self.verify_space(&cx, space, options, &verifier, &mut report).await {
                    // Removed while we were on our way to it.
                    Err(StoreError::NotServed(_)) => {}
                    outcome => outcome?,
                }
            }
            if page.end {
                break;
            }
        }
        if report.is_clean() {
            self.shared().ask(Admin::AuditPassed).await?;
        }
        Ok(report)
    }

    async fn verify_space(
        &self,
        cx: &Context,
        id: SpaceId,
        options: &VerifyOptions,
        verifier: &Verifier,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let store = self.disk_store(id).await?;
        let space = store.in_use(cx).await?;
        let (shared, of, verifier) =
            (Arc::clone(self.shared()), Arc::clone(&space), verifier.clone());
        let so_far = std::mem::take(report);
        let (found, damaged) =
            blocking(move || Check::new(&shared, &of, &verifier, so_far)?.run()).await?;
        *report = found;
        report.spaces = report.spaces.saturating_add(1);
        if options.quarantine && !damaged.is_empty() {
            let count = self.shared().ask(|reply| Admin::Quarantine(space, damaged, reply)).await?;
            report.quarantined = report.quarantined.saturating_add(count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
