//! What lies in the memory of this process.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use zeroize::Zeroizing;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// A secret as a test keeps it, so that what it looks for is nowhere by its own doing.
pub(crate) struct Masked {
    name: &'static str,
    bytes: Vec<u8>,
}

/// The names of those secrets that lie in memory.
pub(crate) fn left(secrets: &[Masked]) -> Vec<&'static str> {
    secrets.iter().filter(|masked| masked.is_in_memory()).map(|masked| masked.name).collect()
}

impl Masked {
    const MASK: u8 = 0x5a;

    pub(crate) fn new(name: &'static str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 16, "shorter ones come by chance");
        Self { name, bytes: secret.iter().map(|byte| byte ^ Self::MASK).collect() }
    }

    fn is_at(&self, bytes: &[u8]) -> bool {
        let own = self.bytes.iter().map(|byte| byte ^ Self::MASK);
        bytes.len() >= self.bytes.len() && own.zip(bytes).all(|(own, byte)| own == *byte)
    }

    /// Whether the secret lies anywhere in what this process may write, the stack of this thread left out: what was moved
    /// there leaves copies that no type can wipe.
    fn is_in_memory(&self) -> bool {
        let local = 0_u8;
        let here = std::ptr::from_ref(&local).addr() as u64;
        let mut memory = File::open("/proc/self/mem").unwrap();
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        let (first, length) = (self.bytes[0] ^ Self::MASK, self.bytes.len() as u64);
        for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
            let (range, what) = line.split_once(' ').unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let [mut at, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
            if !what.starts_with("rw") || (at..to).contains(&here) || what.ends_with("[stack]") {
                continue;
            }
            while at + length <= to {
                let piece = &mut piece[..usize::try_from(to - at).unwrap().min(PIECE)];
                memory.seek(SeekFrom::Start(at)).unwrap();
                // What is mapped and not there holds nothing.
                if memory.read_exact(piece).is_err() {
                    break;
                }
                let mut places = piece.iter().enumerate().filter(|(_, byte)| **byte == first);
                if places.any(|(place, _)| self.is_at(&piece[place..])) {
                    return true;
                }
                // One that lies across the end is found with the next piece.
                at += piece.len() as u64 + 1 - length;
            }
        }
        false
    }
}
