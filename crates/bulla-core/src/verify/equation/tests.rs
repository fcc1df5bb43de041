//! The equation by itself: a verdict of it that is wrongly "no" would only cost time, and show nowhere else.

use curve25519_dalek::scalar::Scalar;

use super::*;
use crate::verify::keys::KeyCache;
use crate::verify::tests::{Case, genuine, signed, table};

fn together(cases: &[&Case]) -> bool {
    let signed: Vec<_> = cases.iter().map(|case| signed(case)).collect();
    let keys = KeyCache::new().judge(signed.iter().map(|item| item.key));
    let items: Vec<_> = keys.places.iter().copied().zip(&signed).collect();
    assert!(items.iter().all(|(place, _)| keys.is_usable(*place)));
    holds(&[3; 32], &keys, &items)
}

/// Clauses: VER-5, VER-9.
#[test]
fn what_holds_alone_holds_together() {
    let table = table();
    let valid: Vec<_> = table.iter().filter(|case| case.verdict.is_ok()).collect();
    assert!(valid.len() > 200, "{} cases", valid.len());
    assert!(together(&valid));
    for case in &valid {
        assert!(together(&[case]), "{}", case.name);
        assert!(together(&[case, case]), "{} twice", case.name);
    }
    assert!(together(&[]));
}

/// Clauses: VER-5, VER-9.
#[test]
fn what_does_not_hold_alone_does_not_hold_in_company() {
    let (good, table) = (genuine(4), table());
    let bad = Err(crate::verify::SignatureError::Mismatch);
    let mut judged = 0;
    for case in table.iter().filter(|case| case.verdict == bad) {
        let company: Vec<_> = good.iter().chain([case]).collect();
        assert!(!together(&company), "{}", case.name);
        judged += 1;
    }
    assert!(judged > 100, "{judged} cases");
}

/// Two errors that would cancel out under equal coefficients.
#[test]
fn errors_do_not_cancel_out() {
    let mut pair = genuine(2);
    let one = Scalar::ONE;
    for (case, change) in pair.iter_mut().zip([one, -one]) {
        let s = Scalar::from_canonical_bytes(*case.signature.0.last_chunk().unwrap()).unwrap();
        case.signature.0[32..].copy_from_slice((s + change).as_bytes());
    }
    assert!(!together(&[&pair[0], &pair[1]]));
}
