//! A33: secrets are compared in constant time.
//!
//! The timing itself is measured by `cargo run --release -p bulla-crypto --example constant_time`; here the source is
//! held to it, because a comparison with `==` would pass every other test.

#[test]
fn a33_tags_are_compared_in_constant_time() {
    let source = include_str!("../../src/login/challenge.rs");
    assert!(source.contains("self.tag(transcript).0.ct_eq(&tag.0)"));
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    assert!(!code.contains("tag =="), "no comparison of tags by ==");
    assert!(!code.contains("== tag"), "no comparison of tags by ==");
}
