//! The payloads of control entries: who belongs to a space and with which role, which keys seal it, what was seen of it
//! and what is to be forgotten (chapter `control.md`).
//!
//! Verification reads the payload of every control entry ([`attach_payload`](crate::verify::attach_payload)), so a
//! [`VerifiedEntry`] of a control kind is well formed, and [`VerifiedEntry::control`] gives what it says. Whether it
//! *counts* is for the directory (`directory.md`).
//!
//! Nothing here seals or opens: labels, keys and what an epoch hands down are opaque bytes of fixed or bounded length.

mod cuts;
mod epoch;
mod erase;
mod error;
mod frontier;
mod grant;
mod group;
mod label;
mod list;
mod recovery;
mod revoke;
mod role;

pub use cuts::{Cut, Cuts, RemovedDevice};
pub use epoch::{Epoch, Recipient, SEALED_KEY_BYTES};
pub use erase::{Erase, ErasedRange};
pub use error::ControlError;
pub use frontier::{Claimed, Frontier, Proven};
pub use grant::{Grant, GrantedDevice};
pub use group::Group;
pub use label::{SEALED_LABEL_BYTES, SealedLabel};
pub use recovery::Recovery;
pub use revoke::Revoke;
pub use role::{Role, RoleChange};

use crate::cbor::{Encode, Reader, Writer};
use crate::genesis::Genesis;
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::{AuthorKey, Header, Kind, SpaceId, VerifiedEntry};

const PAYLOAD_VERSION: u64 = 1;

/// What a control entry says, by kind (CTL-2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// Kind 0: founds a space.
    Genesis(Genesis),
    /// Kind 1: gives a device a role.
    Grant(Grant),
    /// Kind 2: changes a device's role.
    Role(RoleChange),
    /// Kind 3: ends a device's membership.
    Revoke(Revoke),
    /// Kind 4: starts a key epoch.
    Epoch(Epoch),
    /// Kind 5: says what was seen.
    Frontier(Frontier),
    /// Kind 6: makes or changes a key group.
    Group(Group),
    /// Kind 7: makes stores drop payloads.
    Erase(Erase),
    /// Kind 8: gives a space back to its owner.
    Recovery(Recovery),
}

/// What the rules of a payload need to know of the entry that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The entry's space; zero for a genesis.
    pub space: SpaceId,
    /// The entry's author.
    pub author: AuthorKey,
}

impl From<&Header> for Context {
    fn from(header: &Header) -> Self {
        Self { space: header.space, author: header.author }
    }
}

/// What is still to be checked of the one signature inside a payload, that of a joining card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is verified.
    Nothing,
    /// These bytes were verified before, and have been in our own hands since (VER-8).
    VerifiedBefore,
}

/// The payload of one kind: an array of the version and [`ELEMENTS`](Self::ELEMENTS) more.
trait Payload: Encode + Sized {
    /// Elements after the version.
    const ELEMENTS: usize;

    /// Reads the elements after the version, each by its type and bound (CTL-3).
    fn read(reader: &mut Reader<'_>, trust: Trust) -> Result<Self, ControlError>;

    /// Whether lengths, counts and numbers built by hand are within the bounds that reading keeps to.
    fn is_within_bounds(&self) -> bool;

    /// The rules after the bounds: those of lists and devices, then those of the kind (CTL-3).
    fn rules(&self, context: &Context) -> Result<(), ControlError>;
}

impl Control {
    /// Reads the payload of a control entry of `kind` and verifies the signature of the joining card in it, if there is
    /// one.
    ///
    /// The order of the checks: length, canonical CBOR, version, number of elements, the elements in turn, the rules of
    /// the kind (CTL-3, GEN-6). Work and memory are bounded by the length of the payload.
    ///
    /// # Errors
    ///
    /// [`ControlError::Kind`] for a kind that is no control kind of this version: the caller is at fault. Any other
    /// [`ControlError`]: the bytes are.
    pub fn parse(kind: Kind, payload: &[u8], context: &Context) -> Result<Self, ControlError> {
        Self::read(kind, payload, context, Trust::Nothing)
    }

    pub(crate) fn read(
        kind: Kind,
        payload: &[u8],
        context: &Context,
        trust: Trust,
    ) -> Result<Self, ControlError> {
        Ok(match kind {
            Kind::GENESIS => Self::Genesis(Genesis::parse(payload, &context.author)?),
            Kind::GRANT => Self::Grant(read_payload(payload, context, trust)?),
            Kind::ROLE => Self::Role(read_payload(payload, context, trust)?),
            Kind::REVOKE => Self::Revoke(read_payload(payload, context, trust)?),
            Kind::EPOCH => Self::Epoch(read_payload(payload, context, trust)?),
            Kind::FRONTIER => Self::Frontier(read_payload(payload, context, trust)?),
            Kind::GROUP => Self::Group(read_payload(payload, context, trust)?),
            Kind::ERASE => Self::Erase(read_payload(payload, context, trust)?),
            Kind::RECOVERY => Self::Recovery(read_payload(payload, context, trust)?),
            Kind(other) => return Err(ControlError::Kind(other)),
        })
    }

