//! The side that lets in (PAIR-20 to PAIR-33).

use bulla_core::{AuthorKey, EntryId, InvitationId, JoiningCard, SpaceId};
use bulla_identity::{Card, DeviceKeys, Randomness};
use subtle::ConstantTimeEq;

use crate::channel::Channel;
use crate::code::{PairingNonce, ShortCode, Transcript, commitment, draw_nonce};
use crate::content::{self, ApproverHello, JoinerHello, Signer};
use crate::root::Side;
use crate::{Invitations, MAX_FRONTIER_BYTES, Message, PairingError};

/// The approving device in one exchange. It awaits messages 1, 3 and 5 and sends 2, 4 and 6.
///
/// An invitation serves one exchange. If this value is lost before its end, the invitation is spent: cancel it and make a
/// new one.
pub struct Approver {
    channel: Channel,
    space: SpaceId,
    invitation: InvitationId,
    card: Card,
    nonce: PairingNonce,
    joiner: JoiningCard,
    label: String,
    commitment: [u8; 32],
    state: State,
}

enum State {
    /// Message 2 went out.
    AwaitingNonce,
    /// Message 4 went out; both persons compare.
    AwaitingConfirmation {
        code: ShortCode,
    },
    /// The other person confirmed.
    Confirmed {
        code: ShortCode,
    },
    Over,
}

/// What follows from a message.
#[derive(Debug)]
pub enum ApproverStep {
    /// Send the message, then let the person type the code that the other device shows. Do not show what that device calls
    /// itself: a label that looks like a code would stand where the code does.
    Compare {
        /// Message 4.
        message: Message,
        /// What must be equal on both devices.
        code: ShortCode,
    },
    /// The person at the other device confirmed; with what the one at this device typed, [`Approver::approve`].
    Confirmed,
}

impl Approver {
    /// Takes message 1 for an invitation of the register, and gives message 2. The label is what this device calls itself.
    ///
    /// The invitation is then in progress: write the register before the message goes out (PAIR-34). After an error the
    /// register is as it was.
    ///
    /// # Errors
    ///
    /// [`PairingError::Label`] of this device's own label; [`PairingError::Invitation`]; then, of the message,
    /// [`PairingError::Failed`], [`PairingError::Cbor`], [`PairingError::JoiningCard`], [`PairingError::Card`],
    /// [`PairingError::Label`]; [`PairingError::Randomness`].
    pub fn begin(
        register: &mut Invitations,
        invitation: &InvitationId,
        device: &DeviceKeys,
        label: &str,
        message: &[u8],
        now_ms: u64,
        randomness: &dyn Randomness,
    ) -> Result<(Self, Message), PairingError> {
        let card = device.card(label).map_err(|_| PairingError::Label)?;
        let (space, root) = register.unused(invitation, &device.author(), now_ms)?;
        let mut channel = Channel::new(root);
        let content = channel.open(message).ok_or(PairingError::Failed)?;
        let hello = JoinerHello::decode(&content, |card| {
            card.space() == space
                && card.invitation() == *invitation
                && card.author() != device.author()
        })?;
        let nonce = draw_nonce(device, &channel.history(), randomness)?;
        let commitment = commitment(invitation, Side::Approver, &card.to_bytes(), &nonce);
        let answer = ApproverHello { card, commitment };
        let message = channel.seal(&answer.encode(), randomness)?;
        register.begin(invitation, &hello.card.author(), now_ms)?;
        let approver = Self {
            channel,
            space,
            invitation: *invitation,
            card: answer.card,
            nonce,
            joiner: hello.card,
            label: hello.label,
            commitment: hello.commitment,
            state: State::AwaitingNonce,
        };
        Ok((approver, message))
    }

    /// Takes message 3 or 5.
    ///
    /// # Errors
    ///
    /// [`PairingError::Failed`] for whatever is not the message that is due: go on waiting. Everything else ends the exchange:
    /// [`PairingError::Cbor`], [`PairingError::Commitment`], [`PairingError::Signature`], [`PairingError::Declined`],
    /// [`PairingError::Randomness`]; [`PairingError::Over`] when it had ended before. Cancel the invitation then.
    pub fn receive(
        &mut self,
        message: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<ApproverStep, PairingError> {
        match self.state {
            State::Over => return Err(PairingError::Over),
            // Nothing is due: the next message is this side's own.
            State::Confirmed { .. } => return Err(PairingError::Failed),
            State::AwaitingNonce | State::AwaitingConfirmation { .. } => {}
        }
        let history = self.channel.history();
        let content = self.channel.open(message).ok_or(PairingError::Failed)?;
        // Whatever fails from here on leaves the exchange over.
        match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitingNonce => self.reveal(&content, randomness),
            State::AwaitingConfirmation { code } => {
                let by = Signer { author: &self.joiner.author(), history: &history };
                if !content::decode_confirmed(&content, &by)? {
                    return Err(PairingError::Declined);
                }
                self.state = State::Confirmed { code };
                Ok(ApproverStep::Confirmed)
            }
            State::Confirmed { .. } | State::Over => Err(PairingError::Over),
        }
    }

