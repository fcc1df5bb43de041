//! One ciphertext whose tag is right under two keys. The tag of a message is a polynomial in a secret point of each key, so
//! one block of the ciphertext can be chosen to make one tag right under both.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};

/// Integers modulo 2^130 − 5, as Poly1305 computes.
mod field {
    /// Five limbs of 26 bits, lowest first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Element([u64; 5]);

    const MASK: u64 = (1 << 26) - 1;

    impl Element {
        pub(super) const ZERO: Self = Self([0; 5]);
        pub(super) const ONE: Self = Self([1, 0, 0, 0, 0]);

        /// 16 little-endian bytes and `high` as the bits above them.
        pub(super) fn new(bytes: &[u8], high: u64) -> Self {
            let mut block = [0; 16];
            block[..bytes.len()].copy_from_slice(bytes);
            let value = u128::from_le_bytes(block);
            let limb = |shift: u32| u64::try_from(value >> shift & u128::from(MASK)).unwrap();
            Self([limb(0), limb(26), limb(52), limb(78), limb(104) | high << 24]).carried()
        }

        fn carried(self) -> Self {
            let Self(mut limbs) = self;
            for _ in 0..2 {
                let mut carry = 0;
                for limb in &mut limbs {
                    *limb += carry;
                    carry = *limb >> 26;
                    *limb &= MASK;
                }
                limbs[0] += 5 * carry;
            }
            Self(limbs)
        }

        pub(super) fn plus(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + other.0[i])).carried()
        }

        pub(super) fn times(self, other: Self) -> Self {
            let mut wide = [0_u128; 5];
            for (i, a) in self.0.iter().enumerate() {
                for (j, b) in other.0.iter().enumerate() {
                    let fold = if i + j >= 5 { 5 } else { 1 };
                    wide[(i + j) % 5] += fold * u128::from(*a) * u128::from(*b);
                }
            }
            let mut limbs = [0; 5];
            for _ in 0..3 {
                let mut carry = 0;
                for part in &mut wide {
                    *part += carry;
                    carry = *part >> 26;
                    *part &= u128::from(MASK);
                }
                wide[0] += 5 * carry;
            }
            for (limb, part) in limbs.iter_mut().zip(wide) {
                *limb = u64::try_from(part).unwrap();
            }
            Self(limbs).carried()
        }

        pub(super) fn minus(self, other: Self) -> Self {
            // A multiple of the modulus, limb by limb greater than what is taken away.
            let twice = [2 * (MASK - 4), 2 * MASK, 2 * MASK, 2 * MASK, 2 * MASK];
            Self(std::array::from_fn(|i| self.0[i] + twice[i] - other.0[i])).carried()
        }

        /// By Fermat: to the power of the modulus less two, 2^130 − 7.
        pub(super) fn inverse(self) -> Self {
            let mut result = Self::ONE;
            for bit in (0..130).rev() {
                result = result.times(result);
                // 2^130 − 7 is all ones but for bits 1 and 2.
                if bit != 1 && bit != 2 {
                    result = result.times(self);
                }
            }
            result
        }

        /// The value reduced, as 16 little-endian bytes and what lies above them.
        pub(super) fn to_bytes(self) -> ([u8; 16], u64) {
            let Self(mut limbs) = self.carried();
            let is_beyond = limbs[0] >= MASK - 4 && limbs[1..].iter().all(|limb| *limb == MASK);
            if is_beyond {
                limbs = [limbs[0] - (MASK - 4), 0, 0, 0, 0];
            }
            let low = limbs
                .iter()
                .enumerate()
                .fold(0_u128, |sum, (i, limb)| sum | u128::from(*limb) << (26 * i));
            (low.to_le_bytes(), limbs[4] >> 24)
        }
    }
}

use field::Element;

