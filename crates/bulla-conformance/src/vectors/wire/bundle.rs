//! `bundle.json`: a space, or a part of it, as one file (chapter `bundle.md`, BUN-1 to BUN-7).

use bulla_core::cbor::Encode;
use bulla_core::values::{Counted, Counting, Freshness, Head, PayloadState};
use bulla_core::{EntryId, Lineage, LogHash, SetDigest, SetHash, SpaceId, Verifier};
use bulla_wire::bundle::{BundleItem, BundleReader};
use bulla_wire::stream::{EntryItem, StreamError};
use serde_json::Value;

use super::parts::{
    Array, Bool, Element, Map, Null, Number, Said, Sample, Text, World, cursor, cursor_element, id,
    page_end, sequence, state,
};
use super::{cursor_json, cursor_shape, entry_json, item_shape};
use crate::vectors::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Bundles.
pub(in crate::vectors) struct Bundles;

impl Format for Bundles {
    fn name(&self) -> &'static str {
        "bundle"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("file", Shape::Hex, "the bundle"),
            Field::optional("space", Shape::HexOf(32), "the space it is of"),
            Field::optional("from", Shape::nullable(cursor_shape()), "what it follows"),
            Field::optional("to", Shape::Hex, "the maker's head, encoded: see head.json"),
            Field::optional("entries", Shape::list(item_shape()), "the entries in it"),
            Field::optional("digest", Shape::HexOf(32), "the set digest of their ids"),
        ]
    }

    fn generate(&self) -> File {
        let world = World::new("bundle");
        File::new()
            .note(
                "Bundles: BUN-1 to BUN-7. Every entry is verified for the space of the start item.",
            )
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag("Genuine", "what came before the fault is genuine, and may be kept (BUN-6)")
            .group(Group::new().cases(good(&world)))
            .group(Group::new().cases(refused(&world)))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let file = inputs.hex("file")?;
        let whole = read([&file[..]]);
        Mismatch::unless_equal("whole and byte by byte", &whole, &read(file.chunks(1)))?;
        let items = match whole {
            Ok(items) => items,
            Err(Fault::Stream(error)) => {
                return Ok(Verdict::refused(&error.code(), error.clause()));
            }
            Err(Fault::Entry(verdict)) => return Ok(verdict),
        };
        let mut entries: Vec<Value> = Vec::new();
        for item in &items {
            match item {
                BundleItem::Start(start) => {
                    Mismatch::unless_equal("space", &inputs.array("space")?, &start.space.0)?;
                    let from: Value = start.from.as_ref().map(cursor_json).into();
                    Mismatch::unless_equal("from", inputs.value("from")?, &from)?;
                    Mismatch::unless_equal("to", &inputs.hex("to")?, &start.to.to_cbor())?;
                }
                BundleItem::Entry(entry) => entries.push(entry_json(entry)),
                BundleItem::End { count, digest } => {
                    Mismatch::unless_equal("digest", &inputs.array("digest")?, &digest.0)?;
                    Mismatch::unless_equal("count", &(entries.len() as u64), count)?;
                }
            }
        }
        Mismatch::unless_equal("entries", inputs.value("entries")?, &Value::from(entries))?;
        Ok(Verdict::Valid)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Stream(StreamError),
    Entry(Verdict),
}

impl From<StreamError> for Fault {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

/// Reads a file as BUN-7 says.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<BundleItem>, Fault> {
    let mut reader = BundleReader::new();
    let verifier = Verifier::new([0; 32]);
    let mut items = Vec::new();
    let (mut space, mut claimed, mut fault) = (SpaceId::ZERO, SetDigest::ZERO, None);
    for piece in pieces {
        reader.push(piece);
        while let Some(item) = reader.next_item()? {
            match &item {
                BundleItem::Start(start) => space = start.space,
                BundleItem::Entry(entry) => match verifier.verify(&space, entry.raw.clone()) {
                    Ok(verified) => reader.received(&verified.id()),
                    Err(error) => {
                        let verdict = Verdict::refused(&error.code(), error.clause());
                        fault.get_or_insert(Fault::Entry(verdict));
                    }
                },
                BundleItem::End { digest, .. } => claimed = *digest,
            }
            items.push(item);
        }
    }
    match (reader.finish(&claimed), fault) {
        // The digest is asked for only where every entry verified.
        (Ok(()) | Err(StreamError::Digest), Some(fault)) => Err(fault),
        (Err(error), _) => Err(error.into()),
        (Ok(()), None) => Ok(items),
    }
}

