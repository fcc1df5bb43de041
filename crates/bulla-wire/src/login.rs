//! The messages of a login (WIRE-20 to WIRE-24). What both sides sign is the transcript of chapter `keys.md` (LOGIN-1),
//! made by `bulla-identity`.
//!
//! The client asks for a challenge. The node signs the transcript, which proves its key, and remembers nothing. The
//! client signs the same transcript and sends everything back; it gets an opaque token.

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{ChallengeTag, LoginNonce, NodeId, PeerKey, Signature, SpaceId};

use crate::limits::{MAX_LOGIN_SPACES, MAX_ORIGIN_BYTES, TOKEN_BYTES};

/// Who wants to log in, where, and for which spaces (WIRE-20).
///
/// Encoded as `[client key, client nonce, origin, spaces]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeRequest {
    /// The client's Ed25519 verifying key: a device's, or a node's towards its upstream.
    pub client: PeerKey,
    /// 32 fresh random bytes.
    pub nonce: LoginNonce,
    /// The address the client believes it talks to: scheme, `://`, host, and `:port` unless it is the default of the
    /// scheme; 1 to 256 printable ASCII characters.
    pub origin: String,
    /// The spaces it wants to use, strictly ascending, at most 256; none for all it may use.
    pub spaces: Vec<SpaceId>,
}

/// The node's proof of its key, and what to sign (WIRE-21).
///
/// Encoded as `[node key, node nonce, time, tag, signature]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeAnswer {
    /// The node's key.
    pub node: NodeId,
    /// 32 random bytes of the node.
    pub nonce: LoginNonce,
    /// The node's time in milliseconds since 1970, part of the transcript.
    pub challenge_ms: u64,
    /// The node's own mark on the transcript, to be sent back (LOGIN-5).
    pub tag: ChallengeTag,
    /// The node's signature over the transcript, under the responder's domain (LOGIN-3).
    pub signature: Signature,
}

/// The signed login (WIRE-22).
///
/// Encoded as `[challenge request, node nonce, time, tag, signature]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// As sent for the challenge.
    pub request: ChallengeRequest,
    /// The node's nonce, as received.
    pub nonce: LoginNonce,
    /// The node's time, as received.
    pub challenge_ms: u64,
    /// The node's mark, as received.
    pub tag: ChallengeTag,
    /// The client's signature over the transcript, under the initiator's domain (LOGIN-4).
    pub signature: Signature,
}

/// The token (WIRE-23). Encoded as `[token, lifetime in milliseconds]`.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAnswer {
    /// The opaque token. A secret.
    pub token: [u8; TOKEN_BYTES],
    /// How long it is good for, in milliseconds from now.
    pub valid_ms: u64,
}

impl std::fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAnswer").field("valid_ms", &self.valid_ms).finish_non_exhaustive()
    }
}

impl Encode for ChallengeRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.array(4).bytes(self.client).bytes(self.nonce).text(&self.origin);
        writer.array(self.spaces.len());
        for space in &self.spaces {
            writer.bytes(space);
        }
    }
}

impl Decode for ChallengeRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(4)?;
        let client = PeerKey(reader.array_of()?);
        let nonce = LoginNonce(reader.array_of()?);
        let start = reader.position();
        let origin = reader.text(MAX_ORIGIN_BYTES)?;
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let spaces = ascending_spaces(reader, MAX_LOGIN_SPACES)?;
        Ok(Self { client, nonce, origin: origin.to_owned(), spaces })
    }
}

impl Encode for ChallengeAnswer {
    fn encode(&self, writer: &mut Writer) {
        writer.array(5).bytes(self.node).bytes(self.nonce).uint(self.challenge_ms);
        writer.bytes(self.tag).bytes(self.signature);
    }
}

impl Decode for ChallengeAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        Ok(Self {
            node: NodeId(reader.array_of()?),
            nonce: LoginNonce(reader.array_of()?),
            challenge_ms: reader.uint(MAX_COUNTER)?,
            tag: ChallengeTag(reader.array_of()?),
            signature: Signature(reader.array_of()?),
        })
    }
}

impl Encode for LoginRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.array(5);
        self.request.encode(writer);
        writer.bytes(self.nonce).uint(self.challenge_ms).bytes(self.tag).bytes(self.signature);
    }
}

impl Decode for LoginRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        Ok(Self {
            request: ChallengeRequest::decode(reader)?,
            nonce: LoginNonce(reader.array_of()?),
            challenge_ms: reader.uint(MAX_COUNTER)?,
            tag: ChallengeTag(reader.array_of()?),
            signature: Signature(reader.array_of()?),
        })
    }
}

impl Encode for LoginAnswer {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(self.token).uint(self.valid_ms);
    }
}

impl Decode for LoginAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        Ok(Self { token: reader.array_of()?, valid_ms: reader.uint(MAX_COUNTER)? })
    }
}

/// An array of at most `most` space ids, strictly ascending.
pub(crate) fn ascending_spaces(
    reader: &mut Reader<'_>,
    most: usize,
) -> Result<Vec<SpaceId>, CborError> {
    let start = reader.position();
    let count = reader.array(most)?;
    let mut spaces = Vec::with_capacity(count);
    for _ in 0..count {
        spaces.push(SpaceId(reader.array_of()?));
    }
    if spaces.is_sorted_by(|a, b| a < b) {
        Ok(spaces)
    } else {
        Err(Reader::error_at(start, CborErrorKind::Bounds))
    }
}
