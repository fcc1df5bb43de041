//! Why bytes are not the payload of a control entry.

use crate::Code;
use crate::cbor::{CborError, CborErrorKind};
use crate::genesis::GenesisError;
use crate::joining_card::JoiningCardError;

/// Why a payload is not that of a control entry of its kind. Whoever signed the entry is at fault, except as noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Not a control kind of this version; the caller is at fault (ENT-7).
    #[error("kind {0} is no control kind of this version")]
    Kind(u16),
    /// Not canonical CBOR of the right shape, or beyond the bounds of a field (CTL-3).
    #[error("control payload is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown payload version (CTL-1).
    #[error("unknown control version {0}")]
    Version(u64),
    /// An id or a device of zeros (CTL-4).
    #[error("an id or a device is zero")]
    Zero,
    /// A list that is not ascending (CTL-4).
    #[error("a list is not ascending")]
    Order,
    /// A cut with a sequence of 0, a zero id or a zero control (CTL-6).
    #[error("a cut names no entry")]
    Cut,
    /// The payload of a genesis is not one (GEN-6).
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The joining card is not genuine (CTL-10).
    #[error(transparent)]
    Card(#[from] JoiningCardError),
    /// A bare node key with another role than relay (CTL-10).
    #[error("only a relay is granted its role by its bare key")]
    GrantDevice,
    /// A joining card for another space than the entry's (CTL-10).
    #[error("the joining card is for another space")]
    GrantSpace,
    /// An epoch whose key id is zero (CTL-30).
    #[error("the key id of an epoch is zero")]
    EpochKeyId,
    /// A group entry that adds and removes the same device (CTL-50).
    #[error("a device is both added to the group and removed")]
    GroupBoth,
    /// A group entry that founds a group and removes devices (CTL-50).
    #[error("a new group has no devices to remove")]
    GroupFounding,
    /// An erasure without ids and ranges (CTL-60).
    #[error("an erasure of nothing")]
    EraseEmpty,
    /// A recovery entry without a device and without a next recovery key (CTL-70).
    #[error("a recovery entry with neither device nor next key")]
    RecoveryEmpty,
    /// A next recovery key that is zero, twice the same, the author's or the card's (CTL-70).
    #[error("the next recovery key is zero or is no new pair of keys")]
    RecoveryNext,
}

impl ControlError {
    /// A payload that is too long, or a value built by hand that is beyond its bounds.
    pub(super) const BEYOND_BOUNDS: Self =
        Self::Cbor(CborError { kind: CborErrorKind::Bounds, offset: 0 });

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Kind(_) => "header.control_kind",
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "control.version",
            Self::Zero => "control.zero",
            Self::Order => "control.order",
            Self::Cut => "control.cut",
            Self::Genesis(error) => return error.code(),
            Self::Card(error) => return error.code(),
            Self::GrantDevice => "grant.device",
            Self::GrantSpace => "grant.space",
            Self::EpochKeyId => "epoch.key_id",
            Self::GroupBoth => "group.both",
            Self::GroupFounding => "group.founding",
            Self::EraseEmpty => "erase.empty",
            Self::RecoveryEmpty => "recovery.empty",
            Self::RecoveryNext => "recovery.next",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Kind(_) => "ENT-7",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "CTL-1",
            Self::Zero | Self::Order => "CTL-4",
            Self::Cut => "CTL-6",
            Self::Genesis(error) => error.clause(),
            Self::Card(error) => error.clause(),
            Self::GrantDevice | Self::GrantSpace => "CTL-10",
            Self::EpochKeyId => "CTL-30",
            Self::GroupBoth | Self::GroupFounding => "CTL-50",
            Self::EraseEmpty => "CTL-60",
            Self::RecoveryEmpty | Self::RecoveryNext => "CTL-70",
        }
    }
}
