//! Entries of application kinds and frontiers: what counts of a device's (DIR-16, DIR-24, DIR-30).

use std::sync::Arc;

use bulla_core::EntryId;
use bulla_core::control::{Cuts, Role};

use crate::graph::Graph;
use crate::judge::{Decided, GroupState};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::Refusal;

/// How far the entries of a device count that are no control entries, or are frontiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing that counts ever gave the device a role: `directory.stranger`.
    Stranger,
    /// All of them count.
    Counts,
    /// None of them does, for this reason.
    Refused(Refusal),
    /// It depends on where they lie in the device's hash chain: [`CutWalk`](crate::CutWalk) finds that out.
    Limited(Limits),
}

/// What was taken from a device and how much still counts; within all of them every entry counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    losses: Vec<Limit>,
    /// Per give that is enough: which losses stand against it with too little left.
    gives: Vec<Vec<usize>>,
    /// Per addition to the group: which removals stand against it; `None` where no group has to be kept.
    additions: Option<Vec<Vec<usize>>>,
}

/// One loss: a lowering, a revocation or a removal from a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    by: EntryId,
    cuts: Arc<Cuts>,
}

impl Limit {
    /// The entry that took something.
    #[must_use]
    pub const fn by(&self) -> EntryId {
        self.by
    }

    /// The last entries that count, one for each branch of the device's chain; at most 16.
    #[must_use]
    pub fn cuts(&self) -> &Cuts {
        &self.cuts
    }
}

impl Limits {
    /// The losses, at least one. [`holds`](Self::holds) asks for them by their place in this list.
    #[must_use]
    pub fn losses(&self) -> &[Limit] {
        &self.losses
    }

    /// Whether an entry counts that lies within the cuts of just those losses for which `is_within` says so.
    ///
    /// To lie within one more never makes an entry count less: what holds when every open answer is taken for a no, holds
    /// whichever way it comes out.
    #[must_use]
    pub fn holds(&self, is_within: impl Fn(usize) -> bool) -> bool {
        let any =
            |list: &[Vec<usize>]| list.iter().any(|against| against.iter().all(|i| is_within(*i)));
        any(&self.gives) && self.additions.as_ref().is_none_or(|additions| any(additions))
    }
}

/// The standing of a device that needs a role and, if there are any, to belong to one of `groups`.
pub(crate) fn standing(
    graph: &Graph,
    device: DeviceNo,
    decided: &Decided,
    needed: Role,
    groups: Option<&[&GroupState]>,
) -> Standing {
    let mut limits = Limits { losses: Vec::new(), gives: Vec::new(), additions: None };
    for give in decided.gives.iter().filter(|give| give.role >= needed) {
        let against = decided.losses.iter();
        let against = against.filter(|loss| loss.role < Some(needed) && loss.is_against(give));
        let against = against.map(|loss| limits.place(graph, loss.by, &loss.cuts)).collect();
        limits.gives.push(against);
    }
    if let Some(groups) = groups {
        let mut additions = Vec::new();
        for group in groups {
            for addition in group.additions(device) {
                let against = group.removals(device).iter();
                let against = against.filter(|removal| !addition.after.contains(&removal.by));
                let against = against.map(|removal| limits.place(graph, removal.by, &removal.cuts));
                additions.push(against.collect());
            }
        }
        limits.additions = Some(additions);
    }
    if limits.holds(|_| false) {
        Standing::Counts
    } else if !limits.holds(|_| true) {
        Standing::Refused(Refusal::NoRight)
    } else if !limits.holds(|loss| limits.losses.get(loss).is_some_and(|l| !l.cuts.0.is_empty())) {
        Standing::Refused(Refusal::Cut)
    } else {
        Standing::Limited(limits)
    }
}

impl Limits {
    fn place(&mut self, graph: &Graph, by: EntryNo, cuts: &Arc<Cuts>) -> usize {
        let limit = Limit { by: graph.nodes[by].id, cuts: Arc::clone(cuts) };
        let known = self.losses.iter().position(|known| *known == limit);
        known.unwrap_or_else(|| {
            self.losses.push(limit);
            self.losses.len() - 1
        })
    }
}
