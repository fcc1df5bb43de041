//! The table of codes and the chapter that holds the same (ERR-1, ERR-2, ERR-9).

use bulla_core::Code;
use bulla_wire::codes::TABLE;

const CHAPTER: &str = include_str!("../../../../spec/errors.md");

/// The cells of every row of the chapter that begins with a code.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()
    };
    CHAPTER.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_chapter_holds_the_same_table() {
    let chapter: Vec<_> = rows().into_iter().filter(|row| row.len() == 5).collect();
    let table: Vec<_> = TABLE
        .iter()
        .map(|row| {
            let retry = if row.is_retryable { "yes" } else { "no" };
            vec![
                row.code.to_owned(),
                row.status.to_string(),
                retry.to_owned(),
                row.fault.name().to_owned(),
                row.meaning.to_owned(),
            ]
        })
        .collect();
    assert_eq!(chapter, table);
}

#[test]
fn every_code_stands_there_once_and_keeps_its_rule() {
    let mut codes: Vec<&str> = rows().into_iter().map(|row| row[0]).collect();
    assert!(codes.len() > TABLE.len() + 50, "both tables are read");
    for code in &codes {
        assert!(Code::parse(code).is_some(), "{code}");
    }
    codes.sort_unstable();
    let twice: Vec<_> = codes.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
