//! What the suite found.

use std::fmt;

use super::case::{Case, Level, Table};

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The store keeps the promise.
    Pass,
    /// It does not.
    Fail(String),
    /// The table is not for this store; why. Never said of the core table.
    Skip(&'static str),
    /// The case could not be run.
    HarnessError(String),
}

/// One case and its verdict.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// The case.
    pub case: Case,
    /// Its verdict.
    pub verdict: Verdict,
}

/// Every case that was to be run and its verdict; nothing is dropped.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed that the entries came from.
    pub seed: u64,
    /// One per case, in the order of the tables.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// Whether the store conforms: every case ran or was skipped for a reason, and none that is a MUST failed.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.cases.iter().all(|CaseReport { case, verdict }| match verdict {
            Verdict::Pass => true,
            Verdict::Skip(_) => case.table != Table::Core,
            Verdict::Fail(_) => case.level == Level::Should,
            Verdict::HarnessError(_) => false,
        })
    }

    /// How many cases passed, failed, were skipped, and could not be run.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for CaseReport { verdict, .. } in &self.cases {
            let [passed, failed, skipped, errors] = &mut counts;
            *match verdict {
                Verdict::Pass => passed,
                Verdict::Fail(_) => failed,
                Verdict::Skip(_) => skipped,
                Verdict::HarnessError(_) => errors,
            } += 1;
        }
        counts
    }
}

impl fmt::Display for Report {
    /// One line per case, then the sums and the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CaseReport { case, verdict } in &self.cases {
            let (word, detail) = match verdict {
                Verdict::Pass => ("pass", ""),
                Verdict::Fail(why) => ("FAIL", why.as_str()),
                Verdict::Skip(why) => ("skip", *why),
                Verdict::HarnessError(why) => ("ERROR", why.as_str()),
            };
            let level = match case.level {
                Level::Must => "MUST",
                Level::Should => "SHOULD",
            };
            writeln!(f, "{word:5} {level:6} {:36} {} {detail}", case.id, case.clauses.join(" "))?;
        }
        let [passed, failed, skipped, errors] = self.counts();
        write!(
            f,
            "{passed} passed, {failed} failed, {skipped} skipped, {errors} could not be run (seed {})",
            self.seed
        )
    }
}
