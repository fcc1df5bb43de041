//! `manifest.json`: the plaintext of manifests (MAN-2, MAN-4, MAN-5).

use bulla_core::EntryId;
use bulla_core::cbor::Writer;
use bulla_crypto::manifest::{Child, ChunkHash, MAX_CHILDREN, Manifest, ManifestError};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Manifests.
pub(in super::super) struct Manifests;

impl Format for Manifests {
    fn name(&self) -> &'static str {
        "manifest"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::optional("plaintext", Shape::Hex, "the plaintext of the manifest entry"),
            Field::optional(
                "repeated",
                Shape::Hex,
                "children to be repeated `times`, in the place of `plaintext`'s own: its last array is to hold them",
            ),
            Field::optional("times", Shape::Uint, "how often"),
            Field::required("isRoot", Shape::Bool, "whether it is read as the root of a content"),
            Field::optional("level", Shape::Uint, "its level"),
            Field::optional("length", Shape::Uint64, "its length"),
            Field::optional("chunkBytes", Shape::Uint, "its chunk size"),
            Field::optional("ids", Shape::list(Shape::HexOf(32)), "the entries it names"),
            Field::optional(
                "hashes",
                Shape::list(Shape::HexOf(32)),
                "the hashes of their plaintexts",
            ),
            Field::optional(
                "childLengths",
                Shape::list(Shape::Uint64),
                "bytes of content under each of them",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Read `plaintext` as a manifest (MAN-4, MAN-5), as a root if the case says so, and compare; encode it again and compare the bytes.")
            .note("Where `repeated` is given, the plaintext ends with the head of its last array, and `repeated` follows it `times` times.")
            .flag("Order", "breaks two rules; MAN-4 says which is named")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(form_refusals()))
            .group(Group::new().cases(shape_refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut plaintext = inputs.hex("plaintext")?;
        if let Some(repeated) = inputs.find_hex("repeated")? {
            (0..inputs.uint64("times")?).for_each(|_| plaintext.extend_from_slice(&repeated));
        }
        let is_root = inputs.bool("isRoot")?;
        let manifest = Manifest::decode(&plaintext).and_then(|manifest| {
            if is_root {
                manifest.check_root()?;
            }
            Ok(manifest)
        });
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(error) => return Ok(refused(error)),
        };
        Mismatch::unless_equal("level", &inputs.uint64("level")?, &manifest.level().into())?;
        Mismatch::unless_equal("length", &inputs.uint64("length")?, &manifest.length())?;
        Mismatch::unless_equal(
            "chunkBytes",
            &inputs.uint64("chunkBytes")?,
            &manifest.chunk_bytes().into(),
        )?;
        Mismatch::unless_equal("plaintext", &plaintext, &manifest.encode())?;
        if inputs.find("ids").is_some() {
            let ids: Vec<[u8; 32]> = manifest.children().iter().map(|child| child.id.0).collect();
            let hashes: Vec<[u8; 32]> =
                manifest.children().iter().map(|child| child.hash.0).collect();
            Mismatch::unless_equal("ids", &inputs.arrays("ids")?, &ids)?;
            Mismatch::unless_equal("hashes", &inputs.arrays("hashes")?, &hashes)?;
            let lengths: Vec<String> = (0..ids.len())
                .map(|index| manifest.child_length(index).unwrap_or_default().to_string())
                .collect();
            Mismatch::unless_equal("childLengths", inputs.value("childLengths")?, &lengths.into())?;
        }
        Ok(Verdict::Valid)
    }
}

pub(super) fn refused(error: ManifestError) -> Verdict {
    Verdict::refused(&error.code(), error.clause().unwrap_or_default())
}

fn children(count: usize) -> Vec<Child> {
    let mut random = Random::new("manifest children");
    (0..count)
        .map(|_| Child { id: EntryId(random.array()), hash: ChunkHash(random.array()) })
        .collect()
}

/// The encoding of any parts, kept or broken rules alike.
fn encode(version: u64, level: u64, length: u64, chunk_bytes: u64, children: &[Child]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(5).uint(version).uint(level).uint(length).uint(chunk_bytes).array(children.len());
    for child in children {
        writer.array(2).bytes(child.id).bytes(child.hash.0);
    }
    writer.into_bytes()
}

