//! A borrowing reader over canonical bytes.

use super::check::{check, head};
use super::{CborError, CborErrorKind as Kind};

/// Reads items in order. Shortest forms are enforced at every read, so a reader alone never accepts a second encoding of
/// what it reads; [`check`](super::check()) before it settles the rest.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// A reader at the second element of `[version, …]`, the form of everything that is signed or kept; the length of
    /// `bytes` is for the caller to bound.
    ///
    /// The order of the checks: the encoding of the whole, an array, not an empty one, the version, `elements`, which
    /// counts the version.
    ///
    /// # Errors
    ///
    /// `unknown` of a version that is not `version`; else a [`CborError`].
    pub fn versioned<E: From<CborError>>(
        bytes: &'a [u8],
        version: u64,
        elements: usize,
        unknown: impl FnOnce(u64) -> E,
    ) -> Result<Self, E> {
        check(bytes)?;
        let mut reader = Self::new(bytes);
        let count = reader.array(usize::MAX)?;
        if count == 0 {
            return Err(Self::error_at(0, Kind::Count).into());
        }
        let actual = reader.uint(u64::MAX)?;
        if actual != version {
            return Err(unknown(actual));
        }
        if count != elements {
            return Err(Self::error_at(0, Kind::Count).into());
        }
        Ok(reader)
    }

    /// The offset of the next item in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// An error about the item that begins at `offset`.
    #[must_use]
    pub const fn error_at(offset: usize, kind: Kind) -> CborError {
        CborError { kind, offset }
    }

    /// Whether all bytes are read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// # Errors
    ///
    /// [`Kind::Trailing`] when bytes are left.
    pub fn finish(&self) -> Result<(), CborError> {
        if self.is_empty() { Ok(()) } else { Err(Self::error_at(self.position, Kind::Trailing)) }
    }

    /// An unsigned integer at most `max`.
    ///
    /// # Errors
    ///
    /// [`CborError`] of the item at fault, as for every method here.
    pub fn uint(&mut self, max: u64) -> Result<u64, CborError> {
        let (start, value) = self.expect(0)?;
        if value > max { Err(Self::error_at(start, Kind::Bounds)) } else { Ok(value) }
    }

    /// An unsigned integer of 32 bits.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn u32(&mut self, max: u32) -> Result<u32, CborError> {
        let start = self.position;
        u32::try_from(self.uint(u64::from(max))?).map_err(|_| Self::error_at(start, Kind::Bounds))
    }

    /// A byte string of at most `max` bytes.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn bytes(&mut self, max: usize) -> Result<&'a [u8], CborError> {
        self.string(2, max)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn array_of<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let start = self.position;
        self.bytes(N)?.try_into().map_err(|_| Self::error_at(start, Kind::Bounds))
    }

    /// A text string of at most `max` bytes.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint); [`Kind::Utf8`] when it is not UTF-8.
    pub fn text(&mut self, max: usize) -> Result<&'a str, CborError> {
        let start = self.position;
        std::str::from_utf8(self.string(3, max)?).map_err(|_| Self::error_at(start, Kind::Utf8))
    }

    /// The head of an array of at most `max` elements, which follow.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn array(&mut self, max: usize) -> Result<usize, CborError> {
        self.container(4, max)
    }

    /// The head of an array of exactly `count` elements.
    ///
    /// # Errors
    ///
    /// [`Kind::Count`] for any other number.
    pub fn array_exact(&mut self, count: usize) -> Result<(), CborError> {
        let start = self.position;
        let (_, actual) = self.expect(4)?;
        if usize::try_from(actual) == Ok(count) {
            Ok(())
        } else {
            Err(Self::error_at(start, Kind::Count))
        }
    }

    /// The head of a map of at most `max` pairs, which follow: key, value, key, value.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn map(&mut self, max: usize) -> Result<usize, CborError> {
        self.container(5, max)
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// See [`uint`](Self::uint).
    pub fn bool(&mut self) -> Result<bool, CborError> {
        match self.expect(7)? {
            (_, 20) => Ok(false),
            (_, 21) => Ok(true),
            (start, _) => Err(Self::error_at(start, Kind::Unexpected)),
        }
    }

    /// Takes a `null` if one is next.
    pub fn null(&mut self) -> bool {
        let is_null = self.bytes.get(self.position) == Some(&0xf6);
        if is_null {
            self.position += 1;
        }
        is_null
    }

    /// The major type of the next item (RFC 8949, section 3.1), `None` at the end.
    #[must_use]
    pub fn peek_major(&self) -> Option<u8> {
        self.bytes.get(self.position).map(|byte| byte >> 5)
    }

    /// Passes over one item of any type, for places where later versions may add what this one does not know.
    ///
    /// # Errors
    ///
    /// The first rule of canonical form that the item breaks.
    pub fn skip(&mut self) -> Result<(), CborError> {
        let start = self.position;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = super::check_prefix(rest)
            .map_err(|error| Self::error_at(start + error.offset, error.kind))?;
        self.position += length;
        Ok(())
    }

    fn string(&mut self, major: u8, max: usize) -> Result<&'a [u8], CborError> {
        let (start, length) = self.expect(major)?;
        let length = usize::try_from(length).map_err(|_| Self::error_at(start, Kind::Bounds))?;
        if length > max {
            return Err(Self::error_at(start, Kind::Bounds));
        }
        let end = self.position.checked_add(length);
        let body = end.and_then(|end| self.bytes.get(self.position..end));
        let body = body.ok_or(Self::error_at(start, Kind::Truncated))?;
        self.position += length;
        Ok(body)
    }

    fn container(&mut self, major: u8, max: usize) -> Result<usize, CborError> {
        let (start, count) = self.expect(major)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= max);
        count.ok_or(Self::error_at(start, Kind::Bounds))
    }

    fn expect(&mut self, major: u8) -> Result<(usize, u64), CborError> {
        let start = self.position;
        let (actual, argument, next) = head(self.bytes, start)?;
        if actual != major {
            return Err(Self::error_at(start, Kind::Unexpected));
        }
        self.position = next;
        Ok((start, argument))
    }
}