    /// The kind of the entries that say this.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Genesis(_) => Kind::GENESIS,
            Self::Grant(_) => Kind::GRANT,
            Self::Role(_) => Kind::ROLE,
            Self::Revoke(_) => Kind::REVOKE,
            Self::Epoch(_) => Kind::EPOCH,
            Self::Frontier(_) => Kind::FRONTIER,
            Self::Group(_) => Kind::GROUP,
            Self::Erase(_) => Kind::ERASE,
            Self::Recovery(_) => Kind::RECOVERY,
        }
    }

    /// Checks what a value built by hand may break, for an entry with this context: whatever passes encodes to bytes that
    /// [`parse`](Self::parse) takes.
    ///
    /// # Errors
    ///
    /// [`ControlError::Cbor`] for what is beyond its bounds, then the rules in the order of CTL-3.
    pub fn validate(&self, context: &Context) -> Result<(), ControlError> {
        match self {
            Self::Genesis(genesis) => Ok(genesis.validate(&context.author)?),
            Self::Grant(grant) => validate_payload(grant, context),
            Self::Role(role) => validate_payload(role, context),
            Self::Revoke(revoke) => validate_payload(revoke, context),
            Self::Epoch(epoch) => validate_payload(epoch, context),
            Self::Frontier(frontier) => validate_payload(frontier, context),
            Self::Group(group) => validate_payload(group, context),
            Self::Erase(erase) => validate_payload(erase, context),
            Self::Recovery(recovery) => validate_payload(recovery, context),
        }
    }
}

impl Encode for Control {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Genesis(genesis) => genesis.encode(writer),
            Self::Grant(grant) => grant.encode(writer),
            Self::Role(role) => role.encode(writer),
            Self::Revoke(revoke) => revoke.encode(writer),
            Self::Epoch(epoch) => epoch.encode(writer),
            Self::Frontier(frontier) => frontier.encode(writer),
            Self::Group(group) => group.encode(writer),
            Self::Erase(erase) => erase.encode(writer),
            Self::Recovery(recovery) => recovery.encode(writer),
        }
    }
}

impl VerifiedEntry {
    /// What a control entry says; `None` for kinds from 16 on.
    ///
    /// It is read again at each call, in time and memory of the order of the payload's length. No signature is verified
    /// again (VER-8).
    ///
    /// # Panics
    ///
    /// Never: there is no `VerifiedEntry` of a control kind whose payload does not read.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let header = self.header();
        header.kind.is_control().then(|| {
            let context = Context::from(header);
            Control::read(header.kind, self.payload(), &context, Trust::VerifiedBefore)
                .expect("the payload was read when the entry was verified")
        })
    }
}

fn read_payload<P: Payload>(
    payload: &[u8],
    context: &Context,
    trust: Trust,
) -> Result<P, ControlError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(ControlError::BEYOND_BOUNDS);
    }
    let mut reader =
        Reader::versioned(payload, PAYLOAD_VERSION, P::ELEMENTS + 1, ControlError::Version)?;
    let value = P::read(&mut reader, trust)?;
    reader.finish()?;
    value.rules(context)?;
    Ok(value)
}

fn validate_payload<P: Payload>(value: &P, context: &Context) -> Result<(), ControlError> {
    if !value.is_within_bounds() || value.to_cbor().len() > MAX_PAYLOAD_BYTES {
        return Err(ControlError::BEYOND_BOUNDS);
    }
    value.rules(context)
}

/// Begins the encoding of a payload: the head of its array and the version.
fn begin<P: Payload>(writer: &mut Writer) -> &mut Writer {
    writer.array(P::ELEMENTS + 1).uint(PAYLOAD_VERSION)
}

macro_rules! from_payload {
    ($($variant:ident($payload:ty)),*) => { $(
        impl From<$payload> for Control {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        }
    )* };
}

from_payload!(
    Genesis(Genesis),
    Grant(Grant),
    Role(RoleChange),
    Revoke(Revoke),
    Epoch(Epoch),
    Frontier(Frontier),
    Group(Group),
    Erase(Erase),
    Recovery(Recovery)
);
