//! `error-code.json`: every stable code that a node sends (chapter `errors.md`, ERR-1 to ERR-3, ERR-6).

use bulla_core::Code;
use bulla_wire::{WireError, codes};
use serde_json::Value;

use crate::vectors::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// The table of codes, out of the chapter.
pub(in crate::vectors) struct ErrorCodes;

const CHAPTER: &str = include_str!("../../../../../spec/errors.md");

impl Format for ErrorCodes {
    fn name(&self) -> &'static str {
        "error-code"
    }

    fn case_fields(&self) -> Vec<Field> {
        let faults = &["sender", "node", "peer", "circumstance"];
        vec![
            Field::required("code", Shape::Text, "the code, or what stands in its place"),
            Field::optional("status", Shape::Uint, "the HTTP status that goes with it"),
            Field::optional(
                "retryable",
                Shape::Bool,
                "as in the table, or as sent of an unknown code",
            ),
            Field::optional(
                "fault",
                Shape::OneOf(faults),
                "who is at fault; absent of an unknown code",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Every code that a node sends, from the table of chapter errors.md (ERR-1).")
            .flag("Unknown", "a code that the table does not have (ERR-6, ERR-7)")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().cases(table()))
            .group(Group::new().cases(unknown()))
            .group(Group::new().cases(refused()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let Some(code) = Code::parse(inputs.text("code")?) else {
            return Ok(Verdict::refused(&Code::new("cbor.bounds"), "CBOR-10"));
        };
        let row = codes::find(code.as_str());
        let fault = row.map(|row| Value::from(row.fault.name()));
        Mismatch::unless_equal("fault", &inputs.find("fault"), &fault.as_ref())?;
        let retryable = inputs.bool("retryable")?;
        let mut error = WireError::new(code, "");
        if row.is_none() {
            error.is_retryable = retryable;
        }
        Mismatch::unless_equal("retryable", &retryable, &error.is_retryable)?;
        Mismatch::unless_equal("status", &inputs.uint64("status")?, &u64::from(error.status()))?;
        Ok(Verdict::Valid)
    }
}

/// The rows of five cells: code, status, retry, fault, meaning.
fn table() -> Vec<Case> {
    CHAPTER
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 5)
        .map(|cells| {
            let status: u64 = cells[1].parse().expect("the table has a status");
            Case::valid(cells[4])
                .value("code", cells[0].trim_matches('`'))
                .value("status", status)
                .value("retryable", cells[2] == "yes")
                .value("fault", cells[3])
        })
        .collect()
}

fn unknown() -> Vec<Case> {
    let case = |comment: &str, code: &str, retryable: bool, status: u64| {
        Case::valid(comment)
            .flag("Unknown")
            .value("code", code)
            .value("status", status)
            .value("retryable", retryable)
    };
    vec![
        case("an unknown code, retryable", "zeta.unknown", true, 503),
        case("an unknown code, final", "zeta.unknown", false, 400),
        case("a known area, an unknown code", "cbor.zeta", false, 400),
        case("a known code cut", "store.ful", true, 503),
        case("a digit alone", "0", false, 400).flag("Boundary"),
        case("a full stop alone", ".", true, 503).flag("Boundary"),
        case("64 bytes", &"z".repeat(64), false, 400).flag("Boundary"),
    ]
}

fn refused() -> Vec<Case> {
    let case = |comment: &str, code: &str| {
        Case::invalid(comment, "cbor.bounds", "CBOR-10").value("code", code)
    };
    vec![
        case("no bytes", "").flag("Boundary"),
        case("65 bytes", &"z".repeat(65)).flag("Boundary"),
        case("upper case", "STORE.full"),
        case("a hyphen", "store-full"),
        case("a space behind", "store.full "),
        case("a line feed behind", "store.full\n"),
        case("a colon", "store:full"),
        case("beyond ASCII", "störe.full"),
    ]
}
