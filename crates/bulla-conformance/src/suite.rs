//! The cases that every store must pass.
//!
//! The tables are data: [`all_cases`] lists them, [`run`] runs them over whatever a [`Harness`] makes and gives a
//! [`Report`], [`trials`] makes a named test of each. A third party's store needs a harness of one function:
//!
//! ```
//! use std::sync::Arc;
//! use bulla_conformance::suite::{self, Harness, HarnessError, Options, Subject};
//! use bulla_core::SpaceId;
//! use bulla_store::MemoryStore;
//!
//! #[derive(Debug)]
//! struct Memory;
//!
//! #[async_trait::async_trait]
//! impl Harness for Memory {
//!     async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
//!         Ok(Subject::erasable(Arc::new(MemoryStore::new(space)?)))
//!     }
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let options = Options { only: Some("head".into()), ..Options::default() };
//! let report = suite::run(Arc::new(Memory), &options).await;
//! assert!(report.is_conformant(), "{report}");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod author;
mod case;
mod cases;
mod harness;
mod report;
mod trials;

use std::sync::Arc;
use std::time::Duration;

pub use case::{Case, CaseFuture, Failure, Ground, Level, Stage, Table};
pub use harness::{Harness, HarnessError, Kept, Reopen, Subject};
pub use report::{CaseReport, Report, Verdict};
pub use trials::trials;

/// How the suite runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where keys, spaces and payloads come from. Two runs against one and the same server need two seeds.
    pub seed: u64,
    /// How long one case may take, in milliseconds; longer is a failure.
    pub case_timeout_ms: u64,
    /// Run only the cases whose id contains this.
    pub only: Option<String>,
}

impl Default for Options {
    /// Seed 1, 60 seconds, every case.
    fn default() -> Self {
        Self { seed: 1, case_timeout_ms: 60_000, only: None }
    }
}

/// Every case of every table, in order.
pub fn all_cases() -> impl Iterator<Item = Case> {
    cases::TABLES.iter().flat_map(|table| table.iter().copied())
}

/// Runs every case, one after the other. Call it within a tokio runtime with time and I/O enabled.
pub async fn run(harness: Arc<dyn Harness>, options: &Options) -> Report {
    let mut cases = Vec::new();
    for case in all_cases() {
        if options.only.as_ref().is_none_or(|part| case.id.contains(part.as_str())) {
            let verdict = run_case(case, Arc::clone(&harness), options).await;
            cases.push(CaseReport { case, verdict });
        }
    }
    Report { seed: options.seed, cases }
}

/// Runs one case.
pub async fn run_case(case: Case, harness: Arc<dyn Harness>, options: &Options) -> Verdict {
    let limit = Duration::from_millis(options.case_timeout_ms);
    let seed = options.seed;
    // A task of its own, so that a panic inside the store ends the case and not the run.
    let task = tokio::spawn(async move {
        let ground = Ground::new(harness, seed, case.id);
        tokio::time::timeout(limit, (case.run)(&ground)).await
    });
    match task.await {
        Ok(Ok(Ok(()))) => Verdict::Pass,
        Ok(Ok(Err(Failure::Broken(why)))) => Verdict::Fail(why),
        Ok(Ok(Err(Failure::Missing(what)))) if case.table == Table::Core => {
            Verdict::HarnessError(format!("a case of the core table may not be skipped: {what}"))
        }
        Ok(Ok(Err(Failure::Missing(what)))) => Verdict::Skip(what),
        Ok(Ok(Err(Failure::Harness(error)))) => Verdict::HarnessError(error.to_string()),
        Ok(Err(_)) => Verdict::Fail(format!("not done after {} ms", options.case_timeout_ms)),
        Err(error) => Verdict::Fail(format!("panicked: {error}")),
    }
}
