//! Who was named an admin, by the past of an entry alone (DIR-14), so that it is known before anything is decided.

use std::collections::HashMap;

use bulla_core::control::Role;

use super::{Judged, Loss};
use crate::graph::{Graph, What};
use crate::table::{DeviceNo, EntryNo, Table};
use crate::verdict::Verdict;

/// Entries by named admins, and what names one.
#[derive(Debug, Default)]
pub(crate) struct Named {
    by_admin: Table<EntryNo, bool>,
    /// Entries by named admins that name a device an admin.
    gives: HashMap<DeviceNo, Vec<EntryNo>>,
}

impl Judged {
    /// Finds out who is a named admin at each entry; the recovery keys have been found.
    pub(super) fn name_admins(&mut self, graph: &Graph) {
        self.named = Named::default();
        let mut entries: Vec<EntryNo> = graph.nodes.numbers().collect();
        entries.sort_unstable_by_key(|entry| graph.level(*entry));
        for entry in entries {
            self.name_admin(graph, entry);
        }
    }

    /// The same for one entry; those in its past come first.
    pub(crate) fn name_admin(&mut self, graph: &Graph, entry: EntryNo) {
        let node = &graph.nodes[entry];
        let founders = graph.genesis.iter().flat_map(|genesis| &genesis.founders);
        let given = || self.named.gives.get(&node.author).into_iter().flatten();
        let is_named = if matches!(node.what, What::Recovery(_)) {
            self.verdicts[entry] == Some(Verdict::Counts)
        } else {
            founders.into_iter().any(|founder| *founder == node.author)
                || given().any(|give| graph.in_past(*give, entry))
        };
        self.named.by_admin.grow(graph.nodes.len(), false);
        self.named.by_admin[entry] = is_named;
        let device = match &node.what {
            What::Grant { device, role: Role::Admin, .. }
            | What::Raise { device, role: Role::Admin } => Some(*device),
            What::Recovery(recovery) => recovery.device.map(|(device, _)| device),
            _ => None,
        };
        if let Some(device) = device.filter(|_| is_named) {
            self.named.gives.entry(device).or_default().push(entry);
        }
    }

    /// Whether a grant knows that its device was revoked (DIR-21).
    pub(crate) fn knows_revoked(&self, graph: &Graph, grant: EntryNo, device: DeviceNo) -> bool {
        let is_known = |entry: EntryNo| self.named.by_admin[entry] && graph.in_past(entry, grant);
        graph.devices[device].about.iter().any(|revocation| {
            let node = &graph.nodes[*revocation];
            matches!(node.what, What::Revoke { .. })
                && node.author != device
                && is_known(*revocation)
                && !graph.devices[node.author].about.iter().any(|loss| {
                    graph.nodes[*loss].author != node.author
                        && is_known(*loss)
                        && Loss::of(graph, *loss, node.author).is_some_and(|loss| {
                            loss.role < Some(Role::Admin) && !loss.covers(graph, *revocation)
                        })
                })
        })
    }
}
