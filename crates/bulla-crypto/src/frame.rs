//! What is encrypted: the plaintext behind its length, and zeros that hide that length (chapter `sealing.md`, PAD-1 to
//! PAD-4).

use bulla_core::Code;
use bulla_core::limits::{MAX_PAYLOAD_BYTES, MIN_SEALED_BYTES};
use zeroize::Zeroizing;

/// Bytes before the plaintext: version, content coding, length (PAD-1).
pub const FRAME_BYTES: usize = 6;
/// Longest framed plaintext in bytes: with its tag it fills the longest payload (SEAL-6).
pub const MAX_FRAMED_BYTES: usize = MAX_PAYLOAD_BYTES - MIN_SEALED_BYTES;
/// Longest plaintext of one entry in bytes. Larger content is chunked, see [`manifest`](crate::manifest).
pub const MAX_PLAINTEXT_BYTES: usize = MAX_FRAMED_BYTES - FRAME_BYTES;

const VERSION: u8 = 1;
/// The only content coding: none. Compression beside secrets tells about them.
const IDENTITY: u8 = 0;

/// How many zeros follow the plaintext (PAD-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// Up to the next size of Padmé: at most 12 % more, and the size tells O(log log) bits of the length.
    #[default]
    Padme,
    /// None: the size tells the length to the byte.
    None,
    /// Up to this many framed bytes, if it is more than there are.
    Framed(usize),
}

/// Why what was encrypted is not a framed plaintext. Its author is at fault; the key was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Shorter than a frame, or than the length it tells (PAD-4).
    #[error("framed plaintext is cut")]
    Truncated,
    /// An unknown version (PAD-1).
    #[error("unknown frame version {0}")]
    Version(u8),
    /// An unknown content coding (PAD-1).
    #[error("unknown content coding {0}")]
    Coding(u8),
    /// Padding that is not zero (PAD-4).
    #[error("padding is not zero")]
    Padding,
}

impl FrameError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Truncated => "frame.truncated",
            Self::Version(_) => "frame.version",
            Self::Coding(_) => "frame.coding",
            Self::Padding => "frame.padding",
        })
    }
}

/// The size that Padmé gives a message of `length` bytes (PAD-3; Nikitin et al., "Reducing Metadata Leakage from Encrypted
/// Files and Communication with PURBs", section 4.3).
#[must_use]
pub fn padme(length: u64) -> u64 {
    let Some(exponent) = length.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return length;
    };
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1_u64 << exponent.saturating_sub(kept_bits)) - 1;
    length.checked_add(mask).map_or(length, |sum| sum & !mask)
}

/// Frames a plaintext; `None` when it is too long. Leaves room for the tag.
pub(crate) fn frame(plaintext: &[u8], padding: Padding) -> Option<Vec<u8>> {
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        return None;
    }
    let length = FRAME_BYTES + plaintext.len();
    let padded = match padding {
        Padding::Padme => usize::try_from(padme(length as u64)).unwrap_or(length),
        Padding::None => length,
        Padding::Framed(framed) => framed,
    };
    let padded = padded.clamp(length, MAX_FRAMED_BYTES);
    let mut framed = Vec::with_capacity(padded + MIN_SEALED_BYTES);
    framed.extend_from_slice(&[VERSION, IDENTITY]);
    framed.extend_from_slice(&u32::try_from(plaintext.len()).ok()?.to_be_bytes());
    framed.extend_from_slice(plaintext);
    framed.resize(padded, 0);
    Some(framed)
}

/// Takes the plaintext out of its frame, in place.
pub(crate) fn unframe(mut framed: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let (version, coding, length) = match framed.as_slice() {
        [version, coding, a, b, c, d, ..] => {
            (*version, *coding, u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => return Err(FrameError::Truncated),
    };
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    if coding != IDENTITY {
        return Err(FrameError::Coding(coding));
    }
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(FRAME_BYTES));
    let end = end.ok_or(FrameError::Truncated)?;
    let padding = framed.get(end..).ok_or(FrameError::Truncated)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(FrameError::Padding);
    }
    framed.truncate(end);
    framed.drain(..FRAME_BYTES);
    Ok(framed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padme_is_the_published_function() {
        // Exponent, bits kept and result by hand.
        let cases = [
            (0, 0),
            (1, 1),
            (2, 2),
            (8, 8),
            (9, 10),
            (100, 104),
            (1024, 1024),
            (1025, 1088),
            (1_000_000, 1_015_808),
        ];
        for (length, expected) in cases {
            assert_eq!(padme(length), expected, "{length}");
        }
        assert_eq!(padme(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_longest_plaintext_fits_and_one_byte_more_does_not() {
        for padding in [Padding::Padme, Padding::None, Padding::Framed(usize::MAX)] {
            assert_eq!(
                frame(&vec![1; MAX_PLAINTEXT_BYTES], padding).unwrap().len(),
                MAX_FRAMED_BYTES
            );
            assert!(frame(&vec![1; MAX_PLAINTEXT_BYTES + 1], padding).is_none());
        }
    }

    #[test]
    fn bad_frames_are_told_apart() {
        let good = frame(b"abc", Padding::Framed(16)).unwrap();
        let with = |position: usize, byte: u8| {
            let mut framed = good.clone();
            framed[position] = byte;
            unframe(Zeroizing::new(framed)).unwrap_err()
        };
        assert_eq!(with(0, 2), FrameError::Version(2));
        assert_eq!(with(1, 1), FrameError::Coding(1));
        assert_eq!(with(2, 255), FrameError::Truncated);
        assert_eq!(with(5, 11), FrameError::Truncated);
        assert_eq!(with(5, 2), FrameError::Padding);
        assert_eq!(with(15, 1), FrameError::Padding);
        for length in 0..FRAME_BYTES + 3 {
            let cut = Zeroizing::new(good[..length].to_vec());
            assert_eq!(unframe(cut).unwrap_err(), FrameError::Truncated);
        }
    }

    proptest! {
        #[test]
        fn unframe_inverts_frame(plaintext in prop::collection::vec(any::<u8>(), 0..3000), to in 0..4000_usize) {
            for padding in [Padding::Padme, Padding::None, Padding::Framed(to)] {
                let framed = frame(&plaintext, padding).unwrap();
                let again = unframe(Zeroizing::new(framed)).unwrap();
                prop_assert_eq!(again.as_slice(), plaintext.as_slice());
            }
        }

        #[test]
        fn padme_costs_at_most_twelve_percent(length in 1..u64::MAX / 2) {
            let padded = padme(length);
            prop_assert!(padded >= length);
            prop_assert!(u128::from(padded - length) * 100 <= u128::from(length) * 12);
            prop_assert_eq!(padme(padded), padded);
        }
    }
}
