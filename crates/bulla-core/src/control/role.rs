//! What a device may do, and the entry that changes it (CTL-5, CTL-20).

use super::list::{check_not_zero, read_device, read_optional, write_optional};
use super::{Context, ControlError, Cuts, Payload, Trust, begin};
use crate::AuthorKey;
use crate::cbor::{CborErrorKind, Encode, Reader, Writer};

/// What a device may do in a space, the least first; from reader on each has the rights of the one before it (CTL-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Carries entries and reads none.
    Relay = 1,
    /// Reads.
    Reader = 2,
    /// Reads and writes.
    Writer = 3,
    /// Reads, writes, and says who belongs to the space.
    Admin = 4,
}

/// The payload of kind 2: a raise, or with cuts a lowering (CTL-20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// The device concerned.
    pub device: AuthorKey,
    /// Its role from here on.
    pub role: Role,
    /// `None` gives the role; cuts take what is more than the role, beyond them.
    pub cuts: Option<Cuts>,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Relay, Self::Reader, Self::Writer, Self::Admin];

    /// Its number in payloads.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The role with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Relay),
            2 => Some(Self::Reader),
            3 => Some(Self::Writer),
            4 => Some(Self::Admin),
            _ => None,
        }
    }

    /// Its name in the spec, in commands and in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ControlError> {
        let start = reader.position();
        let role = Self::from_number(reader.uint(u64::MAX)?);
        role.ok_or_else(|| Reader::error_at(start, CborErrorKind::Bounds).into())
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Payload for RoleChange {
    const ELEMENTS: usize = 3;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        Ok(Self {
            device: read_device(reader)?,
            role: Role::read(reader)?,
            cuts: read_optional(reader, Cuts::read)?,
        })
    }

    fn is_within_bounds(&self) -> bool {
        self.cuts.as_ref().is_none_or(Cuts::is_within_bounds)
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        check_not_zero(self.device.as_bytes())?;
        self.cuts.as_ref().map_or(Ok(()), Cuts::rules)
    }
}

impl Encode for RoleChange {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer).bytes(self.device).uint(u64::from(self.role.number()));
        write_optional(writer, self.cuts.as_ref());
    }
}
