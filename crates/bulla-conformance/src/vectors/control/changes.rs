//! Changes of role and revocations (CTL-20, CTL-25).

use bulla_core::control::{Cuts, Revoke, Role, RoleChange};

use super::parts::{
    bounds, cut, cut_cases, cuts, cuts_element, device, devices, good, id, key, roles, unexpected,
    zero,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number};

/// 2^63 - 1, the highest sequence.
const HIGHEST: u64 = (1 << 63) - 1;

/// As many cuts as there may be.
fn most_cuts() -> Cuts {
    Cuts((1..=16).map(|number| cut(number, u64::from(number), None)).collect())
}

pub(super) fn role_base() -> Element {
    Array(vec![Number(1), Element::of(key(4)), Number(2), cuts_element()])
}

pub(super) fn role_valid() -> Vec<Case> {
    let change = |role, cuts| RoleChange { device: device(4), role, cuts };
    vec![
        good("a raise to admin", change(Role::Admin, None)),
        good("a raise to relay", change(Role::Relay, None)),
        good("a lowering to reader", change(Role::Reader, Some(cuts()))),
        good(
            "a lowering to writer of which nothing counts",
            change(Role::Writer, Some(Cuts::default())),
        ),
        good("a lowering with 16 cuts", change(Role::Relay, Some(most_cuts()))).flag("Boundary"),
    ]
}

pub(super) fn role_refused() -> Vec<Case> {
    let mut cases = devices(&role_base(), &[1]);
    cases.extend(roles(&role_base(), &[2]));
    cases.extend(cut_cases(&role_base(), &[3]));
    let zero_device = role_base().with(&[1], Element::of([0; 32]));
    cases.extend([
        zero(
            "device of zeros, a cut of sequence 0",
            &zero_device.clone().with(&[3, 0, 0], Number(0)),
        )
        .flag("Order"),
        bounds("device of zeros, a role that is none", &zero_device.with(&[2], Number(0)))
            .flag("Order"),
        unexpected("cuts descending after a device of another type", &{
            role_base().with(&[1], Null).with(&[3, 0, 1], Element::of(id(9)))
        })
        .flag("Order"),
    ]);
    cases
}

pub(super) fn revoke_base() -> Element {
    Array(vec![Number(1), Element::of(key(4)), cuts_element()])
}

pub(super) fn revoke_valid() -> Vec<Case> {
    let revoke = |cuts| Revoke { device: device(4), cuts };
    let edge = Cuts(vec![cut(1, 1, None), cut(2, HIGHEST, Some(id(2)))]);
    vec![
        good("a revocation with two cuts", revoke(cuts())),
        good("a revocation of which nothing counts", revoke(Cuts::default())),
        good("16 cuts", revoke(most_cuts())).flag("Boundary"),
        good("lowest and highest sequence", revoke(edge)).flag("Boundary"),
    ]
}

pub(super) fn revoke_refused() -> Vec<Case> {
    let mut cases = devices(&revoke_base(), &[1]);
    cases.push(unexpected("cuts null", &revoke_base().with(&[2], Null)));
    cases.extend(cut_cases(&revoke_base(), &[2]));
    cases
}
