//! Why an epoch is not made or not opened.

use bulla_core::control::ControlError;
use bulla_core::{AuthorKey, Code};
use bulla_identity::RandomnessError;

use crate::wrap::WrapError;

/// Why an epoch is not made or does not open. After an error nothing was made and nothing was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EpochError {
    /// The epoch is not sealed to this device. No fault: it is for others (CTL-34).
    #[error("the epoch is not sealed to this device")]
    NotRecipient,
    /// What is sealed to this device does not open, or is not what the entry names. Its author is at fault; says no more
    /// on purpose (CTL-34).
    #[error("the epoch does not open")]
    Failed,
    /// Too many parents or recipients, none, one twice or a zero: the caller's to mend (CTL-30).
    #[error(transparent)]
    Payload(ControlError),
    /// The keys or key ids given for the parents are not theirs, or older keys are not the space's, or not for this epoch to
    /// hand down: the caller's to mend (CTL-33, CTL-34).
    #[error("what was given for the parents of the epoch is not theirs")]
    Parents,
    /// With this recipient's sealing key every agreement gives zero: the key would be anybody's (CTL-32).
    #[error("the sealing key of recipient {0} is not usable")]
    SealingKey(AuthorKey),
    /// There are epochs before, and this device does not know the topic secret that they hand on (KEY-7). *Open one of
    /// them first.*
    #[error("the topic secret of the epochs before is not known")]
    NoTopicSecret,
    /// The random source gave the key of a parent: whoever runs the machine must mend it (CTL-31).
    #[error("the random source repeats itself: the new epoch key is an old one")]
    Repeated,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl EpochError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::NotRecipient => "epoch.not_recipient",
            Self::Failed => "epoch.failed",
            Self::Payload(error) => return error.code(),
            Self::Parents => "epoch.parents",
            Self::SealingKey(_) => "epoch.sealing_key",
            Self::NoTopicSecret => "epoch.topic_secret",
            Self::Repeated => "epoch.repeated",
            Self::Randomness(_) => "epoch.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::NotRecipient | Self::Failed => "CTL-34",
            Self::Payload(error) => error.clause(),
            Self::SealingKey(_) => "CTL-32",
            Self::NoTopicSecret => "KEY-7",
            Self::Repeated => "CTL-31",
            Self::Parents | Self::Randomness(_) => return None,
        })
    }

    pub(super) const fn of_wrap(error: &WrapError, recipient: AuthorKey) -> Self {
        match error {
            WrapError::SealingKey => Self::SealingKey(recipient),
            WrapError::Randomness(error) => Self::Randomness(*error),
        }
    }
}
