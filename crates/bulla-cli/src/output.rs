//! What the program prints: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// Where results go. Progress and notes go to standard error, results to standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) is_json: bool,
}

impl Output {
    /// A line for people; nothing in JSON.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        if !self.is_json {
            // A reader that has gone away (`| head`) is no error of ours.
            drop(writeln!(anstream::stdout(), "{}", text.as_ref()));
        }
    }

    /// A note beside the result; in JSON it is left out too.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        if !self.is_json {
            drop(writeln!(anstream::stderr(), "{}", text.as_ref()));
        }
    }

    /// A JSON value; nothing for people.
    pub(crate) fn json(self, value: &Value) {
        if self.is_json {
            drop(writeln!(anstream::stdout(), "{value}"));
        }
    }

    /// Rows: a table for people, an array of objects keyed by the headings for programs.
    pub(crate) fn rows(self, headings: &[&str], rows: &[Vec<Value>]) {
        if self.is_json {
            let objects = rows.iter().map(|row| {
                let pairs = headings.iter().zip(row);
                Value::Object(
                    pairs.map(|(key, value)| (key.replace(' ', "_"), value.clone())).collect(),
                )
            });
            self.json(&Value::Array(objects.collect()));
            return;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if headings.iter().any(|heading| !heading.is_empty()) {
            table.set_header(headings);
        }
        for row in rows {
            table.add_row(row.iter().map(text));
        }
        self.line(table.to_string());
    }

    /// Whether a progress bar would be seen.
    pub(crate) fn shows_progress(self) -> bool {
        !self.is_json && std::io::stderr().is_terminal()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A number of things: `1 file`, `2 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A size for people: `1.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS.get(unit).unwrap_or(&""))
}
