//! Commitments are compared in constant time.
//!
//! The timing itself is measured by `cargo run --release -p bulla-crypto --example constant_time`; here the source is
//! held to it, because a comparison with `==` would pass every other test.

/// Clauses: KEY-6.
#[test]
fn a33_key_ids_are_compared_in_constant_time() {
    let epoch_key = include_str!("../../src/epoch_key.rs");
    assert!(epoch_key.contains("self.id.0.ct_eq(&id.0)"));
    // Who looks a key up compares by `has_id`, and by nothing else.
    let sources = [
        include_str!("../../src/seal.rs"),
        include_str!("../../src/keyring.rs"),
        include_str!("../../src/keyring/group.rs"),
        include_str!("../../src/label.rs"),
        include_str!("../../src/epoch.rs"),
        include_str!("../../src/epoch/draft.rs"),
        include_str!("../../src/epoch/inheritance.rs"),
    ];
    for source in sources {
        assert!(source.contains("has_id("));
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            let compares = (line.contains("==") || line.contains("!=")) && !line.contains(".len()");
            assert!(!(compares && line.contains("key_id")), "{line}");
            assert!(!(compares && line.contains("id()")), "{line}");
        }
    }
}
