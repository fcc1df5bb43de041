//! `entry-header.json`: headers (chapter `entries.md`, ENT-1 to ENT-31).

use bulla_core::cbor::{Encode, Writer};
use bulla_core::header::signing_message;
use bulla_core::{EntryId, Header, KeyId, Kind, SpaceId, Topic};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::sample::{Device, genesis_header, genesis_payload, operation};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Headers, alone: no signature, no payload.
pub(super) struct EntryHeader;

const HIGHEST: u64 = (1 << 63) - 1;

impl Format for EntryHeader {
    fn name(&self) -> &'static str {
        "entry-header"
    }

    fn case_fields(&self) -> Vec<Field> {
        let fields = vec![
            Field::required("formatVersion", Shape::Uint, "field 0"),
            Field::required("space", Shape::HexOf(32), "field 1"),
            Field::required("author", Shape::HexOf(32), "field 2"),
            Field::required("sequence", Shape::Uint64, "field 3"),
            Field::required("previous", Shape::HexOf(32), "field 4"),
            Field::required("timestamp", Shape::Uint64, "field 5"),
            Field::required("kind", Shape::Uint, "field 6"),
            Field::required("topic", Shape::HexOf(16), "field 7"),
            Field::required("dependencies", Shape::list(Shape::HexOf(32)), "field 8"),
            Field::required("keyId", Shape::HexOf(32), "field 9"),
            Field::required("salt", Shape::HexOf(24), "field 10"),
            Field::required("payloadLength", Shape::Uint, "field 11"),
            Field::required("contentHash", Shape::HexOf(32), "field 12"),
        ];
        vec![
            Field::required("header", Shape::Hex, "the bytes to be read as a header"),
            Field::optional("fields", Shape::Object(fields), "what the header says"),
            Field::optional("digest", Shape::HexOf(32), "the header digest (ENT-30)"),
            Field::optional("signingMessage", Shape::Hex, "what the author signs (ENT-31)"),
            Field::optional(
                "associatedData",
                Shape::Hex,
                "associated data of the payload's seal (SEAL-5)",
            ),
            Field::optional(
                "saltInput",
                Shape::Hex,
                "what the salt is derived from besides secrets (SEAL-3)",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Headers alone, without signature and payload: fields, digest and derived encodings of good ones, and the rule that each bad one breaks (ENT-1 to ENT-25).")
            .flag("Order", "breaks several rules; ENT-25 says which is named")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(canonical()))
            .group(Group::new().cases(shape()))
            .group(Group::new().cases(rules()))
            .group(Group::new().cases(genesis_rules()))
            .group(Group::new().cases(order()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("header")?;
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(error) => return Ok(Verdict::refused(&error.code(), error.clause())),
        };
        let digest = Header::digest_of(&bytes);
        Mismatch::unless_equal("encoding", &bytes, &header.to_cbor())?;
        Mismatch::unless_equal("fields", inputs.value("fields")?, &fields_of(&header))?;
        Mismatch::unless_equal("digest", &inputs.array("digest")?, &digest.0)?;
        Mismatch::unless_equal(
            "signingMessage",
            &inputs.hex("signingMessage")?,
            &signing_message(&digest).to_vec(),
        )?;
        Mismatch::unless_equal(
            "associatedData",
            &inputs.hex("associatedData")?,
            &header.associated_data(),
        )?;
        Mismatch::unless_equal("saltInput", &inputs.hex("saltInput")?, &header.salt_input())?;
        Ok(Verdict::Valid)
    }
}

fn fields_of(header: &Header) -> Value {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    json!({
        "formatVersion": 1,
        "space": hex(&header.space.0),
        "author": hex(&header.author.0),
        "sequence": header.sequence.to_string(),
        "previous": hex(&header.previous.0),
        "timestamp": header.timestamp.to_string(),
        "kind": header.kind.0,
        "topic": hex(&header.topic.0),
        "dependencies": header.dependencies.iter().map(|id| hex(&id.0)).collect::<Vec<_>>(),
        "keyId": hex(&header.key_id.0),
        "salt": hex(&header.salt.0),
        "payloadLength": header.payload_length,
        "contentHash": hex(&header.content_hash.0),
    })
}

fn sample() -> Header {
    let device = Device::new("header");
    let mut header = operation(SpaceId([0x11; 32]), &device, 7, &[0; 100], "header");
    header.dependencies = vec![EntryId([0x31; 32]), EntryId([0x32; 32])];
    header
}

/// A control entry in a space.
fn control() -> Header {
    Header { kind: Kind::GRANT, topic: Topic::ZERO, key_id: KeyId::ZERO, ..sample() }
}

fn genesis() -> Header {
    let device = Device::new("header");
    genesis_header(&device, &genesis_payload(&device))
}

fn good(comment: &str, header: &Header) -> Case {
    let bytes = header.to_cbor();
    let digest = Header::digest_of(&bytes);
    Case::valid(comment)
        .hex("header", &bytes)
        .value("fields", fields_of(header))
        .hex("digest", digest)
        .hex("signingMessage", signing_message(&digest))
        .hex("associatedData", header.associated_data())
        .hex("saltInput", header.salt_input())
}

fn valid() -> Vec<Case> {
    let with = |change: fn(&mut Header)| {
        let mut header = sample();
        change(&mut header);
        header
    };
    let edge = |comment, change| good(comment, &with(change)).flag("Boundary");
    vec![
        good("genesis", &genesis()),
        good("operation with a previous entry and two dependencies", &sample()),
        good("first entry of an author", &with(|h| (h.sequence, h.previous) = (1, EntryId::ZERO))),
        good(
            "no dependencies, no topic",
            &with(|h| (h.dependencies, h.topic) = (Vec::new(), Topic::ZERO)),
        ),
        good("snapshot", &with(|h| h.kind = Kind::SNAPSHOT)),
        good("application kind that no version defines", &with(|h| h.kind = Kind(300))),
        edge("lowest application kind", |h| h.kind = Kind(16)),
        edge("highest kind", |h| h.kind = Kind(u16::MAX)),
        edge("64 dependencies", |h| h.dependencies = ids(64)),
        edge("highest sequence and timestamp", |h| (h.sequence, h.timestamp) = (HIGHEST, HIGHEST)),
        edge("timestamp 0", |h| h.timestamp = 0),
        edge("sequence 23 is one byte", |h| h.sequence = 23),
        edge("sequence 24 is two bytes", |h| h.sequence = 24),
        edge("shortest sealed payload", |h| h.payload_length = 16),
        edge("longest payload", |h| h.payload_length = 1 << 20),
        edge("salt and content hash of zeros say nothing", |h| {
            h.salt.0 = [0; 24];
            h.content_hash.0 = [0; 32];
        }),
        {
            let mut header = genesis();
            header.payload_length = 0;
            good(
                "a genesis header whose payload is empty is a header; its payload is none",
                &header,
            )
            .flag("Boundary")
        },
        {
            let mut header = genesis();
            header.payload_length = 1 << 20;
            good("a genesis header may announce the longest payload", &header).flag("Boundary")
        },
    ]
    .into_iter()
    .chain((1..=8).map(|kind| {
        let header = Header { kind: Kind(kind), ..control() };
        good(&format!("control kind {kind}"), &header)
    }))
    .chain([
        good(
            "the shortest payload of a control kind is none",
            &Header { payload_length: 0, ..control() },
        )
        .flag("Boundary"),
        good(
            "first entry of an author, a control entry",
            &Header { sequence: 1, previous: EntryId::ZERO, ..control() },
        ),
    ])
    .collect()
}

/// As many ids as asked, ascending.
fn ids(count: u8) -> Vec<EntryId> {
    (1..=count).map(|number| EntryId([number; 32])).collect()
}

/// The elements of a header's array, each encoded.
fn elements(header: &Header) -> Vec<Vec<u8>> {
    let one = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.into_bytes()
    };
    vec![
        one(&|w| _ = w.uint(1)),
        one(&|w| _ = w.bytes(header.space)),
        one(&|w| _ = w.bytes(header.author)),
        one(&|w| _ = w.uint(header.sequence)),
        one(&|w| _ = w.bytes(header.previous)),
        one(&|w| _ = w.uint(header.timestamp)),
        one(&|w| _ = w.uint(u64::from(header.kind.0))),
        one(&|w| _ = w.bytes(header.topic)),
        one(&|w| {
            w.array(header.dependencies.len());
            header.dependencies.iter().for_each(|id| _ = w.bytes(id));
        }),
        one(&|w| _ = w.bytes(header.key_id)),
        one(&|w| _ = w.bytes(header.salt)),
        one(&|w| _ = w.uint(u64::from(header.payload_length))),
        one(&|w| _ = w.bytes(header.content_hash)),
    ]
}

