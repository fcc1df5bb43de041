//! The side that comes in (PAIR-20 to PAIR-29).

use bulla_core::{AuthorKey, EntryId, InvitationId, JoiningCard, SpaceId};
use bulla_identity::{Card, DeviceKeys, Randomness};
use subtle::ConstantTimeEq;

use crate::channel::Channel;
use crate::code::{PairingNonce, ShortCode, Transcript, commitment, draw_nonce};
use crate::content::{self, ApproverHello, JoinerHello, Signer};
use crate::root::{Inviter, Side};
use crate::{Invitation, Message, PairingError};

/// The joining device in one exchange. It sends messages 1, 3 and 5 and awaits 2, 4 and 6.
///
/// Begin once with an invitation: each exchange is one more guess for whoever stands between (PAIR-29).
pub struct Joiner {
    channel: Channel,
    space: SpaceId,
    invitation: InvitationId,
    inviter: Inviter,
    card: JoiningCard,
    label: String,
    nonce: PairingNonce,
    state: State,
}

enum State {
    /// Message 1 went out.
    AwaitingCard,
    /// Message 3 went out.
    AwaitingNonce {
        approver: Card,
        commitment: [u8; 32],
    },
    /// This person compares.
    Comparing {
        code: ShortCode,
        approver: AuthorKey,
    },
    /// Message 5 went out.
    AwaitingApproval {
        code: ShortCode,
        approver: AuthorKey,
    },
    Over,
}

/// What follows from a message.
#[derive(Debug)]
pub enum JoinerStep {
    /// Send this.
    Send(Message),
    /// Show the code, and what the other device calls itself; then [`confirm`](Joiner::confirm) or
    /// [`decline`](Joiner::decline).
    Compare {
        /// What must be equal on both devices.
        code: ShortCode,
        /// The card of the device that invited.
        approver: Card,
    },
    /// The device is in.
    Approved(Approval),
}

/// What the approver tells a device that it let in (PAIR-22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The space.
    pub space: SpaceId,
    /// The entry that grants the role. The device is in when it holds that entry and has judged it.
    pub grant: EntryId,
    /// What the approver knows of the space, so that nobody can show an older one: at most 3,904 bytes, not judged here.
    pub frontier: Vec<u8>,
}

impl Joiner {
    /// Begins with an invitation, and gives message 1. The label is what this device calls itself, at most 64 bytes, none
    /// of its characters hidden (CARD-6).
    ///
    /// # Errors
    ///
    /// [`PairingError::Label`] or [`PairingError::Randomness`].
    pub fn begin(
        invitation: &Invitation,
        device: &DeviceKeys,
        label: &str,
        randomness: &dyn Randomness,
    ) -> Result<(Self, Message), PairingError> {
        if !bulla_identity::label_fits(label) {
            return Err(PairingError::Label);
        }
        let (space, id) = (invitation.space(), invitation.id());
        let card = device.joining_card(space, id);
        let mut channel = Channel::new(invitation.root());
        let nonce = draw_nonce(device, &channel.history(), randomness)?;
        let commitment = commitment(&id, Side::Joiner, &card.to_bytes(), &nonce);
        let hello = JoinerHello { card, label: label.to_owned(), commitment };
        let message = channel.seal(&hello.encode(), randomness)?;
        let joiner = Self {
            channel,
            space,
            invitation: id,
            inviter: invitation.inviter(),
            card,
            label: hello.label,
            nonce,
            state: State::AwaitingCard,
        };
        Ok((joiner, message))
    }

    /// Takes message 2, 4 or 6.
    ///
    /// # Errors
    ///
    /// [`PairingError::Failed`] for whatever is not the message that is due: go on waiting. Everything else ends the exchange:
    /// [`PairingError::Cbor`], [`PairingError::ApproverCard`], [`PairingError::Inviter`], [`PairingError::Commitment`],
    /// [`PairingError::Signature`], [`PairingError::Space`], [`PairingError::Randomness`]; [`PairingError::Over`] when it had
    /// ended before.
    pub fn receive(
        &mut self,
        message: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<JoinerStep, PairingError> {
        match self.state {
            State::Over => return Err(PairingError::Over),
            // Nothing is due: the next message is this side's own.
            State::Comparing { .. } => return Err(PairingError::Failed),
            State::AwaitingCard | State::AwaitingNonce { .. } | State::AwaitingApproval { .. } => {}
        }
        let history = self.channel.history();
        let content = self.channel.open(message).ok_or(PairingError::Failed)?;
        // Whatever fails from here on leaves the exchange over.
        match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitingCard => self.reveal(&content, randomness),
            State::AwaitingNonce { approver, commitment } => {
                self.compare(&content, approver, &commitment)
            }
            State::AwaitingApproval { approver, .. } => {
                self.approved(&content, &Signer { author: &approver, history: &history })
            }
            State::Comparing { .. } | State::Over => Err(PairingError::Over),
        }
    }

