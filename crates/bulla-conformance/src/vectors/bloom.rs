//! `bloom.json`: Bloom filters bit by bit (chapter `digests.md`, BLM-1 to BLM-7).

use bulla_core::cbor::{Decode, Encode, Writer};
use bulla_core::{Bloom, EntryId};

use super::digests::{ids, list};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Filters, made and read.
pub(super) struct BloomFilter;

impl Format for BloomFilter {
    fn name(&self) -> &'static str {
        "bloom"
    }

    fn case_fields(&self) -> Vec<Field> {
        let parameters = vec![
            Field::required("salt", Shape::HexOf(16), "the salt"),
            Field::required("hashes", Shape::Uint, "bits set per id"),
            Field::required("bytes", Shape::Uint, "length of the bit array"),
            Field::required("inserted", Shape::list(Shape::HexOf(32)), "the ids it is made of"),
        ];
        vec![
            Field::required("filter", Shape::Hex, "the encoded filter (BLM-5)"),
            Field::optional("madeOf", Shape::Object(parameters), "what gives exactly this filter"),
            Field::optional(
                "sizedFor",
                Shape::Uint64,
                "the count of ids for which a maker chooses these parameters (BLM-6)",
            ),
            Field::optional("held", Shape::list(Shape::HexOf(32)), "ids it calls held"),
            Field::optional("notHeld", Shape::list(Shape::HexOf(32)), "ids it calls not held"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Bloom filters: made bit by bit, asked, and refused (BLM-1 to BLM-7).")
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag("Absurd", "allowed, and useless: a filter is only a hint")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(invalid()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("filter")?;
        let bloom = match Bloom::from_cbor(&bytes) {
            Ok(bloom) => bloom,
            Err(error) => return Ok(Verdict::refused(&error.kind.code(), error.kind.clause())),
        };
        Mismatch::unless_equal("encoding", &bytes, &bloom.to_cbor())?;
        if inputs.find("madeOf").is_some() {
            let made = inputs.object("madeOf")?;
            let mut other =
                empty(&made.array("salt")?, made.uint64("hashes")?, made.uint64("bytes")?)?;
            made.arrays("inserted")?.into_iter().for_each(|id| other.insert(&EntryId(id)));
            Mismatch::unless_equal("made of", &bytes, &other.to_cbor())?;
        }
        if inputs.find("sizedFor").is_some() {
            let mut other = Bloom::for_count(inputs.uint64("sizedFor")?, *bloom.salt());
            let inserted = inputs.object("madeOf")?.arrays("inserted")?;
            inserted.into_iter().for_each(|id| other.insert(&EntryId(id)));
            Mismatch::unless_equal("sized", &bytes, &other.to_cbor())?;
        }
        for (name, expected) in [("held", true), ("notHeld", false)] {
            let ids = inputs.find(name).map(|_| inputs.arrays::<32>(name)).transpose()?;
            for id in ids.into_iter().flatten() {
                Mismatch::unless_equal("held", &expected, &bloom.may_hold(&EntryId(id)))?;
            }
        }
        Ok(Verdict::Valid)
    }
}

fn encoded(salt: &[u8], hashes: u64, count: u64, bits: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(4).bytes(salt).uint(hashes).uint(count).bytes(bits);
    writer.into_bytes()
}

fn empty(salt: &[u8; 16], hashes: u64, bytes: u64) -> Result<Bloom, Mismatch> {
    let bytes = usize::try_from(bytes).map_err(|_| Mismatch("bit array too long".into()))?;
    Bloom::from_cbor(&encoded(salt, hashes, 0, &vec![0; bytes]))
        .map_err(|error| Mismatch(error.to_string()))
}

const SALT: [u8; 16] = [0x5a; 16];

fn made(comment: &str, hashes: u64, bytes: u64, inserted: &[EntryId], asked: &[EntryId]) -> Case {
    let mut bloom = empty(&SALT, hashes, bytes).expect("parameters of the table are allowed");
    inserted.iter().for_each(|id| bloom.insert(id));
    let (held, not_held): (Vec<EntryId>, Vec<_>) = asked.iter().partition(|id| bloom.may_hold(id));
    let made_of = serde_json::json!({
        "salt": data_encoding::HEXLOWER.encode(&SALT),
        "hashes": hashes,
        "bytes": bytes,
        "inserted": list(inserted),
    });
    Case::valid(comment)
        .hex("filter", bloom.to_cbor())
        .value("madeOf", made_of)
        .value("held", list(&held))
        .value("notHeld", list(&not_held))
}

fn valid() -> Vec<Case> {
    let ids = ids("bloom", 120);
    let absurd = |comment, bits: &[u8], answer| {
        Case::valid(comment)
            .flag("Absurd")
            .hex("filter", encoded(&SALT, 16, 1 << 26, bits))
            .value(answer, list(&ids[..5]))
    };
    vec![
        made("nothing in it", 7, 8, &[], &ids[..3]),
        made("one id, one bit of eight", 1, 1, &ids[..1], &ids[..8]),
        made("one id, seven hashes, 64 bits", 7, 8, &ids[..1], &ids[..4]),
        made("sixteen hashes", 16, 40, &ids[..5], &ids[..10]).flag("Boundary"),
        made("number of bits that is no power of two", 7, 13, &ids[..8], &ids[..16]),
        made("one byte, full", 16, 1, &ids[..20], &ids[..40]).flag("Boundary"),
        made("as its maker sizes it: 3 ids in 64 bits", 7, 8, &ids[..3], &ids[..6])
            .value("sizedFor", "3"),
        made("as its maker sizes it: 7 ids in 72 bits", 7, 9, &ids[..7], &ids[..12])
            .value("sizedFor", "7"),
        made("as its maker sizes it: 100 ids in 1,000 bits", 7, 125, &ids[..100], &ids)
            .value("sizedFor", "100"),
        absurd("all ones: everything is held", &[0xff; 4], "held"),
        absurd("all zeros, though 2^26 ids are announced", &[0; 4], "notHeld"),
    ]
}

fn invalid() -> Vec<Case> {
    let bad = |comment, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("filter", bytes)
    };
    let bounds = |comment, bytes| bad(comment, "cbor.bounds", "CBOR-10", bytes).flag("Boundary");
    let good = encoded(&SALT, 7, 1, &[1; 8]);
    let mut announced = encoded(&SALT, 7, 1, &[]);
    announced.pop();
    announced.extend_from_slice(&[0x5a, 0x02, 0x00, 0x00, 0x01]);
    vec![
        bounds("no hashes", encoded(&SALT, 0, 1, &[1; 8])),
        bounds("17 hashes", encoded(&SALT, 17, 1, &[1; 8])),
        bounds("2^32 hashes", encoded(&SALT, 1 << 32, 1, &[1; 8])),
        bounds("2^26 + 1 ids", encoded(&SALT, 7, (1 << 26) + 1, &[1; 8])),
        bounds("no bits", encoded(&SALT, 7, 0, &[])),
        bounds("salt of 15 bytes", encoded(&SALT[..15], 7, 1, &[1; 8])),
        bounds("salt of 17 bytes", encoded(&[0; 17], 7, 1, &[1; 8])),
        bad("32 MiB and a byte announced, not there", "cbor.truncated", "CBOR-2", announced),
        bad("three elements", "cbor.count", "CBOR-9", vec![0x83, 0x40, 0x07, 0x01]),
        bad("five elements", "cbor.count", "CBOR-9", [&[0x85], &good[1..], &[0]].concat()),
        bad(
            "salt as text",
            "cbor.unexpected",
            "CBOR-9",
            [&[0x84, 0x70][..], &[0x61; 16], &[7, 1, 0x41, 1]].concat(),
        ),
        bad("bits as a list", "cbor.unexpected", "CBOR-9", [&good[..20], &[0x81, 0x01]].concat()),
        bad("cut", "cbor.truncated", "CBOR-2", good[..good.len() - 1].to_vec()),
        bad("byte after it", "cbor.trailing", "CBOR-2", [&good[..], &[0]].concat()),
        bad(
            "hashes in an extra byte",
            "cbor.not_shortest",
            "CBOR-3",
            [&good[..18], &[0x18], &good[18..]].concat(),
        ),
    ]
}
