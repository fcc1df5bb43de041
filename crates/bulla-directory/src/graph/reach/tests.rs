//! Pasts against sets, in histories as narrow and as wide as can be, with and without room for cells.

use std::collections::BTreeSet;

use super::*;
use crate::graph::What;
use crate::table::{DeviceNo, Number};
use bulla_core::{EntryId, Kind};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

fn node(parents: Vec<EntryNo>) -> Node {
    Node {
        id: EntryId::ZERO,
        author: DeviceNo::from_row(0),
        sequence: 1,
        kind: Kind::GENESIS,
        what: What::Genesis,
        parents,
        children: Vec::new(),
    }
}

/// Writes a history in which every entry names some of the newest `width` ones; one in eight parents comes late.
fn check(seed: u64, width: usize, room: (usize, usize)) {
    let mut random = Random(seed);
    let mut nodes: Table<EntryNo, Node> = Table::new();
    let mut reach = Reach { room_at_least: room.0, room_per_entry: room.1, ..Reach::default() };
    let mut pasts: Vec<BTreeSet<usize>> = Vec::new();
    let mut late: Vec<(usize, usize)> = Vec::new();
    for number in 0..60 {
        let mut parents = BTreeSet::new();
        for _ in 0..random.below(4) {
            if number > 0 {
                parents.insert(number - 1 - random.below(width.min(number)));
            }
        }
        if random.below(8) == 0 {
            late.extend(parents.pop_last().map(|parent| (parent, number)));
        }
        let mut past = parents.clone();
        parents.iter().for_each(|parent| past.extend(&pasts[*parent]));
        pasts.push(past);
        let entry = nodes.push(node(parents.iter().map(|p| EntryNo::from_row(*p)).collect()));
        for parent in parents {
            nodes[EntryNo::from_row(parent)].children.push(entry);
        }
        reach.push(&nodes, entry);
        if let Some((parent, child)) = late.first().copied().filter(|_| random.below(6) == 0) {
            late.remove(0);
            let (parent_no, child_no) = (EntryNo::from_row(parent), EntryNo::from_row(child));
            nodes[child_no].parents.push(parent_no);
            nodes[parent_no].children.push(child_no);
            reach.deepen(&nodes, &[child_no]);
            let gained: BTreeSet<usize> = pasts[parent].iter().copied().chain([parent]).collect();
            for (later, past) in pasts.iter_mut().enumerate() {
                if later == child || past.contains(&child) {
                    past.extend(&gained);
                }
            }
        }
        let most = reach.room_at_least + reach.room_per_entry * nodes.len();
        assert!(reach.cells() <= most, "seed {seed}: {} cells", reach.cells());
    }
    for later in 0..pasts.len() {
        for earlier in 0..pasts.len() {
            let (a, b) = (EntryNo::from_row(earlier), EntryNo::from_row(later));
            let expected = pasts[later].contains(&earlier);
            assert_eq!(reach.contains(&nodes, a, b), expected, "seed {seed}: {earlier} in {later}");
            assert!(!expected || reach.level(a) < reach.level(b));
        }
    }
    let held: HashSet<*const Cell> = HashSet::new();
    let pasts = reach.spots.iter().filter_map(|(_, spot)| spot.past.as_ref());
    let (_, counted) = pasts.fold((held, 0), |(mut seen, sum), past| {
        let is_new = past.is_empty() || seen.insert(past.as_ptr());
        (seen, if is_new { sum + past.len() } else { sum })
    });
    assert_eq!(counted, reach.cells(), "seed {seed}");
}

/// Clauses: DIR-2.
#[test]
fn pasts_are_exact_whatever_the_room() {
    for seed in 0..40 {
        for width in [1, 3, 20, 60] {
            for room in [(CELLS_AT_LEAST, CELLS_PER_ENTRY), (0, 0), (20, 0), (0, 1)] {
                check(seed, width, room);
            }
        }
    }
}
