//! The log hash: a rolling hash over the ids of a store in receipt order, kept at every receipt, so that one point read
//! checks any cursor and a rolled-back store is noticed (chapter `digests.md`, LOG-1 to LOG-3).

use crate::{EntryId, Lineage, LogHash, SpaceId, derive};

impl LogHash {
    /// The log hash at receipt 0: over space and lineage (LOG-2).
    #[must_use]
    pub fn start(space: &SpaceId, lineage: &Lineage) -> Self {
        chain(&[&space.0, &lineage.0])
    }

    /// The log hash one receipt later: over this one and the id received (LOG-3).
    #[must_use]
    pub fn next(&self, id: &EntryId) -> Self {
        chain(&[&self.0, &id.0])
    }
}

fn chain(parts: &[&[u8]]) -> LogHash {
    let mut hasher = derive::LOG_HASH.hasher();
    for part in parts {
        hasher.update(part);
    }
    LogHash(hasher.finalize().into())
}