fn array(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(elements.len());
    elements.iter().for_each(|element| _ = writer.raw(element));
    writer.into_bytes()
}

/// The sample with one element replaced.
fn replaced(field: usize, element: &[u8]) -> Vec<u8> {
    let mut elements = elements(&sample());
    elements[field] = element.to_vec();
    array(&elements)
}

fn bad(comment: &str, code: &str, clause: &str, header: impl AsRef<[u8]>) -> Case {
    Case::invalid(comment, code, clause).hex("header", header)
}

fn canonical() -> Vec<Case> {
    let bytes = sample().to_cbor();
    let longer = [&bytes[..], &[0]].concat();
    let wrapped = [&[0x98, 13], &bytes[1..]].concat();
    let mut endless = vec![0x9f];
    endless.extend_from_slice(&bytes[1..]);
    endless.push(0xff);
    vec![
        bad("nothing", "cbor.truncated", "CBOR-2", []),
        bad("last byte missing", "cbor.truncated", "CBOR-2", &bytes[..bytes.len() - 1]),
        bad("first half", "cbor.truncated", "CBOR-2", &bytes[..bytes.len() / 2]),
        bad("first byte alone", "cbor.truncated", "CBOR-2", &bytes[..1]),
        bad("byte after the header", "cbor.trailing", "CBOR-2", longer),
        bad("array count in an extra byte", "cbor.not_shortest", "CBOR-3", wrapped),
        bad("array of indefinite length", "cbor.indefinite", "CBOR-4", endless),
        bad("version in an extra byte", "cbor.not_shortest", "CBOR-3", replaced(0, &[0x18, 0x01])),
        bad(
            "sequence in two extra bytes",
            "cbor.not_shortest",
            "CBOR-3",
            replaced(3, &[0x19, 0x00, 0x07]),
        ),
        bad("kind as a float", "cbor.type", "CBOR-5", replaced(6, &[0xf9, 0x4c, 0x00])),
        bad(
            "timestamp as a tagged time",
            "cbor.type",
            "CBOR-5",
            replaced(5, &[0xc1, 0x1a, 0x6a, 0, 0, 0]),
        ),
        bad("negative sequence", "cbor.type", "CBOR-5", replaced(3, &[0x26])),
        bad("topic undefined", "cbor.type", "CBOR-5", replaced(7, &[0xf7])),
        bad("8,193 bytes", "header.too_long", "ENT-20", vec![0; 8193]).flag("Boundary"),
        bad("8,192 bytes of something else", "cbor.trailing", "CBOR-2", vec![0; 8192])
            .flag("Boundary"),
    ]
}

