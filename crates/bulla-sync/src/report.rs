//! What a run did, and what it proved.

mod display;
mod findings;

use std::time::Duration;

use bulla_core::values::{Freshness, Head};
use bulla_core::{AuthorKey, Code, EntryId, SpaceId};
use bulla_store::StoreError;

use crate::{Misbehaviour, ScanFault};

pub use findings::{Attested, Fork};

/// Longest list of ids, receipts or refusals in a report; counts are always exact (SYN-9).
pub const MAX_LISTED: usize = 1_000;

/// The ways of finding what is missing, cheapest first (SYN-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    /// Both heads have equal set digests: nothing is missing.
    Equal,
    /// A checkpoint holds on both sides: only what is new is read.
    Cursor,
    /// Coded symbols of both sets; no store of this version keeps them.
    Sketch,
    /// A Bloom filter of the target's ids.
    Bloom,
    /// Everything is read.
    Full,
}

impl Rung {
    /// The name in reports and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal heads",
            Self::Cursor => "cursor",
            Self::Sketch => "sketch",
            Self::Bloom => "bloom",
            Self::Full => "full scan",
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The rung taken.
    pub rung: Rung,
    /// Passes over the source's log on it: a Bloom filter may need more than one.
    pub passes: u32,
    /// Whether the digests proved afterwards that nothing is missing.
    pub is_proven: bool,
}

/// What a run proved, judged against the source's head at its start (SYN-6).
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Everything that the head announces is held with its payload, or validly erased; by digest, not by word.
    Complete,
    /// Complete but for entries that the target refused; their verdicts are recorded.
    CompleteExcept {
        /// How many.
        refused: u64,
    },
    /// The source hid headers by filter: complete as far as it tells.
    CompleteAsToldBySource,
    /// Complete by the digests, but entries name others that this source does not have.
    CompleteButUnresolved(Vec<UnresolvedBy>),
    /// Not complete.
    Incomplete(Box<Incomplete>),
}

impl Verdict {
    /// Whether all that the source announced is held, refused entries and unresolved references aside.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !matches!(self, Self::Incomplete(_))
    }
}

/// Why a run is not complete, and what is missing as far as is known.
#[derive(Debug, Clone)]
pub struct Incomplete {
    /// Why.
    pub reason: Reason,
    /// What is known to be missing.
    pub missing: Missing,
}

/// What is known to be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Ids of entries or payloads that are not held, at most [`MAX_LISTED`], ascending.
    pub ids: Vec<EntryId>,
    /// How many ids there are.
    pub id_count: u64,
    /// Receipts of the source at which it showed nothing, at most [`MAX_LISTED`].
    pub receipts: Vec<u64>,
    /// How many such receipts there are.
    pub receipt_count: u64,
}

/// Why a run is not complete. Variants follow what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The source failed. *Run again* if the error is retryable; the run resumes.
    #[error("the source failed")]
    Source(#[source] StoreError),
    /// The target failed. *Run again* if the error is retryable; the run resumes.
    #[error("the target failed")]
    Target(#[source] StoreError),
    /// The checkpoint could not be kept or read. *Mend the bookmarks.*
    #[error("the bookmarks failed")]
    Bookmarks(#[source] StoreError),
    /// The operating system gave no random bytes. *Stop.*
    #[error("no randomness: {0}")]
    Randomness(String),
    /// The caller cancelled. *Run again* when wanted; the run resumes.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed. *Run again* with more time; the run resumes.
    #[error("deadline passed")]
    Deadline,
    /// The two stores are of different spaces; the caller's fault.
    #[error("source is of space {source_space}, target of {target_space}")]
    SpacesDiffer {
        /// The source's.
        source_space: SpaceId,
        /// The target's.
        target_space: SpaceId,
    },
    /// The source changed its history again and again while the run was under way. *Run again later.*
    #[error("the source changed its history during the run")]
    SourceChanged,
    /// The target changed its history while the run was under way. *Run again.*
    #[error("the target changed its history during the run")]
    TargetChanged,
    /// The source broke the rules of a scan. *Use another source*; the peer's fault.
    #[error("the source broke the rules of a scan")]
    Scan(#[source] ScanFault),
    /// A stale source knows less than was seen of it before. *Run again* when it is fresh.
    #[error("the source answers from an older state than was seen before")]
    Stale,
    /// More entries were refused or did not verify than are recorded. *Run again* once the target takes more; the next
    /// run with room for them reads everything again.
    #[error("more than {0} entries were refused or did not verify")]
    TooManyExceptions(u64),
    /// The source did not show what its head announces. *Use another source too*; the peer's fault.
    #[error("the source announced {announced} entries and showed {shown}, or others")]
    Withheld {
        /// The count of its head.
        announced: u64,
        /// How many it showed.
        shown: u64,
    },
    /// The target announces fewer entries than it said it took or held. *Run again*: everything is offered anew. A target
    /// that goes on so is at fault.
    #[error("the target holds {holds} entries, fewer than the {taken} it took")]
    TargetLacks {
        /// The count of its head.
        holds: u64,
        /// How many it took or said it held.
        taken: u64,
    },
    /// Entries that the source showed did not verify, were not handed over or are not decided on. *Use another source
    /// too.*
    #[error("{0} entries that the source showed could not be stored")]
    EntriesMissing(u64),
    /// Signed frontiers prove entries that are not held, and this source does not have them. *Use another source too*;
    /// [`Report::unreached`] has the evidence.
    #[error("{0} entries that signed frontiers prove are missing")]
    FrontierUnreached(u64),
    /// Payloads are absent without a counting erasure. *Use another source too*; they stay on the want-list.
    #[error("{0} payloads are missing")]
    PayloadsMissing(u64),
}

/// References of one author that could not be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedBy {
    /// Whose entries they are.
    pub author: AuthorKey,
    /// How many references.
    pub count: u64,
    /// The first of them, at most [`MAX_LISTED`] over all authors.
    pub references: Vec<Unresolved>,
}

/// A reference that could not be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// The entry named.
    pub id: EntryId,
    /// The entry that names it.
    pub by: EntryId,
    /// As what.
    pub reference: Reference,
}

/// As what an entry names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// As the entry before it in its author's chain, and it is not held: the chain has a gap.
    Previous,
    /// As a dependency, and it is not held.
    Dependency,
    /// As the entry before it, and it is held, but is not the author's entry of the sequence before.
    WrongPrevious,
}

