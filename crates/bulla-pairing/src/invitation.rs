//! What a device is given to come into a space (PAIR-10 to PAIR-14).

#[cfg(feature = "qr")]
mod qr;

use std::str::FromStr;

use bulla_core::cbor::{CborError, CborErrorKind, Reader, Writer};
use bulla_core::{AuthorKey, Code, InvitationId, NodeId, SpaceId, domain};
use bulla_identity::{ArmourError, RandomnessError, armour, unarmour};
use zeroize::Zeroizing;

use crate::MailboxKey;
use crate::root::{Inviter, Root, Secret};

#[cfg(feature = "qr")]
pub use qr::{Background, QrCode};

/// Longest URL of a node in bytes (PAIR-10).
pub const MAX_NODE_BYTES: usize = 128;
/// Longest invitation in bytes (PAIR-10).
const MAX_BYTES: usize = 240;
/// Longest text of one after its prefix (PAIR-12).
const MAX_TEXT_BYTES: usize = 391;
const VERSION: u64 = 1;
const PREFIX: &str = "bulla-invite1-";
const MS_PER_MINUTE: u64 = 60_000;

/// An invitation into a space: `[version, space, inviter, secret, node, expiry]` (PAIR-10).
///
/// Its text is one line, `bulla-invite1-` and then base32, with a checksum (PAIR-12). It holds a secret: whoever has the
/// text can speak to the approver. Not `Clone`, wiped on drop, and `Debug` shows nothing secret.
pub struct Invitation {
    pub(crate) space: SpaceId,
    pub(crate) inviter: Inviter,
    pub(crate) secret: Secret,
    pub(crate) node: Option<MailboxNode>,
    pub(crate) expiry_minutes: u32,
}

/// The node at which a mailbox was opened: where it is, and the key that it must prove to have (PAIR-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxNode {
    /// Its URL: 1 to 128 printable ASCII characters without spaces.
    pub url: String,
    /// Its key.
    pub key: NodeId,
}

/// Why an invitation cannot be made, read or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// Not the text of an invitation (PAIR-12).
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// Not canonical CBOR of the right shape (PAIR-10).
    #[error("invitation is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (PAIR-10).
    #[error("unknown invitation version {0}")]
    Version(u64),
    /// A URL that is not 1 to 128 printable ASCII characters (PAIR-10).
    #[error("the address of a node is 1 to {MAX_NODE_BYTES} printable characters without spaces")]
    Node,
    /// This device made no such invitation, or forgot it (PAIR-32).
    #[error("this device knows no such invitation")]
    Unknown,
    /// It served before (PAIR-32).
    #[error("the invitation was used")]
    Used,
    /// It was cancelled (PAIR-32).
    #[error("the invitation was cancelled")]
    Cancelled,
    /// Its time is over by this device's clock, or has not begun (PAIR-31).
    #[error("the invitation has expired")]
    Expired,
    /// A device is already coming in with it (PAIR-29).
    #[error(
        "another device, or an earlier try, is using this invitation; cancel it and make a new one"
    )]
    InUse,
    /// As many invitations are open as a device keeps (PAIR-30).
    #[error("{} invitations are open; cancel one", crate::MAX_INVITATIONS)]
    TooMany,
    /// None lives that long, or for no time at all (PAIR-31).
    #[error("an invitation lives for more than 0 and at most {} ms", crate::MAX_LIFETIME_MS)]
    Lifetime,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl InvitationError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Armour(error) => return error.code(),
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "invitation.version",
            Self::Node => "invitation.node",
            Self::Unknown => "invitation.unknown",
            Self::Used => "invitation.used",
            Self::Cancelled => "invitation.cancelled",
            Self::Expired => "invitation.expired",
            Self::InUse => "invitation.in_use",
            Self::TooMany => "invitation.too_many",
            Self::Lifetime => "invitation.lifetime",
            Self::Randomness(_) => "invitation.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Armour(_) => "PAIR-12",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) | Self::Node => "PAIR-10",
            Self::Unknown | Self::Used | Self::Cancelled | Self::InUse => "PAIR-32",
            Self::Expired | Self::Lifetime => "PAIR-31",
            Self::TooMany => "PAIR-30",
            Self::Randomness(_) => return None,
        })
    }
}

