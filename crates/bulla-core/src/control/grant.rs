//! The entry that gives a device a role (CTL-10).

use super::list::{check_not_zero, read_optional, write_optional};
use super::{Context, ControlError, Payload, Role, SealedLabel, Trust, begin};
use crate::cbor::{Encode, Reader, Writer};
use crate::joining_card::{JOINING_CARD_BYTES, JoiningCard};
use crate::{AuthorKey, NodeId, SealingKey};

/// The payload of kind 1 (CTL-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Who gets the role.
    pub device: GrantedDevice,
    /// The role.
    pub role: Role,
    /// What members call the device.
    pub label: Option<SealedLabel>,
}

/// Who gets a role (CTL-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantedDevice {
    /// A device that signed for both its keys and for this space.
    Card(JoiningCard),
    /// A node by its bare Ed25519 key; for role relay alone. It has no sealing key and is not asked.
    Node(AuthorKey),
}

impl GrantedDevice {
    /// The Ed25519 key by which the space knows the device.
    #[must_use]
    pub const fn author(&self) -> AuthorKey {
        match self {
            Self::Card(card) => card.author(),
            Self::Node(key) => *key,
        }
    }

    /// The key to seal to; a bare node has none.
    #[must_use]
    pub const fn sealing_key(&self) -> Option<SealingKey> {
        match self {
            Self::Card(card) => Some(card.sealing_key()),
            Self::Node(_) => None,
        }
    }
}

impl From<JoiningCard> for GrantedDevice {
    fn from(card: JoiningCard) -> Self {
        Self::Card(card)
    }
}

impl From<NodeId> for GrantedDevice {
    fn from(node: NodeId) -> Self {
        Self::Node(AuthorKey(node.0))
    }
}

/// Reads a joining card in a byte string (PAIR-1 to PAIR-4).
pub(super) fn read_card(bytes: &[u8], trust: Trust) -> Result<JoiningCard, ControlError> {
    Ok(match trust {
        Trust::Nothing => JoiningCard::from_bytes(bytes)?,
        Trust::VerifiedBefore => {
            let (claim, signature) = JoiningCard::parse(bytes)?;
            JoiningCard::verified_before(claim, signature)
        }
    })
}

/// Whether a card is for the space of the entry that carries it.
pub(super) fn check_space(card: &JoiningCard, context: &Context) -> Result<(), ControlError> {
    if card.space() == context.space { Ok(()) } else { Err(ControlError::GrantSpace) }
}

impl Payload for Grant {
    const ELEMENTS: usize = 3;

    fn read(reader: &mut Reader<'_>, trust: Trust) -> Result<Self, ControlError> {
        let device = reader.bytes(JOINING_CARD_BYTES)?;
        let device = match device.try_into() {
            Ok(key) => GrantedDevice::Node(AuthorKey(key)),
            Err(_) => GrantedDevice::Card(read_card(device, trust)?),
        };
        let role = Role::read(reader)?;
        let label = read_optional(reader, SealedLabel::read)?;
        Ok(Self { device, role, label })
    }

    fn is_within_bounds(&self) -> bool {
        true
    }

    fn rules(&self, context: &Context) -> Result<(), ControlError> {
        match &self.device {
            GrantedDevice::Node(key) => {
                check_not_zero(key.as_bytes())?;
                if self.role == Role::Relay { Ok(()) } else { Err(ControlError::GrantDevice) }
            }
            GrantedDevice::Card(card) => check_space(card, context),
        }
    }
}

impl Encode for Grant {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer);
        match &self.device {
            GrantedDevice::Card(card) => writer.bytes(card.to_bytes()),
            GrantedDevice::Node(key) => writer.bytes(key),
        };
        writer.uint(u64::from(self.role.number()));
        write_optional(writer, self.label.as_ref());
    }
}