/// Comment, whether a root, level, length, chunk size, number of children, and what each of them stands for.
type Valid = (&'static str, bool, u64, u64, u64, usize, &'static [u64]);

fn valid() -> Vec<Case> {
    let span = 8_192;
    let cases: [Valid; 11] = [
        ("the empty content", true, 0, 0, 1_048_512, 0, &[]),
        ("one byte", true, 0, 1, 1_048_512, 1, &[1]),
        ("one full chunk", true, 0, 1_048_512, 1_048_512, 1, &[1_048_512]),
        ("one full chunk and a byte", true, 0, 1_048_513, 1_048_512, 2, &[1_048_512, 1]),
        ("the smallest chunk size", true, 0, 3, 1, 3, &[1, 1, 1]),
        ("the largest chunk size", true, 0, 1_048_555, 1_048_554, 2, &[1_048_554, 1]),
        ("level 1, the smallest root", true, 1, span + 1, 1, 2, &[8_192, 1]),
        ("level 1 below a root, one child", false, 1, 5, 1, 1, &[5]),
        ("level 2, the smallest root", true, 2, span * span + 1, 1, 2, &[67_108_864, 1]),
        ("level 0 below a root, empty", false, 0, 0, 7, 0, &[]),
        ("12 GiB", true, 1, 12 << 30, 1_048_512, 2, &[8_589_410_304, 4_295_491_584]),
    ];
    let mut cases: Vec<_> = cases
        .iter()
        .map(|(comment, is_root, level, length, chunk_bytes, count, lengths)| {
            let children = children(*count);
            let ids: Vec<String> = children.iter().map(|child| child.id.to_string()).collect();
            let hashes: Vec<String> =
                children.iter().map(|child| EntryId(child.hash.0).to_string()).collect();
            let lengths: Vec<String> = lengths.iter().map(ToString::to_string).collect();
            Case::valid(*comment)
                .hex("plaintext", encode(1, *level, *length, *chunk_bytes, &children))
                .value("isRoot", *is_root)
                .value("level", *level)
                .uint64("length", *length)
                .value("chunkBytes", *chunk_bytes)
                .value("ids", ids)
                .value("hashes", hashes)
                .value("childLengths", lengths)
        })
        .collect();
    let (head, child) = full_head(MAX_CHILDREN);
    cases.push(
        Case::valid("8,192 children")
            .hex("plaintext", head)
            .hex("repeated", child)
            .value("times", MAX_CHILDREN)
            .value("isRoot", true)
            .value("level", 0)
            .uint64("length", 8_192)
            .value("chunkBytes", 1),
    );
    cases
}

/// A manifest of level 0 and chunk size 1, up to the head of its children, and one child.
fn full_head(count: usize) -> (Vec<u8>, Vec<u8>) {
    let mut head = Writer::new();
    head.array(5).uint(1).uint(0).uint(count as u64).uint(1).array(count);
    let mut child = Writer::new();
    child.array(2).bytes([1; 32]).bytes([2; 32]);
    (head.into_bytes(), child.into_bytes())
}

fn invalid(comment: &str, code: &str, clause: &str, plaintext: Vec<u8>) -> Case {
    Case::invalid(comment, code, clause).hex("plaintext", plaintext).value("isRoot", true)
}

