//! `ed25519-verdicts.json`: which signatures are accepted (chapter `entries.md`, VER-4 and VER-5), over the published edge
//! cases on which libraries disagree.
//!
//! The verdicts do not come from the code under test: those of C2SP/CCTV follow from the flags that its authors gave each
//! vector, those of Wycheproof are its own, but for one vector on which RFC 8032 and ZIP-215 differ.

use bulla_core::Signature;
use bulla_core::verify::{SignatureError, verify_signature};
use serde_json::Value;

use super::{Case, Field, File, Format, Group, Inputs, Outcome, Shape, Verdict};

const CCTV: &str = include_str!("../../../../testvectors/vendor/cctv-ed25519vectors.json");
const WYCHEPROOF: &str =
    include_str!("../../../../testvectors/vendor/wycheproof-ed25519_test.json");
/// R encodes y = 1 with a sign on x = 0, which RFC 8032 refuses and ZIP-215 decodes.
const ACCEPTED_BY_ZIP215_ALONE: u64 = 151;

/// The verdict table.
pub(super) struct Ed25519;

impl Format for Ed25519 {
    fn name(&self) -> &'static str {
        "ed25519-verdicts"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required(
            "source",
            Shape::Text,
            "the file under vendor/ that the cases come from",
        )]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("number", Shape::Uint, "number of the case in the source"),
            Field::required("key", Shape::HexOf(32), "verifying key"),
            Field::required("message", Shape::Hex, "the bytes said to be signed"),
            Field::required(
                "signature",
                Shape::Hex,
                "the signature; one that is not 64 bytes long is refused",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Verdicts over published edge cases of Ed25519 by the rule of this project: ZIP-215 with s < l, and keys that do not decode or are of small order refused. The table is part of the format: a change of a verdict splits replicas.")
            .note("The verdicts on C2SP/CCTV follow from the flags its authors gave each vector (low_order_A: the key is refused; reencoded_k: the signature holds only if points are encoded anew before hashing, and is refused; otherwise it holds). Those on Wycheproof are its own, but for the case flagged ZIP215. An implementation of the rule in Python agrees with every one.")
            .flag("ZIP215", "refused by RFC 8032, accepted by ZIP-215")
            .group(Group::new().value("source", "cctv-ed25519vectors.json").cases(cctv()))
            .group(Group::new().value("source", "wycheproof-ed25519_test.json").cases(wycheproof()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let (key, message) = (inputs.array("key")?, inputs.hex("message")?);
        let Ok(signature) = Signature::try_from(inputs.hex("signature")?.as_slice()) else {
            return Ok(refused(SignatureError::Mismatch));
        };
        Ok(verify_signature(&key, &message, &signature).map_or_else(refused, |()| Verdict::Valid))
    }
}

fn refused(error: SignatureError) -> Verdict {
    let (code, clause) = names(error);
    Verdict::Invalid { code: code.into(), clause: clause.into() }
}

/// Code and clause of the entry that carries such a key or signature.
const fn names(error: SignatureError) -> (&'static str, &'static str) {
    match error {
        SignatureError::Key => ("entry.author_key", "VER-4"),
        SignatureError::Mismatch => ("entry.signature", "VER-5"),
    }
}

fn case(comment: impl Into<String>, verdict: Result<(), SignatureError>) -> Case {
    match verdict.map_err(names) {
        Ok(()) => Case::valid(comment),
        Err((code, clause)) => Case::invalid(comment, code, clause),
    }
}

fn cctv() -> Vec<Case> {
    let vectors: Value = serde_json::from_str(CCTV).expect("the vendored file is JSON");
    let cases = list(&vectors).map(|vector| {
        let flags: Vec<_> = vector
            .get("flags")
            .map(|flags| list(flags).filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let verdict = if flags.contains(&"low_order_A") {
            Err(SignatureError::Key)
        } else if flags.contains(&"reencoded_k") {
            Err(SignatureError::Mismatch)
        } else {
            Ok(())
        };
        let comment = if flags.is_empty() { "ordinary".to_owned() } else { flags.join(", ") };
        case(comment, verdict)
            .value("number", vector.get("number").cloned().unwrap_or_default())
            .value("key", text(vector, "key"))
            .hex("message", text(vector, "msg"))
            .value("signature", text(vector, "sig"))
    });
    cases.collect()
}

fn wycheproof() -> Vec<Case> {
    let file: Value = serde_json::from_str(WYCHEPROOF).expect("the vendored file is JSON");
    let groups = file.get("testGroups").map(list).into_iter().flatten();
    let cases = groups.flat_map(|group| {
        let key = group.get("publicKey").map(|key| text(key, "pk")).unwrap_or_default();
        let tests = group.get("tests").map(list).into_iter().flatten();
        tests.map(move |test| {
            let number = test.get("tcId").and_then(Value::as_u64).unwrap_or_default();
            let by_zip215_alone = number == ACCEPTED_BY_ZIP215_ALONE;
            let holds = text(test, "result") == "valid" || by_zip215_alone;
            let case = case(
                text(test, "comment"),
                if holds { Ok(()) } else { Err(SignatureError::Mismatch) },
            );
            let case = if by_zip215_alone { case.flag("ZIP215") } else { case };
            case.value("number", number)
                .value("key", key)
                .value("message", text(test, "msg"))
                .value("signature", text(test, "sig"))
        })
    });
    cases.collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
