//! How much of a device's entries counts after it lost its role (CTL-6).

use super::ControlError;
use super::list::{check_ascending, check_list, read_device, read_list, read_optional, write_list};
use crate::cbor::{Encode, Reader, Writer};
use crate::limits::{MAX_CHANGED_DEVICES, MAX_COUNTER, MAX_CUTS};
use crate::{AuthorKey, EntryId};

/// The last entry of a device that counts on one branch of its chain: `[sequence, id, control]` (CTL-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Its sequence, from 1 on.
    pub sequence: u64,
    /// Its id.
    pub id: EntryId,
    /// The device's last control entry on that branch up to there, frontiers left out; `id` itself if that is one.
    pub control: Option<EntryId>,
}

/// At most [`MAX_CUTS`] cuts of one device, ascending by id; none means that nothing of it counts (CTL-6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Cuts(pub Vec<Cut>);

/// A device that is taken out of something, and what of it still counts: `[device, cuts]` (CTL-50, CTL-70).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemovedDevice {
    /// The device.
    pub device: AuthorKey,
    /// What of it still counts.
    pub cuts: Cuts,
}

impl Cuts {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ControlError> {
        read_list(reader, MAX_CUTS, |reader| {
            reader.array_exact(3)?;
            Ok(Cut {
                sequence: reader.uint(MAX_COUNTER)?,
                id: EntryId(reader.array_of()?),
                control: read_optional(reader, |reader| Ok(EntryId(reader.array_of()?)))?,
            })
        })
        .map(Self)
    }

    pub(super) fn is_within_bounds(&self) -> bool {
        self.0.len() <= MAX_CUTS && self.0.iter().all(|cut| cut.sequence <= MAX_COUNTER)
    }

    pub(super) fn rules(&self) -> Result<(), ControlError> {
        let names_none = |cut: &Cut| {
            cut.sequence == 0
                || cut.id.is_zero()
                || cut.control.is_some_and(|control| control.is_zero())
        };
        if self.0.iter().any(names_none) {
            return Err(ControlError::Cut);
        }
        check_ascending(&self.0, |a, b| a.id < b.id)
    }
}

impl RemovedDevice {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ControlError> {
        reader.array_exact(2)?;
        Ok(Self { device: read_device(reader)?, cuts: Cuts::read(reader)? })
    }

    pub(super) fn are_within_bounds(removed: &[Self]) -> bool {
        removed.len() <= MAX_CHANGED_DEVICES
            && removed.iter().all(|removed| removed.cuts.is_within_bounds())
    }

    pub(super) fn check_list(removed: &[Self]) -> Result<(), ControlError> {
        check_list(removed, |removed| removed.device.as_bytes())?;
        removed.iter().try_for_each(|removed| removed.cuts.rules())
    }
}

impl Encode for Cut {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).uint(self.sequence).bytes(self.id);
        match &self.control {
            Some(control) => writer.bytes(control),
            None => writer.null(),
        };
    }
}

impl Encode for Cuts {
    fn encode(&self, writer: &mut Writer) {
        write_list(writer, &self.0);
    }
}

impl Encode for RemovedDevice {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(self.device);
        self.cuts.encode(writer);
    }
}
