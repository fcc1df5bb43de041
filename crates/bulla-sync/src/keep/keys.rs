//! Under which keys bookmarks lie.

use bulla_core::{Lineage, SpaceId};

/// The keys of one run: of a space, two lineages and a scope (SYN-22).
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) space: SpaceId,
    pub(crate) source: Lineage,
    pub(crate) target: Lineage,
    pub(crate) scope: [u8; 32],
    /// Whether the target is near: of a distant one less is examined, so that its lists lie apart.
    pub(crate) is_target_near: bool,
}

/// What lies under a key. Each place has its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of a pair of lineages and a scope: how far the run got.
    Checkpoint,
    /// Of a pair of lineages and a scope: entries shown and not held.
    Exceptions,
    /// Of a target and a scope: how far its entries were examined.
    Ledger,
    /// Of a target and a scope: payloads wanted.
    Wants,
    /// Of a target and a scope: references not filled.
    Unresolved,
    /// Of a target and a scope: what frontiers proved to exist and the target did not hold.
    Unreached,
    /// Of a target and a scope: of each author the highest that frontiers proved to exist and the target held.
    Reached,
    /// Of a target and a scope: how far each author's chain goes.
    Tips,
    /// Of a target and a scope: where chains fork.
    Forks,
    /// Of a source: the highest state it showed.
    Sighting,
}

impl Keys {
    /// The key of a place: `bulla sync`, the letter, the space, then what the place is of: the source's lineage, the
    /// target's with the scope and `n` or `d` for a near or distant one.
    pub(crate) fn of(&self, place: Place) -> Vec<u8> {
        let (letter, source, target) = match place {
            Place::Checkpoint => (b'c', true, true),
            Place::Exceptions => (b'e', true, true),
            Place::Ledger => (b'l', false, true),
            Place::Wants => (b'w', false, true),
            Place::Unresolved => (b'u', false, true),
            Place::Unreached => (b'f', false, true),
            Place::Reached => (b'r', false, true),
            Place::Tips => (b't', false, true),
            Place::Forks => (b'k', false, true),
            Place::Sighting => (b's', true, false),
        };
        let mut key = b"bulla sync ".to_vec();
        key.push(letter);
        key.extend_from_slice(&self.space.0);
        if source {
            key.extend_from_slice(&self.source.0);
        }
        if target {
            key.extend_from_slice(&self.target.0);
            key.extend_from_slice(&self.scope);
            key.push(if self.is_target_near { b'n' } else { b'd' });
        }
        key
    }

    /// The key of a page of a place.
    pub(crate) fn page(&self, place: Place, page: u32) -> Vec<u8> {
        let mut key = self.of(place);
        key.extend_from_slice(&page.to_be_bytes());
        key
    }
}