/// An entry that the source showed and the target does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The entry, as announced.
    pub id: EntryId,
    /// Why.
    pub why: Why,
    /// The stable code.
    pub code: Code,
}

/// Why an entry that the source showed is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The target refused it and will do so again.
    Refused,
    /// The target refused it and may take it later.
    RefusedForNow,
    /// The target has not decided.
    Pending,
    /// What the source sent does not verify.
    Invalid,
    /// The source announced it and did not hand it over.
    Withheld,
}

impl Why {
    /// Whether the target's refusal settles the entry.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::RefusedForNow)
    }
}

/// Counts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries that the source showed.
    pub shown: u64,
    /// Entries given to the target.
    pub offered: u64,
    /// Entries new in the target.
    pub stored: u64,
    /// Payloads added to headers that the target held.
    pub payloads_added: u64,
    /// Entries that the target held already.
    pub duplicates: u64,
    /// Entries that the target refused.
    pub refused: u64,
    /// Entries that did not verify, were withheld or are pending.
    pub failed: u64,
    /// Bytes of headers and signatures stored.
    pub header_bytes: u64,
    /// Bytes of payloads stored.
    pub payload_bytes: u64,
    /// Calls to the source.
    pub source_requests: u64,
    /// Calls to the target.
    pub target_requests: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
}

/// Where the time of a run went. The parts overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// From start to end.
    pub total: Duration,
    /// Waiting for the source, verification in a network store included.
    pub source: Duration,
    /// Waiting for the target.
    pub target: Duration,
    /// Hashing ids for the completeness proof.
    pub hashing: Duration,
}

/// What a run did, and what it proved.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it proved.
    pub verdict: Verdict,
    /// The head it is judged against; `None` when the source did not give one.
    pub source_head: Option<Head>,
    /// The rungs taken, in order.
    pub steps: Vec<Step>,
    /// Counts.
    pub counts: Counts,
    /// Where the time went.
    pub timings: Timings,
    /// What the source did wrong.
    pub misbehaviour: Vec<Misbehaviour>,
    /// Entries that the source showed, in this run or an earlier one, and the target does not hold, at most
    /// [`MAX_LISTED`].
    pub exceptions: Vec<Exception>,
    /// How many there are.
    pub exception_count: u64,
    /// Payloads on the want-list of the target.
    pub payloads_wanted: u64,
    /// Entries that signed frontiers prove and the target does not hold, at most [`MAX_LISTED`], ascending by id.
    pub unreached: Vec<Attested>,
    /// How many there are.
    pub unreached_count: u64,
    /// Forks among what the target holds, or was proven to exist, found in this run or an earlier one; by author and
    /// sequence, at most 16 of one author and [`MAX_LISTED`] in all.
    pub forks: Vec<Fork>,
}

impl Report {
    /// The rung that ended the run, if it came to one.
    #[must_use]
    pub fn rung(&self) -> Option<Rung> {
        self.steps.last().map(|step| step.rung)
    }

    /// Whether the verdict is [`Complete`](Verdict::Complete), from a fresh source that did nothing wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self.verdict, Verdict::Complete)
            && self.misbehaviour.is_empty()
            && self.source_head.is_some_and(|head| head.freshness == Freshness::Fresh)
    }

    /// Whether running again unchanged may get further.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.verdict {
            Verdict::Incomplete(incomplete) => match &incomplete.reason {
                Reason::Source(error) | Reason::Target(error) | Reason::Bookmarks(error) => {
                    error.is_retryable()
                }
                Reason::SourceChanged
                | Reason::TargetChanged
                | Reason::TargetLacks { .. }
                | Reason::Stale
                | Reason::Deadline
                | Reason::TooManyExceptions(_) => true,
                Reason::Randomness(_)
                | Reason::Cancelled
                | Reason::SpacesDiffer { .. }
                | Reason::Scan(_)
                | Reason::Withheld { .. }
                | Reason::EntriesMissing(_)
                | Reason::FrontierUnreached(_)
                | Reason::PayloadsMissing(_) => false,
            },
            Verdict::Complete
            | Verdict::CompleteExcept { .. }
            | Verdict::CompleteAsToldBySource
            | Verdict::CompleteButUnresolved(_) => false,
        }
    }
}
