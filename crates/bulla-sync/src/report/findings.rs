//! What entries themselves brought to light.

use std::fmt;

use bulla_core::{AuthorKey, EntryId};

use crate::Evidence;

/// An entry that a signed frontier proves to exist (SYN-50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The entry.
    pub id: EntryId,
    /// Who signed it.
    pub author: AuthorKey,
    /// Its sequence.
    pub sequence: u64,
    /// The frontier that has its signed header.
    pub by: EntryId,
    /// Who signed the frontier.
    pub witness: AuthorKey,
    /// For others to check; of the first 16 frontiers, since each may be 1 MiB long. `None` for more.
    pub evidence: Option<Evidence>,
}

impl fmt::Display for Attested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, author, sequence) = (self.id.short(), self.author.short(), self.sequence);
        let (by, witness) = (self.by.short(), self.witness.short());
        write!(f, "entry {id}, number {sequence} of {author}, by frontier {by} of {witness}")
    }
}

/// Two entries of one author with the same sequence (ENT-41). Both stay, and so do their branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fork {
    /// Who signed both.
    pub author: AuthorKey,
    /// The sequence of both.
    pub sequence: u64,
    /// The two, ascending.
    pub ids: [EntryId; 2],
}

impl Fork {
    pub(crate) fn new(author: AuthorKey, sequence: u64, a: EntryId, b: EntryId) -> Self {
        Self { author, sequence, ids: if a <= b { [a, b] } else { [b, a] } }
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.ids.map(|id| id.short());
        let (author, sequence) = (self.author.short(), self.sequence);
        write!(f, "{author} signed both {first} and {second} as number {sequence}")
    }
}