impl Invitation {
    /// Reads an invitation. The order of the checks: length, canonical CBOR, version, shape, node (PAIR-13).
    ///
    /// # Errors
    ///
    /// [`InvitationError::Cbor`], [`InvitationError::Version`] or [`InvitationError::Node`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvitationError> {
        if bytes.len() > MAX_BYTES {
            return Err(Reader::error_at(0, CborErrorKind::Bounds).into());
        }
        let mut reader = Reader::versioned(bytes, VERSION, 6, InvitationError::Version)?;
        let space = SpaceId(reader.array_of()?);
        let inviter = Inviter(reader.array_of()?);
        let secret = Box::new(Zeroizing::new(reader.array_of()?));
        let node = MailboxNode::read(&mut reader, MAX_BYTES)?;
        let expiry_minutes = reader.u32(u32::MAX)?;
        reader.finish()?;
        check_node(node.as_ref())?;
        Ok(Self { space, inviter, secret, node, expiry_minutes })
    }

    /// The encoding (PAIR-10). It holds the secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Room for all at once, so that no grown buffer leaves a copy behind.
        let mut writer = Writer::with_capacity(MAX_BYTES);
        writer.array(6).uint(VERSION).bytes(self.space).bytes(self.inviter.0);
        writer.bytes(self.secret.as_slice());
        MailboxNode::write(self.node.as_ref(), &mut writer);
        writer.uint(u64::from(self.expiry_minutes));
        Zeroizing::new(writer.into_bytes())
    }

    /// The line of text to pass on (PAIR-12). It holds the secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(armour(PREFIX, domain::INVITATION_CHECKSUM, &self.to_bytes()))
    }

    /// The space it invites into.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.space
    }

    /// Its id, which is no secret: the card of the device that comes in, and so its grant, carries it (PAIR-11).
    #[must_use]
    pub fn id(&self) -> InvitationId {
        self.root().id()
    }

    /// The node where a mailbox was opened for it, as a hint.
    #[must_use]
    pub const fn node(&self) -> Option<&MailboxNode> {
        self.node.as_ref()
    }

    /// When it expires, in milliseconds since 1970, as a hint: the approver's device decides by its own clock.
    #[must_use]
    pub fn expiry_hint_ms(&self) -> u64 {
        u64::from(self.expiry_minutes) * MS_PER_MINUTE
    }

    /// Whether this device made it. That a card claims so is checked in the exchange.
    #[must_use]
    pub fn is_by(&self, author: &AuthorKey) -> bool {
        self.inviter == Inviter::of(author)
    }

    /// The key of its mailbox (PAIR-41).
    #[must_use]
    pub fn mailbox(&self) -> MailboxKey {
        MailboxKey::from_seed(&self.root().mailbox_seed())
    }

    pub(crate) const fn inviter(&self) -> Inviter {
        self.inviter
    }

    pub(crate) fn root(&self) -> Root {
        Root::new(&self.secret, &self.space, &self.inviter)
    }
}

impl MailboxNode {
    /// `[url, key]`, or `null` for none. A URL within `most` bytes and too long for its rule is refused by the rule.
    pub(crate) fn read(reader: &mut Reader<'_>, most: usize) -> Result<Option<Self>, CborError> {
        if reader.null() {
            return Ok(None);
        }
        reader.array_exact(2)?;
        let url = reader.text(most)?.to_owned();
        Ok(Some(Self { url, key: NodeId(reader.array_of()?) }))
    }

    pub(crate) fn write(node: Option<&Self>, writer: &mut Writer) {
        match node {
            Some(Self { url, key }) => writer.array(2).text(url).bytes(key),
            None => writer.null(),
        };
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        // A QR code holds the line in upper case, which takes less room there.
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Self::from_line(text);
        }
        if text.len() > PREFIX.len() + MAX_TEXT_BYTES {
            // Nothing is made of a text that is too long, not even a copy.
            let begins = text.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX));
            let error = if begins { ArmourError::TooLong } else { ArmourError::Prefix(PREFIX) };
            return Err(error.into());
        }
        let mut line = Zeroizing::new(text.to_owned());
        line.make_ascii_lowercase();
        Self::from_line(&line)
    }
}

impl Invitation {
    fn from_line(line: &str) -> Result<Self, InvitationError> {
        let bytes = unarmour(PREFIX, domain::INVITATION_CHECKSUM, line, MAX_BYTES)?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("space", &self.space)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// A URL is shown to people and put into requests, so it must not steer either (PAIR-10).
pub(crate) fn check_node(node: Option<&MailboxNode>) -> Result<(), InvitationError> {
    let fits = node.is_none_or(|MailboxNode { url, .. }| {
        (1..=MAX_NODE_BYTES).contains(&url.len()) && url.bytes().all(|b| b.is_ascii_graphic())
    });
    if fits { Ok(()) } else { Err(InvitationError::Node) }
}

/// The hint for an expiry, rounded up (PAIR-10); `None` beyond what it can say.
pub(crate) fn expiry_minutes(expires_ms: u64) -> Option<u32> {
    u32::try_from(expires_ms.div_ceil(MS_PER_MINUTE)).ok()
}
