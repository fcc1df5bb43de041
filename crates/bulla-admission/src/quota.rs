//! How much an author and a space may have (GEN-4, ADM-12).

use std::collections::HashMap;

use bulla_core::AuthorKey;
use bulla_core::genesis::Policy;

use crate::codes;

/// A number of entries, and the bytes of their payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Entries.
    pub entries: u64,
    /// Payload bytes.
    pub bytes: u64,
}

impl Totals {
    pub(crate) const fn with(self, entries: u64, bytes: u64) -> Self {
        Self {
            entries: self.entries.saturating_add(entries),
            bytes: self.bytes.saturating_add(bytes),
        }
    }

    pub(crate) const fn without(self, entries: u64, bytes: u64) -> Self {
        Self {
            entries: self.entries.saturating_sub(entries),
            bytes: self.bytes.saturating_sub(bytes),
        }
    }

    /// The lesser of both, of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { entries: self.entries.min(other.entries), bytes: self.bytes.min(other.bytes) }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        self.with(other.entries, other.bytes)
    }
}

/// What is held of application entries and frontiers, and what is set aside for those under way.
///
/// It is counted when the store is opened, if the policy limits anything, and kept up to date since; so asking takes two
/// look-ups. Under a policy that limits nothing it stays empty.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    authors: HashMap<AuthorKey, Totals>,
    all: Totals,
}

/// Whether a policy limits anything.
pub(crate) const fn limits_anything(policy: &Policy) -> bool {
    policy.author_entries.is_some()
        || policy.author_bytes.is_some()
        || policy.space_entries.is_some()
        || policy.space_bytes.is_some()
}

impl Usage {
    pub(crate) fn add(&mut self, author: &AuthorKey, totals: Totals) {
        if totals == Totals::default() {
            return;
        }
        let of_author = self.authors.entry(*author).or_default();
        *of_author = of_author.plus(totals);
        self.all = self.all.plus(totals);
    }

    pub(crate) fn remove(&mut self, author: &AuthorKey, totals: Totals) {
        self.all = self.all.without(totals.entries, totals.bytes);
        if let Some(of_author) = self.authors.get_mut(author) {
            *of_author = of_author.without(totals.entries, totals.bytes);
            if *of_author == Totals::default() {
                self.authors.remove(author);
            }
        }
    }

    /// What an author has was counted anew.
    pub(crate) fn replace(&mut self, author: &AuthorKey, totals: Totals) {
        let before = self.of(author);
        self.remove(author, before);
        self.add(author, totals);
    }

    pub(crate) fn of(&self, author: &AuthorKey) -> Totals {
        self.authors.get(author).copied().unwrap_or_default()
    }

    pub(crate) const fn all(&self) -> Totals {
        self.all
    }
}

/// Which quota has no room for what is wanted; the author's own is named first.
pub(crate) fn exceeded(
    policy: &Policy,
    of_author: Totals,
    all: Totals,
    wanted: Totals,
) -> Option<&'static str> {
    let (of_author, all) = (of_author.plus(wanted), all.plus(wanted));
    let is_over = |most: Option<u64>, has: u64, wanted: u64| {
        wanted > 0 && most.is_some_and(|most| has > most)
    };
    if is_over(policy.author_entries, of_author.entries, wanted.entries) {
        Some(codes::AUTHOR_ENTRIES)
    } else if is_over(policy.author_bytes, of_author.bytes, wanted.bytes) {
        Some(codes::AUTHOR_BYTES)
    } else if is_over(policy.space_entries, all.entries, wanted.entries) {
        Some(codes::SPACE_ENTRIES)
    } else if is_over(policy.space_bytes, all.bytes, wanted.bytes) {
        Some(codes::SPACE_BYTES)
    } else {
        None
    }
}
