//! `sealed-payload.json`: entries with sealed payloads (SEAL-1 to SEAL-7, PAD-1 to PAD-4, KEY-6).

use std::sync::Arc;

use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, Kind, RawEntry, Salt, Signature, SpaceId, Topic,
};
use bulla_crypto::{ChainEnd, Draft, EntryWriter, EpochKey, Padding, open};
use bulla_identity::DeviceKeys;

use super::super::once::{self, Given, keyring, reader, reader_fields};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::{Author, fields, payload_of, verified};

/// Sealed payloads.
pub(in super::super) struct Payloads;

impl Format for Payloads {
    fn name(&self) -> &'static str {
        "sealed-payload"
    }

    fn group_fields(&self) -> Vec<Field> {
        reader_fields()
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("header", Shape::Hex, "the entry's header; the entry verifies"),
            Field::required("signature", Shape::HexOf(64), "its signature"),
            Field::required("payload", Shape::Hex, "its payload"),
            Field::optional("plaintext", Shape::Hex, "what the payload opens to"),
            Field::optional("signingSecret", Shape::HexOf(32), "the author's Ed25519 seed"),
            Field::optional(
                "random",
                Shape::HexOf(32),
                "the random bytes from which, with seed, fields and plaintext, the salt comes (SEAL-3)",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Entries whose header, signature and content hash hold. Verify, then open the payload with the keys of the group (SEAL-7) and compare the plaintext.")
            .note("With signingSecret and random, seal the plaintext again under the fields of the header, padded to the length of the payload: salt, payload and signature come out (SEAL-2 to SEAL-5).")
            .note("Made by this implementation and checked by a second one in another language.")
            .flag("Moved", "sealed for other fields than the header has, and signed again by the same author")
            .flag("TwoKeys", "the reader has another key than the header names")
            .flag("Frame", "authentic, but not a framed plaintext")
            .group(group(&[key(0), key(1)]).cases(valid()).cases(altered()).cases(moved()).cases(frames()))
            .group(group(&[key(2)]).cases(without_the_key()))
            .group(group(&[]).cases(without_any_key()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let raw = RawEntry {
            header: inputs.hex("header")?.into(),
            signature: Signature(inputs.array("signature")?),
            payload: Some(inputs.hex("payload")?.into()),
        };
        let entry = verified(inputs, raw.clone())?;
        let plaintext = match open(&entry, &keyring(inputs)?) {
            Ok(plaintext) => plaintext,
            Err(error) => return Ok(Verdict::refused(&error.code(), error.clause())),
        };
        Mismatch::unless_equal("plaintext", &inputs.hex("plaintext")?, plaintext.as_ref())?;
        if inputs.find("random").is_some() {
            let sealed = seal_again(inputs, &raw, &plaintext)?;
            Mismatch::unless_equal("sealed again", &raw, &sealed)?;
        }
        Ok(Verdict::Valid)
    }
}

/// Seals the plaintext again with the same randomness; the result must be the entry itself.
fn seal_again(inputs: &Inputs<'_>, raw: &RawEntry, plaintext: &[u8]) -> Result<RawEntry, Mismatch> {
    let header = Header::decode(&raw.header).map_err(|error| Mismatch(error.to_string()))?;
    let keys = DeviceKeys::dangerous_from_secrets(&inputs.array("signingSecret")?, &[0; 32]);
    let key = inputs
        .arrays("epochKeys")?
        .iter()
        .map(EpochKey::dangerous_from_bytes)
        .find(|key| key.has_id(&header.key_id))
        .ok_or_else(|| Mismatch("no such key".to_owned()))?;
    let chain = match header.sequence {
        1 => ChainEnd::EMPTY,
        sequence => ChainEnd::after(sequence - 1, header.previous),
    };
    let framed = payload_of(raw).len() - 16;
    let draft = Draft::new(header.kind, plaintext)
        .with_topic(header.topic)
        .with_dependencies(header.dependencies)
        .with_timestamp(header.timestamp)
        .with_padding(Padding::Framed(framed));
    let randomness = Arc::new(Given(inputs.array("random")?));
    let sealed =
        EntryWriter::new(Arc::new(keys), header.space, randomness).seal(&chain, &draft, &key);
    sealed.map(|sealed| sealed.raw).map_err(|error| Mismatch(error.to_string()))
}

const LABEL: &str = "sealed-payload";

fn key(index: u8) -> [u8; 32] {
    Random::new(&format!("sealed-payload key {index}")).array()
}

fn group(keys: &[[u8; 32]]) -> Group {
    reader(Author::new(LABEL).space.0, keys)
}

fn write(case: Case, raw: &RawEntry) -> Case {
    case.hex("header", &raw.header).hex("signature", raw.signature).hex("payload", payload_of(raw))
}

fn valid() -> Vec<Case> {
    let author = Author::new(LABEL);
    let mut random = Random::new("sealed-payload valid");
    let id = |random: &mut Random| EntryId(random.array());
    let mut dependencies = vec![id(&mut random), id(&mut random), id(&mut random)];
    dependencies.sort_unstable();
    let long = random.bytes(1_000);
    let base = Draft::new(Kind::OPERATION, b"a small secret");
    let topic = Topic(random.array());
    let drafts = [
        ("padded", 1, base.clone(), 0),
        ("not padded", 1, base.clone().with_padding(Padding::None), 0),
        ("padded far", 1, base.clone().with_padding(Padding::Framed(200)), 0),
        ("empty", 1, Draft::new(Kind::OPERATION, b""), 0),
        ("empty, not padded", 1, Draft::new(Kind::OPERATION, b"").with_padding(Padding::None), 0),
        ("1,000 bytes, padded", 1, Draft::new(Kind::CHUNK, &long), 0),
        ("under another key of the space", 1, base.clone(), 1),
        (
            "later in the chain, with topic, dependencies and time",
            77,
            base.clone()
                .with_topic(topic)
                .with_dependencies(dependencies)
                .with_timestamp(1_790_000_000_123 << 16 | 7),
            0,
        ),
        (
            "the highest sequence, kind and time",
            (1 << 63) - 1,
            Draft { kind: Kind(u16::MAX), ..base.with_timestamp((1 << 63) - 1) },
            0,
        ),
    ];
    drafts
        .into_iter()
        .map(|(comment, sequence, draft, key_index)| {
            let chain = if sequence == 1 {
                ChainEnd::EMPTY
            } else {
                ChainEnd::after(sequence - 1, id(&mut random))
            };
            let given: [u8; 32] = random.array();
            let writer =
                EntryWriter::new(Arc::clone(&author.keys), author.space, Arc::new(Given(given)));
            let key = EpochKey::dangerous_from_bytes(&key(key_index));
            let sealed = writer.seal(&chain, &draft, &key).expect("the draft is within its bounds");
            write(Case::valid(comment), &sealed.raw)
                .hex("plaintext", draft.plaintext)
                .hex("signingSecret", author.secrets.signing)
                .hex("random", given)
        })
        .collect()
}

/// An entry to start from.
fn good() -> (Author, RawEntry) {
    let mut author = Author::new(LABEL);
    let draft = Draft::new(Kind::OPERATION, b"a small secret").with_padding(Padding::None);
    let (_, raw) = author.seal(&draft, &EpochKey::dangerous_from_bytes(&key(0)));
    (author, raw)
}

fn altered() -> Vec<Case> {
    let (author, raw) = good();
    let payload = payload_of(&raw);
    let case = |comment: &str, payload: &[u8]| {
        let (_, raw) = author.sign(fields(&raw), payload);
        write(Case::invalid(comment, "open.failed", "SEAL-7"), &raw)
    };
    let flipped = |at: usize| {
        let mut payload = payload.clone();
        payload.splice(at..=at, [payload.get(at).copied().unwrap_or_default() ^ 0x80]);
        payload
    };
    vec![
        case("first byte of the ciphertext altered", &flipped(0)),
        case("last byte of the ciphertext altered", &flipped(payload.len() - 17)),
        case("first byte of the tag altered", &flipped(payload.len() - 16)),
        case("last byte of the tag altered", &flipped(payload.len() - 1)),
        case("a byte short", payload.get(..payload.len() - 1).unwrap_or_default()),
        case("a byte longer", &[payload.as_slice(), &[0]].concat()),
        case("the tag alone", payload.get(payload.len() - 16..).unwrap_or_default()),
        case("sixteen zeros", &[0; 16]),
        case(
            "another author's ciphertext",
            &payload_of(
                &Author::new("sealed-payload other")
                    .seal(
                        &Draft::new(Kind::OPERATION, b"a small secret"),
                        &EpochKey::dangerous_from_bytes(&key(0)),
                    )
                    .1,
            ),
        ),
    ]
}

/// The ciphertext of one entry under the header of another: every field before the payload length counts.
fn moved() -> Vec<Case> {
    let (author, raw) = good();
    let mut random = Random::new("sealed-payload moved");
    let case = |comment: &str, change: &dyn Fn(&mut Header)| {
        let mut header = fields(&raw);
        change(&mut header);
        let (_, moved) = author.sign(header, &payload_of(&raw));
        write(Case::invalid(comment, "open.failed", "SEAL-7"), &moved).flag("Moved")
    };
    let (id, topic, salt): ([u8; 32], [u8; 16], [u8; 24]) =
        (random.array(), random.array(), random.array());
    let second = EpochKey::dangerous_from_bytes(&key(1)).id();
    let mut cases = vec![
        case("another sequence", &|header| (header.sequence, header.previous) = (2, EntryId(id))),
        case("another timestamp", &|header| header.timestamp ^= 1),
        case("a chunk instead of an operation", &|header| header.kind = Kind::CHUNK),
        case("a manifest instead of an operation", &|header| header.kind = Kind::MANIFEST),
        case("a file instead of an operation", &|header| header.kind = Kind::FILE),
        case("another topic", &|header| header.topic = Topic(topic)),
        case("a dependency more", &|header| header.dependencies = vec![EntryId(id)]),
        case("another key of the space", &|header| header.key_id = second),
        case("another salt", &|header| header.salt = Salt(salt)),
    ];
    // The same fields in another space: sealed there, moved here.
    let mut elsewhere = Author::new(LABEL);
    elsewhere.space = SpaceId(id);
    let draft = Draft::new(Kind::OPERATION, b"a small secret").with_padding(Padding::None);
    let (_, foreign) = elsewhere.seal(&draft, &EpochKey::dangerous_from_bytes(&key(0)));
    let header = Header { space: author.space, ..fields(&foreign) };
    let (_, brought) = author.sign(header, &payload_of(&foreign));
    cases.push(
        write(Case::invalid("another space", "open.failed", "SEAL-7"), &brought).flag("Moved"),
    );
    // By another author, who signs it as their own.
    let thief = Author::new("sealed-payload thief");
    let header = Header { author: thief.keys.author(), ..fields(&raw) };
    let (_, stolen) = thief.sign(header, &payload_of(&raw));
    cases.push(
        write(Case::invalid("another author", "open.failed", "SEAL-7"), &stolen).flag("Moved"),
    );
    cases
}

/// Authentic payloads whose framed plaintext is whatever bytes.
fn frames() -> Vec<Case> {
    let (author, _) = good();
    let case = |comment: &str, code, clause, framed: &[u8]| {
        let raw = seal_framed(&author, framed);
        write(Case::invalid(comment, code, clause), &raw).flag("Frame")
    };
    let framed =
        |length: u32, rest: &[u8]| [&[1, 0], length.to_be_bytes().as_slice(), rest].concat();
    vec![
        case("nothing", "frame.truncated", "PAD-4", &[]),
        case("five bytes", "frame.truncated", "PAD-4", &[1, 0, 0, 0, 0]),
        case("five bytes of another version", "frame.truncated", "PAD-4", &[2, 0, 0, 0, 0]),
        case("version 0", "frame.version", "PAD-1", &[0, 0, 0, 0, 0, 0]),
        case("version 2", "frame.version", "PAD-1", &[2, 0, 0, 0, 0, 1, 7]),
        case("content coding 1", "frame.coding", "PAD-1", &[1, 1, 0, 0, 0, 1, 7]),
        case("version and coding", "frame.version", "PAD-1", &[2, 1, 0, 0, 0, 1, 7]),
        case("a length beyond the end", "frame.truncated", "PAD-4", &framed(4, b"abc")),
        case("the highest length", "frame.truncated", "PAD-4", &framed(u32::MAX, b"abc")),
        case("padding of one", "frame.padding", "PAD-4", &framed(2, &[7, 7, 1])),
        case(
            "last byte of the padding not zero",
            "frame.padding",
            "PAD-4",
            &framed(2, &[7, 7, 0, 0, 0, 1]),
        ),
    ]
}

/// Seals bytes in the place of a framed plaintext, step by step as SEAL-4 and SEAL-5 say.
fn seal_framed(author: &Author, framed: &[u8]) -> RawEntry {
    let header = Header {
        space: author.space,
        author: author.keys.author(),
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp: 0,
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: EpochKey::dangerous_from_bytes(&key(0)).id(),
        salt: Salt(Random::new("sealed-payload frames").array()),
        payload_length: 0,
        content_hash: ContentHash::ZERO,
    };
    let payload = encrypt(&key(0), &header, framed);
    author.sign(header, &payload).1
}

fn encrypt(epoch_key: &[u8; 32], header: &Header, framed: &[u8]) -> Vec<u8> {
    let AuthorKey(author) = header.author;
    let info = [
        b"bulla 2026 payload key".as_slice(),
        &header.space.0,
        &author,
        &header.sequence.to_be_bytes(),
    ]
    .concat();
    once::encrypt(epoch_key, &header.salt.0, &info, &header.associated_data(), framed)
}

fn without_the_key() -> Vec<Case> {
    let (_, raw) = good();
    let (author, _) = good();
    // Sealed under key 2, which the reader has, for a header that names key 0.
    let header = Header { timestamp: 1, ..fields(&raw) };
    let payload = encrypt(&key(2), &header, &[1, 0, 0, 0, 0, 0]);
    let (_, mixed) = author.sign(header, &payload);
    let case = |comment: &str, raw: &RawEntry| {
        write(Case::invalid(comment, "open.unknown_key", "KEY-6"), raw).flag("TwoKeys")
    };
    vec![
        case("sealed under a key the reader lacks", &raw),
        case("opens under the reader's key, names another", &mixed),
    ]
}

fn without_any_key() -> Vec<Case> {
    let (_, raw) = good();
    vec![write(Case::invalid("no keys for this space", "open.unknown_key", "KEY-6"), &raw)]
}
