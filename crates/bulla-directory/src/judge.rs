//! Which control entries count (DIR-10 to DIR-27): first, from senior to junior, what gives devices roles and takes them
//! away; then, in causal order, groups and key epochs.

mod clean;
mod epochs;
mod groups;
mod named;
mod recovery;
mod rights;
mod seniority;

use std::cell::Cell;
use std::collections::HashMap;

use bulla_core::control::Role;
use bulla_core::{EntryId, InvitationId};

pub(crate) use clean::{EpochState, GroupEpochs};
pub(crate) use groups::GroupState;
pub(crate) use named::Named;
pub(crate) use recovery::Step;
pub(crate) use rights::{Addition, Give, Loss, Removal};
pub(crate) use seniority::Place;

use crate::graph::{Graph, What};
use crate::table::{DeviceNo, EntryNo, Table};
use crate::verdict::{Refusal, Verdict};

/// What was decided about one device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decided {
    /// `None`: a stranger, or not decided yet.
    pub(crate) place: Option<Place>,
    pub(crate) is_recovery_key: bool,
    /// Every give is a bare node key (DIR-4).
    pub(crate) is_bare: bool,
    pub(crate) gives: Vec<Give>,
    pub(crate) losses: Vec<Loss>,
    /// DIR-17.
    pub(crate) present: Option<Role>,
}

impl Decided {
    /// Adds what the device took from itself.
    pub(crate) fn lose(&mut self, graph: &Graph, losses: Vec<Loss>) {
        if !losses.is_empty() {
            self.losses.extend(losses);
            self.settle(graph);
        }
    }

    fn settle(&mut self, graph: &Graph) {
        for give in &mut self.gives {
            give.settle(graph, &self.losses);
        }
    }
}

/// Everything that follows from a graph.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// `None` while it is not decided.
    pub(crate) verdicts: Table<EntryNo, Option<Verdict>>,
    pub(crate) devices: Table<DeviceNo, Decided>,
    /// The devices of DIR-10, 1 to 3, the senior first.
    pub(crate) roots: Vec<DeviceNo>,
    pub(crate) succession: Vec<Step>,
    pub(crate) named: Named,
    /// Who used which invitation first.
    pub(crate) claims: HashMap<InvitationId, EntryNo>,
    /// By the id that entries name: of the founding entry. Those that count.
    pub(crate) groups: HashMap<EntryId, GroupState>,
    /// Of every epoch, counting or not.
    pub(crate) epochs: HashMap<EntryNo, EpochState>,
    pub(crate) epochs_by_group: HashMap<EntryId, GroupEpochs>,
    /// How many questions judging epochs took.
    pub(crate) epoch_steps: u64,
    /// The writing epoch of each group that has one.
    pub(crate) writing: HashMap<EntryId, EntryNo>,
    /// Counting erasures, and whether they cover the entries of others (DIR-24).
    pub(crate) erasing: HashMap<EntryNo, bool>,
}

/// Judges entries of a graph; what was decided before is in `state`.
pub(crate) struct Judging<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) state: &'a mut Judged,
    /// All devices have their places, so the places tell who is senior. Otherwise whoever has one is senior to whom is
    /// being decided.
    pub(crate) is_complete: bool,
    /// Questions about pasts, for those who watch what judging epochs costs.
    steps: Cell<u64>,
}

/// Judges everything from the beginning.
pub(crate) fn judge(graph: &Graph) -> Judged {
    let mut state = Judged {
        verdicts: Table::filled(None, graph.nodes.len()),
        devices: Table::filled(Decided::default(), graph.devices.len()),
        ..Judged::default()
    };
    let mut judging = Judging { graph, state: &mut state, is_complete: false, steps: Cell::new(0) };
    judging.devices();
    judging.is_complete = true;
    judging.groups();
    judging.epochs();
    for entry in &graph.erasures {
        state.enter_erasure(graph, *entry);
    }
    state
}