fn head(last_receipt: u64) -> Head {
    let mut random = Random::new(&format!("bundle head {last_receipt}"));
    let mut set = |count| Counted { count, digest: SetDigest(random.array()) };
    let (control, all, present) = (set(1), set(last_receipt), set(last_receipt));
    Head {
        lineage: Lineage(random.array()),
        last_receipt,
        log_hash: LogHash(random.array()),
        control,
        held: all,
        counting: Counting::All,
        present,
        freshness: Freshness::Fresh,
    }
}

const LAST: u64 = 40;

fn start(space: SpaceId, from: Element) -> Element {
    Array(vec![
        Text("bulla bundle"),
        Number(1),
        Element::of(space),
        from,
        Element::item(&head(LAST)),
    ])
}

/// The end of a bundle of these entries.
fn end(ids: &[EntryId]) -> Element {
    let mut set = SetHash::new();
    ids.iter().for_each(|id| set.insert(id));
    Array(vec![Number(0), Number(ids.len() as u64), Element::of(set.digest())])
}

fn entry(sample: &Sample, receipt: u64, state: PayloadState, is_compact: bool) -> EntryItem {
    let mut raw = sample.raw.clone();
    if state != PayloadState::Present {
        raw.payload = None;
    }
    EntryItem { receipt, raw, state, is_compact }
}

fn next(earlier: &Sample, later: &Sample) -> Said {
    Said {
        author: Number(0),
        previous: Number(0),
        milliseconds: later.after(earlier),
        topic: Number(1),
        key_id: Number(1),
    }
}

fn good(world: &World) -> Vec<Case> {
    let chain = world.chain(3);
    let (first, second, third) = (&chain[0], &chain[1], &chain[2]);
    let case = |comment: &str, from: Option<u64>, items: Vec<Element>, entries: Vec<EntryItem>| {
        let from = from.map(|receipt| cursor("bundle", receipt));
        let ids: Vec<EntryId> =
            entries.iter().map(|entry| crate::vectors::sample::id_of(&entry.raw)).collect();
        let mut set = SetHash::new();
        ids.iter().for_each(|id| set.insert(id));
        let start = start(world.space, from.as_ref().map_or(Null, cursor_element));
        let file = sequence(&[vec![start], items, vec![end(&ids)]].concat());
        Case::valid(comment)
            .hex("file", file)
            .hex("space", world.space)
            .value("from", from.as_ref().map(cursor_json))
            .hex("to", head(LAST).to_cbor())
            .value("entries", entries.iter().map(entry_json).collect::<Vec<_>>())
            .hex("digest", set.digest())
    };
    let present = PayloadState::Present;
    let erased = PayloadState::Erased(id("erasing"));
    vec![
        case("nothing", None, Vec::new(), Vec::new()).flag("Boundary"),
        case("nothing after a cursor", Some(LAST), Vec::new(), Vec::new()),
        case(
            "a chain in the compact form",
            None,
            vec![
                first.compact(1, &first.first()),
                second.compact(1, &next(first, second)),
                third.compact(5, &next(second, third)),
            ],
            vec![
                entry(first, 1, present, true),
                entry(second, 2, present, true),
                entry(third, 7, present, true),
            ],
        ),
        case(
            "what follows a cursor, in the plain form",
            Some(12),
            vec![second.plain(1), third.plain(2)],
            vec![entry(second, 13, present, false), entry(third, 15, present, false)],
        ),
        case(
            "payloads erased and missing",
            None,
            vec![
                first.plain(1).with(&[4], state(erased)),
                second.plain(1).with(&[4], state(PayloadState::Missing)),
            ],
            vec![entry(first, 1, erased, false), entry(second, 2, PayloadState::Missing, false)],
        ),
        case(
            "receipts beyond the head: the maker's word, and no more",
            None,
            vec![first.plain(LAST + 1)],
            vec![entry(first, LAST + 1, present, false)],
        ),
    ]
}