fn form_refusals() -> Vec<Case> {
    let one = children(1);
    let good = encode(1, 0, 5, 8, &one);
    let array = |count: usize, write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.array(count);
        write(&mut writer);
        writer.into_bytes()
    };
    let (head, child) = full_head(MAX_CHILDREN + 1);
    vec![
        invalid("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        invalid("a byte after it", "cbor.trailing", "CBOR-2", [good.as_slice(), &[0]].concat()),
        invalid(
            "a byte short",
            "cbor.truncated",
            "CBOR-2",
            good.get(..good.len() - 1).unwrap_or_default().to_vec(),
        ),
        invalid("not an array", "cbor.unexpected", "CBOR-9", vec![0xa0]),
        invalid("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        invalid("version 2 and nothing else", "manifest.version", "MAN-4", vec![0x81, 2])
            .flag("Order"),
        invalid("version 0", "manifest.version", "MAN-4", encode(0, 0, 5, 8, &one)),
        invalid(
            "four elements",
            "cbor.count",
            "CBOR-9",
            array(4, &|w| {
                w.uint(1).uint(0).uint(0).uint(8);
            }),
        ),
        invalid(
            "six elements",
            "cbor.count",
            "CBOR-9",
            array(6, &|w| {
                w.uint(1).uint(0).uint(0).uint(8).array(0).null();
            }),
        ),
        invalid("level 3", "cbor.bounds", "CBOR-10", encode(1, 3, 5, 8, &one)),
        invalid("length 2^63", "cbor.bounds", "CBOR-10", encode(1, 0, 1 << 63, 8, &one)),
        invalid("chunk size 0", "cbor.bounds", "CBOR-10", encode(1, 0, 5, 0, &one)),
        invalid(
            "chunk size one too large",
            "cbor.bounds",
            "CBOR-10",
            encode(1, 0, 5, 1_048_555, &one),
        ),
        invalid(
            "level is null",
            "cbor.unexpected",
            "CBOR-9",
            array(5, &|w| {
                w.uint(1).null().uint(0).uint(8).array(0);
            }),
        ),
        invalid(
            "a child with one part",
            "cbor.count",
            "CBOR-9",
            array(5, &|w| {
                w.uint(1).uint(0).uint(5).uint(8).array(1).array(1).bytes([1; 32]);
            }),
        ),
        invalid(
            "a child with three parts",
            "cbor.count",
            "CBOR-9",
            array(5, &|w| {
                w.uint(1)
                    .uint(0)
                    .uint(5)
                    .uint(8)
                    .array(1)
                    .array(3)
                    .bytes([1; 32])
                    .bytes([1; 32])
                    .null();
            }),
        ),
        invalid(
            "an id of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            array(5, &|w| {
                w.uint(1).uint(0).uint(5).uint(8).array(1).array(2).bytes([1; 31]).bytes([1; 32]);
            }),
        ),
        invalid(
            "a hash of 33 bytes",
            "cbor.bounds",
            "CBOR-10",
            array(5, &|w| {
                w.uint(1).uint(0).uint(5).uint(8).array(1).array(2).bytes([1; 32]).bytes([1; 33]);
            }),
        ),
        invalid(
            "children as a map",
            "cbor.unexpected",
            "CBOR-9",
            array(5, &|w| {
                w.uint(1).uint(0).uint(0).uint(8).map(0);
            }),
        ),
        invalid("8,193 children", "cbor.bounds", "CBOR-10", head)
            .hex("repeated", child)
            .value("times", MAX_CHILDREN + 1),
    ]
}

fn shape_refusals() -> Vec<Case> {
    let shape = |comment, level, length, chunk_bytes, count| {
        invalid(
            comment,
            "manifest.shape",
            "MAN-5",
            encode(1, level, length, chunk_bytes, &children(count)),
        )
    };
    let place = |comment, level, length, chunk_bytes, count| {
        invalid(
            comment,
            "manifest.place",
            "MAN-5",
            encode(1, level, length, chunk_bytes, &children(count)),
        )
    };
    vec![
        shape("a chunk dropped", 0, 17, 8, 2),
        shape("a chunk added", 0, 16, 8, 3),
        shape("chunks of an empty content", 0, 0, 8, 1),
        shape("no chunks of a content", 0, 1, 8, 0),
        shape("length shortened by a chunk", 0, 8, 8, 2),
        shape("level 0 with the children of level 1", 0, 8_193, 1, 2),
        shape("level 1 with the children of level 0", 1, 3, 1, 3),
        shape("the highest length", 2, (1 << 63) - 1, 1, 3),
        place("a root of level 1 with one child", 1, 5, 1, 1),
        place("a root of level 2 with one child", 2, 8_193, 1, 1),
        place("the empty content at level 1", 1, 0, 1, 0),
    ]
}
