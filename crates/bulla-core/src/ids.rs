//! Identifiers and other fixed-length byte strings, one type each.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;

/// Text that is not the hexadecimal form of an identifier of this length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected {expected} hexadecimal digits for {} {what}, got {actual} characters",
    article(what)
)]
pub struct ParseIdError {
    what: &'static str,
    expected: usize,
    actual: usize,
}

/// "an entry id", "a space id".
fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// All bytes zero.
            pub const ZERO: Self = Self([0; $len]);

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Whether every byte is zero.
            #[must_use]
            pub fn is_zero(&self) -> bool {
                *self == Self::ZERO
            }

            /// The first eight hexadecimal digits, for logs.
            #[must_use]
            pub fn short(&self) -> String {
                let mut hex = HEX.encode(&self.0);
                hex.truncate(8);
                hex
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEX.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let fail = || ParseIdError { what: $what, expected: 2 * $len, actual: text.chars().count() };
                let bytes = HEX.decode(text.as_bytes()).map_err(|_| fail())?;
                bytes.as_slice().try_into().map(Self).map_err(|_| fail())
            }
        }
    };
}

byte_id! {
    /// The unit of replication and of trust, 32 bytes: the [`EntryId`] of the space's genesis entry.
    SpaceId, 32, "space id"
}
byte_id! {
    /// Names exactly one signed header, 32 bytes: BLAKE3 over the header digest and the signature (ENT-32).
    EntryId, 32, "entry id"
}
byte_id! {
    /// BLAKE3 of a header's bytes under its own context, 32 bytes (ENT-30).
    HeaderDigest, 32, "header digest"
}
byte_id! {
    /// BLAKE3 of a payload's ciphertext, 32 bytes (ENT-13).
    ContentHash, 32, "content hash"
}
byte_id! {
    /// A device's Ed25519 verifying key as the author of entries, 32 bytes, not yet known to be a usable key.
    AuthorKey, 32, "author key"
}
byte_id! {
    /// A node's Ed25519 verifying key, 32 bytes.
    NodeId, 32, "node key"
}
byte_id! {
    /// Collision-resistant commitment to the epoch key that sealed a payload, 32 bytes; zero for plaintext (KEY-5).
    KeyId, 32, "key id"
}
byte_id! {
    /// An opaque tag a relay can filter by and not read, 16 bytes; zero for none (ENT-8).
    Topic, 16, "topic"
}
byte_id! {
    /// Per-entry salt, 24 bytes (ENT-11).
    Salt, 24, "salt"
}
byte_id! {
    /// An Ed25519 signature, 64 bytes: R then s, both as in RFC 8032, section 5.1.6.
    Signature, 64, "signature"
}
byte_id! {
    /// Names one history of receipts, 16 random bytes (HEAD-2).
    Lineage, 16, "lineage"
}
byte_id! {
    /// A rolling hash over the ids of a store in receipt order, 32 bytes (LOG-1).
    LogHash, 32, "log hash"
}
byte_id! {
    /// The digest of a set of ids, 32 bytes, equal exactly for equal sets (SET-3).
    SetDigest, 32, "set digest"
}

byte_id! {
    /// A device's X25519 public key, 32 bytes: the little-endian u-coordinate of RFC 7748, section 5 (KEY-2).
    SealingKey, 32, "sealing key"
}
byte_id! {
    /// Names an invitation and reveals nothing of its secret, 32 bytes; zero for none (PAIR-11).
    InvitationId, 32, "invitation id"
}
byte_id! {
    /// Names a mailbox on a node: the Ed25519 verifying key of whoever may use it, 32 bytes (PAIR-41).
    MailboxAddress, 32, "mailbox address"
}
byte_id! {
    /// The Ed25519 verifying key by which a device or a node logs in, 32 bytes (LOGIN-1).
    PeerKey, 32, "peer key"
}
byte_id! {
    /// What each side of a login adds to make the transcript unique, 32 random bytes (LOGIN-1).
    LoginNonce, 32, "login nonce"
}
byte_id! {
    /// What a node gives out instead of remembering a login, 32 bytes (LOGIN-5).
    ChallengeTag, 32, "challenge tag"
}
byte_id! {
    /// Digest over the receipts and ids of one acknowledged batch, 32 bytes (ACK-2).
    AcknowledgedDigest, 32, "acknowledged digest"
}

impl From<AuthorKey> for PeerKey {
    fn from(key: AuthorKey) -> Self {
        Self(key.0)
    }
}

impl From<NodeId> for PeerKey {
    fn from(key: NodeId) -> Self {
        Self(key.0)
    }
}

impl EntryId {
    /// The id of the entry with this header digest and signature (ENT-32).
    #[must_use]
    pub fn compute(digest: &HeaderDigest, signature: &Signature) -> Self {
        let mut message = [0; HeaderDigest::LEN + Signature::LEN];
        let (first, second) = message.split_at_mut(HeaderDigest::LEN);
        first.copy_from_slice(&digest.0);
        second.copy_from_slice(&signature.0);
        Self(crate::derive::ENTRY_ID.hash(&message))
    }
}

impl From<EntryId> for SpaceId {
    /// The space that this entry founds, if it is a genesis.
    fn from(id: EntryId) -> Self {
        Self(id.0)
    }
}

impl From<SpaceId> for EntryId {
    /// The genesis entry of this space.
    fn from(space: SpaceId) -> Self {
        Self(space.0)
    }
}

impl ContentHash {
    /// The content hash of a payload ciphertext (ENT-13).
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(blake3::hash(payload).into())
    }
}
