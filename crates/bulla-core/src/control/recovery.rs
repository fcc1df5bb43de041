//! The entry by which the owner of a space gets it back (CTL-70).

use super::grant::{check_space, read_card};
use super::list::{read_list, read_optional, write_list, write_optional};
use super::{Context, ControlError, Payload, RemovedDevice, Trust, begin};
use crate::cbor::{Decode, Encode, Reader, Writer};
use crate::genesis::RecoveryKey;
use crate::joining_card::{JOINING_CARD_BYTES, JoiningCard};
use crate::limits::MAX_CHANGED_DEVICES;
use crate::verify::is_small_order_u;

/// The payload of kind 8, by a recovery key or, to set the first one, by the first founder (CTL-70).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The device that becomes an admin.
    pub device: Option<JoiningCard>,
    /// Devices that belong to the space no more; at most 1,024, ascending.
    pub revoked: Vec<RemovedDevice>,
    /// The recovery key that takes the place of the author.
    pub next: Option<RecoveryKey>,
}

impl Recovery {
    /// The next recovery key is two new keys, and one that can be sealed to: every epoch is sealed to it (CTL-32).
    fn check_next(&self, context: &Context) -> Result<(), ControlError> {
        let Some(next) = &self.next else {
            return Ok(());
        };
        let mut keys = vec![[0; 32], context.author.0, next.author.0, next.sealing_key.0];
        if let Some(card) = &self.device {
            keys.extend([card.author().0, card.sealing_key().0]);
        }
        let is_new = |key: &[u8; 32]| keys.iter().filter(|other| *other == key).count() == 1;
        let sealable = !is_small_order_u(&next.sealing_key.0);
        if is_new(&next.author.0) && is_new(&next.sealing_key.0) && sealable {
            Ok(())
        } else {
            Err(ControlError::RecoveryNext)
        }
    }
}

impl Payload for Recovery {
    const ELEMENTS: usize = 3;

    fn read(reader: &mut Reader<'_>, trust: Trust) -> Result<Self, ControlError> {
        Ok(Self {
            device: read_optional(reader, |reader| {
                read_card(reader.bytes(JOINING_CARD_BYTES)?, trust)
            })?,
            revoked: read_list(reader, MAX_CHANGED_DEVICES, RemovedDevice::read)?,
            next: read_optional(reader, |reader| Ok(RecoveryKey::decode(reader)?))?,
        })
    }

    fn is_within_bounds(&self) -> bool {
        RemovedDevice::are_within_bounds(&self.revoked)
    }

    fn rules(&self, context: &Context) -> Result<(), ControlError> {
        RemovedDevice::check_list(&self.revoked)?;
        self.device.as_ref().map_or(Ok(()), |card| check_space(card, context))?;
        if self.device.is_none() && self.next.is_none() {
            return Err(ControlError::RecoveryEmpty);
        }
        self.check_next(context)
    }
}

impl Encode for Recovery {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer);
        match &self.device {
            Some(card) => writer.bytes(card.to_bytes()),
            None => writer.null(),
        };
        write_list(writer, &self.revoked);
        write_optional(writer, self.next.as_ref());
    }
}
