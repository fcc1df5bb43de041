//! Commitments, the transcript and the code that people compare (PAIR-26, PAIR-27).

use std::fmt;

use bulla_core::{InvitationId, SpaceId, domain};
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use zeroize::{Zeroize as _, Zeroizing};

use crate::root::Side;

/// What makes a side's code unforeseeable: 32 bytes, committed to before the other side's is seen.
pub(crate) type PairingNonce = Zeroizing<[u8; 32]>;

/// Draws a nonce for a commitment that goes out after these messages (PAIR-26). It is random if the random bytes are. Where
/// they repeat themselves or somebody knows them, only the device can tell it, and another message before it gives another one:
/// who saw it once cannot come back and choose a nonce that fits.
pub(crate) fn draw_nonce(
    device: &DeviceKeys,
    history: &[u8; 32],
    randomness: &dyn Randomness,
) -> Result<PairingNonce, RandomnessError> {
    let mut random = Zeroizing::new([0; 32]);
    randomness.fill(random.as_mut())?;
    // The string at the front keeps this apart from salts, which come from the same secret (SEAL-3).
    let mut hasher = device.salt_secret().hasher();
    hasher.update(domain::PAIRING_NONCE.as_bytes()).update(random.as_ref()).update(history);
    let nonce = Zeroizing::new(hasher.finalize().into());
    hasher.zeroize();
    Ok(nonce)
}

/// The commitment of one side to its card and its nonce (PAIR-26).
pub(crate) fn commitment(
    invitation: &InvitationId,
    side: Side,
    card: &[u8],
    nonce: &[u8; 32],
) -> [u8; 32] {
    let side = match side {
        Side::Joiner => 1,
        Side::Approver => 2,
    };
    hash_of_parts(domain::PAIRING_COMMITMENT, &[&invitation.0, &[side], card, nonce])
}

/// Everything that both sides must agree on (PAIR-27).
#[derive(Debug)]
pub(crate) struct Transcript<'a> {
    pub(crate) space: &'a SpaceId,
    pub(crate) invitation: &'a InvitationId,
    pub(crate) joining_card: &'a [u8],
    pub(crate) label: &'a str,
    pub(crate) approver_card: &'a [u8],
    pub(crate) joiner_nonce: &'a [u8; 32],
    pub(crate) approver_nonce: &'a [u8; 32],
}

impl Transcript<'_> {
    pub(crate) fn code(&self) -> ShortCode {
        let hash = hash_of_parts(
            domain::PAIRING_CODE,
            &[
                &self.space.0,
                &self.invitation.0,
                self.joining_card,
                self.label.as_bytes(),
                self.approver_card,
                self.joiner_nonce,
                self.approver_nonce,
            ],
        );
        let [a, b, c, d, e, f, g, h, ..] = hash;
        ShortCode(u64::from_be_bytes([a, b, c, d, e, f, g, h]) % CODES)
    }
}

/// How many codes there are: 10^10, some 33 bits.
const CODES: u64 = 10_000_000_000;
/// Half of the digits, in the form of a divisor.
const GROUP: u64 = 100_000;

/// What people compare: ten decimal digits in two groups, `01234 56789` (PAIR-27).
///
/// The codes of the two devices are equal if nobody stands between them; whoever does has one guess in 10^10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortCode(u64);

impl ShortCode {
    /// Whether a person typed this code, with or without spaces and hyphens. To let people type the other device's code
    /// is safer than to ask them whether two codes are equal.
    #[must_use]
    pub fn is_typed(&self, text: &str) -> bool {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        digits == format!("{:010}", self.0)
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05} {:05}", self.0 / GROUP, self.0 % GROUP)
    }
}

/// A hash over parts, each with its length before it, so that no two lists of parts are the same bytes.
fn hash_of_parts(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        let length = u32::try_from(part.len()).expect("a part of a transcript is short");
        hasher.update(&length.to_be_bytes()).update(part);
    }
    hasher.finalize().into()
}