fn refused(world: &World) -> Vec<Case> {
    let mut cases = starts(world);
    cases.extend(bodies(world));
    cases
}

fn starts(world: &World) -> Vec<Case> {
    let case = |comment: &str, code, clause, items: &[Element]| {
        Case::invalid(comment, code, clause).hex("file", sequence(items))
    };
    let good = || start(world.space, Null);
    let version =
        |comment, item: Element| case(comment, "bundle.version", "BUN-2", &[item, end(&[])]);
    let with = |path: &[usize], value| good().with(path, value);
    let cut = sequence(&[good()]);
    vec![
        version("version 2", with(&[1], Number(2))),
        version("version 0", with(&[1], Number(0))),
        version("another text", with(&[0], Text("bulla bundlE"))),
        version("a shorter text", with(&[0], Text("bulla"))),
        version("a longer text", with(&[0], Text("bulla bundle "))),
        version("the text as bytes", with(&[0], Element::of(b"bulla bundle"))),
        version("version as text", with(&[1], Text("1"))),
        version("a space of 31 bytes", with(&[2], Element::of([1; 31]))),
        version("from false", with(&[3], Bool(false))),
        version(
            "from a cursor with receipt 2^63",
            with(&[3], cursor_element(&cursor("bundle", 1)).with(&[1], Number(1 << 63))),
        ),
        version("no head", with(&[4], Null)),
        version("four elements", good().without(4)),
        version("six elements", good().and(Null)),
        version("an empty array", Array(Vec::new())),
        version("a map", Map(Vec::new())),
        version("an entry first", world.chain(1)[0].plain(1)),
        version("an end first", end(&[])),
        Case::invalid("another file altogether", "bundle.version", "BUN-2")
            .hex("file", [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a]),
        Case::invalid("one other byte", "bundle.version", "BUN-2").hex("file", [0x84]),
        Case::invalid("the beginning but its last byte", "wire.truncated", "WIRE-11")
            .hex("file", &cut[..14]),
        Case::invalid("the beginning, of version 2", "bundle.version", "BUN-2")
            .hex("file", [&cut[..14], &[2]].concat()),
        Case::invalid("text", "bundle.version", "BUN-2").hex("file", b"# A file of words"),
        Case::invalid("an array without end", "bundle.version", "BUN-2").hex("file", [0x9f]),
        Case::invalid("nothing", "wire.truncated", "WIRE-11").hex("file", []),
        Case::invalid("cut inside the start", "wire.truncated", "WIRE-11")
            .hex("file", &cut[..cut.len() - 1]),
    ]
}

