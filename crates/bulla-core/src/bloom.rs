//! The Bloom filter that travels between stores, bit by bit (chapter `digests.md`, BLM-1 to BLM-7).
//!
//! Its answer "held" is a hint and its answer "not held" is certain, for the ids it was made of. The side that asks
//! chooses a fresh random salt for every request, so that nobody can prepare ids that collide in it.

use crate::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use crate::{EntryId, derive};

/// Most bits of a filter: 32 MiB (BLM-2).
pub const MAX_BITS: u64 = 32 * 1024 * 1024 * 8;
/// Most bits set per id (BLM-2).
pub const MAX_HASHES: u8 = 16;
/// Most ids a filter may say it holds (BLM-2).
pub const MAX_IDS: u64 = 1 << 26;
/// Bits per id that [`Bloom::for_count`] takes: with [`DEFAULT_HASHES`] about 0.8 % of false "held" answers.
pub const DEFAULT_BITS_PER_ID: u64 = 10;
/// Bits set per id that [`Bloom::for_count`] takes.
pub const DEFAULT_HASHES: u8 = 7;

/// A Bloom filter over entry ids.
#[derive(Clone, PartialEq, Eq)]
pub struct Bloom {
    salt: [u8; 16],
    hashes: u8,
    count: u64,
    bits: Vec<u8>,
}

impl Bloom {
    /// An empty filter sized for `count` ids, at most [`MAX_IDS`], at 10 bits and 7 hashes each.
    #[must_use]
    pub fn for_count(count: u64, salt: [u8; 16]) -> Self {
        let bits = count.saturating_mul(DEFAULT_BITS_PER_ID).clamp(64, MAX_BITS);
        let bytes = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
        Self { salt, hashes: DEFAULT_HASHES, count: 0, bits: vec![0; bytes] }
    }

    /// Marks `id` as held.
    pub fn insert(&mut self, id: &EntryId) {
        self.count = self.count.saturating_add(1).min(MAX_IDS);
        for position in self.positions(id) {
            if let Some(byte) = self.bits.get_mut(position.0) {
                *byte |= position.1;
            }
        }
    }

    /// `false`: certainly not among the ids the filter was made of. `true`: probably.
    #[must_use]
    pub fn may_hold(&self, id: &EntryId) -> bool {
        self.positions(id)
            .all(|(byte, mask)| self.bits.get(byte).is_some_and(|bits| bits & mask != 0))
    }

    /// How many ids were inserted, as its maker says.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Length of the bit array in bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.bits.len()
    }

    /// The salt of this request.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Byte index and mask of each of the id's bits (BLM-3, BLM-4).
    fn positions(&self, id: &EntryId) -> impl Iterator<Item = (usize, u8)> + use<> {
        let mut hasher = derive::BLOOM.hasher();
        hasher.update(&self.salt).update(&id.0);
        let digest: [u8; 32] = hasher.finalize().into();
        let (first, rest) = digest.split_at(8);
        let word = |bytes: &[u8]| {
            bytes.iter().take(8).rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte))
        };
        let (start, step) = (word(first), word(rest) | 1);
        let bits = self.bits.len() as u64 * 8;
        (0..u64::from(self.hashes)).map(move |i| {
            let bit = start.wrapping_add(i.wrapping_mul(step)) % bits;
            (usize::try_from(bit / 8).unwrap_or(usize::MAX), 1 << (bit % 8))
        })
    }
}

impl std::fmt::Debug for Bloom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bloom({} ids, {} bytes)", self.count, self.bits.len())
    }
}

impl Encode for Bloom {
    /// `[salt: 16 bytes, hashes, count, bits: bytes]` (BLM-5).
    fn encode(&self, writer: &mut Writer) {
        writer
            .array(4)
            .bytes(self.salt)
            .uint(u64::from(self.hashes))
            .uint(self.count)
            .bytes(&self.bits);
    }
}

impl Decode for Bloom {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(4)?;
        let salt = reader.array_of()?;
        let start = reader.position();
        let hashes = u8::try_from(reader.uint(u64::from(MAX_HASHES))?).unwrap_or(0);
        if hashes == 0 {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let count = reader.uint(MAX_IDS)?;
        let start = reader.position();
        let bits = reader.bytes(usize::try_from(MAX_BITS / 8).unwrap_or(usize::MAX))?;
        if bits.is_empty() {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        Ok(Self { salt, hashes, count, bits: bits.to_vec() })
    }
}