fn shape() -> Vec<Case> {
    let unexpected = |comment, field, element: &[u8]| {
        bad(comment, "cbor.unexpected", "CBOR-9", replaced(field, element))
    };
    let bounds = |comment, field, element: &[u8]| {
        bad(comment, "cbor.bounds", "CBOR-10", replaced(field, element))
    };
    let bytes = |length: usize| {
        let mut writer = Writer::new();
        writer.bytes(vec![0x11; length]);
        writer.into_bytes()
    };
    let uint = |value: u64| {
        let mut writer = Writer::new();
        writer.uint(value);
        writer.into_bytes()
    };
    let list = |count: u8| {
        let mut writer = Writer::new();
        writer.array(usize::from(count));
        ids(count).iter().for_each(|id| _ = writer.bytes(id));
        writer.into_bytes()
    };
    let without = |field: usize| {
        let mut elements = elements(&sample());
        elements.remove(field);
        array(&elements)
    };
    let with_more = array(&[elements(&sample()), vec![vec![0x00]]].concat());
    let mut cases = vec![
        bad("a map", "cbor.unexpected", "CBOR-9", [0xa0]),
        bad("an integer", "cbor.unexpected", "CBOR-9", [0x01]),
        bad("null", "cbor.unexpected", "CBOR-9", [0xf6]),
        bad("an empty array", "cbor.count", "CBOR-9", [0x80]),
        bad("the version alone", "cbor.count", "CBOR-9", [0x81, 0x01]),
        bad("twelve elements, the last missing", "cbor.count", "CBOR-9", without(12)),
        bad("twelve elements, the topic missing", "cbor.count", "CBOR-9", without(7)),
        bad("fourteen elements", "cbor.count", "CBOR-9", with_more),
        unexpected("version as text", 0, &[0x61, 0x31]),
        unexpected("space as text", 1, &[[0x78, 0x20].to_vec(), vec![0x61; 32]].concat()),
        unexpected("author null", 2, &[0xf6]),
        unexpected("sequence as a byte string", 3, &bytes(1)),
        unexpected("previous as an integer", 4, &[0x00]),
        unexpected("timestamp false", 5, &[0xf4]),
        unexpected("kind as text", 6, &[0x61, 0x61]),
        unexpected("dependencies as a byte string", 8, &bytes(32)),
        unexpected("dependencies as a map", 8, &[0xa0]),
        unexpected("a dependency as an integer", 8, &[0x81, 0x01]),
        unexpected("payload length as a byte string", 11, &bytes(4)),
        bounds("author of 31 bytes", 2, &bytes(31)),
        bounds("author of 33 bytes", 2, &bytes(33)),
        bounds("space of no bytes", 1, &bytes(0)),
        bounds("topic of 15 bytes", 7, &bytes(15)),
        bounds("topic of 32 bytes", 7, &bytes(32)),
        bounds("key id of 16 bytes", 9, &bytes(16)),
        bounds("salt of 32 bytes", 10, &bytes(32)),
        bounds("content hash of 20 bytes", 12, &bytes(20)),
        bounds("a dependency of 31 bytes", 8, &[vec![0x81], bytes(31)].concat()),
    ];
    let edges = [
        bounds("sequence 2^63", 3, &uint(1 << 63)),
        bounds("sequence 2^64 - 1", 3, &uint(u64::MAX)),
        bounds("timestamp 2^63", 5, &uint(1 << 63)),
        bounds("kind 65536", 6, &uint(65_536)),
        bounds("65 dependencies", 8, &list(65)),
        bounds("payload of 1 MiB and a byte", 11, &uint((1 << 20) + 1)),
        bounds("payload length 2^32", 11, &uint(1 << 32)),
    ];
    cases.extend(edges.map(|case| case.flag("Boundary")));
    for version in [0, 2, 3, 24, 1 << 32, u64::MAX] {
        cases.push(bad(
            &format!("format version {version}"),
            "header.version",
            "ENT-1",
            replaced(0, &uint(version)),
        ));
    }
    cases
}