impl Judged {
    /// Keeps how far an erasure goes; forgets one that does not count.
    pub(crate) fn enter_erasure(&mut self, graph: &Graph, entry: EntryNo) {
        if self.verdicts[entry] == Some(Verdict::Counts) {
            let is_admin = self.role_at(graph, entry) >= Some(Role::Admin);
            self.erasing.insert(entry, is_admin);
        } else {
            self.erasing.remove(&entry);
        }
    }
}

impl<'a> Judging<'a> {
    /// Over a state in which every device has its place.
    pub(crate) fn complete(graph: &'a Graph, state: &'a mut Judged) -> Self {
        Self { graph, state, is_complete: true, steps: Cell::new(0) }
    }

    /// Pass 1: every device, the senior first (DIR-12).
    fn devices(&mut self) {
        let roots = self.roots();
        self.state.name_admins(self.graph);
        let mut below: Vec<EntryNo> = Vec::new();
        for (rank, device) in roots.iter().enumerate() {
            if let Some(decided) = self.place(*device, Place::root(rank)) {
                below.extend(decided);
            }
        }
        // A chain that begins another comes before it, so the chains are walked depth first.
        let mut open: Vec<EntryNo> = below.into_iter().rev().collect();
        while let Some(grant) = open.pop() {
            let What::Grant { device, .. } = &self.graph.nodes[grant].what else { continue };
            let place = Place::granted(self.graph, self.state, grant);
            if let Some(grants) = self.place(*device, place) {
                open.extend(grants.into_iter().rev());
            }
        }
        self.state.roots = roots;
        let numbers: Vec<EntryNo> = self.state.verdicts.numbers().collect();
        for entry in numbers {
            let author = self.graph.nodes[entry].author;
            if self.state.devices[author].place.is_none() {
                self.state.verdicts[entry] = Some(Verdict::Refused(Refusal::Stranger));
            }
        }
    }

    /// Decides one device, unless it was decided at a more senior place (DIR-11); its counting grants in their order.
    fn place(&mut self, device: DeviceNo, place: Place) -> Option<Vec<EntryNo>> {
        if self.state.devices[device].place.is_some() {
            return None;
        }
        self.state.devices[device].place = Some(place);
        if self.state.devices[device].is_recovery_key {
            return Some(Vec::new());
        }
        self.gather(device);
        self.own_losses(device);
        let present = self.state.present_role(device);
        self.state.devices[device].present = present;
        let mut grants = Vec::new();
        for entry in &self.graph.devices[device].own {
            if self.state.verdicts[*entry].is_some() {
                continue;
            }
            let Some(verdict) = self.own_entry(*entry) else { continue };
            self.state.verdicts[*entry] = Some(verdict);
            if verdict.counts() && matches!(self.graph.nodes[*entry].what, What::Grant { .. }) {
                grants.push(*entry);
            }
        }
        Some(grants)
    }

    /// What counting entries by others give and take (DIR-4, DIR-13).
    pub(crate) fn gather(&mut self, device: DeviceNo) {
        let mut gives = Vec::new();
        let mut losses = Vec::new();
        let founders = self.graph.genesis.iter().flat_map(|genesis| &genesis.founders);
        let is_founder = founders.into_iter().any(|founder| *founder == device);
        if is_founder {
            gives.push(Give::new(None, Role::Admin));
        }
        let mut is_bare = !is_founder;
        for entry in &self.graph.devices[device].about {
            let node = &self.graph.nodes[*entry];
            let counts = self.state.verdicts[*entry] == Some(Verdict::Counts);
            if node.author == device || !counts {
                continue;
            }
            let by = Some(*entry);
            match &node.what {
                What::Grant { role, card, .. } => {
                    is_bare &= card.is_none();
                    gives.push(Give::new(by, *role));
                }
                What::Raise { role, .. } => gives.push(Give::new(by, *role)),
                What::Recovery(recovery) if recovery.device.is_some_and(|(d, _)| d == device) => {
                    is_bare = false;
                    gives.push(Give::new(by, Role::Admin));
                }
                _ => {}
            }
            losses.extend(Loss::of(self.graph, *entry, device));
        }
        if is_bare {
            for give in &mut gives {
                give.role = Role::Relay;
            }
        }
        let decided = &mut self.state.devices[device];
        (decided.gives, decided.losses, decided.is_bare) = (gives, losses, is_bare);
        decided.settle(self.graph);
    }

