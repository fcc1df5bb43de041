//! Reports for people.

use std::fmt;

use bulla_core::values::Freshness;

use super::{Incomplete, Reason, Reference, Report, Verdict};

/// Ids named on one line; the report has more.
const NAMED: usize = 3;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::CompleteExcept { refused } => write!(f, "complete except {refused} refused"),
            Self::CompleteAsToldBySource => f.write_str("complete as the source tells it"),
            Self::CompleteButUnresolved(authors) => {
                f.write_str("complete but for unresolved references by ")?;
                for (i, by) in authors.iter().take(NAMED).enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{} ({})", by.author.short(), by.count)?;
                }
                rest(f, authors.len())
            }
            Self::Incomplete(incomplete) => write!(f, "incomplete: {incomplete}"),
        }
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        // People read one line; programs walk `source`.
        let mut cause = std::error::Error::source(&self.reason);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        let missing = &self.missing;
        if missing.id_count > 0 {
            write!(f, "; {} missing:", missing.id_count)?;
            for id in missing.ids.iter().take(NAMED) {
                write!(f, " {}", id.short())?;
            }
            rest(f, usize::try_from(missing.id_count).unwrap_or(usize::MAX))?;
        }
        if missing.receipt_count > 0 {
            write!(f, "; nothing shown at {} receipts", missing.receipt_count)?;
        }
        Ok(())
    }
}

impl std::error::Error for Incomplete {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.reason)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Previous => "previous entry not held",
            Self::Dependency => "dependency not held",
            Self::WrongPrevious => "previous entry is not the one before",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        write!(f, "{}", self.verdict)?;
        if let Some(Freshness::StaleSince(_)) = self.source_head.map(|head| head.freshness) {
            f.write_str(" (of a stale source)")?;
        }
        let rung = self.rung().map_or("none", super::Rung::name);
        let passes: u32 = self.steps.iter().map(|step| step.passes).sum();
        write!(f, "; by {rung}, {passes} passes, {} + ", counts.source_requests)?;
        write!(f, "{} requests; ", counts.target_requests)?;
        write!(f, "{} stored, {} held, ", counts.stored, counts.duplicates)?;
        write!(f, "{} refused, {} failed; ", counts.refused, counts.failed)?;
        let milliseconds = self.timings.total.as_millis();
        write!(f, "{} payload bytes in {milliseconds} ms", counts.payload_bytes)?;
        for fork in self.forks.iter().take(NAMED) {
            write!(f, "; FORK: {fork}")?;
        }
        for misbehaviour in &self.misbehaviour {
            write!(f, "; MISBEHAVIOUR: {misbehaviour}")?;
        }
        Ok(())
    }
}

fn rest(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count.saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> bulla_core::Code {
        bulla_core::Code::new(match self {
            Self::Source(error) | Self::Target(error) | Self::Bookmarks(error) => {
                return error.code();
            }
            Self::Randomness(_) => "sync.randomness",
            Self::Cancelled => "sync.cancelled",
            Self::Deadline => "store.deadline",
            Self::SpacesDiffer { .. } => "sync.spaces_differ",
            Self::SourceChanged => "sync.source_changed",
            Self::TargetChanged => "sync.target_changed",
            Self::Scan(_) => "sync.scan",
            Self::Stale => "sync.stale",
            Self::TooManyExceptions(_) => "sync.too_many_exceptions",
            Self::Withheld { .. } => "sync.withheld",
            Self::TargetLacks { .. } => "sync.target_lacks",
            Self::EntriesMissing(_) => "sync.entries_missing",
            Self::PayloadsMissing(_) => "sync.payloads_missing",
            Self::FrontierUnreached(_) => "sync.frontier_unreached",
        })
    }
}
