//! What lies in the memory of this process.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use zeroize::Zeroizing;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
const MASK: u8 = 0x5a;

/// A secret as a test keeps it, so that what it looks for is nowhere by its own doing.
pub(crate) struct Masked {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Masked {
    pub(crate) fn new(name: &'static str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 16, "shorter ones come by chance");
        Self { name, bytes: secret.iter().map(|byte| byte ^ MASK).collect() }
    }

    fn is_at(&self, bytes: &[u8]) -> bool {
        let own = self.bytes.iter().map(|byte| byte ^ MASK);
        bytes.len() >= self.bytes.len() && own.zip(bytes).all(|(own, byte)| own == *byte)
    }
}

/// The names of those secrets that lie anywhere in what this process may write, the stack of this thread left out: what was
/// moved there leaves copies that no type can wipe.
pub(crate) fn left(secrets: &[Masked]) -> Vec<&'static str> {
    let local = 0_u8;
    let here = std::ptr::from_ref(&local).addr() as u64;
    let longest = secrets.iter().map(|masked| masked.bytes.len()).max().unwrap_or(0) as u64;
    let mut by_first: Vec<Vec<usize>> = vec![Vec::new(); 256];
    for (number, masked) in secrets.iter().enumerate() {
        by_first[usize::from(masked.bytes[0] ^ MASK)].push(number);
    }
    let mut found = vec![false; secrets.len()];
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut room = Zeroizing::new(vec![0; PIECE]);
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, what) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [mut at, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        if !what.starts_with("rw") || (at..to).contains(&here) || what.ends_with("[stack]") {
            continue;
        }
        while at + longest <= to {
            let piece = &mut room[..usize::try_from(to - at).unwrap().min(PIECE)];
            memory.seek(SeekFrom::Start(at)).unwrap();
            // What is mapped and not there holds nothing.
            if memory.read_exact(piece).is_err() {
                break;
            }
            for (place, byte) in piece.iter().enumerate() {
                for number in &by_first[usize::from(*byte)] {
                    found[*number] |= secrets[*number].is_at(&piece[place..]);
                }
            }
            // One that lies across the end is found with the next piece.
            at += piece.len() as u64 + 1 - longest;
        }
    }
    let found = secrets.iter().zip(found).filter(|(_, is_found)| *is_found);
    found.map(|(masked, _)| masked.name).collect()
}
