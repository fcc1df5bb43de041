//! The control entries that are held, what each of them says of whom, and which of them lie in the past of which (DIR-1,
//! DIR-2). Nothing here judges.

mod payload;
mod reach;

use std::collections::{HashMap, HashSet};

use bulla_core::control::Cuts;
use bulla_core::genesis::Genesis;
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, VerifiedEntry};

pub(crate) use payload::{EpochEntry, GroupEntry, RecoveryEntry, What};
use reach::Reach;

use crate::table::{DeviceNo, EntryNo, Table};

/// One control entry.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: EntryId,
    pub(crate) author: DeviceNo,
    pub(crate) sequence: u64,
    pub(crate) kind: Kind,
    pub(crate) what: What,
    /// Those of previous and dependencies that are held.
    pub(crate) parents: Vec<EntryNo>,
    /// Those that name it as previous or dependency.
    pub(crate) children: Vec<EntryNo>,
}

/// What entries say of one key.
#[derive(Debug)]
pub(crate) struct DeviceRow {
    pub(crate) key: AuthorKey,
    /// Its own entries, ascending by `(sequence, id)`.
    pub(crate) own: Vec<EntryNo>,
    /// Grants, changes of role, revocations and recovery entries that name it.
    pub(crate) about: Vec<EntryNo>,
}

/// The founders and policy of the space, once the genesis is held.
#[derive(Debug)]
pub(crate) struct GenesisRow {
    pub(crate) payload: Genesis,
    pub(crate) founders: Vec<DeviceNo>,
    pub(crate) recovery: Option<DeviceNo>,
}

/// What happened to the graph when an entry came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) entry: EntryNo,
    /// Nothing that was held before refers to it, so it is in nobody's past.
    pub(crate) at_tail: bool,
}

/// All control entries of a space that are held with their payload, frontiers left out.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Table<EntryNo, Node>,
    pub(crate) devices: Table<DeviceNo, DeviceRow>,
    pub(crate) genesis: Option<GenesisRow>,
    /// Entries of kind 4, 6, 7 and 8 in the order of arrival.
    pub(crate) epochs: Vec<EntryNo>,
    pub(crate) groups: Vec<EntryNo>,
    pub(crate) erasures: Vec<EntryNo>,
    pub(crate) recoveries: Vec<EntryNo>,
    pub(crate) by_key_id: HashMap<KeyId, Vec<EntryNo>>,
    by_id: HashMap<EntryId, EntryNo>,
    by_key: HashMap<AuthorKey, DeviceNo>,
    /// Entries that name one that is not held, by the id they name.
    waiting: HashMap<EntryId, Vec<EntryNo>>,
    /// What cuts name as control and is not held (DIR-5).
    missing_controls: HashSet<EntryId>,
    heads: HashSet<EntryNo>,
    reach: Reach,
}

impl<N: crate::table::Number, T> Default for Table<N, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Graph {
    /// Takes in a control entry other than a frontier; `None` if it is held already or is none.
    pub(crate) fn add(&mut self, entry: &VerifiedEntry) -> Option<Added> {
        let id = entry.id();
        if self.by_id.contains_key(&id) || entry.header().kind == Kind::FRONTIER {
            return None;
        }
        let control = entry.control()?;
        let header = entry.header();
        let author = self.device(header.author);
        let what = self.read(control)?;

        let references = std::iter::once(&header.previous).filter(|id| !id.is_zero());
        let references: Vec<EntryId> = references.chain(&header.dependencies).copied().collect();
        let mut parents: Vec<EntryNo> = Vec::new();
        let mut missing = Vec::new();
        for reference in references {
            match self.by_id.get(&reference) {
                Some(parent) => parents.push(*parent),
                None => missing.push(reference),
            }
        }
        let number = self.nodes.push(Node {
            id,
            author,
            sequence: header.sequence,
            kind: header.kind,
            what,
            parents,
            children: Vec::new(),
        });
        self.by_id.insert(id, number);
        for reference in missing {
            self.waiting.entry(reference).or_default().push(number);
        }
        let parents = self.nodes[number].parents.clone();
        for parent in parents {
            self.nodes[parent].children.push(number);
            self.heads.remove(&parent);
        }
        self.index(number);

        self.reach.push(&self.nodes, number);
        let children = self.waiting.remove(&id).unwrap_or_default();
        for child in &children {
            self.nodes[*child].parents.push(number);
        }
        if children.is_empty() {
            self.heads.insert(number);
        } else {
            self.reach.deepen(&self.nodes, &children);
            self.nodes[number].children = children.clone();
        }
        let is_control_of_cut = self.missing_controls.remove(&id);
        Some(Added { entry: number, at_tail: children.is_empty() && !is_control_of_cut })
    }

