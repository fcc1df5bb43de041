//! Roles: what gives of a device give where, and what losses take (DIR-15 to DIR-17).

use std::sync::Arc;

use bulla_core::control::{Cuts, Role};

use super::{Decided, Judged};
use crate::graph::{Graph, What};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

/// Something that gives a device a role; a founder's place is in everybody's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Give {
    pub(crate) by: Option<EntryNo>,
    pub(crate) role: Role,
    /// Lowerings that it has in its past, so that they do not stand against it.
    pub(crate) after: Vec<EntryNo>,
}

/// Something that takes from a device what is more than a role, or everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) by: EntryNo,
    pub(crate) role: Option<Role>,
    pub(crate) cuts: Arc<Cuts>,
    controls: Vec<EntryNo>,
}

/// Something that adds a device to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addition {
    pub(crate) by: EntryNo,
    /// Removals that it has in its past, so that they do not stand against it.
    pub(crate) after: Vec<EntryNo>,
}

/// Something that takes a device out of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) by: EntryNo,
    pub(crate) cuts: Arc<Cuts>,
    controls: Vec<EntryNo>,
}

impl Give {
    pub(crate) const fn new(by: Option<EntryNo>, role: Role) -> Self {
        Self { by, role, after: Vec::new() }
    }

    /// Looks up which losses it has in its past.
    pub(super) fn settle(&mut self, graph: &Graph, losses: &[Loss]) {
        self.after.clear();
        let Some(by) = self.by else { return };
        let lowerings = losses.iter().filter(|loss| loss.role.is_some());
        self.after.extend(lowerings.map(|loss| loss.by).filter(|loss| graph.in_past(*loss, by)));
    }
}

impl Addition {
    /// Looks up which removals it has in its past.
    pub(super) fn settle(&mut self, graph: &Graph, removals: &[Removal]) {
        let removals = removals.iter().map(|removal| removal.by);
        self.after = removals.filter(|removal| graph.in_past(*removal, self.by)).collect();
    }
}

impl Loss {
    /// What an entry takes from a device, should it count.
    pub(crate) fn of(graph: &Graph, by: EntryNo, device: DeviceNo) -> Option<Self> {
        let (role, cuts) = match &graph.nodes[by].what {
            What::Lowering { device: of, role, cuts } if *of == device => (Some(*role), cuts),
            What::Revoke { device: of, cuts } if *of == device => (None, cuts),
            What::Recovery(recovery) => {
                let mut revoked = recovery.revoked.iter();
                (None, &revoked.find(|(of, _)| *of == device)?.1)
            }
            _ => return None,
        };
        Some(Self { by, role, cuts: Arc::clone(cuts), controls: graph.controls(cuts) })
    }

    /// What an entry takes from its own author; a recovery entry does that only by its rules (DIR-20).
    pub(crate) fn own(graph: &Graph, by: EntryNo) -> Option<Self> {
        let node = &graph.nodes[by];
        let is_recovery = matches!(node.what, What::Recovery(_));
        if is_recovery { None } else { Self::of(graph, by, node.author) }
    }

    /// Whether an entry lies within its cuts.
    pub(crate) fn covers(&self, graph: &Graph, entry: EntryNo) -> bool {
        is_within(graph, entry, &self.controls)
    }

    /// Whether it stands at an entry of the device: one beyond its cuts, but not where the device took from others and did
    /// not know that it would take from itself (DIR-15).
    pub(crate) fn stands(&self, graph: &Graph, entry: EntryNo) -> bool {
        let node = &graph.nodes[entry];
        let stays_taken = || {
            graph.nodes[self.by].author == node.author
                && node.what.only_takes(node.author)
                && !graph.in_past(self.by, entry)
        };
        !self.covers(graph, entry) && !stays_taken()
    }

    /// Whether it stands against a give, if the entry does not lie within its cuts: a revocation always, a lowering unless
    /// the give has it in its past.
    pub(crate) fn is_against(&self, give: &Give) -> bool {
        self.role.is_none() || !give.after.contains(&self.by)
    }
}

