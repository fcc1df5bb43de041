//! Keys under which a forger needs no secret.

/// Whether these 32 bytes decode, by the rule of ZIP-215, to a point A with \[8\]A = 0 (VER-4).
///
/// There are eight such points and, because ZIP-215 takes encodings that are not reduced and a sign on x = 0, fourteen
/// encodings of them; a comparison with the list is exact and costs no curve arithmetic.
#[must_use]
pub fn is_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    Y.contains(&y)
}

/// Whether every X25519 agreement with this public key gives zero (PAIR-3, CARD-3): what is sealed to it, anyone opens.
///
/// RFC 7748 ignores the highest bit and reduces the rest, and a clamped scalar is a multiple of 8, so these are the
/// u-coordinates of the points of small order on the curve and on its twist, in each of their encodings.
#[must_use]
pub fn is_small_order_u(key: &[u8; 32]) -> bool {
    let mut u = *key;
    u[31] &= 0x7f;
    U.contains(&u)
}

/// The u-coordinates without their highest bit, little-endian: 0, 1, the two of order 8, p - 1, p, and p + 1.
const U: [[u8; 32]; 7] = [
    [0; 32],
    little(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    little(0xec, 0xff, 0x7f),
    little(0xed, 0xff, 0x7f),
    little(0xee, 0xff, 0x7f),
];

/// The y coordinates without their sign bit, little-endian: 0, 1, p - 1, the two of order 8, p, and p + 1.
const Y: [[u8; 32]; 7] = [
    [0; 32],
    little(1, 0, 0),
    little(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    little(0xed, 0xff, 0x7f),
    little(0xee, 0xff, 0x7f),
];

const fn little(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list against the curve: on the curve and on its twist, 8 times a point of small order is zero, and no other
    /// key near these, or in the encodings that are not reduced, is on the list.
    ///
    /// Clauses: CARD-3, PAIR-3.
    #[test]
    fn the_list_of_u_coordinates_is_that_of_the_curve() {
        let zero_with = |u: &[u8; 32]| {
            let point = curve25519_dalek::MontgomeryPoint(*u);
            point.mul_clamped([1; 32]).0 == [0; 32]
        };
        for high in [0, 0x80] {
            for listed in U {
                let mut u = listed;
                u[31] |= high;
                assert!(zero_with(&u) && is_small_order_u(&u), "{u:02x?}");
                for bit in 0..255 {
                    let mut near = u;
                    near[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(is_small_order_u(&near), zero_with(&near), "{near:02x?}");
                }
            }
            // All encodings that are not reduced: p to 2^255 - 1.
            for last in 0xed..=0xff {
                let u = little(last, 0xff, 0x7f | high);
                assert_eq!(is_small_order_u(&u), zero_with(&u), "{u:02x?}");
            }
        }
    }
}
