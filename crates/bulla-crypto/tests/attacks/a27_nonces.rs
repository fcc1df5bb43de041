//! Nonces drawn at random under a key that lives long: with 96 bits two of them meet one day.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use bulla_core::Kind;
use bulla_crypto::{ChainEnd, Draft};

use crate::support::{seal, verified, writer};

/// Each entry has a key of its own, made from a salt of 192 bits; so the nonce is the same for all.
/// Clauses: SEAL-3, SEAL-4, SEAL-5.
#[test]
fn a27_no_two_entries_share_a_salt() {
    let writer = writer(1);
    let mut salts = HashSet::new();
    for _ in 0..2_000 {
        let draft = Draft::new(Kind::OPERATION, b"always the same");
        let entry = verified(seal(&writer, &ChainEnd::EMPTY, &draft).raw);
        assert!(salts.insert(entry.header().salt));
    }
    assert_eq!(size_of_val(salts.iter().next().unwrap()), 24);
}

/// Nowhere in what seals is a nonce made of anything but zeros.
/// Clauses: SEAL-5.
#[test]
fn a27_no_nonce_is_drawn() {
    let (mut files, mut defaults) = (0, 0);
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, text| {
        files += 1;
        // What stands in tests.rs may build a nonce to attack with.
        if path.ends_with("tests.rs") {
            return;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let place = || format!("{}: {line}", path.display());
            assert!(!line.contains("[u8; 12]") && !line.contains("generate_nonce"), "{}", place());
            let is_import = line.trim_start().starts_with("use ") || line.contains("LoginNonce");
            if line.contains("Nonce") && !is_import {
                assert!(line.contains("Nonce::default()"), "{}", place());
                defaults += 1;
            }
        }
    });
    assert!(files > 10, "{files} files were read");
    assert_eq!(defaults, 2, "one to seal, one to open");
}

fn sources(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, look);
        } else {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
