//! Protocol versions and how two peers agree on one (chapter `wire.md`, WIRE-3 to WIRE-5).

use std::fmt;

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};

use crate::limits::MAX_VERSION;

/// The version this crate speaks, the `1` of `/v1/`.
pub const PROTOCOL_VERSION: u64 = 1;

/// The versions a peer speaks, both ends included; as text `1-1`, encoded as `[min, max]` (WIRE-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    min: u64,
    max: u64,
}

impl VersionRange {
    /// What this crate speaks.
    pub const OURS: Self = Self { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION };

    /// A range; `None` when it is empty or goes beyond [`MAX_VERSION`].
    #[must_use]
    pub const fn new(min: u64, max: u64) -> Option<Self> {
        if min <= max && max <= MAX_VERSION { Some(Self { min, max }) } else { None }
    }

    /// The lowest version spoken.
    #[must_use]
    pub const fn min(self) -> u64 {
        self.min
    }

    /// The highest version spoken.
    #[must_use]
    pub const fn max(self) -> u64 {
        self.max
    }

    /// The highest version that both speak (WIRE-4).
    #[must_use]
    pub fn shared_with(self, other: Self) -> Option<u64> {
        let highest = self.max.min(other.max);
        (highest >= self.min.max(other.min)).then_some(highest)
    }

    /// A range from the text form `min-max`; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (min, max) = text.split_once('-')?;
        Self::new(decimal(min, MAX_VERSION)?, decimal(max, MAX_VERSION)?)
    }
}

/// A decimal number without sign, blank or leading zero, at most `max`.
pub(crate) fn decimal(text: &str, max: u64) -> Option<u64> {
    let plain = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    if plain && shortest { text.parse().ok().filter(|value| *value <= max) } else { None }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.min, self.max)
    }
}

impl Encode for VersionRange {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).uint(self.min).uint(self.max);
    }
}

impl Decode for VersionRange {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        reader.array_exact(2)?;
        let (min, max) = (reader.uint(MAX_VERSION)?, reader.uint(MAX_VERSION)?);
        Self::new(min, max).ok_or(Reader::error_at(start, CborErrorKind::Bounds))
    }
}
