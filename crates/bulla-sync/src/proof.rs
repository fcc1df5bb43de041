//! Signed words that anybody can check, whoever hands them on (chapter `sync.md`, SYN-54).

use bulla_core::control::{Control, Frontier};
use bulla_core::values::{GetItem, GetRequest};
use bulla_core::{
    AuthorKey, Code, EntryId, Header, RawEntry, SpaceId, Verified, VerifiedHeader, Verifier,
    VerifyError,
};
use bulla_store::{ContentAddressedStore, Context, StoreError};

use crate::Fork;

/// Bytes of an answer with the entries of a fork; each item may be longer.
const FORK_BYTES: u32 = 64 * 1024;

/// What entries prove by their signatures alone. It may be handed to a third party, who trusts neither this replica nor the
/// peer it complains of: [`verify`](Self::verify) says what it proves (SYN-54).
///
/// It proves what authors signed. That a peer denies an entry is the word of the replica that asked it; a third party asks
/// the peer itself, or looks for its acknowledgement ([`audit`](crate::audit())).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A frontier, and an entry whose signed header it carries: the entry exists, and the author of the frontier had it.
    Frontier {
        /// The frontier's entry with its payload.
        frontier: RawEntry,
        /// The entry that it proves.
        proven: EntryId,
    },
    /// Two entries with one author and one sequence (ENT-41), without payloads.
    Fork {
        /// One of them.
        first: RawEntry,
        /// The other.
        second: RawEntry,
    },
}

/// What evidence proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// An entry exists, and somebody else had it when they signed.
    Seen {
        /// The entry's signed header.
        header: VerifiedHeader,
        /// The frontier that says so.
        by: EntryId,
        /// Who signed the frontier.
        witness: AuthorKey,
    },
    /// An author signed two entries with one sequence.
    Forked(Fork),
}

/// Why evidence proves nothing. Whoever handed it on is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// An entry of it does not verify.
    #[error("an entry of the evidence does not verify: {0}")]
    Entry(#[from] VerifyError),
    /// It is no frontier, or comes without its payload.
    #[error("the evidence holds no frontier")]
    NoFrontier,
    /// The frontier does not prove the entry: no header in it that holds has this id (CTL-41).
    #[error("the frontier does not prove entry {}", _0.short())]
    NotProven(EntryId),
    /// The two entries are one, or differ in author or sequence.
    #[error("the entries are no fork")]
    NoFork,
}

impl EvidenceError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Entry(error) => return error.code(),
            Self::NoFrontier => "evidence.no_frontier",
            Self::NotProven(_) => "evidence.not_proven",
            Self::NoFork => "evidence.no_fork",
        })
    }
}

impl Evidence {
    /// Checks every signature of it, and says what it proves of `space`. At most 257 signatures are verified.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn verify(&self, space: &SpaceId, verifier: &Verifier) -> Result<Finding, EvidenceError> {
        match self {
            Self::Frontier { frontier, proven } => {
                let Verified::Entry(entry) = verifier.verify(space, frontier.clone())? else {
                    return Err(EvidenceError::NoFrontier);
                };
                let Some(Control::Frontier(frontier)) = entry.control() else {
                    return Err(EvidenceError::NoFrontier);
                };
                let mut headers = proven_by(&frontier, space, verifier).into_iter();
                let header = headers.find(|header| header.id() == *proven);
                let header = header.ok_or(EvidenceError::NotProven(*proven))?;
                Ok(Finding::Seen { header, by: entry.id(), witness: entry.header().author })
            }
            Self::Fork { first, second } => {
                let first = verifier.verify(space, first.clone())?;
                let second = verifier.verify(space, second.clone())?;
                fork(first.verified_header(), second.verified_header())
                    .map(Finding::Forked)
                    .ok_or(EvidenceError::NoFork)
            }
        }
    }

    /// The evidence of a fork, from a store that holds both entries; `None` when it does not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the store.
    pub async fn of_fork(
        cx: &Context,
        store: &dyn ContentAddressedStore,
        fork: &Fork,
    ) -> Result<Option<Self>, StoreError> {
        let mut found = Vec::with_capacity(2);
        for id in fork.ids {
            let request = GetRequest { ids: vec![id], max_bytes: FORK_BYTES };
            let header = match store.get(cx, request).await?.pop() {
                Some(GetItem::Entry(entry)) => entry.verified_header().clone(),
                Some(GetItem::Header(header, _)) => header,
                Some(GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable) | None => {
                    return Ok(None);
                }
            };
            found.push(header.to_raw());
        }
        let (second, first) = (found.pop(), found.pop());
        Ok(first.zip(second).map(|(first, second)| Self::Fork { first, second }))
    }
}

/// The headers of a frontier that hold: verified by VER-2 to VER-5, and ascending by author (CTL-41).
fn proven_by(frontier: &Frontier, space: &SpaceId, verifier: &Verifier) -> Vec<VerifiedHeader> {
    let raw = frontier.proven.iter().map(bulla_core::control::Proven::to_raw).collect();
    let held = verifier.verify_batch(space, raw).into_iter().flatten();
    let mut order = Ascending::default();
    held.map(|verified| verified.verified_header().clone())
        .filter(|header| order.takes(header.header()))
        .collect()
}

/// The order that the headers of a frontier have to keep: of those that hold, each has a greater author than the one before.
#[derive(Debug, Default)]
pub(crate) struct Ascending(Option<AuthorKey>);

impl Ascending {
    /// Whether a header that holds comes in its place.
    pub(crate) fn takes(&mut self, header: &Header) -> bool {
        let is_greater = self.0.is_none_or(|last| last < header.author);
        if is_greater {
            self.0 = Some(header.author);
        }
        is_greater
    }
}

fn fork(first: &VerifiedHeader, second: &VerifiedHeader) -> Option<Fork> {
    let (a, b) = (first.header(), second.header());
    let is_fork = first.id() != second.id() && a.author == b.author && a.sequence == b.sequence;
    is_fork.then(|| Fork::new(a.author, a.sequence, first.id(), second.id()))
}