impl Removal {
    pub(crate) fn new(graph: &Graph, by: EntryNo, cuts: &Arc<Cuts>) -> Self {
        Self { by, cuts: Arc::clone(cuts), controls: graph.controls(cuts) }
    }

    /// Whether an entry lies within its cuts.
    pub(super) fn covers(&self, graph: &Graph, entry: EntryNo) -> bool {
        is_within(graph, entry, &self.controls)
    }
}

/// Whether a control entry lies within cuts with these controls (DIR-5).
fn is_within(graph: &Graph, entry: EntryNo, controls: &[EntryNo]) -> bool {
    controls.iter().any(|control| *control == entry || graph.in_past(entry, *control))
}

/// The greatest role that gives give, each reduced by the losses that stand against it.
fn greatest(
    decided: &Decided,
    gives: impl Fn(&Give) -> bool,
    stands: impl Fn(&Loss) -> bool,
) -> Option<Role> {
    let losses: Vec<&Loss> = decided.losses.iter().filter(|loss| stands(loss)).collect();
    let mut greatest = None;
    for give in &decided.gives {
        if Some(give.role) <= greatest || !gives(give) {
            continue;
        }
        let against = losses.iter().filter(|loss| loss.is_against(give));
        let role = against.map(|loss| loss.role).min().unwrap_or(Some(Role::Admin));
        greatest = greatest.max(role.min(Some(give.role)));
    }
    greatest
}

/// Whether an addition to a group holds: one that `adds` accepts and against which no removal that `stands` does.
pub(crate) fn belongs(
    additions: &[Addition],
    removals: &[Removal],
    adds: impl Fn(EntryNo) -> bool,
    stands: impl Fn(&Removal) -> bool,
) -> bool {
    let against = |addition: &Addition| {
        removals.iter().any(|removal| stands(removal) && !addition.after.contains(&removal.by))
    };
    additions.iter().any(|addition| adds(addition.by) && !against(addition))
}

impl Judged {
    /// The role at one of the author's own entries (DIR-15).
    pub(crate) fn role_at(&self, graph: &Graph, entry: EntryNo) -> Option<Role> {
        greatest(
            &self.devices[graph.nodes[entry].author],
            |give| is_given_before(graph, give, entry),
            |loss| loss.stands(graph, entry),
        )
    }

    /// The same, had nothing been taken.
    pub(crate) fn role_but_for_losses(&self, graph: &Graph, entry: EntryNo) -> Option<Role> {
        let decided = &self.devices[graph.nodes[entry].author];
        greatest(decided, |give| is_given_before(graph, give, entry), |_| false)
    }

    /// The role by what is known at some place, of whomever it is (DIR-26).
    pub(super) fn role_by(
        &self,
        device: DeviceNo,
        knows: impl Fn(EntryNo) -> bool,
    ) -> Option<Role> {
        greatest(&self.devices[device], |give| give.by.is_none_or(&knows), |loss| knows(loss.by))
    }

    /// DIR-17.
    pub(crate) fn present_role(&self, device: DeviceNo) -> Option<Role> {
        greatest(&self.devices[device], |_| true, |_| true)
    }

    /// The same, but for what some entries took.
    pub(crate) fn present_role_but_for(
        &self,
        device: DeviceNo,
        is_left_out: impl Fn(EntryNo) -> bool,
    ) -> Option<Role> {
        greatest(&self.devices[device], |_| true, |loss| !is_left_out(loss.by))
    }

    /// Whether the author has at least this role at an entry (DIR-32).
    pub(crate) fn by_role(&self, graph: &Graph, entry: EntryNo, needed: Role) -> Verdict {
        if self.role_at(graph, entry) >= Some(needed) {
            Verdict::Counts
        } else if self.role_but_for_losses(graph, entry) >= Some(needed) {
            Verdict::Refused(Refusal::Cut)
        } else {
            Verdict::Refused(Refusal::NoRight)
        }
    }
}

fn is_given_before(graph: &Graph, give: &Give, entry: EntryNo) -> bool {
    give.by.is_none_or(|by| graph.in_past(by, entry))
}