/// The sample after a change, and what it breaks.
type Rule = (&'static str, &'static str, &'static str, fn(&mut Header));

fn broken(base: &Header, rules: &[Rule]) -> Vec<Case> {
    let case = |(comment, code, clause, change): &Rule| {
        let mut header = base.clone();
        change(&mut header);
        bad(comment, code, clause, header.to_cbor())
    };
    rules.iter().map(case).collect()
}

fn rules() -> Vec<Case> {
    let mut cases = broken(
        &sample(),
        &[
            ("genesis kind in a space", "header.genesis", "ENT-3", |h| h.kind = Kind(0)),
            ("no space, not a genesis", "header.genesis", "ENT-3", |h| h.space = SpaceId::ZERO),
            ("sequence 0", "header.sequence", "ENT-5", |h| h.sequence = 0),
            ("sequence 1 with a previous entry", "header.sequence", "ENT-5", |h| h.sequence = 1),
            ("sequence 7 without a previous entry", "header.sequence", "ENT-5", |h| {
                h.previous = EntryId::ZERO;
            }),
            ("dependencies descending", "header.dependencies", "ENT-9", |h| {
                h.dependencies.swap(0, 1);
            }),
            ("a dependency twice", "header.dependencies", "ENT-9", |h| {
                h.dependencies[1] = h.dependencies[0];
            }),
            ("a dependency of zeros", "header.dependencies", "ENT-9", |h| {
                h.dependencies[0] = EntryId::ZERO;
            }),
            ("previous among the dependencies", "header.dependencies", "ENT-9", |h| {
                h.dependencies = vec![h.previous];
            }),
            ("sealed kind without a key id", "header.key_id", "ENT-10", |h| h.key_id = KeyId::ZERO),
            ("sealed payload of 15 bytes", "header.payload_length", "ENT-12", |h| {
                h.payload_length = 15;
            }),
            ("sealed payload of no bytes", "header.payload_length", "ENT-12", |h| {
                h.payload_length = 0;
            }),
        ],
    );
    cases.extend(broken(
        &control(),
        &[
            ("control entry with a topic", "header.topic", "ENT-8", |h| h.topic = Topic([1; 16])),
            ("control entry with the highest topic", "header.topic", "ENT-8", |h| {
                h.topic = Topic([0xff; 16]);
            }),
            ("last control kind with a topic", "header.topic", "ENT-8", |h| {
                (h.kind, h.topic.0[15]) = (Kind::RECOVERY, 1);
            }),
            ("control entry without a space", "header.genesis", "ENT-3", |h| {
                h.space = SpaceId::ZERO;
            }),
            ("control entry with a key id", "header.key_id", "ENT-10", |h| {
                h.key_id = KeyId([1; 32]);
            }),
            ("control entry with sequence 0", "header.sequence", "ENT-5", |h| h.sequence = 0),
            ("control entry that depends on its previous", "header.dependencies", "ENT-9", |h| {
                h.dependencies = vec![h.previous];
            }),
        ],
    ));
    for kind in 9..=15 {
        let mut header = sample();
        header.kind = Kind(kind);
        let comment = format!("control kind {kind}, which this version does not know");
        cases.push(bad(&comment, "header.control_kind", "ENT-7", header.to_cbor()));
    }
    cases
}

fn genesis_rules() -> Vec<Case> {
    broken(
        &genesis(),
        &[
            ("genesis in a space", "header.genesis", "ENT-3", |h| h.space = SpaceId([1; 32])),
            ("genesis with sequence 2", "header.genesis", "ENT-3", |h| h.sequence = 2),
            ("genesis with sequence 0", "header.genesis", "ENT-3", |h| h.sequence = 0),
            ("genesis with a previous entry", "header.genesis", "ENT-3", |h| {
                h.previous = EntryId([1; 32]);
            }),
            ("genesis with a topic", "header.genesis", "ENT-3", |h| h.topic = Topic([1; 16])),
            ("genesis with a dependency", "header.genesis", "ENT-3", |h| h.dependencies = ids(1)),
            ("genesis with a key id", "header.key_id", "ENT-10", |h| h.key_id = KeyId([1; 32])),
        ],
    )
}

fn order() -> Vec<Case> {
    let mut cases = broken(
        &sample(),
        &[
            ("unknown control kind, zero space", "header.control_kind", "ENT-7", |h| {
                (h.kind, h.space) = (Kind(9), SpaceId::ZERO);
            }),
            ("zero space, control entry with a topic", "header.genesis", "ENT-3", |h| {
                (h.kind, h.space) = (Kind::EPOCH, SpaceId::ZERO);
            }),
            ("control entry with a topic, sequence 0", "header.topic", "ENT-8", |h| {
                (h.kind, h.sequence) = (Kind::EPOCH, 0);
            }),
            ("control entry with a topic and a key id", "header.topic", "ENT-8", |h| {
                h.kind = Kind::GROUP;
            }),
            ("zero space, sequence 0", "header.genesis", "ENT-3", |h| {
                (h.space, h.sequence) = (SpaceId::ZERO, 0);
            }),
            ("sequence 0, dependencies descending", "header.sequence", "ENT-5", |h| {
                h.sequence = 0;
                h.dependencies.swap(0, 1);
            }),
            ("dependencies descending, no key id", "header.dependencies", "ENT-9", |h| {
                h.dependencies.swap(0, 1);
                h.key_id = KeyId::ZERO;
            }),
            ("no key id, short payload", "header.key_id", "ENT-10", |h| {
                (h.key_id, h.payload_length) = (KeyId::ZERO, 1);
            }),
            (
                "unknown control kind, key id set, everything else wrong",
                "header.control_kind",
                "ENT-7",
                |h| {
                    (h.kind, h.sequence, h.payload_length) = (Kind(15), 0, 0);
                },
            ),
        ],
    );
    let later = [&[0x82, 0x02][..], &[0x18, 0x01]].concat();
    cases.extend([
        bad("later version with other fields", "header.version", "ENT-1", [0x82, 0x02, 0x60]),
        bad("later version, not canonical further on", "cbor.not_shortest", "CBOR-3", later),
        bad(
            "later version and 8,193 bytes",
            "header.too_long",
            "ENT-20",
            [vec![0x99, 0x20, 0x00], vec![2; 8190]].concat(),
        ),
        bad("wrong count, then a wrong type", "cbor.count", "CBOR-9", [0x82, 0x01, 0x60]),
        bad("wrong type in field 2, bound exceeded in field 3", "cbor.unexpected", "CBOR-9", {
            let mut elements = elements(&sample());
            (elements[2], elements[3]) = (vec![0xf6], [vec![0x1b], vec![0xff; 8]].concat());
            array(&elements)
        }),
        bad("bound exceeded in field 3, wrong type in field 5", "cbor.bounds", "CBOR-10", {
            let mut elements = elements(&sample());
            (elements[3], elements[5]) = ([vec![0x1b], vec![0xff; 8]].concat(), vec![0xf6]);
            array(&elements)
        }),
        bad("wrong type in the last field, unknown control kind", "cbor.unexpected", "CBOR-9", {
            let mut elements = elements(&sample());
            (elements[6], elements[12]) = (vec![0x0b], vec![0xf6]);
            array(&elements)
        }),
    ]);
    cases.into_iter().map(|case| case.flag("Order")).collect()
}