    /// The person at this device confirmed too: `typed` is the code that the other device shows, as they typed it, with or
    /// without spaces and hyphens. The invitation is then used: write the register before anything is signed (PAIR-34).
    ///
    /// # Errors
    ///
    /// [`PairingError::Unconfirmed`] while message 5 has not come, and [`PairingError::Code`] for another code: nothing
    /// changes; let the person look again, or [`cancel`](Self::cancel). [`PairingError::Invitation`] when the invitation
    /// expired or was cancelled meanwhile; [`PairingError::Over`].
    pub fn approve(
        &mut self,
        typed: &str,
        register: &mut Invitations,
        now_ms: u64,
    ) -> Result<Approved, PairingError> {
        let code = match self.state {
            State::Confirmed { code } => code,
            State::AwaitingNonce | State::AwaitingConfirmation { .. } => {
                return Err(PairingError::Unconfirmed);
            }
            State::Over => return Err(PairingError::Over),
        };
        if !code.is_typed(typed) {
            return Err(PairingError::Code);
        }
        self.state = State::Over;
        register.complete(&self.invitation, &self.joiner.author(), now_ms)?;
        Ok(Approved {
            card: self.joiner,
            approver: self.card.author(),
            label: std::mem::take(&mut self.label),
            channel: self.channel.clone(),
        })
    }

    /// The person at this device did not confirm, or gave up: ends the exchange and cancels the invitation.
    ///
    /// # Errors
    ///
    /// [`PairingError::Invitation`] when the register does not have it any more, which matters to nobody.
    pub fn cancel(&mut self, register: &mut Invitations) -> Result<(), PairingError> {
        self.state = State::Over;
        Ok(register.cancel(&self.invitation)?)
    }

    /// The code, once there is one.
    #[must_use]
    pub const fn code(&self) -> Option<ShortCode> {
        match self.state {
            State::AwaitingConfirmation { code } | State::Confirmed { code } => Some(code),
            State::AwaitingNonce | State::Over => None,
        }
    }

    /// The number of the message that is awaited, to fetch it from a mailbox; `None` when none is.
    #[must_use]
    pub const fn awaits(&self) -> Option<u8> {
        match self.state {
            State::AwaitingNonce | State::AwaitingConfirmation { .. } => Some(self.channel.next()),
            State::Confirmed { .. } | State::Over => None,
        }
    }

    /// Message 3: the joiner revealed, so this side does.
    fn reveal(
        &mut self,
        content: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<ApproverStep, PairingError> {
        let nonce = content::decode_nonce(content)?;
        let joining_card = self.joiner.to_bytes();
        let actual = commitment(&self.invitation, Side::Joiner, &joining_card, &nonce);
        if !bool::from(actual.ct_eq(&self.commitment)) {
            return Err(PairingError::Commitment);
        }
        let message = self.channel.seal(&content::encode_nonce(&self.nonce), randomness)?;
        let code = Transcript {
            space: &self.space,
            invitation: &self.invitation,
            joining_card: &joining_card,
            label: &self.label,
            approver_card: &self.card.to_bytes(),
            joiner_nonce: &nonce,
            approver_nonce: &self.nonce,
        }
        .code();
        self.state = State::AwaitingConfirmation { code };
        Ok(ApproverStep::Compare { message, code })
    }
}

impl std::fmt::Debug for Approver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approver")
            .field("space", &self.space)
            .field("invitation", &self.invitation)
            .field("joiner", &self.joiner.author())
            .field("awaits", &self.awaits())
            .finish_non_exhaustive()
    }
}

/// Both persons confirmed and the invitation was good: the device of this card may be granted a role.
///
/// [`Approver::approve`] alone makes one, and at most one for each invitation.
pub struct Approved {
    card: JoiningCard,
    approver: AuthorKey,
    label: String,
    channel: Channel,
}

impl Approved {
    /// The card to grant.
    #[must_use]
    pub const fn card(&self) -> &JoiningCard {
        &self.card
    }

    /// What the device calls itself; nobody vouches for it, so show it in quotes. At most 64 bytes, none of its
    /// characters hidden (CARD-6).
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Message 6, once the grant is signed: its entry, and what this device knows of the space, signed by this device. May
    /// be made again, with a newer frontier, as long as it was not received.
    ///
    /// # Errors
    ///
    /// [`PairingError::Frontier`] for more than [`MAX_FRONTIER_BYTES`]; [`PairingError::Signature`] for the keys of another
    /// device than began; [`PairingError::Randomness`].
    pub fn approval(
        &self,
        device: &DeviceKeys,
        grant: EntryId,
        frontier: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<Message, PairingError> {
        if frontier.len() > MAX_FRONTIER_BYTES {
            return Err(PairingError::Frontier);
        }
        if device.author() != self.approver {
            return Err(PairingError::Signature);
        }
        let history = self.channel.history();
        let content = content::encode_approval(&self.card.space(), &grant, frontier, |statement| {
            device.sign_pairing_approval(&history, statement)
        });
        Ok(self.channel.seal_in_place(&content, randomness)?)
    }
}

impl std::fmt::Debug for Approved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approved").field("card", &self.card).finish_non_exhaustive()
    }
}
