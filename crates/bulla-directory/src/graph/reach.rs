//! Which entries lie in the past of which: exact, in memory that is linear in the number of entries.
//!
//! The entries are laid in *lanes*: each entry of a lane has all earlier ones of that lane in its past. So the past of an
//! entry is, for each lane, how many of its entries from the first on. These counts are kept per entry as *cells*, sorted
//! by lane, and shared with the entry before wherever nothing was merged.
//!
//! A history with many branches would make the cells grow with entries times branches. So their sum is bounded; an entry
//! for which there is no room is *linked*: a question about it walks back to entries that have cells. Room comes back with
//! every further entry, so such walks stay short.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use super::Node;
use crate::table::{EntryNo, Table};

/// Cells that every entry makes room for, and those allowed from the start; 8 bytes each.
const CELLS_PER_ENTRY: usize = 16;
const CELLS_AT_LEAST: usize = 65_536;

/// Of one lane, how many entries lie in a past.
type Cell = (u32, u32);

/// Where an entry lies and what is in its past besides the earlier ones of its lane.
#[derive(Debug)]
struct Spot {
    lane: u32,
    /// How many entries of the lane come before.
    index: u32,
    level: u32,
    /// Estimate of how many lanes its past touches.
    width: u32,
    /// `None`: linked.
    past: Option<Arc<[Cell]>>,
}

#[derive(Debug)]
pub(crate) struct Reach {
    spots: Table<EntryNo, Spot>,
    /// The last entry of each lane.
    tails: Vec<EntryNo>,
    cells: usize,
    /// Of each lane, the count gathered so far while cells are merged; zero in between.
    counts: Vec<u32>,
    room_at_least: usize,
    room_per_entry: usize,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            spots: Table::new(),
            tails: Vec::new(),
            cells: 0,
            counts: Vec::new(),
            room_at_least: CELLS_AT_LEAST,
            room_per_entry: CELLS_PER_ENTRY,
        }
    }
}

impl Reach {
    /// Adds the newest node; its parents are all that it has for now.
    pub(crate) fn push(&mut self, nodes: &Table<EntryNo, Node>, entry: EntryNo) {
        let parents = &nodes[entry].parents;
        if let [parent] = parents[..]
            && self.extend(parent)
        {
            return;
        }
        let merged = self.merge(nodes, parents);
        let (lane, index) = self.choose_lane(parents, merged.as_deref());
        let width = self.width(parents, merged.as_deref());
        let level = self.level_above(parents);
        let spot = Spot { lane, index, level, width, past: None };
        let number = self.spots.push(spot);
        match self.tails.get_mut(lane as usize) {
            Some(tail) => *tail = number,
            None => {
                self.tails.push(number);
                self.counts.push(0);
            }
        }
        self.settle(entry, parents, merged);
    }

    /// Adds an entry that comes right after the only one it names; false if that is not the last of its lane or linked.
    fn extend(&mut self, parent: EntryNo) -> bool {
        let spot = &self.spots[parent];
        let tail = self.tails.get_mut(spot.lane as usize).filter(|tail| **tail == parent);
        let (Some(tail), Some(past)) = (tail, &spot.past) else {
            return false;
        };
        let past = Some(Arc::clone(past));
        let (lane, index, level) = (spot.lane, spot.index + 1, spot.level + 1);
        let width = spot.width;
        *tail = self.spots.push(Spot { lane, index, level, width, past });
        true
    }

    /// Computes anew what follows from new parents of `entries`: theirs, and that of all that has them in its past.
    pub(crate) fn deepen(&mut self, nodes: &Table<EntryNo, Node>, entries: &[EntryNo]) {
        for entry in descendants(nodes, entries) {
            let parents = &nodes[entry].parents;
            self.spots[entry].level = self.level_above(parents);
            if let Some(past) = self.spots[entry].past.take()
                && Arc::strong_count(&past) == 1
            {
                self.cells -= past.len();
            }
            let merged = self.merge(nodes, parents);
            self.spots[entry].width = self.width(parents, merged.as_deref());
            self.settle(entry, parents, merged);
        }
    }

    pub(crate) fn contains(
        &self,
        nodes: &Table<EntryNo, Node>,
        earlier: EntryNo,
        later: EntryNo,
    ) -> bool {
        match self.answer(earlier, later) {
            Some(answer) => answer,
            None => self.walk(nodes, earlier, later),
        }
    }

    pub(crate) fn level(&self, entry: EntryNo) -> u32 {
        self.spots[entry].level
    }

    /// Of two entries of one lane the one with the lesser level is in the past of the other.
    pub(crate) fn lane(&self, entry: EntryNo) -> u32 {
        self.spots[entry].lane
    }

    pub(crate) const fn cells(&self) -> usize {
        self.cells
    }

    /// Without walking; `None` if `later` is linked and in another lane.
    fn answer(&self, earlier: EntryNo, later: EntryNo) -> Option<bool> {
        let (earlier, later) = (&self.spots[earlier], &self.spots[later]);
        if earlier.level >= later.level {
            return Some(false);
        }
        if earlier.lane == later.lane {
            return Some(earlier.index < later.index);
        }
        let past = later.past.as_ref()?;
        let cell = past.binary_search_by_key(&earlier.lane, |(lane, _)| *lane);
        let count = cell.ok().and_then(|place| past.get(place)).map_or(0, |(_, count)| *count);
        Some(earlier.index < count)
    }

