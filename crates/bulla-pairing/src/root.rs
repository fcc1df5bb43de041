//! What everything secret about an invitation is derived from (PAIR-10, PAIR-11, PAIR-21, PAIR-41).

use bulla_core::{AuthorKey, InvitationId, SpaceId, domain};
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of an invitation's secret (PAIR-10).
pub(crate) const SECRET_BYTES: usize = 16;
/// The secret of an invitation, where it stays for as long as it lives: what is moved, as by a list that grows, leaves a copy
/// behind that nobody wipes.
pub(crate) type Secret = Box<Zeroizing<[u8; SECRET_BYTES]>>;
/// Bytes of a message's salt (PAIR-20).
pub(crate) const SALT_BYTES: usize = 24;
const ROOT_BYTES: usize = 64;

/// The device that made an invitation: the first 16 bytes of a hash of its key, to keep the QR code small (PAIR-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inviter(pub(crate) [u8; 16]);

impl Inviter {
    pub(crate) fn of(author: &AuthorKey) -> Self {
        let hash = blake3::derive_key(domain::INVITER, &author.0);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(bytes)
    }
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Joiner,
    Approver,
}

impl Side {
    /// Whose the message of this number is: odd ones are the joiner's (PAIR-20).
    pub(crate) const fn of_message(number: u8) -> Self {
        if number % 2 == 1 { Self::Joiner } else { Self::Approver }
    }

    const fn context(self) -> &'static str {
        match self {
            Self::Joiner => domain::PAIRING_JOINER_KEY,
            Self::Approver => domain::PAIRING_APPROVER_KEY,
        }
    }
}

/// `secret ‖ space ‖ inviter`, so that an invitation whose space or inviter was altered opens nothing (PAIR-11).
#[derive(Clone)]
pub(crate) struct Root(Zeroizing<[u8; ROOT_BYTES]>);

impl Root {
    pub(crate) fn new(secret: &[u8; SECRET_BYTES], space: &SpaceId, inviter: &Inviter) -> Self {
        let mut root = Zeroizing::new([0; ROOT_BYTES]);
        let parts = secret.iter().chain(&space.0).chain(&inviter.0);
        root.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        Self(root)
    }

    pub(crate) fn id(&self) -> InvitationId {
        InvitationId(blake3::derive_key(domain::INVITATION_ID, self.0.as_slice()))
    }

    /// The key of one message, after these messages (PAIR-21).
    pub(crate) fn message_key(
        &self,
        side: Side,
        history: &[u8; 32],
        salt: &[u8; SALT_BYTES],
    ) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(side.context());
        hasher.update(self.0.as_slice()).update(history).update(salt);
        let key = Zeroizing::new(hasher.finalize().into());
        hasher.zeroize();
        key
    }

    /// The salt of a message with this content, after these messages: random as long as the random bytes are, and with
    /// repeated ones still another for another content or place (PAIR-21).
    pub(crate) fn salt(
        &self,
        history: &[u8; 32],
        random: &[u8; 32],
        content: &[u8],
    ) -> [u8; SALT_BYTES] {
        let mut hasher = blake3::Hasher::new_derive_key(domain::PAIRING_SALT);
        hasher.update(self.0.as_slice()).update(history).update(random).update(content);
        let mut salt = [0; SALT_BYTES];
        hasher.finalize_xof().fill(&mut salt);
        hasher.zeroize();
        salt
    }

    /// The seed of the mailbox key (PAIR-41).
    pub(crate) fn mailbox_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(domain::MAILBOX_KEY, self.0.as_slice()))
    }
}
