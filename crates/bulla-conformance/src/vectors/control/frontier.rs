//! Frontiers (CTL-40).

use bulla_core::Signature;
use bulla_core::cbor::Encode;
use bulla_core::control::{Claimed, Frontier, Proven};

use super::parts::{
    TOO_HIGH, bounds, context, count, device, good, id, key, lists, newcomer, unexpected, zero,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number, Text};
use crate::vectors::sample::operation;

fn claimed(number: u8) -> Claimed {
    Claimed { author: device(number), sequence: u64::from(number), id: id(0x40) }
}

fn proven() -> Proven {
    let device = newcomer();
    let header = operation(context().space, &device, 12, &[0; 40], "frontier");
    let raw = device.sign_header_bytes(&header.to_cbor(), None);
    Proven { header: raw.header, signature: raw.signature }
}

/// Bytes in the place of a header and a signature, neither of them good.
fn noise(length: usize) -> Proven {
    Proven { header: vec![0x5a; length].into(), signature: Signature([0xa5; 64]) }
}

fn claimed_element(author: [u8; 32]) -> Element {
    Array(vec![Element::of(author), Number(7), Element::of(id(0x40))])
}

fn proven_element() -> Element {
    Array(vec![Element::of(proven().header), Element::of(proven().signature)])
}

pub(super) fn base() -> Element {
    Array(vec![
        Number(1),
        Array(vec![proven_element()]),
        Array(vec![claimed_element(key(1)), claimed_element(key(2))]),
    ])
}

pub(super) fn valid() -> Vec<Case> {
    let highest = Claimed { sequence: (1 << 63) - 1, ..claimed(1) };
    vec![
        good(
            "one header, two claims",
            Frontier { proven: vec![proven()], claimed: vec![claimed(1), claimed(2)] },
        ),
        good("nothing seen", Frontier { proven: Vec::new(), claimed: Vec::new() }),
        good(
            "a header that is none, and no bytes",
            Frontier { proven: vec![noise(30), noise(0)], claimed: Vec::new() },
        ),
        good(
            "one header twice, which is for its reader to judge",
            Frontier { proven: vec![proven(); 2], claimed: Vec::new() },
        ),
        good(
            "a header of 8,192 bytes",
            Frontier { proven: vec![noise(8_192)], claimed: Vec::new() },
        )
        .flag("Boundary"),
        good("256 headers", Frontier { proven: vec![noise(1); 256], claimed: Vec::new() })
            .flag("Boundary"),
        good("the highest sequence", Frontier { proven: Vec::new(), claimed: vec![highest] })
            .flag("Boundary"),
    ]
}

pub(super) fn refused() -> Vec<Case> {
    let with = |path: &[usize], value| base().with(path, value);
    let mut cases = vec![
        unexpected("proven null", &with(&[1], Null)),
        unexpected("proven: a header alone", &with(&[1, 0], Element::of(proven().header))),
        bounds("257 headers", &with(&[1], Array(vec![Number(0); 257]))).flag("Boundary"),
        count("proven: no signature", &with(&[1, 0], proven_element().without(1))),
        count("proven: a payload too", &with(&[1, 0], proven_element().and(Null))),
        unexpected("proven: a header as an array", &with(&[1, 0, 0], Array(Vec::new()))),
        bounds("a header of 8,193 bytes", &with(&[1, 0, 0], Element::of(vec![0x5a; 8_193])))
            .flag("Boundary"),
        bounds("a signature of 63 bytes", &with(&[1, 0, 1], Element::of([1; 63]))),
        bounds("a signature of 65 bytes", &with(&[1, 0, 1], Element::of([1; 65]))),
    ];
    cases.extend(lists("claimed", &base(), &[2], 4_096, &claimed_element));
    cases.extend([
        count("a claim without an id", &with(&[2, 0], claimed_element(key(1)).without(2))),
        count("a claim of four elements", &with(&[2, 0], claimed_element(key(1)).and(Null))),
        bounds("author of a claim of 31 bytes", &with(&[2, 0, 0], Element::of([1; 31]))),
        unexpected("sequence of a claim as text", &with(&[2, 0, 1], Text("7"))),
        bounds("sequence of a claim 0", &with(&[2, 0, 1], Number(0))).flag("Boundary"),
        bounds("sequence of a claim 2^63", &with(&[2, 0, 1], Number(TOO_HIGH))).flag("Boundary"),
        bounds("id of a claim of 33 bytes", &with(&[2, 0, 2], Element::of([1; 33]))),
        zero("id of a claim of zeros", &with(&[2, 1, 2], Element::of([0; 32]))),
        zero(
            "claims descending, an id of zeros",
            &with(&[2, 0], claimed_element(key(9))).with(&[2, 1, 2], Element::of([0; 32])),
        )
        .flag("Order"),
    ]);
    cases
}
