//! The recovery keys, one after another, and the devices with which the order of seniority begins (DIR-10, DIR-20).

use super::Judging;
use crate::graph::{RecoveryEntry, What};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

/// One recovery key of the succession.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) device: DeviceNo,
    /// The recovery entry that named it; `None`: the genesis did.
    pub(crate) named_by: Option<EntryNo>,
    /// The one entry of it that counts.
    pub(crate) signed: Option<EntryNo>,
}

impl Judging<'_> {
    /// Finds the recovery keys, judges all that they signed, and lists the roots of seniority, the senior first.
    pub(super) fn roots(&mut self) -> Vec<DeviceNo> {
        let Some(genesis) = &self.graph.genesis else {
            return Vec::new();
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut next = match (genesis.recovery, genesis.founders.first()) {
            (Some(device), _) => Some((device, None)),
            (None, Some(first)) => self.named_by_founder(*first),
            (None, None) => None,
        };
        while let Some((device, named_by)) = next.take() {
            let is_new = steps.iter().all(|step| step.device != device);
            if !is_new || genesis.founders.contains(&device) {
                break;
            }
            let signed = self.recoveries_of(device).next();
            steps.push(Step { device, named_by, signed: signed.map(|(entry, _)| entry) });
            next =
                signed.and_then(|(entry, recovery)| Some((recovery.next.as_ref()?.0, Some(entry))));
        }

        let mut roots: Vec<DeviceNo> = steps.iter().map(|step| step.device).collect();
        for step in &steps {
            self.state.devices[step.device].is_recovery_key = true;
            for entry in &self.graph.devices[step.device].own {
                self.state.verdicts[*entry] = Some(Verdict::Refused(Refusal::Recovery));
            }
        }
        for entry in steps.iter().flat_map(|step| [step.named_by, step.signed]).flatten() {
            self.state.verdicts[entry] = Some(Verdict::Counts);
        }
        for signed in steps.iter().filter_map(|step| step.signed) {
            if let What::Recovery(recovery) = &self.graph.nodes[signed].what {
                roots.extend(recovery.device.map(|(device, _)| device));
            }
        }
        roots.extend(&genesis.founders);
        self.state.succession = steps;
        roots
    }

    /// The first recovery key of a space whose genesis names none.
    fn named_by_founder(&self, founder: DeviceNo) -> Option<(DeviceNo, Option<EntryNo>)> {
        let founders = self.graph.genesis.as_ref().map(|genesis| &genesis.founders)?;
        self.recoveries_of(founder).find_map(|(entry, recovery)| {
            let (next, _) = recovery.next.as_ref()?;
            let only_names = recovery.device.is_none() && recovery.revoked.is_empty();
            (only_names && !founders.contains(next)).then_some((*next, Some(entry)))
        })
    }

    /// The recovery entries of a device, the least `(sequence, id)` first.
    fn recoveries_of(
        &self,
        device: DeviceNo,
    ) -> impl Iterator<Item = (EntryNo, &RecoveryEntry)> + '_ {
        self.graph.devices[device].own.iter().filter_map(|entry| {
            match &self.graph.nodes[*entry].what {
                What::Recovery(recovery) => Some((*entry, &**recovery)),
                _ => None,
            }
        })
    }
}
