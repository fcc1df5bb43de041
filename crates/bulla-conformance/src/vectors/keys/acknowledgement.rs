//! `acknowledgement.json`: what a node signs for a batch (ACK-1 to ACK-4).

use bulla_core::cbor::{Decode, Encode, Writer};
use bulla_core::values::Acknowledgement;
use bulla_core::{EntryId, Lineage, NodeId, SpaceId};
use bulla_identity::{NodeKeys, verify_acknowledgement};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Acknowledgements.
pub(in super::super) struct Acknowledgements;

impl Format for Acknowledgements {
    fn name(&self) -> &'static str {
        "acknowledgement"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("node", Shape::HexOf(32), "the node that was asked")]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("bytes", Shape::Hex, "the acknowledgement as received"),
            Field::optional(
                "receipts",
                Shape::list(Shape::Uint64),
                "receipts of the entries it covers, in the order of the batch",
            ),
            Field::optional(
                "ids",
                Shape::list(Shape::HexOf(32)),
                "ids of the entries it covers, in the order of the batch",
            ),
            Field::optional("digest", Shape::HexOf(32), "the digest over both (ACK-2)"),
            Field::optional(
                "nodeSecret",
                Shape::HexOf(32),
                "the Ed25519 seed that gives this acknowledgement",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Acknowledgements of a node: decode, check that the node asked signed it, and compare count and digest with the receipts and ids.")
            .note("From the node's secret the same bytes come out (Ed25519 is deterministic).")
            .group(Group::new().hex("node", node().node_id()).cases(valid()).cases(refused()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let ack = match Acknowledgement::from_cbor(&inputs.hex("bytes")?) {
            Ok(ack) => ack,
            Err(error) => return Ok(Verdict::refused(&error.kind.code(), error.kind.clause())),
        };
        if let Err(error) = verify_acknowledgement(&ack, &NodeId(inputs.array("node")?)) {
            return Ok(Verdict::refused(&error.code(), error.clause()));
        }
        let stored = stored(inputs)?;
        let (count, digest) = Acknowledgement::digest_of(stored.iter().copied());
        Mismatch::unless_equal("count", &ack.count, &count)?;
        Mismatch::unless_equal("digest", &ack.digest, &digest)?;
        Mismatch::unless_equal("digest", &inputs.array("digest")?, &digest.0)?;
        let keys = NodeKeys::dangerous_from_secret(&inputs.array("nodeSecret")?);
        Mismatch::unless_equal("bytes", &ack, &keys.acknowledge(ack.space, ack.lineage, stored))?;
        Ok(Verdict::Valid)
    }
}

fn stored(inputs: &Inputs<'_>) -> Result<Vec<(u64, EntryId)>, Mismatch> {
    let fail = || Mismatch("receipts are not a list of integers".to_owned());
    let receipts = inputs.value("receipts")?.as_array().ok_or_else(fail)?;
    let ids = inputs.arrays::<32>("ids")?;
    if receipts.len() != ids.len() {
        return Err(fail());
    }
    receipts
        .iter()
        .zip(ids)
        .map(|(receipt, id)| {
            let receipt =
                receipt.as_str().and_then(|digits| digits.parse().ok()).ok_or_else(fail)?;
            Ok((receipt, EntryId(id)))
        })
        .collect()
}

fn secret() -> [u8; 32] {
    Random::new("acknowledgement node").array()
}

fn node() -> NodeKeys {
    NodeKeys::dangerous_from_secret(&secret())
}

fn valid() -> Vec<Case> {
    let batches: [(&str, &[u64]); 4] = [
        ("one entry", &[1]),
        ("three entries, one held before", &[8, 3, 9]),
        ("nothing was stored", &[]),
        ("the highest receipt", &[(1 << 63) - 1]),
    ];
    batches.iter().map(|(comment, receipts)| valid_case(comment, receipts)).collect()
}

fn valid_case(comment: &str, receipts: &[u64]) -> Case {
    let mut random = Random::new(&format!("acknowledgement {comment}"));
    let stored: Vec<_> =
        receipts.iter().map(|receipt| (*receipt, EntryId(random.array()))).collect();
    let ack = node().acknowledge(
        SpaceId(random.array()),
        Lineage(random.array()),
        stored.iter().copied(),
    );
    let ids: Vec<String> = stored.iter().map(|(_, id)| id.to_string()).collect();
    let receipts: Vec<String> = receipts.iter().map(ToString::to_string).collect();
    Case::valid(comment)
        .hex("bytes", ack.to_cbor())
        .value("receipts", receipts)
        .value("ids", ids)
        .hex("digest", ack.digest)
        .hex("nodeSecret", secret())
}

fn refused() -> Vec<Case> {
    let mut random = Random::new("acknowledgement refused");
    let stored = [(5, EntryId(random.array()))];
    let good = node().acknowledge(SpaceId(random.array()), Lineage(random.array()), stored);
    let bytes = good.to_cbor();
    let other = NodeKeys::dangerous_from_secret(&random.array());
    let case = |comment, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("bytes", bytes)
    };
    let signature =
        |comment, ack: Acknowledgement| case(comment, "ack.signature", "ACK-4", ack.to_cbor());
    let array = |count: usize, write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.array(count);
        write(&mut writer);
        writer.into_bytes()
    };
    let mut forged = other.acknowledge(good.space, good.lineage, stored);
    let by_other = forged;
    forged.node = good.node;
    let mut flipped = good;
    flipped.signature.0 = good.signature.0.map(|byte| byte ^ 1);
    vec![
        case("by another node than was asked", "ack.node", "ACK-4", by_other.to_cbor()),
        signature("in the name of the node, signed by another", forged),
        signature("signature altered", flipped),
        signature("another space", Acknowledgement { space: SpaceId(random.array()), ..good }),
        signature("another lineage", Acknowledgement { lineage: Lineage(random.array()), ..good }),
        signature("another count", Acknowledgement { count: 2, ..good }),
        signature("another digest", Acknowledgement { digest: by_digest(&mut random), ..good }),
        case(
            "more entries than a batch has",
            "cbor.bounds",
            "CBOR-10",
            Acknowledgement { count: 4_097, ..good }.to_cbor(),
        ),
        case("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        case("a byte after it", "cbor.trailing", "CBOR-2", [bytes.as_slice(), &[0]].concat()),
        case(
            "a byte short",
            "cbor.truncated",
            "CBOR-2",
            bytes.get(..bytes.len() - 1).unwrap_or_default().to_vec(),
        ),
        case("no elements", "cbor.count", "CBOR-9", array(0, &|_| {})),
        case(
            "five elements",
            "cbor.count",
            "CBOR-9",
            array(5, &|w| {
                w.bytes(good.node).bytes(good.space).bytes(good.lineage).uint(1).bytes(good.digest);
            }),
        ),
        case(
            "seven elements",
            "cbor.count",
            "CBOR-9",
            array(7, &|w| {
                w.bytes(good.node)
                    .bytes(good.space)
                    .bytes(good.lineage)
                    .uint(1)
                    .bytes(good.digest)
                    .bytes(good.signature)
                    .null();
            }),
        ),
        case(
            "lineage of 32 bytes",
            "cbor.bounds",
            "CBOR-10",
            array(6, &|w| {
                w.bytes(good.node)
                    .bytes(good.space)
                    .bytes([1; 32])
                    .uint(1)
                    .bytes(good.digest)
                    .bytes(good.signature);
            }),
        ),
        case(
            "count is bytes",
            "cbor.unexpected",
            "CBOR-9",
            array(6, &|w| {
                w.bytes(good.node)
                    .bytes(good.space)
                    .bytes(good.lineage)
                    .bytes([1])
                    .bytes(good.digest)
                    .bytes(good.signature);
            }),
        ),
        case(
            "signature of 63 bytes",
            "cbor.bounds",
            "CBOR-10",
            array(6, &|w| {
                w.bytes(good.node)
                    .bytes(good.space)
                    .bytes(good.lineage)
                    .uint(1)
                    .bytes(good.digest)
                    .bytes([1; 63]);
            }),
        ),
    ]
}

fn by_digest(random: &mut Random) -> bulla_core::AcknowledgedDigest {
    bulla_core::AcknowledgedDigest(random.array())
}