    /// The person compared, and the codes are equal: gives message 5, which this device signs.
    ///
    /// # Errors
    ///
    /// [`PairingError::Order`] when there is no code to compare, [`PairingError::Over`], [`PairingError::Signature`] for the
    /// keys of another device than began, [`PairingError::Randomness`].
    pub fn confirm(
        &mut self,
        device: &DeviceKeys,
        randomness: &dyn Randomness,
    ) -> Result<Message, PairingError> {
        let (code, approver) = self.comparing()?;
        let message = self.say(true, device, randomness)?;
        self.state = State::AwaitingApproval { code, approver };
        Ok(message)
    }

    /// The codes differ: gives message 5, which says so, and ends the exchange.
    ///
    /// # Errors
    ///
    /// As [`confirm`](Self::confirm).
    pub fn decline(
        &mut self,
        device: &DeviceKeys,
        randomness: &dyn Randomness,
    ) -> Result<Message, PairingError> {
        self.comparing()?;
        self.state = State::Over;
        self.say(false, device, randomness)
    }

    /// The code, once there is one.
    #[must_use]
    pub const fn code(&self) -> Option<ShortCode> {
        match self.state {
            State::Comparing { code, .. } | State::AwaitingApproval { code, .. } => Some(code),
            State::AwaitingCard | State::AwaitingNonce { .. } | State::Over => None,
        }
    }

    /// The number of the message that is awaited, to fetch it from a mailbox; `None` when none is.
    #[must_use]
    pub const fn awaits(&self) -> Option<u8> {
        match self.state {
            State::AwaitingCard | State::AwaitingNonce { .. } | State::AwaitingApproval { .. } => {
                Some(self.channel.next())
            }
            State::Comparing { .. } | State::Over => None,
        }
    }

    /// Message 5.
    fn say(
        &mut self,
        confirmed: bool,
        device: &DeviceKeys,
        randomness: &dyn Randomness,
    ) -> Result<Message, PairingError> {
        if device.author() != self.card.author() {
            return Err(PairingError::Signature);
        }
        let history = self.channel.history();
        let content = content::encode_confirmed(confirmed, |statement| {
            device.sign_pairing_confirmation(&history, statement)
        });
        Ok(self.channel.seal(&content, randomness)?)
    }

    fn comparing(&self) -> Result<(ShortCode, AuthorKey), PairingError> {
        match self.state {
            State::Comparing { code, approver } => Ok((code, approver)),
            State::Over => Err(PairingError::Over),
            State::AwaitingCard | State::AwaitingNonce { .. } | State::AwaitingApproval { .. } => {
                Err(PairingError::Order)
            }
        }
    }

    /// Message 2: the approver has committed, so this side may reveal.
    fn reveal(
        &mut self,
        content: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<JoinerStep, PairingError> {
        let ApproverHello { card, commitment } = ApproverHello::decode(content)?;
        if Inviter::of(&card.author()) != self.inviter {
            return Err(PairingError::Inviter);
        }
        let message = self.channel.seal(&content::encode_nonce(&self.nonce), randomness)?;
        self.state = State::AwaitingNonce { approver: card, commitment };
        Ok(JoinerStep::Send(message))
    }

    /// Message 4: both are revealed.
    fn compare(
        &mut self,
        content: &[u8],
        approver: Card,
        committed: &[u8; 32],
    ) -> Result<JoinerStep, PairingError> {
        let nonce = content::decode_nonce(content)?;
        let approver_card = approver.to_bytes();
        let actual = commitment(&self.invitation, Side::Approver, &approver_card, &nonce);
        if !bool::from(actual.ct_eq(committed)) {
            return Err(PairingError::Commitment);
        }
        let code = Transcript {
            space: &self.space,
            invitation: &self.invitation,
            joining_card: &self.card.to_bytes(),
            label: &self.label,
            approver_card: &approver_card,
            joiner_nonce: &self.nonce,
            approver_nonce: &nonce,
        }
        .code();
        self.state = State::Comparing { code, approver: approver.author() };
        Ok(JoinerStep::Compare { code, approver })
    }

    /// Message 6. The exchange has served.
    fn approved(&self, content: &[u8], by: &Signer<'_>) -> Result<JoinerStep, PairingError> {
        let (space, grant, frontier) = content::decode_approval(content, by)?;
        if space != self.space {
            return Err(PairingError::Space);
        }
        Ok(JoinerStep::Approved(Approval { space, grant, frontier }))
    }
}

impl std::fmt::Debug for Joiner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joiner")
            .field("space", &self.space)
            .field("invitation", &self.invitation)
            .field("awaits", &self.awaits())
            .finish_non_exhaustive()
    }
}