    pub(crate) fn entry(&self, id: &EntryId) -> Option<EntryNo> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn known_device(&self, key: &AuthorKey) -> Option<DeviceNo> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn key(&self, device: DeviceNo) -> AuthorKey {
        self.devices[device].key
    }

    /// Whether `earlier` is in the past of `later` (DIR-2).
    pub(crate) fn in_past(&self, earlier: EntryNo, later: EntryNo) -> bool {
        self.reach.contains(&self.nodes, earlier, later)
    }

    /// A number that is greater for every entry than for those in its past.
    pub(crate) fn level(&self, entry: EntryNo) -> u32 {
        self.reach.level(entry)
    }

    /// Entries with one lane lie in one another's past, by their level.
    pub(crate) fn lane(&self, entry: EntryNo) -> u32 {
        self.reach.lane(entry)
    }

    /// By which a device's own entries are ordered.
    pub(crate) fn order(&self, entry: EntryNo) -> (u64, EntryId) {
        let node = &self.nodes[entry];
        (node.sequence, node.id)
    }

    /// Entries that no other has among its references (CTL-7).
    pub(crate) fn heads(&self) -> impl Iterator<Item = EntryNo> + '_ {
        self.heads.iter().copied()
    }

    /// The held controls of these cuts.
    pub(crate) fn controls(&self, cuts: &Cuts) -> Vec<EntryNo> {
        let mut controls: Vec<EntryNo> =
            cuts.0.iter().filter_map(|cut| self.entry(cut.control.as_ref()?)).collect();
        controls.dedup();
        controls
    }

    /// What is named and not held by these entries, by those in their past and in that of the controls in their cuts; and
    /// controls in their cuts that are not held.
    pub(crate) fn missing_behind(&self, begin: Vec<EntryNo>) -> HashSet<EntryId> {
        let mut missing = HashSet::new();
        let mut open = begin.clone();
        for entry in begin {
            for cuts in self.nodes[entry].what.cuts() {
                for control in cuts.0.iter().filter_map(|cut| cut.control) {
                    match self.entry(&control) {
                        Some(control) => open.push(control),
                        None => {
                            missing.insert(control);
                        }
                    }
                }
            }
        }
        let mut behind = HashSet::new();
        while let Some(entry) = open.pop() {
            if behind.insert(entry) {
                open.extend(&self.nodes[entry].parents);
            }
        }
        let named = self.waiting.iter();
        let named = named.filter(|(_, by)| by.iter().any(|entry| behind.contains(entry)));
        missing.extend(named.map(|(id, _)| *id));
        missing
    }

    /// Whether any entry names one that is not held as previous, as dependency or as a control in its cuts.
    pub(crate) fn is_missed(&self, id: &EntryId) -> bool {
        self.waiting.contains_key(id) || self.missing_controls.contains(id)
    }

    /// Cells that the index of pasts takes, for those who watch its bound.
    pub(crate) fn index_cells(&self) -> usize {
        self.reach.cells()
    }

    fn device(&mut self, key: AuthorKey) -> DeviceNo {
        if let Some(device) = self.by_key.get(&key) {
            return *device;
        }
        let device = self.devices.push(DeviceRow { key, own: Vec::new(), about: Vec::new() });
        self.by_key.insert(key, device);
        device
    }

    /// Enters an entry in the lists of its author, its kind and those it names.
    fn index(&mut self, number: EntryNo) {
        let node = &self.nodes[number];
        let author = node.author;
        let order = (node.sequence, node.id);
        let about = node.what.names();
        let cuts = node.what.cuts();
        match &node.what {
            What::Epoch(epoch) => {
                self.epochs.push(number);
                self.by_key_id.entry(epoch.key_id).or_default().push(number);
            }
            What::Group(_) => self.groups.push(number),
            What::Erase(_) => self.erasures.push(number),
            What::Recovery(_) => self.recoveries.push(number),
            What::Genesis
            | What::Grant { .. }
            | What::Raise { .. }
            | What::Lowering { .. }
            | What::Revoke { .. } => {}
        }
        let missing = cuts.iter().flat_map(|cuts| &cuts.0).filter_map(|cut| cut.control);
        let missing: Vec<EntryId> = missing.filter(|id| !self.by_id.contains_key(id)).collect();
        self.missing_controls.extend(missing);
        for device in about {
            self.devices[device].about.push(number);
        }
        let nodes = &self.nodes;
        let own = &mut self.devices[author].own;
        let place = own.partition_point(|other| {
            let other = &nodes[*other];
            (other.sequence, other.id) < order
        });
        own.insert(place, number);
    }
}
