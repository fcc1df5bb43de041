//! What of a device still counts when it loses a right: all that is held of it (CTL-6).

use std::collections::{HashMap, HashSet};

use bulla_admission::Engine;
use bulla_core::control::{Cut, Cuts, RemovedDevice};
use bulla_core::limits::{MAX_CUTS, MAX_ENTRIES_PER_PUT};
use bulla_core::{AuthorKey, EntryId, Kind};
use bulla_store::{Context, Facts, Place};

use super::SpaceError;

/// Everything held of an author, by sequence. Reads no payload.
pub(super) async fn authored(
    engine: &dyn Engine,
    author: AuthorKey,
) -> Result<Vec<Facts>, SpaceError> {
    let (cx, mut after, mut all) = (Context::new(), Place::default(), Vec::new());
    loop {
        let page = engine.authored(&cx, author, after, MAX_ENTRIES_PER_PUT).await?;
        let last = page.facts.last().map(Facts::place);
        all.extend(page.facts);
        match last {
            Some(last) if !page.end => after = last,
            _ => return Ok(all),
        }
    }
}

/// Cuts that let count what is held of a device: one for each branch of its chain. Of more than 16 branches those count
/// that came first.
pub(super) async fn cuts_of(engine: &dyn Engine, device: AuthorKey) -> Result<Cuts, SpaceError> {
    Ok(cuts(&authored(engine, device).await?))
}

/// The same for several devices, ascending, each once.
pub(super) async fn removed(
    engine: &dyn Engine,
    devices: &[AuthorKey],
) -> Result<Vec<RemovedDevice>, SpaceError> {
    let mut devices = devices.to_vec();
    devices.sort_unstable();
    devices.dedup();
    let mut removed = Vec::with_capacity(devices.len());
    for device in devices {
        removed.push(RemovedDevice { device, cuts: cuts_of(engine, device).await? });
    }
    Ok(removed)
}

fn cuts(held: &[Facts]) -> Cuts {
    let by_id: HashMap<EntryId, &Facts> = held.iter().map(|facts| (facts.id, facts)).collect();
    let followed: HashSet<EntryId> = held.iter().map(|facts| facts.previous).collect();
    let mut tips: Vec<&Facts> = held.iter().filter(|facts| !followed.contains(&facts.id)).collect();
    tips.sort_unstable_by_key(|facts| facts.receipt);
    tips.truncate(MAX_CUTS);
    let mut cuts: Vec<Cut> = tips
        .into_iter()
        .map(|tip| {
            let control = last_control(tip, &by_id, held);
            Cut { sequence: tip.sequence, id: tip.id, control }
        })
        .collect();
    cuts.sort_unstable_by_key(|cut| cut.id);
    Cuts(cuts)
}

/// The last control entry on the way back from an entry, frontiers left out. Where the chain has a gap it goes on below
/// it, so that control entries before the gap are not lost.
fn last_control(tip: &Facts, by_id: &HashMap<EntryId, &Facts>, held: &[Facts]) -> Option<EntryId> {
    let mut at = tip;
    loop {
        if is_head(at.kind) {
            return Some(at.id);
        }
        if at.previous.is_zero() {
            return None;
        }
        at = match by_id.get(&at.previous) {
            Some(before) if before.sequence < at.sequence => before,
            _ => {
                let below = held.iter().rev().filter(|facts| facts.sequence < at.sequence);
                return below
                    .map(|facts| (facts.kind, facts.id))
                    .find_map(|(kind, id)| is_head(kind).then_some(id));
            }
        };
    }
}

/// Whether entries of this kind are control heads (CTL-7, CTL-42).
fn is_head(kind: Kind) -> bool {
    kind.is_control() && kind != Kind::FRONTIER
}

#[cfg(test)]
mod tests {
    use bulla_core::values::PayloadState;
    use bulla_core::{KeyId, Topic};
    use bulla_store::Mark;

    use super::*;

    fn facts(receipt: u64, sequence: u64, id: u8, previous: u8, kind: Kind) -> Facts {
        Facts {
            receipt,
            id: EntryId([id; 32]),
            author: AuthorKey([1; 32]),
            sequence,
            previous: EntryId([previous; 32]),
            kind,
            topic: Topic::ZERO,
            key_id: KeyId::ZERO,
            payload_length: 16,
            mark: Mark::Counts,
            payload: PayloadState::Present,
        }
    }

    fn cut(sequence: u64, id: u8, control: Option<u8>) -> Cut {
        let control = control.map(|id| EntryId([id; 32]));
        Cut { sequence, id: EntryId([id; 32]), control }
    }

    /// Clauses: CTL-6.
    #[test]
    fn a_cut_names_the_last_entry_and_the_last_control_entry_of_each_branch() {
        assert_eq!(cuts(&[]), Cuts::default());
        let chain = [
            facts(1, 1, 10, 0, Kind::GRANT),
            facts(2, 2, 11, 10, Kind::OPERATION),
            facts(3, 3, 12, 11, Kind::FRONTIER),
            facts(4, 3, 9, 11, Kind::EPOCH),
        ];
        assert_eq!(cuts(&chain).0, [cut(3, 9, Some(9)), cut(3, 12, Some(10))]);
        assert_eq!(cuts(&chain[1..3]).0, [cut(3, 12, None)], "the grant is not held");
    }

    /// What is missing in between must not cost what lies before it.
    #[test]
    fn a_gap_in_the_chain_keeps_the_control_entries_before_it() {
        let chain = [
            facts(1, 1, 10, 0, Kind::GRANT),
            facts(2, 2, 11, 10, Kind::OPERATION),
            facts(3, 4, 13, 12, Kind::OPERATION),
        ];
        assert_eq!(cuts(&chain).0, [cut(2, 11, Some(10)), cut(4, 13, Some(10))]);
    }

    #[test]
    fn of_too_many_branches_the_first_to_arrive_are_kept() {
        let branches: Vec<Facts> =
            (1..=20).map(|n| facts(u64::from(n), 1, 40 - n, 0, Kind::OPERATION)).collect();
        let kept = cuts(&branches);
        assert_eq!(kept.0.len(), MAX_CUTS);
        assert!(kept.0.iter().all(|cut| cut.id.0[0] >= 24), "{kept:?}");
        assert!(kept.0.is_sorted_by(|a, b| a.id < b.id));
    }
}
