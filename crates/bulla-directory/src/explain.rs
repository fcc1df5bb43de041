//! Verdicts for people: who, with which role, and what cuts it.

use bulla_core::control::Role;
use bulla_core::{AuthorKey, EntryId, Kind};

use crate::graph::Graph;
use crate::judge::Judged;
use crate::table::EntryNo;
use crate::verdict::Verdict;

/// Why a control entry counts or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The entry.
    pub id: EntryId,
    /// What it is for.
    pub kind: Kind,
    /// Who wrote it.
    pub author: AuthorKey,
    /// The author's sequence.
    pub sequence: u64,
    /// Whether it counts.
    pub verdict: Verdict,
    /// The role that its author had at it (DIR-15).
    pub role: Option<Role>,
    /// The role that its author would have had, had nothing been taken from it.
    pub role_but_for_losses: Option<Role>,
    /// What counting entries took from the author and stands at this entry.
    pub losses: Vec<LossInfo>,
}

/// Something that was taken from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossInfo {
    /// The entry that took it.
    pub by: EntryId,
    /// Who wrote that.
    pub author: AuthorKey,
    /// The role that it left; none for a revocation.
    pub left: Option<Role>,
}

pub(crate) fn explain(graph: &Graph, state: &Judged, entry: EntryNo) -> Option<Explanation> {
    let node = &graph.nodes[entry];
    let losses = state.devices[node.author].losses.iter();
    let losses = losses.filter(|loss| loss.stands(graph, entry));
    Some(Explanation {
        id: node.id,
        kind: node.kind,
        author: graph.key(node.author),
        sequence: node.sequence,
        verdict: state.verdicts[entry]?,
        role: state.role_at(graph, entry),
        role_but_for_losses: state.role_but_for_losses(graph, entry),
        losses: losses
            .map(|loss| LossInfo {
                by: graph.nodes[loss.by].id,
                author: graph.key(graph.nodes[loss.by].author),
                left: loss.role,
            })
            .collect(),
    })
}