    /// Walks back from a linked entry, no further than to entries that know.
    fn walk(&self, nodes: &Table<EntryNo, Node>, earlier: EntryNo, later: EntryNo) -> bool {
        let mut seen = HashSet::new();
        let mut open = nodes[later].parents.clone();
        while let Some(entry) = open.pop() {
            if entry == earlier {
                return true;
            }
            match self.answer(earlier, entry) {
                Some(true) => return true,
                Some(false) => {}
                None => {
                    let parents = nodes[entry].parents.iter();
                    open.extend(parents.filter(|parent| seen.insert(**parent)));
                }
            }
        }
        false
    }

    /// How many cells there is still room for.
    fn room(&self) -> usize {
        let most = self.room_at_least + self.room_per_entry * self.spots.len();
        most.saturating_sub(self.cells)
    }

    /// What is in the past of an entry with these parents, in cells sorted by lane; `None` if that may be more than there
    /// is room for.
    fn merge(&mut self, nodes: &Table<EntryNo, Node>, parents: &[EntryNo]) -> Option<Vec<Cell>> {
        let widest = parents.iter().map(|parent| self.spots[*parent].width).max().unwrap_or(0);
        if widest as usize > self.room() {
            return None;
        }
        let mut lanes = Vec::new();
        let mut seen = HashSet::new();
        let mut merged: HashSet<*const Cell> = HashSet::new();
        let mut open: Vec<EntryNo> = parents.to_vec();
        while let Some(entry) = open.pop() {
            let spot = &self.spots[entry];
            raise(&mut self.counts, &mut lanes, (spot.lane, spot.index + 1));
            match &spot.past {
                Some(past) => {
                    if past.is_empty() || merged.insert(past.as_ptr()) {
                        for cell in past.iter() {
                            raise(&mut self.counts, &mut lanes, *cell);
                        }
                    }
                }
                None => {
                    let parents = nodes[entry].parents.iter();
                    open.extend(parents.filter(|parent| seen.insert(**parent)));
                }
            }
        }
        lanes.sort_unstable();
        let cells = lanes.into_iter().map(|lane| {
            let count = self.counts.get_mut(lane as usize).map_or(0, std::mem::take);
            (lane, count)
        });
        Some(cells.collect())
    }

    /// A lane whose last entry is in the new entry's past, a parent's if possible, or a new one; and the place in it.
    fn choose_lane(&self, parents: &[EntryNo], merged: Option<&[Cell]>) -> (u32, u32) {
        let is_tail = |spot: &Spot, entry| self.tails.get(spot.lane as usize) == Some(entry);
        for parent in parents {
            let spot = &self.spots[*parent];
            if is_tail(spot, parent) {
                return (spot.lane, spot.index + 1);
            }
        }
        for (lane, count) in merged.unwrap_or_default() {
            let tail = self.tails.get(*lane as usize);
            if tail.is_some_and(|tail| self.spots[*tail].index + 1 == *count) {
                return (*lane, *count);
            }
        }
        (u32::try_from(self.tails.len()).expect("no more lanes than entries"), 0)
    }

    fn width(&self, parents: &[EntryNo], merged: Option<&[Cell]>) -> u32 {
        let widest = parents.iter().map(|parent| self.spots[*parent].width).max().unwrap_or(0);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        merged
            .map_or_else(|| widest.saturating_add(count(parents.len())), |cells| count(cells.len()))
    }

    fn level_above(&self, parents: &[EntryNo]) -> u32 {
        parents.iter().map(|parent| self.spots[*parent].level + 1).max().unwrap_or(0)
    }

    /// Keeps the cells of an entry, shared with a parent that has the same.
    fn settle(&mut self, entry: EntryNo, parents: &[EntryNo], merged: Option<Vec<Cell>>) {
        let Some(mut cells) = merged else { return };
        let lane = self.spots[entry].lane;
        cells.retain(|(other, _)| *other != lane);
        let pasts = parents.iter().filter_map(|parent| self.spots[*parent].past.as_ref());
        let shared = pasts.into_iter().find(|past| past[..] == cells[..]).map(Arc::clone);
        self.spots[entry].past = match shared {
            Some(past) => Some(past),
            None if cells.len() <= self.room() => {
                self.cells += cells.len();
                Some(cells.into())
            }
            None => None,
        };
    }
}

/// Raises the count of a lane to at least that of the cell.
fn raise(counts: &mut [u32], lanes: &mut Vec<u32>, (lane, count): Cell) {
    if let Some(most) = counts.get_mut(lane as usize) {
        if *most == 0 {
            lanes.push(lane);
        }
        *most = count.max(*most);
    }
}

/// `entries` and all that have them in their past, each after what it has in its own.
fn descendants(nodes: &Table<EntryNo, Node>, entries: &[EntryNo]) -> Vec<EntryNo> {
    let mut open: Vec<(EntryNo, bool)> = entries.iter().map(|entry| (*entry, false)).collect();
    let mut order = Vec::new();
    let mut done = HashSet::new();
    while let Some((entry, is_left)) = open.pop() {
        if is_left {
            order.push(entry);
        } else if done.insert(entry) {
            open.push((entry, true));
            for child in &nodes[entry].children {
                if !done.contains(child) {
                    open.push((*child, false));
                }
            }
        }
    }
    order.reverse();
    order
}
