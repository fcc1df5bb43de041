//! `known-heads.json`: what an approver knew of the space (PAIR-35).

use bulla_pairing::KnownHeads;
use data_encoding::HEXLOWER;

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::parts::item;

/// Frontiers of approvals.
pub(in super::super) struct Heads;

impl Format for Heads {
    fn name(&self) -> &'static str {
        "known-heads"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("bytes", Shape::Hex, "the frontier of an approval (PAIR-35)"),
            Field::optional("ids", Shape::list(Shape::HexOf(32)), "the entries"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("What an approver knew, as the frontier of its approval: read `bytes`, compare the ids and their order, encode them again.")
            .flag("Order", "breaks two rules; PAIR-35 says which is named")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("bytes")?;
        let read = match KnownHeads::from_bytes(&bytes) {
            Ok(read) => read,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        let ids: Vec<String> = read.ids().map(|id| id.to_string()).collect();
        Mismatch::unless_equal("ids", inputs.value("ids")?, &ids.into())?;
        Mismatch::unless_equal("bytes", &bytes, &read.to_bytes())?;
        Ok(Verdict::Valid)
    }
}

/// Ids, ascending.
fn ids(count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new("known heads");
    let mut ids: Vec<_> = (0..count).map(|_| random.bytes(32)).collect();
    ids.sort();
    ids
}

fn encode(version: u64, ids: &[Vec<u8>]) -> Vec<u8> {
    item(|w| {
        w.array(2).uint(version).array(ids.len());
        for id in ids {
            w.bytes(id);
        }
    })
}

fn valid() -> Vec<Case> {
    [("one entry", 1), ("two entries", 2), ("100 entries", 100)]
        .into_iter()
        .map(|(comment, count)| {
            let ids = ids(count);
            let hex: Vec<String> = ids.iter().map(|id| HEXLOWER.encode(id)).collect();
            Case::valid(comment).hex("bytes", encode(1, &ids)).value("ids", hex)
        })
        .collect()
}

fn refusals() -> Vec<Case> {
    let case = |comment: &str, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("bytes", bytes)
    };
    let good = encode(1, &ids(2));
    let mut reversed = ids(2);
    reversed.reverse();
    let twice = vec![vec![7; 32]; 2];
    vec![
        case("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        case("a byte after it", "cbor.trailing", "CBOR-2", [good.as_slice(), &[0]].concat()),
        case("a byte short", "cbor.truncated", "CBOR-2", good[..good.len() - 1].to_vec()),
        case("not an array", "cbor.unexpected", "CBOR-9", vec![0xa0]),
        case("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        case("version 2", "pairing.heads_version", "PAIR-35", encode(2, &ids(1))),
        case("version 2 and nothing else", "pairing.heads_version", "PAIR-35", vec![0x81, 2])
            .flag("Order"),
        case("one element", "cbor.count", "CBOR-9", vec![0x81, 1]),
        case("no entry", "cbor.bounds", "CBOR-10", encode(1, &[])),
        case("101 entries", "cbor.bounds", "CBOR-10", encode(1, &ids(101))),
        case("an id of 31 bytes", "cbor.bounds", "CBOR-10", encode(1, &[vec![1; 31]])),
        case(
            "an id is text",
            "cbor.unexpected",
            "CBOR-9",
            item(|w| {
                w.array(2).uint(1).array(1).text("x");
            }),
        ),
        case("descending", "pairing.heads", "PAIR-35", encode(1, &reversed)),
        case("an entry twice", "pairing.heads", "PAIR-35", encode(1, &twice)),
        case(
            "descending, and then an id of 31 bytes",
            "pairing.heads",
            "PAIR-35",
            encode(1, &[vec![2; 32], vec![1; 32], vec![3; 31]]),
        )
        .flag("Order"),
    ]
}
