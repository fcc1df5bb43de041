//! The challenge a node need not remember: a MAC over the whole transcript.

use std::fmt;

use bulla_core::{ChallengeTag, domain};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{LoginError, LoginTranscript};

/// How long a challenge is good in milliseconds (LOGIN-5).
pub const CHALLENGE_LIFETIME_MS: u64 = 60_000;
/// How far ahead of the clock that judges it a challenge may be, in milliseconds: nodes that share a challenge key do not
/// share a clock (LOGIN-5).
const CHALLENGE_LEAD_MS: u64 = 5_000;

/// The key of a node's challenge tags. Nodes that share a store share it.
///
/// A flood of logins costs the node no memory: it gives out a tag over keys, nonces, origin, spaces and time, and
/// recognises its own tag when it comes back.
pub struct ChallengeKey(Zeroizing<[u8; 32]>);

impl ChallengeKey {
    /// The key derived from a secret of 32 bytes (LOGIN-5).
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(domain::LOGIN_CHALLENGE, secret)))
    }

    /// The tag for a transcript.
    #[must_use]
    pub fn tag(&self, transcript: &LoginTranscript) -> ChallengeTag {
        ChallengeTag(blake3::keyed_hash(&self.0, &transcript.to_bytes()).into())
    }

    /// Checks that this tag was given out for this transcript, not longer ago than [`CHALLENGE_LIFETIME_MS`]. `now_ms`
    /// is in milliseconds since 1970, by the clock that `challenge_ms` was taken from.
    ///
    /// A tag is good once: after a valid signature by a member the caller keeps it until
    /// `challenge_ms + CHALLENGE_LIFETIME_MS` and refuses it meanwhile (LOGIN-7).
    ///
    /// # Errors
    ///
    /// [`LoginError::Challenge`], compared in constant time, before [`LoginError::Expired`].
    pub fn check(
        &self,
        transcript: &LoginTranscript,
        tag: &ChallengeTag,
        now_ms: u64,
    ) -> Result<(), LoginError> {
        if !bool::from(self.tag(transcript).0.ct_eq(&tag.0)) {
            return Err(LoginError::Challenge);
        }
        // A challenge from far ahead means that the clock went back; its age is unknown, so it counts as too old.
        let (issued, lead) = (transcript.challenge_ms, CHALLENGE_LEAD_MS);
        let is_good = now_ms.saturating_sub(issued) <= CHALLENGE_LIFETIME_MS
            && issued.saturating_sub(now_ms) <= lead;
        if is_good { Ok(()) } else { Err(LoginError::Expired) }
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeKey(..)")
    }
}
