//! How two peers prove themselves to each other: both sign one transcript (chapter `keys.md`, LOGIN-1 to LOGIN-9).
//!
//! 1. The initiator sends its key, a nonce, the origin it thinks it talks to and the spaces it asks for.
//! 2. The responder adds its key, a nonce and the time, signs the transcript, and gives a [tag](ChallengeKey) over it
//!    instead of remembering anything.
//! 3. The initiator checks that the expected node signed, signs the same transcript under its own domain string, and
//!    sends everything back with the tag.
//! 4. The responder checks origin, tag, age and signature, in this order.
//!
//! A man in the middle who passes a challenge on fails: the transcript names the responder's key and the origin.

mod challenge;

use bulla_core::verify::{SignatureError, verify_signature};
use bulla_core::{Code, LoginNonce, NodeId, PeerKey, Signature, SpaceId, domain};

pub use challenge::{CHALLENGE_LIFETIME_MS, ChallengeKey};

/// Most spaces one login may ask for (LOGIN-1).
pub const MAX_LOGIN_SPACES: usize = 256;
/// Longest origin in bytes (LOGIN-1).
pub const MAX_ORIGIN_BYTES: usize = 256;

/// Why a login fails. [`Origin`](Self::Origin), [`Spaces`](Self::Spaces) and [`Identity`](Self::Identity) are for the
/// caller to mend; after [`Expired`](Self::Expired) and [`Challenge`](Self::Challenge) ask for a new challenge;
/// [`Signature`](Self::Signature) is the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The origin is empty, too long or has characters outside printable ASCII (LOGIN-1).
    #[error("origin must be 1 to {MAX_ORIGIN_BYTES} printable ASCII characters")]
    Origin,
    /// The spaces are not strictly ascending or are too many (LOGIN-1).
    #[error("spaces must be strictly ascending and at most {MAX_LOGIN_SPACES}")]
    Spaces,
    /// The transcript names another key than the one that is to sign it (LOGIN-6).
    #[error("the transcript names another key")]
    Identity,
    /// The tag was not given out for this transcript (LOGIN-5).
    #[error("the challenge was not given out for this login")]
    Challenge,
    /// The challenge is too old, or its time lies ahead (LOGIN-5).
    #[error("the challenge has expired")]
    Expired,
    /// The other side's signature does not hold (LOGIN-3, LOGIN-4).
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl LoginError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Origin => "login.origin",
            Self::Spaces => "login.spaces",
            Self::Identity => "login.identity",
            Self::Challenge => "login.challenge",
            Self::Expired => "login.expired",
            Self::Signature(_) => "login.signature",
        })
    }

    /// The clause of the spec that refuses this. A signature is judged by LOGIN-3 when it is the responder's and by
    /// LOGIN-4 when it is the initiator's; both go by VER-5.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Origin | Self::Spaces => "LOGIN-1",
            Self::Identity => "LOGIN-6",
            Self::Challenge | Self::Expired => "LOGIN-5",
            Self::Signature(_) => "VER-5",
        }
    }
}

/// What the link itself says about where it ends (LOGIN-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The node's address as the initiator knows it, such as `https://node.example:7440`; 1 to 256 printable ASCII
    /// characters. For links inside TLS, and plain ones on loopback.
    Address(String),
    /// The handshake hash of the encrypted session that carries the login, 32 bytes.
    Handshake([u8; 32]),
}

/// What both sides of a login sign (LOGIN-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTranscript {
    initiator: PeerKey,
    responder: NodeId,
    origin: Origin,
    spaces: Vec<SpaceId>,
    initiator_nonce: LoginNonce,
    responder_nonce: LoginNonce,
    challenge_ms: u64,
}

impl LoginTranscript {
    /// A transcript. `spaces` are strictly ascending and may be none; `challenge_ms` is the responder's time in
    /// milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`LoginError::Origin`] or [`LoginError::Spaces`].
    pub fn new(
        initiator: PeerKey,
        responder: NodeId,
        origin: Origin,
        spaces: Vec<SpaceId>,
        nonces: LoginNonces,
        challenge_ms: u64,
    ) -> Result<Self, LoginError> {
        if let Origin::Address(text) = &origin {
            let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
            if text.is_empty() || text.len() > MAX_ORIGIN_BYTES || !printable {
                return Err(LoginError::Origin);
            }
        }
        if spaces.len() > MAX_LOGIN_SPACES || !spaces.is_sorted_by(|a, b| a < b) {
            return Err(LoginError::Spaces);
        }
        let LoginNonces { initiator: initiator_nonce, responder: responder_nonce } = nonces;
        Ok(Self {
            initiator,
            responder,
            origin,
            spaces,
            initiator_nonce,
            responder_nonce,
            challenge_ms,
        })
    }

