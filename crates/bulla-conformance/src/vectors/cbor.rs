//! `cbor.json`: the canonical check (chapter `cbor.md`).

use bulla_core::cbor;

use super::{Case, Field, File, Format, Group, Inputs, Outcome, Shape, Verdict};

/// Bytes that are, or are not, one canonical item.
pub(super) struct Cbor;

impl Format for Cbor {
    fn name(&self) -> &'static str {
        "cbor"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![Field::required("bytes", Shape::Hex, "the bytes to be checked")]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Bytes that are, or are not, one canonical item (CBOR-1 to CBOR-8).")
            .group(
                Group::new()
                    .case(Case::valid("zero").hex("bytes", [0x00]))
                    .case(Case::invalid("nothing", "cbor.truncated", "CBOR-2").hex("bytes", [])),
            )
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        Ok(match cbor::check(&inputs.hex("bytes")?) {
            Ok(()) => Verdict::Valid,
            Err(error) => Verdict::refused(&error.kind.code(), error.kind.clause()),
        })
    }
}
