//! `head.json` and `cursor.json` (chapter `heads.md`).

use bulla_core::cbor::{CborError, Decode, Encode, Writer};
use bulla_core::values::{Counted, Counting, Freshness};
use bulla_core::{Cursor, Head, Lineage, LogHash, SetDigest};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict};

const HIGHEST: u64 = (1 << 63) - 1;

/// Heads of stores.
pub(super) struct Heads;

impl Format for Heads {
    fn name(&self) -> &'static str {
        "head"
    }

    fn case_fields(&self) -> Vec<Field> {
        let counted = || {
            vec![
                Field::required("count", Shape::Uint64, "number of ids"),
                Field::required("digest", Shape::HexOf(32), "set digest"),
            ]
        };
        let fields = vec![
            Field::required("lineage", Shape::HexOf(16), "names the history of receipts"),
            Field::required("lastReceipt", Shape::Uint64, "the newest receipt"),
            Field::required("logHash", Shape::HexOf(32), "the log hash there"),
            Field::required("control", Shape::Object(counted()), "control entries"),
            Field::required("held", Shape::Object(counted()), "all entries held"),
            Field::required(
                "counting",
                Shape::nullable(Shape::Object(counted())),
                "those that count by the directory; null where all do (HEAD-4)",
            ),
            Field::required("countingSet", Shape::Object(counted()), "the entries that count"),
            Field::required(
                "present",
                Shape::Object(counted()),
                "entries whose payload is present",
            ),
            Field::required(
                "staleSince",
                Shape::nullable(Shape::Uint64),
                "milliseconds since 1970; null for fresh",
            ),
        ];
        vec![
            Field::required("head", Shape::Hex, "the encoded head (HEAD-3)"),
            Field::optional("fields", Shape::Object(fields), "what it says"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Heads of stores: encodings, and what is refused (HEAD-1 to HEAD-5).")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().cases(valid_heads()))
            .group(Group::new().cases(invalid_heads()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("head")?;
        Mismatch::unless_equal("under 300 bytes", &true, &(bytes.len() < 300))?;
        judge(Head::from_cbor(&bytes), |head| {
            Mismatch::unless_equal("encoding", &bytes, &head.to_cbor())?;
            Mismatch::unless_equal("fields", inputs.value("fields")?, &fields_of(head))
        })
    }
}

fn judge<T>(
    read: Result<T, CborError>,
    compare: impl FnOnce(&T) -> Result<(), Mismatch>,
) -> Outcome {
    match read {
        Ok(value) => compare(&value).map(|()| Verdict::Valid),
        Err(error) => Ok(Verdict::refused(&error.kind.code(), error.kind.clause())),
    }
}

fn fields_of(head: &Head) -> Value {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let counted =
        |set: &Counted| json!({ "count": set.count.to_string(), "digest": hex(&set.digest.0) });
    json!({
        "lineage": hex(&head.lineage.0),
        "lastReceipt": head.last_receipt.to_string(),
        "logHash": hex(&head.log_hash.0),
        "control": counted(&head.control),
        "held": counted(&head.held),
        "counting": match &head.counting {
            Counting::All => Value::Null,
            Counting::Directory(set) => counted(set),
        },
        "countingSet": counted(&head.counting_set()),
        "present": counted(&head.present),
        "staleSince": match head.freshness {
            Freshness::Fresh => Value::Null,
            Freshness::StaleSince(milliseconds) => milliseconds.to_string().into(),
        },
    })
}

fn sample() -> Head {
    let mut random = Random::new("head");
    let mut set = |count| Counted { count, digest: SetDigest(random.array()) };
    let (control, held, present) = (set(1), set(1000), set(998));
    Head {
        lineage: Lineage(random.array()),
        last_receipt: 1000,
        log_hash: LogHash(random.array()),
        control,
        held,
        counting: Counting::All,
        present,
        freshness: Freshness::Fresh,
    }
}

fn good(comment: &str, head: &Head) -> Case {
    Case::valid(comment).hex("head", head.to_cbor()).value("fields", fields_of(head))
}

fn valid_heads() -> Vec<Case> {
    let none = Counted { count: 0, digest: bulla_core::SetHash::new().digest() };
    let empty = Head {
        last_receipt: 0,
        control: none,
        held: none,
        counting: Counting::All,
        present: none,
        ..sample()
    };
    let full = Counted { count: HIGHEST, digest: SetDigest([0xff; 32]) };
    let largest = Head {
        last_receipt: HIGHEST,
        control: full,
        held: full,
        counting: Counting::Directory(full),
        present: full,
        freshness: Freshness::StaleSince(HIGHEST),
        ..sample()
    };
    let directory = |set| Head { counting: Counting::Directory(set), ..sample() };
    let fewer = Counted { count: 990, digest: SetDigest([0x99; 32]) };
    vec![
        good("an empty store", &empty),
        good("a thousand entries", &sample()),
        good("counted by the directory, and everything does", &directory(sample().held)),
        good("ten that do not count by the directory", &directory(fewer)),
        good("nothing counts by the directory", &directory(none)).flag("Boundary"),
        good("stale", &Head { freshness: Freshness::StaleSince(1_790_000_000_000), ..sample() }),
        good("stale since 1970", &Head { freshness: Freshness::StaleSince(0), ..sample() })
            .flag("Boundary"),
        good("every number at its highest", &largest).flag("Boundary"),
    ]
}

/// The sample with one element of its array replaced.
fn replaced(element: usize, write: impl Fn(&mut Writer)) -> Vec<u8> {
    let head = sample();
    let mut writer = Writer::new();
    writer.array(8);
    for number in 0..8 {
        if number == element {
            write(&mut writer);
            continue;
        }
        match number {
            0 => _ = writer.bytes(head.lineage),
            1 => _ = writer.uint(head.last_receipt),
            2 => _ = writer.bytes(head.log_hash),
            3 => head.control.encode(&mut writer),
            4 => head.held.encode(&mut writer),
            6 => head.present.encode(&mut writer),
            _ => _ = writer.null(),
        }
    }
    writer.into_bytes()
}

fn invalid_heads() -> Vec<Case> {
    let bad = |comment, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("head", bytes)
    };
    let bounds = |comment, element, write: fn(&mut Writer)| {
        bad(comment, "cbor.bounds", "CBOR-10", replaced(element, write)).flag("Boundary")
    };
    let unexpected = |comment, element, write: fn(&mut Writer)| {
        bad(comment, "cbor.unexpected", "CBOR-9", replaced(element, write))
    };
    let count = |comment, element, write: fn(&mut Writer)| {
        bad(comment, "cbor.count", "CBOR-9", replaced(element, write))
    };
    let good = sample().to_cbor();
    vec![
        bounds("lineage of 15 bytes", 0, |w| _ = w.bytes([1; 15])),
        bounds("last receipt 2^63", 1, |w| _ = w.uint(1 << 63)),
        bounds("log hash of 33 bytes", 2, |w| _ = w.bytes([1; 33])),
        bounds("control count 2^63", 3, |w| _ = w.array(2).uint(1 << 63).bytes([1; 32])),
        bounds("count of entries held 2^63", 4, |w| _ = w.array(2).uint(1 << 63).bytes([1; 32])),
        bounds("digest of entries held of 33 bytes", 4, |w| _ = w.array(2).uint(1).bytes([1; 33])),
        bounds("counting count 2^63", 5, |w| _ = w.array(2).uint(1 << 63).bytes([1; 32])),
        bounds("counting digest of 31 bytes", 5, |w| _ = w.array(2).uint(1).bytes([1; 31])),
        bounds("present count 2^64 - 1", 6, |w| _ = w.array(2).uint(u64::MAX).bytes([1; 32])),
        bounds("stale since 2^63", 7, |w| _ = w.uint(1 << 63)),
        unexpected("last receipt null", 1, |w| _ = w.null()),
        unexpected("control entries as a map", 3, |w| _ = w.map(0)),
        unexpected("entries held null", 4, |w| _ = w.null()),
        unexpected("counting entries by the number of a rule", 5, |w| _ = w.uint(0)),
        unexpected("freshness true", 7, |w| _ = w.bool(true)),
        count("control entries without digest", 3, |w| _ = w.array(1).uint(1)),
        count("counting entries with a rule", 5, |w| _ = w.array(3).uint(1).uint(1).bytes([1; 32])),
        bad("seven elements", "cbor.count", "CBOR-9", [&[0x87], &good[1..good.len() - 1]].concat()),
        bad("nine elements", "cbor.count", "CBOR-9", [&[0x89], &good[1..], &[0]].concat()),
        bad("an empty array", "cbor.count", "CBOR-9", vec![0x80]),
        bad("cut", "cbor.truncated", "CBOR-2", good[..good.len() - 1].to_vec()),
        bad("byte after it", "cbor.trailing", "CBOR-2", [&good[..], &[0xf6]].concat()),
        bad("receipt not in its shortest form", "cbor.not_shortest", "CBOR-3", {
            replaced(1, |w| _ = w.raw(&[0x1a, 0, 0, 0x03, 0xe8]))
        }),
    ]
}

/// Cursors of readers.
pub(super) struct Cursors;

impl Format for Cursors {
    fn name(&self) -> &'static str {
        "cursor"
    }

    fn case_fields(&self) -> Vec<Field> {
        let fields = vec![
            Field::required("lineage", Shape::HexOf(16), "the history of receipts"),
            Field::required("receipt", Shape::Uint64, "the last receipt handed over"),
            Field::required("logHash", Shape::HexOf(32), "the log hash there"),
        ];
        vec![
            Field::required("cursor", Shape::Hex, "the encoded cursor (CUR-2)"),
            Field::optional("fields", Shape::Object(fields), "what it says"),
        ]
    }

    fn generate(&self) -> File {
        let good = |comment, receipt| {
            let cursor = Cursor { receipt, ..sample().cursor() };
            Case::valid(comment)
                .hex("cursor", cursor.to_cbor())
                .value("fields", cursor_fields(&cursor))
        };
        let bad = |comment, code, clause, bytes: Vec<u8>| {
            Case::invalid(comment, code, clause).hex("cursor", bytes)
        };
        let written = |write: fn(&mut Writer)| {
            let mut writer = Writer::new();
            write(&mut writer);
            writer.into_bytes()
        };
        let bytes = sample().cursor().to_cbor();
        let valid = [
            good("before the first receipt", 0),
            good("somewhere", 1000),
            good("highest receipt", HIGHEST).flag("Boundary"),
        ];
        let invalid = [
            bad(
                "receipt 2^63",
                "cbor.bounds",
                "CBOR-10",
                written(|w| _ = w.array(3).bytes([1; 16]).uint(1 << 63).bytes([2; 32])),
            )
            .flag("Boundary"),
            bad(
                "lineage of 32 bytes",
                "cbor.bounds",
                "CBOR-10",
                written(|w| _ = w.array(3).bytes([1; 32]).uint(1).bytes([2; 32])),
            ),
            bad(
                "log hash of 31 bytes",
                "cbor.bounds",
                "CBOR-10",
                written(|w| _ = w.array(3).bytes([1; 16]).uint(1).bytes([2; 31])),
            ),
            bad(
                "receipt as text",
                "cbor.unexpected",
                "CBOR-9",
                written(|w| _ = w.array(3).bytes([1; 16]).text("1").bytes([2; 32])),
            ),
            bad(
                "two elements",
                "cbor.count",
                "CBOR-9",
                written(|w| _ = w.array(2).bytes([1; 16]).uint(1)),
            ),
            bad(
                "four elements",
                "cbor.count",
                "CBOR-9",
                written(|w| _ = w.array(4).bytes([1; 16]).uint(1).bytes([2; 32]).null()),
            ),
            bad("cut", "cbor.truncated", "CBOR-2", bytes[..bytes.len() - 1].to_vec()),
            bad("byte after it", "cbor.trailing", "CBOR-2", [&bytes[..], &[0]].concat()),
        ];
        File::new()
            .note("Cursors of readers: encodings, and what is refused (CUR-1, CUR-2).")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().cases(valid))
            .group(Group::new().cases(invalid))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("cursor")?;
        judge(Cursor::from_cbor(&bytes), |cursor| {
            Mismatch::unless_equal("encoding", &bytes, &cursor.to_cbor())?;
            Mismatch::unless_equal("fields", inputs.value("fields")?, &cursor_fields(cursor))
        })
    }
}

fn cursor_fields(cursor: &Cursor) -> Value {
    json!({
        "lineage": HEXLOWER.encode(&cursor.lineage.0),
        "receipt": cursor.receipt.to_string(),
        "logHash": HEXLOWER.encode(&cursor.log_hash.0),
    })
}
