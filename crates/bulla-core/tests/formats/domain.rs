//! Domain strings: one for each use, none a prefix of another, all of them those of the spec and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SOURCE: &str = include_str!("../../src/domain.rs");
const CHAPTER: &str = include_str!("../../../../spec/keys.md");

/// Every string of the module of domains.
fn strings() -> Vec<&'static str> {
    let constants = SOURCE.lines().filter(|line| line.starts_with("pub const "));
    constants.map(|line| line.split('"').nth(1).expect("a constant is a string")).collect()
}

/// Every string of the table of KEY-1.
fn table() -> Vec<String> {
    let rows = CHAPTER.lines().filter_map(|line| line.strip_prefix("| `bulla "));
    rows.filter_map(|row| row.split('`').next()).map(|rest| format!("bulla {rest}")).collect()
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every literal in what the project ships that looks like a domain string, with a file it stands in. What generates
/// vectors and drives tests spells the strings out anew and has some of its own.
fn literals() -> BTreeMap<String, PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        if folder.ends_with("bulla-conformance") || !folder.join("src").is_dir() {
            continue;
        }
        let mut files = Vec::new();
        sources(&folder.join("src"), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for literal in text.split('"').filter(|part| is_domain(part)) {
                found.insert(literal.to_owned(), file.clone());
            }
        }
    }
    found
}

fn is_domain(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("bulla ") else { return false };
    let is_plain = |rest: &str| rest.bytes().all(|byte| byte == b' ' || byte.is_ascii_lowercase());
    rest.strip_prefix("2026 ").or_else(|| rest.strip_suffix(" v1")).is_some_and(is_plain)
}

/// Clauses: KEY-1.
#[test]
fn no_domain_string_begins_another() {
    let strings: BTreeSet<String> = table().into_iter().chain(literals().into_keys()).collect();
    assert!(strings.len() > 40, "{} strings", strings.len());
    for one in &strings {
        for other in &strings {
            assert!(one == other || !other.starts_with(one), "{one:?} begins {other:?}");
        }
    }
}

/// Clauses: KEY-1.
#[test]
fn the_table_of_the_chapter_is_complete() {
    let rows = table();
    let unique: BTreeSet<&String> = rows.iter().collect();
    assert_eq!(unique.len(), rows.len(), "a string stands in the table twice");
    let used = literals();
    for (string, file) in &used {
        assert!(unique.contains(string), "{string:?} of {} is in no row", file.display());
    }
    for row in &rows {
        assert!(used.contains_key(row), "{row:?} is in the chapter alone");
    }
    let strings = strings();
    assert!(strings.len() > 40 && strings.iter().all(|string| used.contains_key(*string)));
    assert_eq!(strings.iter().collect::<BTreeSet<_>>().len(), strings.len(), "one use, one string");
}
