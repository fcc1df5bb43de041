//! Domain strings: one for each use, none a prefix of another, all of them those of the spec.

const SOURCE: &str = include_str!("../../src/domain.rs");
const CHAPTER: &str = include_str!("../../../../spec/keys.md");

/// Every string of the module of domains.
fn strings() -> Vec<&'static str> {
    let constants = SOURCE.lines().filter(|line| line.starts_with("pub const "));
    constants.map(|line| line.split('"').nth(1).expect("a constant is a string")).collect()
}

/// Clauses: KEY-1.
#[test]
fn no_domain_string_begins_another() {
    let strings = strings();
    assert!(strings.len() > 30, "{} strings", strings.len());
    for (i, one) in strings.iter().enumerate() {
        for (j, other) in strings.iter().enumerate() {
            assert!(i == j || !other.starts_with(one), "{one:?} begins {other:?}");
        }
    }
}

#[test]
fn every_string_of_the_chapter_is_the_one_in_use() {
    let rows = CHAPTER.lines().filter_map(|line| line.strip_prefix("| `bulla "));
    let chapter: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(chapter.len() > 20, "{} rows", chapter.len());
    let strings = strings();
    for row in chapter {
        let string = format!("bulla {row}");
        assert!(strings.contains(&string.as_str()), "{string:?} is in the chapter alone");
    }
}
