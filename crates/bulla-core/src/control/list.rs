//! What all lists of control payloads keep: bounded counts, no zeros, ascending order (CTL-4).

use super::ControlError;
use crate::cbor::{CborErrorKind, Encode, Reader, Writer};
use crate::limits::MAX_COUNTER;
use crate::{AuthorKey, EntryId};

/// Reads an array of at most `max` elements. Memory grows with the elements that are there, not with the count alone.
pub(super) fn read_list<T>(
    reader: &mut Reader<'_>,
    max: usize,
    mut element: impl FnMut(&mut Reader<'_>) -> Result<T, ControlError>,
) -> Result<Vec<T>, ControlError> {
    let count = reader.array(max)?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(element(reader)?);
    }
    Ok(list)
}

/// Reads an array of at most `max` ids.
pub(super) fn read_ids(reader: &mut Reader<'_>, max: usize) -> Result<Vec<EntryId>, ControlError> {
    read_list(reader, max, |reader| Ok(EntryId(reader.array_of()?)))
}

/// Reads a device: the 32 bytes of its Ed25519 key.
pub(super) fn read_device(reader: &mut Reader<'_>) -> Result<AuthorKey, ControlError> {
    Ok(AuthorKey(reader.array_of()?))
}

/// Reads a sequence: 1 to 2^63 - 1.
pub(super) fn read_sequence(reader: &mut Reader<'_>) -> Result<u64, ControlError> {
    let start = reader.position();
    match reader.uint(MAX_COUNTER)? {
        0 => Err(Reader::error_at(start, CborErrorKind::Bounds).into()),
        sequence => Ok(sequence),
    }
}

/// Whether a sequence built by hand is one that [`read_sequence`] gives.
pub(super) const fn is_sequence(sequence: u64) -> bool {
    sequence != 0 && sequence <= MAX_COUNTER
}

/// Reads `null` or a value.
pub(super) fn read_optional<T>(
    reader: &mut Reader<'_>,
    value: impl FnOnce(&mut Reader<'_>) -> Result<T, ControlError>,
) -> Result<Option<T>, ControlError> {
    if reader.null() { Ok(None) } else { value(reader).map(Some) }
}

/// Writes an array.
pub(super) fn write_list<T: Encode>(writer: &mut Writer, list: &[T]) {
    writer.array(list.len());
    for element in list {
        element.encode(writer);
    }
}

/// Writes an array of byte strings.
pub(super) fn write_byte_strings(writer: &mut Writer, list: &[impl AsRef<[u8]>]) {
    writer.array(list.len());
    for element in list {
        writer.bytes(element);
    }
}

/// Writes `null` or a value.
pub(super) fn write_optional(writer: &mut Writer, value: Option<&impl Encode>) {
    match value {
        Some(value) => value.encode(writer),
        None => _ = writer.null(),
    }
}

/// An id or a device that stands alone.
pub(super) fn check_not_zero(key: &[u8; 32]) -> Result<(), ControlError> {
    if *key == [0; 32] { Err(ControlError::Zero) } else { Ok(()) }
}

/// A list of ids, of devices, or of arrays that begin with one: no zero in it, then ascending.
pub(super) fn check_list<T>(list: &[T], key: impl Fn(&T) -> &[u8; 32]) -> Result<(), ControlError> {
    for element in list {
        check_not_zero(key(element))?;
    }
    check_ascending(list, |a, b| key(a) < key(b))
}

/// A list in which each element is less than the next.
pub(super) fn check_ascending<T>(
    list: &[T],
    less: impl Fn(&T, &T) -> bool,
) -> Result<(), ControlError> {
    if list.is_sorted_by(less) { Ok(()) } else { Err(ControlError::Order) }
}