    /// Who logs in.
    #[must_use]
    pub const fn initiator(&self) -> PeerKey {
        self.initiator
    }

    /// Who answers.
    #[must_use]
    pub const fn responder(&self) -> NodeId {
        self.responder
    }

    /// Where the initiator thinks it talks to.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The spaces asked for, strictly ascending.
    #[must_use]
    pub fn spaces(&self) -> &[SpaceId] {
        &self.spaces
    }

    /// When the challenge was given out, milliseconds since 1970 by the responder's clock.
    #[must_use]
    pub const fn challenge_ms(&self) -> u64 {
        self.challenge_ms
    }

    /// The transcript in bytes: seven parts in the order of LOGIN-2, each after its length as 4 bytes big-endian. The
    /// origin begins with a byte that tells an address (1) from a handshake hash (2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let origin = match &self.origin {
            Origin::Address(text) => [&[1], text.as_bytes()].concat(),
            Origin::Handshake(hash) => [&[2], hash.as_slice()].concat(),
        };
        let spaces: Vec<u8> = self.spaces.iter().flat_map(|space| space.0).collect();
        let parts: [&[u8]; 7] = [
            &self.initiator.0,
            &self.responder.0,
            &origin,
            &spaces,
            &self.initiator_nonce.0,
            &self.responder_nonce.0,
            &self.challenge_ms.to_be_bytes(),
        ];
        let mut bytes = Vec::with_capacity(256 + spaces.len() + origin.len());
        for part in parts {
            // At most 8 KiB, by the bounds of `new`.
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// The bytes that the initiator signs: its domain string, then the digest of the transcript (LOGIN-4).
    #[must_use]
    pub fn initiator_message(&self) -> Vec<u8> {
        [domain::SIGN_LOGIN_INITIATOR, &self.digest()].concat()
    }

    /// The bytes that the responder signs: its domain string, then the digest of the transcript (LOGIN-3).
    #[must_use]
    pub fn responder_message(&self) -> Vec<u8> {
        [domain::SIGN_LOGIN_RESPONDER, &self.digest()].concat()
    }

    /// Checks that the initiator named in the transcript signed it.
    ///
    /// # Errors
    ///
    /// [`LoginError::Signature`].
    pub fn verify_initiator(&self, signature: &Signature) -> Result<(), LoginError> {
        Ok(verify_signature(&self.initiator.0, &self.initiator_message(), signature)?)
    }

    /// Checks that the responder named in the transcript signed it. Whether that is the node expected is for the caller,
    /// who puts the key it expects into the transcript.
    ///
    /// # Errors
    ///
    /// [`LoginError::Signature`].
    pub fn verify_responder(&self, signature: &Signature) -> Result<(), LoginError> {
        Ok(verify_signature(&self.responder.0, &self.responder_message(), signature)?)
    }

    fn digest(&self) -> [u8; 32] {
        blake3::derive_key(domain::LOGIN_TRANSCRIPT, &self.to_bytes())
    }
}

/// What each side adds to make the transcript unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginNonces {
    /// From the one who logs in.
    pub initiator: LoginNonce,
    /// From the one who answers.
    pub responder: LoginNonce,
}

/// Who can log in: a device, or a node at its upstream.
pub trait Initiator: std::fmt::Debug + Send + Sync {
    /// The key by which the other side knows this one.
    fn peer_key(&self) -> PeerKey;

    /// Signs a transcript as its initiator (LOGIN-4). Call it only after
    /// [`verify_responder`](LoginTranscript::verify_responder).
    ///
    /// # Errors
    ///
    /// [`LoginError::Identity`] when the transcript names another initiator.
    fn sign_login(&self, transcript: &LoginTranscript) -> Result<Signature, LoginError>;
}
