//! The iterative canonical check that runs before anything else looks at bytes.

use super::{CborError, CborErrorKind as Kind};
use crate::limits::MAX_CBOR_DEPTH;

/// Checks that `bytes` are exactly one canonical item.
///
/// # Errors
///
/// The first rule broken, in the order of the bytes.
pub fn check(bytes: &[u8]) -> Result<(), CborError> {
    let end = Checker { all_there: true, ..Checker::new() }.advance(bytes)?;
    if end == bytes.len() { Ok(()) } else { Err(CborError { kind: Kind::Trailing, offset: end }) }
}

/// Checks that `bytes` begin with one canonical item and returns its length in bytes. Others may follow, so a count alone
/// does not say that an item is cut (WIRE-11).
///
/// # Errors
///
/// The first rule broken, in the order of the bytes. [`Kind::Truncated`] means that more bytes might mend it.
pub fn check_prefix(bytes: &[u8]) -> Result<usize, CborError> {
    Checker::new().advance(bytes)
}

/// The check over bytes that arrive in pieces: it goes on where it stopped and never looks at an item twice. What is at
/// fault is known as soon as its own bytes are there, whatever the counts around it announce (WIRE-11).
#[derive(Debug, Clone, Default)]
pub struct Checker {
    // What is open: items still to come and, for a map, the last key seen. Fixed size: no recursion, no allocation.
    open: [Level; MAX_CBOR_DEPTH],
    depth: usize,
    position: usize,
    // Whether no more bytes will come; only then can a count be greater than what is left (CBOR-2).
    all_there: bool,
}

impl Checker {
    /// A check at the start of an item.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the item that `bytes` begin with, and returns its length once it is complete. Every call is given
    /// all bytes of the item so far.
    ///
    /// # Errors
    ///
    /// The first rule broken, in the order of the bytes. After [`Kind::Truncated`], and only then, the check may be
    /// tried again with more bytes.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, CborError> {
        loop {
            let start = self.position;
            let fail = |kind| Err(CborError { kind, offset: start });
            let (major, argument, mut position) = head(bytes, start)?;

            if let Some(level) = self.depth.checked_sub(1).and_then(|top| self.open.get_mut(top))
                && level.is_map
                && level.remaining % 2 == 0
            {
                // A key is an integer, so nothing below can stop short and come here with the same key again.
                let ascending = level.last_key.is_none_or(|last| argument > last);
                if major != 0 || !ascending {
                    return fail(Kind::MapKeys);
                }
                level.last_key = Some(argument);
            }

            match major {
                0 | 7 => {}
                2 | 3 => {
                    let length = usize::try_from(argument).ok();
                    let end = length
                        .and_then(|n| position.checked_add(n))
                        .filter(|end| *end <= bytes.len());
                    let Some(body) = end.and_then(|end| bytes.get(position..end)) else {
                        return fail(Kind::Truncated);
                    };
                    if major == 3 && std::str::from_utf8(body).is_err() {
                        return fail(Kind::Utf8);
                    }
                    position += body.len();
                }
                4 | 5 => {
                    // No input holds 2^63 pairs; beyond that only an even number matters, to tell keys from values.
                    let remaining =
                        if major == 5 { argument.min(u64::MAX / 2) * 2 } else { argument };
                    // An item takes a byte at least: a longer count than there are bytes can only be cut short.
                    let left = bytes.len() - position;
                    let Some(level) = self.open.get_mut(self.depth) else {
                        return fail(Kind::Depth);
                    };
                    if self.all_there && usize::try_from(remaining).map_or(true, |n| n > left) {
                        return fail(Kind::Truncated);
                    }
                    *level = Level { remaining, is_map: major == 5, last_key: None };
                    self.depth += 1;
                }
                _ => return fail(Kind::Type),
            }
            self.position = position;

            // The item is finished unless it opened a level; finished items close the levels they complete.
            let opened = matches!(major, 4 | 5);
            let mut finished = !opened;
            while let Some(level) = self.depth.checked_sub(1).and_then(|top| self.open.get_mut(top))
            {
                if finished {
                    level.remaining -= 1;
                }
                if level.remaining > 0 {
                    break;
                }
                self.depth -= 1;
                finished = true;
            }
            if self.depth == 0 {
                return Ok(self.position);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Level {
    remaining: u64,
    is_map: bool,
    last_key: Option<u64>,
}

/// Reads the head of one item at `start`: major type, argument and the offset after it.
pub(super) fn head(bytes: &[u8], start: usize) -> Result<(u8, u64, usize), CborError> {
    let fail = |kind| CborError { kind, offset: start };
    let first = *bytes.get(start).ok_or(fail(Kind::Truncated))?;
    let (major, low) = (first >> 5, first & 0x1f);
    if major == 7 {
        // false, true and null; everything else of this major type is a float, a break or another simple value.
        return match low {
            20..=22 => Ok((7, u64::from(low), start + 1)),
            31 => Err(fail(Kind::Indefinite)),
            _ => Err(fail(Kind::Type)),
        };
    }
    if matches!(major, 1 | 6) {
        return Err(fail(Kind::Type));
    }
    let (argument, size) = match low {
        0..=23 => return Ok((major, u64::from(low), start + 1)),
        24 => (big_endian::<1>(bytes, start + 1), 1),
        25 => (big_endian::<2>(bytes, start + 1), 2),
        26 => (big_endian::<4>(bytes, start + 1), 4),
        27 => (big_endian::<8>(bytes, start + 1), 8),
        31 if matches!(major, 2..=5) => return Err(fail(Kind::Indefinite)),
        _ => return Err(fail(Kind::Type)),
    };
    let argument = argument.ok_or(fail(Kind::Truncated))?;
    let smallest = match size {
        1 => 24,
        2 => 1 << 8,
        4 => 1 << 16,
        _ => 1 << 32,
    };
    if argument < smallest {
        return Err(fail(Kind::NotShortest));
    }
    Ok((major, argument, start + 1 + size))
}

fn big_endian<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let slice = bytes.get(at..at.checked_add(N)?)?;
    Some(slice.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}
