//! The iterative canonical check that runs before anything else looks at bytes.

use super::{CborError, CborErrorKind as Kind};
use crate::limits::MAX_CBOR_DEPTH;

/// Checks that `bytes` are exactly one canonical item.
///
/// # Errors
///
/// The first rule broken, in the order of the bytes.
pub fn check(bytes: &[u8]) -> Result<(), CborError> {
    let end = check_prefix(bytes)?;
    if end == bytes.len() { Ok(()) } else { Err(CborError { kind: Kind::Trailing, offset: end }) }
}

/// Checks that `bytes` begin with one canonical item and returns its length in bytes.
///
/// # Errors
///
/// The first rule broken, in the order of the bytes. [`Kind::Truncated`] means that more bytes might mend it.
pub fn check_prefix(bytes: &[u8]) -> Result<usize, CborError> {
    // What is open: items still to come and, for a map, the last key seen. Fixed size: no recursion, no allocation.
    let mut open = [Level::default(); MAX_CBOR_DEPTH];
    let mut depth = 0_usize;
    let mut position = 0_usize;
    loop {
        let start = position;
        let fail = |kind| Err(CborError { kind, offset: start });
        let (major, argument, next) = head(bytes, start)?;
        position = next;

        if let Some(level) = depth.checked_sub(1).and_then(|top| open.get_mut(top))
            && level.is_map
            && level.remaining % 2 == 0
        {
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
                let end =
                    length.and_then(|n| position.checked_add(n)).filter(|end| *end <= bytes.len());
                let Some(body) = end.and_then(|end| bytes.get(position..end)) else {
                    return fail(Kind::Truncated);
                };
                if major == 3 && std::str::from_utf8(body).is_err() {
                    return fail(Kind::Utf8);
                }
                position += body.len();
            }
            4 | 5 => {
                let remaining = if major == 5 { argument.checked_mul(2) } else { Some(argument) };
                // An item takes a byte at least: a longer count than there are bytes can only be cut short.
                let remaining = remaining
                    .filter(|n| usize::try_from(*n).is_ok_and(|n| n <= bytes.len() - position));
                let Some(remaining) = remaining else { return fail(Kind::Truncated) };
                let Some(level) = open.get_mut(depth) else { return fail(Kind::Depth) };
                *level = Level { remaining, is_map: major == 5, last_key: None };
                depth += 1;
            }
            _ => return fail(Kind::Type),
        }

        // The item is finished unless it opened a level; finished items close the levels they complete.
        let opened = matches!(major, 4 | 5);
        let mut finished = !opened;
        while let Some(level) = depth.checked_sub(1).and_then(|top| open.get_mut(top)) {
            if finished {
                level.remaining -= 1;
            }
            if level.remaining > 0 {
                break;
            }
            depth -= 1;
            finished = true;
        }
        if depth == 0 {
            return Ok(position);
        }
    }
}

#[derive(Clone, Copy, Default)]
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