    /// What a device takes from itself is judged by what others took, and applies to the rest (DIR-13).
    fn own_losses(&mut self, device: DeviceNo) {
        let mut losses = Vec::new();
        for entry in &self.graph.devices[device].own {
            let Some(loss) = Loss::own(self.graph, *entry) else { continue };
            if self.state.verdicts[*entry].is_some() {
                continue;
            }
            let verdict = self.state.by_role(self.graph, *entry, Role::Relay);
            self.state.verdicts[*entry] = Some(verdict);
            if verdict.counts() {
                losses.push(loss);
            }
        }
        self.state.devices[device].lose(self.graph, losses);
    }

    /// Judges an entry of a decided device, all but its own losses; `None` for what is judged in the second pass.
    pub(crate) fn own_entry(&mut self, entry: EntryNo) -> Option<Verdict> {
        let node = &self.graph.nodes[entry];
        let needed = match &node.what {
            What::Epoch(_) | What::Group(_) => return None,
            What::Genesis => return Some(Verdict::Counts),
            What::Recovery(_) => return Some(Verdict::Refused(Refusal::Recovery)),
            What::Erase(_) => Role::Writer,
            What::Grant { .. }
            | What::Raise { .. }
            | What::Lowering { .. }
            | What::Revoke { .. } => Role::Admin,
        };
        let verdict = self.state.by_role(self.graph, entry, needed);
        if !verdict.counts() {
            return Some(verdict);
        }
        let is_above = |device: DeviceNo| self.is_senior_or_same(device, node.author);
        Some(match &node.what {
            What::Grant { device, .. }
            | What::Raise { device, .. }
            | What::Lowering { device, .. }
            | What::Revoke { device, .. }
                if is_above(*device) =>
            {
                Verdict::Refused(Refusal::Seniority)
            }
            What::Grant { device, .. } if self.state.knows_revoked(self.graph, entry, *device) => {
                Verdict::Refused(Refusal::Revoked)
            }
            What::Grant { device, card: Some(card), .. } => match card.invitation {
                Some(invitation) => self.claim(invitation, entry, *device),
                None => Verdict::Counts,
            },
            _ => Verdict::Counts,
        })
    }

    /// Judges a device's loss by itself after all others: by what others took (DIR-13).
    pub(crate) fn own_loss(&mut self, entry: EntryNo) -> Verdict {
        let device = self.graph.nodes[entry].author;
        let all = self.state.devices[device].losses.clone();
        let by_others = |loss: &Loss| self.graph.nodes[loss.by].author != device;
        self.state.devices[device].losses.retain(by_others);
        let verdict = self.state.by_role(self.graph, entry, Role::Relay);
        self.state.devices[device].losses = all;
        verdict
    }

    /// Uses an invitation for a device, unless a grant before brought in another with it (DIR-21).
    fn claim(&mut self, invitation: InvitationId, grant: EntryNo, device: DeviceNo) -> Verdict {
        let claimed = *self.state.claims.entry(invitation).or_insert(grant);
        match &self.graph.nodes[claimed].what {
            What::Grant { device: first, .. } if *first == device => Verdict::Counts,
            _ => Verdict::Refused(Refusal::Invitation),
        }
    }

    /// Whether a device is senior to the author of what is judged, or the same.
    pub(crate) fn is_senior_or_same(&self, device: DeviceNo, author: DeviceNo) -> bool {
        device == author
            || match self.state.devices[device].place {
                None => false,
                Some(_) if !self.is_complete => true,
                Some(_) => self.state.is_senior(self.graph, device, author),
            }
    }
}
