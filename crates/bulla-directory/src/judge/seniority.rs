//! The one order of all devices (DIR-10, DIR-11).

use super::Judged;
use crate::graph::Graph;
use crate::table::{DeviceNo, EntryNo};

/// Where a device stands in the order of seniority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A recovery key, a device of its card or a founder; the least rank is the most senior.
    Root { rank: usize },
    /// Below the author of this grant; `depth` grants below the root.
    Granted { by: EntryNo, depth: usize },
}

impl Place {
    pub(super) const fn root(rank: usize) -> Self {
        Self::Root { rank }
    }

    /// The place that a grant gives.
    pub(crate) fn granted(graph: &Graph, state: &Judged, grant: EntryNo) -> Self {
        let above = state.devices[graph.nodes[grant].author].place;
        let depth = above.map_or(0, Self::depth) + 1;
        Self::Granted { by: grant, depth }
    }

    const fn depth(self) -> usize {
        match self {
            Self::Root { .. } => 0,
            Self::Granted { depth, .. } => depth,
        }
    }
}

impl Judged {
    /// Whether one device is senior to another; both have their places.
    pub(crate) fn is_senior(&self, graph: &Graph, senior: DeviceNo, junior: DeviceNo) -> bool {
        match (self.devices[senior].place, self.devices[junior].place) {
            (Some(senior), Some(junior)) => self.is_before(graph, senior, junior),
            (place, _) => place.is_some(),
        }
    }

    /// Whether one place comes before another. Takes as many steps as the longer chain has grants.
    pub(crate) fn is_before(&self, graph: &Graph, first: Place, second: Place) -> bool {
        if first.depth() == 0 || second.depth() == 0 {
            return match (first, second) {
                (Place::Root { rank: first }, Place::Root { rank: second }) => first < second,
                _ => first.depth() < second.depth(),
            };
        }
        let (mut a, mut b) = (first, second);
        while a.depth() > b.depth() {
            a = self.above(graph, a);
        }
        while b.depth() > a.depth() {
            b = self.above(graph, b);
        }
        if a == b {
            return first.depth() < second.depth();
        }
        loop {
            match (a, b) {
                (Place::Granted { by: by_a, .. }, Place::Granted { by: by_b, .. }) => {
                    let (above_a, above_b) = (self.above(graph, a), self.above(graph, b));
                    if above_a == above_b {
                        return graph.order(by_a) < graph.order(by_b);
                    }
                    (a, b) = (above_a, above_b);
                }
                (Place::Root { rank: a }, Place::Root { rank: b }) => return a < b,
                // Of equal depth both are roots or neither is.
                (Place::Root { .. }, Place::Granted { .. }) => return true,
                (Place::Granted { .. }, Place::Root { .. }) => return false,
            }
        }
    }

    /// The place of who granted this one; a root is its own.
    fn above(&self, graph: &Graph, place: Place) -> Place {
        match place {
            Place::Root { .. } => place,
            Place::Granted { by, .. } => {
                self.devices[graph.nodes[by].author].place.unwrap_or(place)
            }
        }
    }
}
