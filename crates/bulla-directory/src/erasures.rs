//! Which entries are erased (DIR-24, CTL-61).

use std::collections::HashMap;

use bulla_core::control::Erase;
use bulla_core::{AuthorKey, EntryId, Header, Topic};

/// What all counting erasures cover. Asking takes three look-ups, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Erasures {
    /// By entry, who erases it: its author if the erasure covers that device's entries alone.
    ids: HashMap<EntryId, Vec<Named>>,
    /// By author, topic and, last, the range that goes furthest.
    ranges: HashMap<(AuthorKey, Option<Topic>), Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named {
    only_of: Option<AuthorKey>,
    by: EntryId,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    sequence: u64,
    by: EntryId,
}

impl Erasures {
    /// Enters a counting erasure; `is_admin` says whether it covers the entries of others too.
    pub(crate) fn enter(&mut self, by: EntryId, author: AuthorKey, is_admin: bool, erase: &Erase) {
        let only_of = (!is_admin).then_some(author);
        for id in &erase.ids {
            let named = self.ids.entry(*id).or_default();
            match named.iter_mut().find(|known| known.only_of == only_of) {
                Some(known) => known.by = known.by.min(by),
                None => named.push(Named { only_of, by }),
            }
        }
        for range in &erase.ranges {
            if only_of.is_some_and(|only| only != range.author) {
                continue;
            }
            let new = Range { sequence: range.sequence, by };
            let furthest = self.ranges.entry((range.author, range.topic)).or_insert(new);
            let is_further = |a: &Range, b: &Range| (a.sequence, b.by) > (b.sequence, a.by);
            if is_further(&new, furthest) {
                *furthest = new;
            }
        }
    }

    /// The erasure that covers an entry: of several the one with the least id that names it, otherwise the range that goes
    /// furthest.
    pub(crate) fn covers(&self, id: &EntryId, header: &Header) -> Option<EntryId> {
        if header.kind.is_control() {
            return None;
        }
        let named = self.ids.get(id).into_iter().flatten();
        let named = named.filter(|named| named.only_of.is_none_or(|only| only == header.author));
        if let Some(by) = named.map(|named| named.by).min() {
            return Some(by);
        }
        [None, Some(header.topic)].into_iter().find_map(|topic| {
            let range = self.ranges.get(&(header.author, topic))?;
            (header.sequence <= range.sequence).then_some(range.by)
        })
    }
}
