//! Which entries are erased (DIR-24, CTL-61).

use std::cmp::Reverse;
use std::collections::HashMap;

use bulla_core::control::Erase;
use bulla_core::{AuthorKey, EntryId, Kind, Topic};

use crate::graph::Graph;
use crate::judge::Judged;
use crate::table::EntryNo;

/// Of an entry, what decides whether it is erased (CTL-61).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasable {
    /// Its id.
    pub id: EntryId,
    /// Who wrote it.
    pub author: AuthorKey,
    /// Its author's sequence.
    pub sequence: u64,
    /// What it is for; control entries are never erased.
    pub kind: Kind,
    /// Its topic.
    pub topic: Topic,
}

/// The last sequence that a range covers, and the erasure.
type Range = (Reverse<u64>, EntryNo);

/// What erasures name that count or did so when they came. Asking takes three look-ups, and a step for each erasure that
/// does not count any more.
#[derive(Debug, Default)]
pub(crate) struct Erasures {
    /// By entry.
    ids: HashMap<EntryId, Vec<EntryNo>>,
    /// By author, topic and sequence, the furthest first.
    ranges: HashMap<(AuthorKey, Option<Topic>), Vec<Range>>,
}

impl Erasures {
    /// Enters a counting erasure.
    pub(crate) fn enter(&mut self, by: EntryNo, erase: &Erase) {
        for id in &erase.ids {
            self.ids.entry(*id).or_default().push(by);
        }
        for range in &erase.ranges {
            let ranges = self.ranges.entry((range.author, range.topic)).or_default();
            let new = (Reverse(range.sequence), by);
            let place = ranges.partition_point(|range| *range < new);
            ranges.insert(place, new);
        }
    }

    /// The erasure that covers an entry: of several one with the least id, among those that name it by its id; otherwise
    /// one whose range goes furthest.
    pub(crate) fn covers(
        &self,
        graph: &Graph,
        state: &Judged,
        entry: &Erasable,
    ) -> Option<EntryId> {
        if entry.kind.is_control() {
            return None;
        }
        let may = |by: EntryNo| match state.erasing.get(&by) {
            None => false,
            Some(is_admin) => *is_admin || graph.key(graph.nodes[by].author) == entry.author,
        };
        let by = |by: EntryNo| graph.nodes[by].id;
        let named = self.ids.get(&entry.id).into_iter().flatten().copied();
        if let Some(least) = named.filter(|by| may(*by)).map(by).min() {
            return Some(least);
        }
        [None, Some(entry.topic)].into_iter().find_map(|topic| {
            let ranges = self.ranges.get(&(entry.author, topic))?.iter();
            let reaching = ranges.take_while(|(sequence, _)| entry.sequence <= sequence.0);
            let mut reaching = reaching.filter(|(_, by)| may(*by));
            let furthest = reaching.next()?;
            let equal = reaching.take_while(|(sequence, _)| *sequence == furthest.0);
            equal.map(|(_, other)| by(*other)).chain([by(furthest.1)]).min()
        })
    }
}