fn bodies(world: &World) -> Vec<Case> {
    let chain = world.chain(2);
    let (first, second) = (&chain[0], &chain[1]);
    let case = |comment: &str, code, clause, items: &[Element]| {
        let items = [&[start(world.space, Null)], items].concat();
        Case::invalid(comment, code, clause).hex("file", sequence(&items))
    };
    let genuine = |comment, code, clause, items: &[Element]| {
        case(comment, code, clause, items).flag("Genuine")
    };
    let ids = [first.id(), second.id()];
    let tag = |comment, item: Element| case(comment, "wire.tag", "WIRE-14", &[item, end(&[])]);
    let changed = || first.plain(1).with(&[4], Element::of(b"another payload"));
    let foreign = {
        let mut header = first.header.clone();
        header.space = SpaceId([9; 32]);
        world.sign(header)
    };
    let after = |receipt: u64, comment, items: &[Element]| {
        let start = start(world.space, cursor_element(&cursor("bundle", receipt)));
        Case::invalid(comment, "wire.receipts", "WIRE-17")
            .hex("file", sequence(&[&[start], items].concat()))
    };
    let gave_up = Array(vec![
        Number(1),
        Text("store.corrupt"),
        Text("words"),
        Bool(false),
        Null,
        Map(Vec::new()),
    ]);
    vec![
        genuine("no end", "wire.truncated", "WIRE-11", &[first.plain(1)]),
        genuine(
            "an entry too few for the count",
            "wire.count",
            "WIRE-11",
            &[first.plain(1), end(&ids)],
        ),
        genuine(
            "another entry than the digest is of",
            "bundle.digest",
            "BUN-7",
            &[first.plain(1), end(&[second.id()])],
        ),
        genuine(
            "an entry twice in the place of two",
            "bundle.digest",
            "BUN-7",
            &[first.plain(1), first.plain(1), end(&ids)],
        ),
        genuine(
            "a digest of zeros",
            "bundle.digest",
            "BUN-7",
            &[first.plain(1), end(&[first.id()]).with(&[2], Element::of([0; 32]))],
        ),
        genuine(
            "bytes after the end",
            "wire.trailing",
            "WIRE-11",
            &[first.plain(1), end(&[first.id()]), Null],
        ),
        genuine(
            "two bundles in one file",
            "wire.trailing",
            "WIRE-11",
            &[first.plain(1), end(&[first.id()]), start(world.space, Null), end(&[])],
        ),
        genuine("the maker gave up", "store.corrupt", "WIRE-18", &[first.plain(1), gave_up]),
        genuine(
            "a start in the middle",
            "cbor.unexpected",
            "CBOR-9",
            &[first.plain(1), start(world.space, Null), end(&[])],
        ),
        tag("an id", Array(vec![Number(4), Number(1), Element::of(first.id()), Number(0)])),
        tag(
            "an invalid entry",
            Array(vec![Number(8), Number(1), Element::of(first.id()), Text("entry.signature")]),
        ),
        tag("absent", Array(vec![Number(5)])),
        tag("tag 9", Array(vec![Number(9)])),
        case("the end of a put", "cbor.count", "CBOR-9", &[Array(vec![Number(0), Number(0)])]),
        case(
            "the end of a page",
            "cbor.count",
            "CBOR-9",
            &[page_end(0, &cursor("bundle", 0), true, false)],
        ),
        case(
            "a digest of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            &[end(&[]).with(&[2], Element::of([0; 31]))],
        ),
        case("a digest null", "cbor.unexpected", "CBOR-9", &[end(&[]).with(&[2], Null)]),
        case("receipt 0", "wire.receipts", "WIRE-17", &[first.plain(0), end(&[first.id()])]),
        after(5, "receipt 0 after a cursor", &[first.plain(0), end(&[first.id()])]),
        after(1 << 62, "receipts beyond 2^63 - 1", &[first.plain(1 << 62), end(&[first.id()])]),
        case(
            "an author of an empty table",
            "compact.reference",
            "CMP-5",
            &[first.compact(1, &next(first, first)), end(&[first.id()])],
        ),
        case(
            "a payload that is not the one signed for",
            "entry.payload_length",
            "VER-6",
            &[changed(), end(&[first.id()])],
        ),
        case(
            "an entry of another space",
            "entry.space",
            "VER-3",
            &[foreign.plain(1), end(&[foreign.id()])],
        ),
        case(
            "a signature of zeros, and a wrong digest",
            "entry.signature",
            "VER-5",
            &[first.plain(1).with(&[3], Element::of([0; 64])), second.plain(1), end(&ids)],
        ),
    ]
}
