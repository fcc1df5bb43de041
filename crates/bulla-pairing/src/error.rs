//! Why an exchange does not go on.

use bulla_core::cbor::CborError;
use bulla_core::{Code, JoiningCardError};
use bulla_identity::{ArmourError, CardError, RandomnessError};

use crate::InvitationError;

/// Why a step of an exchange failed.
///
/// After [`Failed`](Self::Failed), [`Armour`](Self::Armour), [`Order`](Self::Order), [`Unconfirmed`](Self::Unconfirmed),
/// [`Code`](Self::Code) and [`Frontier`](Self::Frontier) the exchange stands where it stood; after any other it is over,
/// and a new invitation is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// Not the text of a message (PAIR-25).
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// Not the message that is due, or not of this invitation, or altered. Says no more on purpose (PAIR-23).
    #[error(
        "the message does not open; it may be another one than is awaited, or of another invitation"
    )]
    Failed,
    /// The other side sealed what is not a content of its message (PAIR-24).
    #[error("content of a message is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// The other side's joining card is not genuine (PAIR-24).
    #[error(transparent)]
    JoiningCard(#[from] JoiningCardError),
    /// A genuine joining card, but for another space or invitation, or this device's own (PAIR-24).
    #[error("the joining card is not for this invitation")]
    Card,
    /// The approver's card is not genuine (PAIR-24).
    #[error(transparent)]
    ApproverCard(#[from] CardError),
    /// A label of more than 64 bytes, or with characters that steer, hide or turn text (PAIR-24, CARD-6).
    #[error("label must be at most 64 bytes without control or hidden characters")]
    Label,
    /// Another device answers than the one that made the invitation (PAIR-24).
    #[error("another device answers than the one that invited")]
    Inviter,
    /// The other side revealed another nonce than it committed to: it tried to choose the code (PAIR-24).
    #[error("the other device revealed a nonce that it had not committed to")]
    Commitment,
    /// Message 5 is not signed by the joiner, or message 6 by the approver: somebody else who has the invitation made it
    /// (PAIR-24). Also for the keys of another device than the one that began.
    #[error("the message is not signed by the device that it is of")]
    Signature,
    /// The person at the joining device said that the codes differ (PAIR-24).
    #[error("the person at the other device did not confirm")]
    Declined,
    /// The approval is for another space (PAIR-24).
    #[error("the approval is for another space")]
    Space,
    /// The caller asked for a step that is not due.
    #[error("this step is not due")]
    Order,
    /// The joiner has not confirmed yet (PAIR-28). Wait for its message.
    #[error("the other device has not confirmed yet")]
    Unconfirmed,
    /// The person at the approving device typed another code than the joining device shows (PAIR-28).
    #[error("this is not the code that both devices show when nobody stands between them")]
    Code,
    /// The exchange ended, well or not.
    #[error("the exchange has ended")]
    Over,
    /// The caller's frontier does not fit into a message (PAIR-22).
    #[error("a frontier in an approval has at most {} bytes", crate::MAX_FRONTIER_BYTES)]
    Frontier,
    /// What an approver knew, of a version that this program does not read (PAIR-35). The device is in all the same.
    #[error("unknown version {0} of what the approver knew")]
    HeadsVersion(u64),
    /// No entry that an approver knew, too many, or in no order (PAIR-35). The device is in all the same.
    #[error("an approval names 1 to {} entries, each once, in their order", crate::MAX_HEADS)]
    Heads,
    /// The invitation does not serve, or not any more (PAIR-32, PAIR-33).
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl PairingError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Armour(error) => return error.code(),
            Self::Failed => "pairing.failed",
            Self::Cbor(error) => return error.kind.code(),
            Self::JoiningCard(error) => return error.code(),
            Self::Card => "pairing.card",
            Self::ApproverCard(error) => return error.code(),
            Self::Label => "pairing.label",
            Self::Inviter => "pairing.inviter",
            Self::Commitment => "pairing.commitment",
            Self::Signature => "pairing.signature",
            Self::Declined => "pairing.declined",
            Self::Space => "pairing.space",
            Self::Order => "pairing.order",
            Self::Unconfirmed => "pairing.unconfirmed",
            Self::Code => "pairing.code",
            Self::Over => "pairing.over",
            Self::Frontier => "pairing.frontier",
            Self::HeadsVersion(_) => "pairing.heads_version",
            Self::Heads => "pairing.heads",
            Self::Invitation(error) => return error.code(),
            Self::Randomness(_) => "pairing.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Armour(_) => "PAIR-25",
            Self::Failed => "PAIR-23",
            Self::Cbor(error) => error.kind.clause(),
            Self::JoiningCard(error) => error.clause(),
            Self::ApproverCard(error) => error.clause(),
            Self::Card
            | Self::Label
            | Self::Inviter
            | Self::Commitment
            | Self::Signature
            | Self::Declined
            | Self::Space => "PAIR-24",
            Self::HeadsVersion(_) | Self::Heads => "PAIR-35",
            Self::Invitation(error) => return error.clause(),
            Self::Order
            | Self::Unconfirmed
            | Self::Code
            | Self::Over
            | Self::Frontier
            | Self::Randomness(_) => {
                return None;
            }
        })
    }
}
