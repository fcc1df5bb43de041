//! The one encoding of everything that is signed, hashed or sent: a strict subset of deterministic CBOR (RFC 8949,
//! section 4.2.1), chapter `cbor.md`.
//!
//! Unsigned integers, byte strings, text strings, arrays, maps with ascending unsigned keys, `false`, `true` and
//! `null`; shortest forms, definite lengths, depth at most [`MAX_CBOR_DEPTH`](crate::limits::MAX_CBOR_DEPTH). There is
//! exactly one encoding of every value, so decoding and encoding again gives the same bytes.

mod check;
mod reader;
mod writer;

pub use check::{Checker, check, check_prefix};
pub use reader::Reader;
pub use writer::Writer;

use crate::Code;

/// Why bytes are not the canonical encoding of what was expected.
///
/// The bytes are at fault, never the caller. `offset` counts bytes from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct CborError {
    /// What is wrong.
    pub kind: CborErrorKind,
    /// Where the item at fault begins.
    pub offset: usize,
}

/// What is wrong with a CBOR item, with the clause that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CborErrorKind {
    /// The input ends inside an item (CBOR-2).
    #[error("input ends inside an item")]
    Truncated,
    /// Bytes follow the item (CBOR-2).
    #[error("bytes follow the item")]
    Trailing,
    /// An integer or length is not in its shortest form (CBOR-3).
    #[error("integer or length not in its shortest form")]
    NotShortest,
    /// An indefinite length or a stray break (CBOR-4).
    #[error("indefinite length")]
    Indefinite,
    /// A negative integer, tag, float or other simple value (CBOR-5).
    #[error("a type that this format does not use")]
    Type,
    /// Map keys that are not unsigned integers in ascending order, or occur twice (CBOR-6).
    #[error("map keys not ascending unsigned integers")]
    MapKeys,
    /// A text string that is not UTF-8 (CBOR-7).
    #[error("text is not UTF-8")]
    Utf8,
    /// Arrays and maps nested too deep (CBOR-8).
    #[error("nested too deep")]
    Depth,
    /// Canonical, but not the type expected at this place (CBOR-9).
    #[error("another type was expected here")]
    Unexpected,
    /// An array or map of another number of elements than expected (CBOR-9).
    #[error("another number of elements was expected here")]
    Count,
    /// An integer, string or count outside the bounds of its field (CBOR-10).
    #[error("outside the bounds of its field")]
    Bounds,
}

impl CborErrorKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Truncated => "cbor.truncated",
            Self::Trailing => "cbor.trailing",
            Self::NotShortest => "cbor.not_shortest",
            Self::Indefinite => "cbor.indefinite",
            Self::Type => "cbor.type",
            Self::MapKeys => "cbor.map_keys",
            Self::Utf8 => "cbor.utf8",
            Self::Depth => "cbor.depth",
            Self::Unexpected => "cbor.unexpected",
            Self::Count => "cbor.count",
            Self::Bounds => "cbor.bounds",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Truncated | Self::Trailing => "CBOR-2",
            Self::NotShortest => "CBOR-3",
            Self::Indefinite => "CBOR-4",
            Self::Type => "CBOR-5",
            Self::MapKeys => "CBOR-6",
            Self::Utf8 => "CBOR-7",
            Self::Depth => "CBOR-8",
            Self::Unexpected | Self::Count => "CBOR-9",
            Self::Bounds => "CBOR-10",
        }
    }
}

/// A value with one canonical encoding.
pub trait Encode {
    /// Appends the encoding.
    fn encode(&self, writer: &mut Writer);

    /// The encoding alone.
    fn to_cbor(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.encode(&mut writer);
        writer.into_bytes()
    }
}

/// A value that can be read from canonical bytes.
pub trait Decode: Sized {
    /// Reads one value; bounds are checked before anything is allocated.
    ///
    /// # Errors
    ///
    /// [`CborError`] when the bytes do not hold this value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError>;

    /// Checks that `bytes` are one canonical item, then reads the value.
    ///
    /// # Errors
    ///
    /// [`CborError`] when the bytes are not canonical, do not hold this value or go on after it.
    fn from_cbor(bytes: &[u8]) -> Result<Self, CborError> {
        check(bytes)?;
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}
