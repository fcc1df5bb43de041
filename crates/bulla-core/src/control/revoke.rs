//! The entry that ends a device's membership (CTL-25).

use super::list::{check_not_zero, read_device};
use super::{Context, ControlError, Cuts, Payload, Trust, begin};
use crate::AuthorKey;
use crate::cbor::{Encode, Reader, Writer};

/// The payload of kind 3: a device that belongs to the space no more (CTL-25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoke {
    /// The device.
    pub device: AuthorKey,
    /// What of it still counts.
    pub cuts: Cuts,
}

impl Payload for Revoke {
    const ELEMENTS: usize = 2;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        Ok(Self { device: read_device(reader)?, cuts: Cuts::read(reader)? })
    }

    fn is_within_bounds(&self) -> bool {
        self.cuts.is_within_bounds()
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        check_not_zero(self.device.as_bytes())?;
        self.cuts.rules()
    }
}

impl Encode for Revoke {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer).bytes(self.device);
        self.cuts.encode(writer);
    }
}
