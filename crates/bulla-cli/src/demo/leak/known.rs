//! What is known about evenly spread numbers: parts of digests, rolling hashes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bits of the filter, as a power of two: 16 MiB, small beside the needles it stands before.
const FILTER_BITS: u32 = 27;

/// A map that is asked millions of times for what it does not hold.
#[derive(Debug)]
pub(super) struct Known<T> {
    filter: Vec<u64>,
    map: HashMap<u64, T, BuildHasherDefault<Mixed>>,
}

impl<T> Known<T> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            map: HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default()),
        }
    }

    pub(super) fn insert(&mut self, key: u64, value: T) {
        let (word, bit) = place(key);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        self.map.insert(key, value);
    }

    pub(super) fn get(&self, key: u64) -> Option<&T> {
        let (word, bit) = place(key);
        if self.filter.get(word).is_none_or(|word| word & bit == 0) {
            return None;
        }
        self.map.get(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }
}

/// The word and the bit in it.
fn place(key: u64) -> (usize, u64) {
    let place = mix(key) >> (64 - FILTER_BITS);
    (usize::try_from(place >> 6).unwrap_or(0), 1 << (place & 63))
}

const fn mix(key: u64) -> u64 {
    (key ^ (key >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// The keys come from nobody who could choose them to collide, so one multiplication is enough.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}
