//! The entry that makes or changes a key group (CTL-50).

use super::list::{
    check_list, read_device, read_list, read_optional, write_byte_strings, write_list,
    write_optional,
};
use super::{Context, ControlError, Payload, RemovedDevice, SealedLabel, Trust, begin};
use crate::cbor::{Encode, Reader, Writer};
use crate::limits::MAX_CHANGED_DEVICES;
use crate::{AuthorKey, EntryId};

/// The payload of kind 6: some members that share keys which the others do not have (CTL-50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Zero founds a group, whose id is then the entry's; otherwise the group that is changed.
    pub group: EntryId,
    /// What members call the group.
    pub label: Option<SealedLabel>,
    /// Devices that belong to it from here on; at most 1,024, ascending.
    pub added: Vec<AuthorKey>,
    /// Devices that do so no more; at most 1,024, ascending, none of them added.
    pub removed: Vec<RemovedDevice>,
}

impl Group {
    /// Whether the entry founds a group.
    #[must_use]
    pub fn is_founding(&self) -> bool {
        self.group.is_zero()
    }
}

impl Payload for Group {
    const ELEMENTS: usize = 4;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        Ok(Self {
            group: EntryId(reader.array_of()?),
            label: read_optional(reader, SealedLabel::read)?,
            added: read_list(reader, MAX_CHANGED_DEVICES, read_device)?,
            removed: read_list(reader, MAX_CHANGED_DEVICES, RemovedDevice::read)?,
        })
    }

    fn is_within_bounds(&self) -> bool {
        self.added.len() <= MAX_CHANGED_DEVICES && RemovedDevice::are_within_bounds(&self.removed)
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        check_list(&self.added, AuthorKey::as_bytes)?;
        RemovedDevice::check_list(&self.removed)?;
        let is_added = |removed: &RemovedDevice| self.added.binary_search(&removed.device).is_ok();
        if self.removed.iter().any(is_added) {
            return Err(ControlError::GroupBoth);
        }
        if self.is_founding() && !self.removed.is_empty() {
            return Err(ControlError::GroupFounding);
        }
        Ok(())
    }
}

impl Encode for Group {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer).bytes(self.group);
        write_optional(writer, self.label.as_ref());
        write_byte_strings(writer, &self.added);
        write_list(writer, &self.removed);
    }
}
