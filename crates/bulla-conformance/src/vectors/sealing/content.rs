//! `content.json`: contents put together from sealed chunks and manifests (MAN-3 to MAN-7).

use bulla_core::{EntryId, Kind, RawEntry, Signature};
use bulla_crypto::EpochKey;
use bulla_crypto::manifest::{Child, ChunkHashKey, ContentReader, ContentWriter, Manifest};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::manifest::refused;
use super::{Author, draft, keyring, payload_of, verified};

/// Contents.
pub(in super::super) struct Contents;

impl Format for Contents {
    fn name(&self) -> &'static str {
        "content"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("space", Shape::HexOf(32), "the space of all entries"),
            Field::required(
                "epochKeys",
                Shape::list(Shape::HexOf(32)),
                "the epoch keys the reader has for it",
            ),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        let entry = vec![
            Field::required("id", Shape::HexOf(32), "its id"),
            Field::required("header", Shape::Hex, "its header"),
            Field::required("signature", Shape::HexOf(64), "its signature"),
            Field::required("payload", Shape::Hex, "its payload"),
        ];
        vec![
            Field::required("root", Shape::HexOf(32), "the id of the root manifest"),
            Field::required(
                "entries",
                Shape::list(Shape::Object(entry)),
                "the entries the reader can get, all of which verify",
            ),
            Field::optional(
                "start",
                Shape::Uint64,
                "first byte of the range to read; the whole content if absent",
            ),
            Field::optional("end", Shape::Uint64, "the byte after the range"),
            Field::optional("content", Shape::Hex, "the bytes read"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Read the content under `root`, or the range of it, from `entries` with the keys of the group, and compare (MAN-7). A range needs no other entries than those given.")
            .note("Chunk sizes are tiny to keep the file short.")
            .flag("Chunks", "chunks were reordered, dropped, doubled, cut, extended or exchanged by whoever wrote the manifest")
            .group(group().cases(valid()).cases(ranges()).cases(refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let keyring = keyring(inputs)?;
        let root = EntryId(inputs.array("root")?);
        let mut reader = match inputs.find("start") {
            Some(_) => {
                ContentReader::with_range(root, inputs.uint64("start")?..inputs.uint64("end")?)
            }
            None => ContentReader::new(root),
        };
        let mut content = Vec::new();
        while let Some(wanted) = reader.wanted() {
            Mismatch::unless_equal("upcoming", &Some(wanted), &reader.upcoming(1).next())?;
            let entry = verified(inputs, find(inputs, &wanted)?)?;
            match reader.supply(&entry, &keyring) {
                Ok(piece) => {
                    piece.into_iter().for_each(|piece| content.extend_from_slice(&piece.bytes));
                }
                Err(error) => return Ok(refused(error)),
            }
        }
        Mismatch::unless_equal("content", &inputs.hex("content")?, &content)?;
        Ok(Verdict::Valid)
    }
}

fn find(inputs: &Inputs<'_>, id: &EntryId) -> Result<RawEntry, Mismatch> {
    let missing = || Mismatch(format!("no entry {id}"));
    let entries = inputs.value("entries")?.as_array().ok_or_else(missing)?;
    let wanted = id.to_string();
    let is_wanted = |entry: &&serde_json::Value| {
        entry.get("id").and_then(serde_json::Value::as_str) == Some(&wanted)
    };
    let fields = entries
        .iter()
        .find(is_wanted)
        .and_then(serde_json::Value::as_object)
        .ok_or_else(missing)?;
    let fields = Inputs::new(fields, fields);
    Ok(RawEntry {
        header: fields.hex("header")?.into(),
        signature: Signature(fields.array("signature")?),
        payload: Some(fields.hex("payload")?.into()),
    })
}

const LABEL: &str = "content";

fn secret(index: u8) -> [u8; 32] {
    Random::new(&format!("content key {index}")).array()
}

fn group() -> Group {
    let keys: Vec<String> =
        [secret(0), secret(1)].iter().map(|key| EntryId(*key).to_string()).collect();
    Group::new().hex("space", Author::new(LABEL).space).value("epochKeys", keys)
}

/// Entries made for one case.
struct Made {
    author: Author,
    key: EpochKey,
    hashes: ChunkHashKey,
    entries: Vec<(EntryId, RawEntry)>,
}

impl Made {
    fn new() -> Self {
        let key = EpochKey::dangerous_from_bytes(&secret(0));
        let hashes = ChunkHashKey::derive(&key);
        Self { author: Author::new(LABEL), key, hashes, entries: Vec::new() }
    }

    fn entry(&mut self, kind: Kind, plaintext: &[u8]) -> EntryId {
        let (id, raw) = self.author.seal(&draft(kind, plaintext), &self.key);
        self.entries.push((id, raw));
        id
    }

    fn chunk(&mut self, plaintext: &[u8]) -> Child {
        Child { id: self.entry(Kind::CHUNK, plaintext), hash: self.hashes.hash(plaintext) }
    }

    fn manifest(
        &mut self,
        level: u8,
        length: u64,
        chunk_bytes: u32,
        children: Vec<Child>,
    ) -> Child {
        let manifest =
            Manifest::new(level, length, chunk_bytes, children).expect("the case keeps the shape");
        let plaintext = manifest.encode();
        Child { id: self.entry(Kind::MANIFEST, &plaintext), hash: self.hashes.hash(&plaintext) }
    }

    /// Chunks of eight bytes of `bytes`.
    fn chunks(&mut self, bytes: &[u8]) -> Vec<Child> {
        bytes.chunks(8).map(|chunk| self.chunk(chunk)).collect()
    }

    fn case(&self, case: Case, root: EntryId) -> Case {
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|(id, raw)| {
                let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
                serde_json::json!({
                    "id": id.to_string(),
                    "header": hex(&raw.header),
                    "signature": raw.signature.to_string(),
                    "payload": hex(&payload_of(raw)),
                })
            })
            .collect();
        case.hex("root", root).value("entries", entries)
    }
}

fn bytes(count: usize) -> Vec<u8> {
    Random::new("content bytes").bytes(count)
}

fn valid() -> Vec<Case> {
    [("the empty content", 0), ("one byte", 1), ("a full chunk", 8), ("two chunks and a tail", 19)]
        .iter()
        .map(|(comment, count)| {
            let (mut made, content) = (Made::new(), bytes(*count));
            let mut writer = ContentWriter::with_chunk_bytes(&made.key, 8);
            writer.write(&content);
            writer.finish();
            while let Some(part) = writer.next_part() {
                let (id, raw) = made
                    .author
                    .seal(&draft(part.kind, &part.plaintext).with_padding(part.padding), &made.key);
                made.entries.push((id, raw));
                writer.sealed(id);
            }
            let root = writer.root().expect("the content is whole");
            made.case(Case::valid(*comment), root).hex("content", content)
        })
        .chain([reused(), older_key()])
        .collect()
}

/// Equal chunks may be one entry, named twice.
fn reused() -> Case {
    let mut made = Made::new();
    let chunk = made.chunk(b"the same");
    let root = made.manifest(0, 16, 8, vec![chunk, chunk]);
    made.case(Case::valid("one chunk named twice"), root.id).hex("content", b"the samethe same")
}

/// Chunks may be sealed under another key of the space; hashes go by the root's.
fn older_key() -> Case {
    let mut made = Made::new();
    let newer = std::mem::replace(&mut made.key, EpochKey::dangerous_from_bytes(&secret(1)));
    let chunk = made.chunk(b"older");
    made.key = newer;
    let root = made.manifest(0, 5, 8, vec![chunk]);
    made.case(Case::valid("a chunk under another key of the space"), root.id)
        .hex("content", b"older")
}

fn ranges() -> Vec<Case> {
    let content = bytes(27);
    let range = |comment: &str, start: usize, end: usize, keep: &[usize]| {
        let mut made = Made::new();
        let children = made.chunks(&content);
        let root = made.manifest(0, 27, 8, children);
        let mut index = 0;
        made.entries.retain(|(id, _)| {
            index += 1;
            *id == root.id || keep.contains(&(index - 1))
        });
        made.case(Case::valid(comment), root.id)
            .uint64("start", start as u64)
            .uint64("end", end as u64)
            .hex("content", content.get(start..end).unwrap_or_default())
    };
    let mut cases = vec![
        range("the first byte", 0, 1, &[0]),
        range("one chunk, exactly", 8, 16, &[1]),
        range("across a border", 15, 17, &[1, 2]),
        range("the tail", 24, 27, &[3]),
        range("all of it", 0, 27, &[0, 1, 2, 3]),
        range("nothing, at the start", 0, 0, &[]),
        range("nothing, in the middle", 9, 9, &[]),
        range("nothing, at the end", 27, 27, &[]),
    ];
    // Level 1: the second of two manifests, without the first, which nobody needs for this range.
    let mut made = Made::new();
    let last = made.chunk(b"z");
    let second = made.manifest(0, 1, 1, vec![last]);
    let first = Child { id: EntryId([1; 32]), hash: second.hash };
    let root = made.manifest(1, 8_193, 1, vec![first, second]);
    let case = Case::valid("the last byte of 8,193, under the second of two manifests");
    cases.push(
        made.case(case, root.id).uint64("start", 8_192).uint64("end", 8_193).hex("content", b"z"),
    );
    cases
}

fn refusals() -> Vec<Case> {
    let mut cases = chunk_refusals();
    cases.extend(tree_refusals());
    cases
}

fn chunk_refusals() -> Vec<Case> {
    let content = bytes(27);
    let case = |comment: &str, code: &str, change: &dyn Fn(&mut Made, &mut Vec<Child>)| {
        let mut made = Made::new();
        let mut children = made.chunks(&content);
        change(&mut made, &mut children);
        let root = made.manifest(0, 27, 8, children);
        made.case(Case::invalid(comment, code, "MAN-7"), root.id).flag("Chunks")
    };
    vec![
        case("two ids exchanged, hashes left", "manifest.hash", &|_, children| {
            let ids: Vec<EntryId> = children.iter().map(|child| child.id).collect();
            children.iter_mut().zip(ids.iter().rev()).for_each(|(child, id)| child.id = *id);
        }),
        case("the tail first", "manifest.chunk_length", &|_, children| children.reverse()),
        case("a full chunk as the tail", "manifest.chunk_length", &|_, children| {
            children.rotate_left(1);
        }),
        case(
            "the tail doubled in the place of a full chunk",
            "manifest.chunk_length",
            &|_, children| {
                let tail = children.last().copied();
                children.iter_mut().zip(tail).for_each(|(child, tail)| *child = tail);
            },
        ),
        case("a chunk cut by a byte", "manifest.chunk_length", &|made, children| {
            let cut = made.chunk(b"seven__");
            children.iter_mut().take(1).for_each(|child| *child = cut);
        }),
        case("a chunk longer by a byte", "manifest.chunk_length", &|made, children| {
            let long = made.chunk(b"nine_____");
            children.iter_mut().take(1).for_each(|child| *child = long);
        }),
        case("an empty chunk", "manifest.chunk_length", &|made, children| {
            let empty = made.chunk(b"");
            children.iter_mut().take(1).for_each(|child| *child = empty);
        }),
        case("another chunk of that length", "manifest.hash", &|made, children| {
            let other = made.chunk(b"another!").id;
            children.iter_mut().take(1).for_each(|child| child.id = other);
        }),
        case("a hash altered", "manifest.hash", &|_, children| {
            children
                .iter_mut()
                .take(1)
                .for_each(|child| child.hash.0 = child.hash.0.map(|byte| byte ^ 1));
        }),
        case("an operation in the place of a chunk", "manifest.kind", &|made, children| {
            let operation = made.entry(Kind::OPERATION, b"12345678");
            let hash = made.hashes.hash(b"12345678");
            children.iter_mut().take(1).for_each(|child| *child = Child { id: operation, hash });
        }),
        case("a manifest in the place of a chunk", "manifest.kind", &|made, children| {
            let manifest = made.manifest(0, 0, 8, Vec::new());
            children.iter_mut().take(1).for_each(|child| *child = manifest);
        }),
        case(
            "the hash under the chunk's own key instead of the root's",
            "manifest.hash",
            &|made, children| {
                let newer =
                    std::mem::replace(&mut made.key, EpochKey::dangerous_from_bytes(&secret(1)));
                let id = made.chunk(b"12345678").id;
                let hash = ChunkHashKey::derive(&made.key).hash(b"12345678");
                made.key = newer;
                children.iter_mut().take(1).for_each(|child| *child = Child { id, hash });
            },
        ),
    ]
}

fn tree_refusals() -> Vec<Case> {
    let root_case = |comment: &str, code, clause, make: &dyn Fn(&mut Made) -> EntryId| {
        let mut made = Made::new();
        let root = make(&mut made);
        made.case(Case::invalid(comment, code, clause), root)
    };
    // The second child of a root over 8,193 bytes in chunks of one; it must be of level 0, over one byte.
    let second = |comment: &str, code, clause, make: &dyn Fn(&mut Made) -> Child| {
        let mut made = Made::new();
        let child = make(&mut made);
        let first = Child { id: EntryId([1; 32]), hash: child.hash };
        let root = made.manifest(1, 8_193, 1, vec![first, child]);
        let case = Case::invalid(comment, code, clause);
        made.case(case, root.id).uint64("start", 8_192).uint64("end", 8_193)
    };
    vec![
        root_case("the root is a chunk", "manifest.kind", "MAN-7", &|made| made.chunk(b"chunk").id),
        root_case("the root is a file record", "manifest.kind", "MAN-7", &|made| {
            made.entry(Kind::FILE, b"")
        }),
        root_case("the root holds no manifest", "cbor.truncated", "CBOR-2", &|made| {
            made.entry(Kind::MANIFEST, b"")
        }),
        root_case("the root is of a level too high", "manifest.place", "MAN-5", &|made| {
            let chunk = made.chunk(b"x");
            let below = made.manifest(0, 1, 8, vec![chunk]);
            made.manifest(1, 1, 8, vec![below]).id
        }),
        second("a manifest over two bytes where one belongs", "manifest.place", "MAN-5", &|made| {
            let chunk = made.chunk(b"z");
            made.manifest(0, 2, 1, vec![chunk, chunk])
        }),
        second("an empty manifest where a byte belongs", "manifest.place", "MAN-5", &|made| {
            made.manifest(0, 0, 1, Vec::new())
        }),
        second("a manifest of another chunk size", "manifest.place", "MAN-5", &|made| {
            let chunk = made.chunk(b"z");
            made.manifest(0, 1, 2, vec![chunk])
        }),
        second("a manifest of the same level", "manifest.place", "MAN-5", &|made| {
            let chunk = made.chunk(b"z");
            let below = made.manifest(0, 1, 1, vec![chunk]);
            made.manifest(1, 1, 1, vec![below])
        }),
        second("a chunk in the place of a manifest", "manifest.kind", "MAN-7", &|made| {
            made.chunk(b"z")
        }),
        second("a manifest with another hash than named", "manifest.hash", "MAN-7", &|made| {
            let chunk = made.chunk(b"z");
            let manifest = made.manifest(0, 1, 1, vec![chunk]);
            Child { hash: chunk.hash, ..manifest }
        }),
        second("what is no manifest, with its hash", "cbor.trailing", "CBOR-2", &|made| {
            let id = made.entry(Kind::MANIFEST, &[0x80, 0]);
            Child { id, hash: made.hashes.hash(&[0x80, 0]) }
        }),
    ]
}