/// Block 0 of the ChaCha20 key stream with a nonce of zeros (RFC 8439, section 2.3): where Poly1305's key comes from.
fn block_zero(key: &[u8; 32]) -> [u8; 64] {
    let mut start = [0_u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    for (word, bytes) in start[4..12].iter_mut().zip(key.chunks(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap());
    }
    let mut state = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (x, y, z, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            state[x] = state[x].wrapping_add(state[y]);
            state[z] = (state[z] ^ state[x]).rotate_left(turn);
        }
    };
    for _ in 0..10 {
        for i in 0..4 {
            quarter(i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let mut block = [0; 64];
    for (bytes, (word, first)) in block.chunks_mut(4).zip(state.iter().zip(start)) {
        bytes.copy_from_slice(&word.wrapping_add(first).to_le_bytes());
    }
    block
}

/// Poly1305 under one key (RFC 8439, section 2.5): the secret point and the pad.
struct Poly {
    point: Element,
    pad: u128,
}

impl Poly {
    fn new(one_time: &[u8; 32]) -> Self {
        let block = block_zero(one_time);
        let mut r: [u8; 16] = block[..16].try_into().unwrap();
        for (at, mask) in [(3, 15), (7, 15), (11, 15), (15, 15), (4, 252), (8, 252), (12, 252)] {
            r[at] &= mask;
        }
        let pad = u128::from_le_bytes(block[16..32].try_into().unwrap());
        Self { point: Element::new(&r, 0), pad }
    }

    /// The polynomial of these blocks, and the factor of the block at `free`.
    fn evaluate(&self, blocks: &[[u8; 16]], free: usize) -> (Element, Element) {
        let (mut sum, mut factor) = (Element::ZERO, Element::ZERO);
        for (at, block) in blocks.iter().enumerate() {
            sum = sum.plus(Element::new(block, 1)).times(self.point);
            factor = if at == free { self.point } else { factor.times(self.point) };
        }
        (sum, factor)
    }

    fn tag(&self, blocks: &[[u8; 16]]) -> [u8; 16] {
        let (sum, _) = self.evaluate(blocks, 0);
        u128::from_le_bytes(sum.to_bytes().0).wrapping_add(self.pad).to_le_bytes()
    }
}

/// What Poly1305 is computed over (RFC 8439, section 2.8): what is no whole block ends in zeros.
fn blocks(aad: &[u8], ciphertext: &[u8]) -> Vec<[u8; 16]> {
    let lengths =
        [(aad.len() as u64).to_le_bytes(), (ciphertext.len() as u64).to_le_bytes()].concat();
    let pieces = aad.chunks(16).chain(ciphertext.chunks(16)).chain(lengths.chunks(16));
    let block = |piece: &[u8]| {
        let mut block = [0; 16];
        block[..piece.len()].copy_from_slice(piece);
        block
    };
    pieces.map(block).collect()
}

/// A ciphertext of `length` bytes, 32 or more, and a tag that is right under both keys.
pub(crate) fn colliding(aad: &[u8], length: usize, keys: [&[u8; 32]; 2]) -> Vec<u8> {
    let [one, other] = keys.map(Poly::new);
    for attempt in 0..10_000_u64 {
        let mut ciphertext = vec![0; length];
        ciphertext[..8].copy_from_slice(&attempt.to_le_bytes());
        let mut all = blocks(aad, &ciphertext);
        let free = aad.len().div_ceil(16) + 1;
        let ((sum, factor), (other_sum, other_factor)) =
            (one.evaluate(&all, free), other.evaluate(&all, free));
        // sum + x·factor + pad = other_sum + x·other_factor + other_pad, x being added to the free block, which is zero
        // but for the bit above its bytes.
        let pad = |pad: u128| Element::new(&pad.to_le_bytes(), 0);
        let difference = other_sum.plus(pad(other.pad)).minus(sum.plus(pad(one.pad)));
        let (x, high) = difference.times(factor.minus(other_factor).inverse()).to_bytes();
        if high != 0 {
            continue;
        }
        all[free] = x;
        // Tags drop what lies above 128 bits, so some solutions are none.
        if one.tag(&all) == other.tag(&all) {
            ciphertext[16..32].copy_from_slice(&x);
            return [ciphertext.as_slice(), &one.tag(&all)].concat();
        }
    }
    panic!("about one attempt in eight succeeds");
}

pub(crate) fn decrypts(one_time: &[u8; 32], aad: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let (ciphertext, tag) = payload.split_at(payload.len() - 16);
    let mut plaintext = ciphertext.to_vec();
    ChaCha20Poly1305::new(one_time.into())
        .decrypt_inout_detached(
            &Nonce::default(),
            aad,
            plaintext.as_mut_slice().into(),
            &Tag::try_from(tag).unwrap(),
        )
        .ok()
        .map(|()| plaintext)
}
