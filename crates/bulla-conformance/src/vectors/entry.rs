//! `entry.json`: whole entries (chapter `entries.md`, VER-1 to VER-11).

use bulla_core::cbor::Encode;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, InvitationId, JoiningClaim, KeyId, Kind, RawEntry,
    Signature, SpaceId, Topic, Verified, Verifier, VerifyError,
};

use super::element::Element::{self, Array, Null, Number};
use super::sample::{Device, genesis, genesis_header, genesis_payload, id_of, operation};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict};

/// Header, signature and payload together.
pub(super) struct Entry;

impl Format for Entry {
    fn name(&self) -> &'static str {
        "entry"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::optional(
                "space",
                Shape::HexOf(32),
                "the space it is given for; absent: a genesis of a space not known before (VER-10)",
            ),
            Field::required("header", Shape::Hex, "the header"),
            Field::required("signature", Shape::HexOf(64), "the signature"),
            Field::optional("payload", Shape::Hex, "the payload; absent: the header came alone"),
            Field::optional("id", Shape::HexOf(32), "the id (ENT-32)"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Whole entries: header, signature and, where it came along, the payload, judged for one space (VER-1 to VER-10). Signatures are deterministic (RFC 8032), so a port can also make the valid ones from the header and the key.")
            .flag("Order", "breaks several rules; VER-1 says which is named")
            .flag("Torsion", "key or signature with a component of small order, which libraries judge differently")
            .flag("SmallOrder", "the key is of small order: the signature holds for any message")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(torsion()))
            .group(Group::new().cases(bad_headers()))
            .group(Group::new().cases(bad_spaces()))
            .group(Group::new().cases(bad_keys()))
            .group(Group::new().cases(bad_signatures()))
            .group(Group::new().cases(bad_payloads()))
            .group(Group::new().cases(bad_geneses()))
            .group(Group::new().cases(bad_controls()))
            .group(Group::new().cases(order()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let raw = RawEntry {
            header: inputs.hex("header")?.into(),
            signature: Signature(inputs.array("signature")?),
            payload: inputs.find_hex("payload")?.map(Into::into),
        };
        let verifier = Verifier::new([0x5a; 32]);
        let verdict = match inputs.find("space") {
            None => verifier.verify_genesis(raw.clone()),
            Some(_) => {
                let space = SpaceId(inputs.array("space")?);
                let alone = verifier.verify(&space, raw.clone());
                let together = verifier.verify_batch(&space, vec![raw.clone(), raw.clone()]);
                Mismatch::unless_equal(
                    "verdicts in a batch",
                    &vec![alone.clone(), alone.clone()],
                    &together,
                )?;
                alone
            }
        };
        Ok(match verdict {
            Ok(entry) => compare(inputs, &raw, &entry)?,
            Err(error) => refused(error),
        })
    }
}

fn compare(inputs: &Inputs<'_>, raw: &RawEntry, entry: &Verified) -> Outcome {
    Mismatch::unless_equal("id", &inputs.array("id")?, &entry.id().0)?;
    Mismatch::unless_equal("bytes", raw, &entry.to_raw())?;
    Ok(Verdict::Valid)
}

fn refused(error: VerifyError) -> Verdict {
    Verdict::refused(&error.code(), error.clause())
}

fn fill(case: Case, space: Option<SpaceId>, raw: &RawEntry) -> Case {
    let case = match space {
        Some(space) => case.hex("space", space),
        None => case,
    };
    let case = case.hex("header", &raw.header).hex("signature", raw.signature);
    match &raw.payload {
        Some(payload) => case.hex("payload", payload),
        None => case,
    }
}

fn good(comment: &str, space: Option<SpaceId>, raw: &RawEntry) -> Case {
    fill(Case::valid(comment), space, raw).hex("id", id_of(raw))
}

fn bad(comment: &str, code: &str, clause: &str, space: Option<SpaceId>, raw: &RawEntry) -> Case {
    fill(Case::invalid(comment, code, clause), space, raw)
}

fn device() -> Device {
    Device::new("entry")
}

fn space() -> SpaceId {
    genesis(&device()).1
}

fn payload() -> Vec<u8> {
    Random::new("entry payload").bytes(80)
}

fn header() -> Header {
    operation(space(), &device(), 2, &payload(), "entry")
}

fn entry() -> RawEntry {
    device().sign_entry(&header(), Some(&payload()))
}

fn valid() -> Vec<Case> {
    let (founding, space) = genesis(&device());
    let header_only = RawEntry { payload: None, ..entry() };
    let other = Device::new("another author");
    let first = operation(space, &other, 1, &payload(), "first");
    let mut controls = Vec::new();
    for (name, kind, payload) in control_payloads() {
        let raw = device().sign_entry(&control_header(kind, &payload), Some(&payload));
        controls.push(good(&format!("{name} with its payload"), Some(space), &raw));
    }
    let cases = vec![
        good("genesis of its space", Some(space), &founding),
        good("genesis of a space not known before", None, &founding),
        good("genesis without its payload", Some(space), &RawEntry { payload: None, ..founding }),
        good("operation", Some(space), &entry()),
        good("operation without its payload", Some(space), &header_only),
        good(
            "operation by an author that the genesis does not name",
            Some(space),
            &other.sign_entry(&first, Some(&payload())),
        ),
        good(
            "control entry without its payload, which nobody judges",
            Some(space),
            &device().sign_entry(&control_header(Kind::GRANT, b"no grant"), None),
        ),
    ];
    cases.into_iter().chain(controls).collect()
}

/// A small good payload of each control kind but the genesis.
pub(super) fn control_payloads() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let key = |number: u8| [number; 32];
    let elements = |elements: Vec<Element>| Array([vec![Number(1)], elements].concat()).to_bytes();
    let list = || Array(Vec::new());
    let recipient = Array(vec![Element::of(key(2)), Element::of([3; 80])]);
    let next = Array(vec![Element::of(key(5)), Element::of(key(6))]);
    vec![
        ("grant", Kind::GRANT, elements(vec![Element::of(key(1)), Number(1), Null])),
        ("role", Kind::ROLE, elements(vec![Element::of(key(1)), Number(3), Null])),
        ("revoke", Kind::REVOKE, elements(vec![Element::of(key(1)), list()])),
        (
            "epoch",
            Kind::EPOCH,
            elements(vec![
                Element::of(key(0)),
                list(),
                Element::of(key(4)),
                Array(vec![recipient]),
                Element::of([7; 64]),
            ]),
        ),
        ("frontier", Kind::FRONTIER, elements(vec![list(), list()])),
        ("group", Kind::GROUP, elements(vec![Element::of(key(0)), Null, list(), list()])),
        ("erase", Kind::ERASE, elements(vec![Array(vec![Element::of(key(8))]), list()])),
        ("recovery", Kind::RECOVERY, elements(vec![Null, list(), next])),
    ]
}

fn control_header(kind: Kind, payload: &[u8]) -> Header {
    Header {
        kind,
        topic: Topic::ZERO,
        key_id: KeyId::ZERO,
        ..operation(space(), &device(), 2, payload, "control")
    }
}

/// The payloads of control entries are judged with the entry, after everything else (VER-7).
fn bad_controls() -> Vec<Case> {
    let signed =
        |kind, payload: &[u8]| device().sign_entry(&control_header(kind, payload), Some(payload));
    let mut cases = Vec::new();
    for (name, kind, payload) in control_payloads() {
        let longer = [payload.as_slice(), &[0]].concat();
        let comment = format!("{name}: a byte after its payload");
        cases.push(bad(&comment, "cbor.trailing", "CBOR-2", Some(space()), &signed(kind, &longer)));
        let comment = format!("{name}: an empty payload, which is not the same as none");
        cases.push(bad(&comment, "cbor.truncated", "CBOR-2", Some(space()), &signed(kind, &[])));
    }
    let writer = Array(vec![Number(1), Element::of([1; 32]), Number(3), Null]).to_bytes();
    let card = Array(vec![Number(1), Element::of(card_elsewhere()), Number(3), Null]).to_bytes();
    let mut changed = card.clone();
    changed[150] ^= 1;
    let later = Array(vec![Number(2), Null]).to_bytes();
    let mut unsigned = signed(Kind::GRANT, &later);
    unsigned.signature.0[3] ^= 1;
    let other = RawEntry { payload: Some(writer.clone().into()), ..signed(Kind::GRANT, &later) };
    cases.extend([
        bad(
            "grant: a bare key as writer",
            "grant.device",
            "CTL-10",
            Some(space()),
            &signed(Kind::GRANT, &writer),
        ),
        bad(
            "grant: a card for another space",
            "grant.space",
            "CTL-10",
            Some(space()),
            &signed(Kind::GRANT, &card),
        ),
        bad(
            "grant: a changed card",
            "joining_card.signature",
            "PAIR-3",
            Some(space()),
            &signed(Kind::GRANT, &changed),
        ),
        bad(
            "grant of a later version",
            "control.version",
            "CTL-1",
            Some(space()),
            &signed(Kind::GRANT, &later),
        ),
        bad(
            "role: cuts that are the bytes of an id",
            "cbor.unexpected",
            "CBOR-9",
            Some(space()),
            &signed(Kind::ROLE, &role_with_an_id()),
        ),
        bad(
            "grant of a later version, bad signature",
            "entry.signature",
            "VER-5",
            Some(space()),
            &unsigned,
        )
        .flag("Order"),
        bad(
            "grant with another payload, no good one either",
            "entry.payload_length",
            "VER-6",
            Some(space()),
            &other,
        )
        .flag("Order"),
    ]);
    cases
}

/// A change of role with an id in the place of its cuts.
fn role_with_an_id() -> Vec<u8> {
    Array(vec![Number(1), Element::of([1; 32]), Number(1), Element::of([2; 32])]).to_bytes()
}

/// A genuine joining card for a space that is not this one.
fn card_elsewhere() -> Vec<u8> {
    let newcomer = Device::new("newcomer");
    let claim = JoiningClaim {
        space: genesis(&Device::new("founder of another space")).1,
        author: newcomer.author(),
        sealing_key: newcomer.sealing,
        invitation: InvitationId::ZERO,
    };
    let card = claim.verify(newcomer.sign(&claim.signing_message()));
    card.expect("the device signed its card").to_bytes()
}

/// Signatures that hold only after multiplication by the cofactor: made by hand, checked by a second implementation.
fn torsion() -> Vec<Case> {
    super::torsion::entries(space())
        .into_iter()
        .map(|(comment, raw)| good(&comment, Some(space()), &raw).flag("Torsion"))
        .collect()
}

fn bad_headers() -> Vec<Case> {
    let signed = |comment, code, clause, bytes: &[u8]| {
        bad(
            comment,
            code,
            clause,
            Some(space()),
            &device().sign_header_bytes(bytes, Some(&payload())),
        )
    };
    let bytes = header().to_cbor();
    let not_shortest = [&bytes[..1], &[0x18, 0x01], &bytes[2..]].concat();
    let later = [&bytes[..1], &[0x02], &bytes[2..]].concat();
    let mut control = header();
    control.kind = Kind(9);
    vec![
        signed(
            "a good signature over a header that is not canonical",
            "cbor.not_shortest",
            "CBOR-3",
            &not_shortest,
        ),
        signed(
            "a good signature over a cut header",
            "cbor.truncated",
            "CBOR-2",
            &bytes[..bytes.len() - 1],
        ),
        signed(
            "a good signature over a header and a byte",
            "cbor.trailing",
            "CBOR-2",
            &[&bytes[..], &[0]].concat(),
        ),
        signed("a good signature over a later version", "header.version", "ENT-1", &later),
        signed(
            "a good signature over an unknown control kind",
            "header.control_kind",
            "ENT-7",
            &control.to_cbor(),
        ),
        signed("a good signature over nothing", "cbor.truncated", "CBOR-2", &[]),
    ]
}

fn bad_spaces() -> Vec<Case> {
    let other = Device::new("founder of another space");
    let (founding, elsewhere) = genesis(&other);
    let wrong =
        |comment, space, raw: &RawEntry| bad(comment, "entry.space", "VER-3", Some(space), raw);
    let mut resigned = genesis(&device()).0;
    resigned.signature.0[0] ^= 1;
    vec![
        wrong("entry of another space", elsewhere, &entry()),
        wrong("genesis of another space", space(), &founding),
        wrong("the own genesis under another signature: another id", space(), &resigned),
        wrong("space of zeros", SpaceId([0; 32]), &entry()),
        bad(
            "not a genesis, for a space not known before",
            "header.genesis",
            "ENT-3",
            None,
            &entry(),
        ),
    ]
}

fn bad_keys() -> Vec<Case> {
    let mut cases: Vec<_> = super::torsion::forgeries(space())
        .into_iter()
        .map(|(comment, raw)| {
            bad(&comment, "entry.author_key", "VER-4", Some(space()), &raw).flag("SmallOrder")
        })
        .collect();
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    for (comment, key) in [
        ("y = 2, on no point of the curve", off_curve),
        ("y = p + 2, not reduced, on no point", {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (0xef, 0x7f);
            key
        }),
    ] {
        let header = Header { author: AuthorKey(key), ..header() };
        let raw = RawEntry { header: header.to_cbor().into(), ..entry() };
        cases.push(bad(comment, "entry.author_key", "VER-4", Some(space()), &raw));
    }
    cases
}

fn bad_signatures() -> Vec<Case> {
    let wrong = |comment: &str, raw: &RawEntry| {
        bad(comment, "entry.signature", "VER-5", Some(space()), raw)
    };
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = header();
        change(&mut header);
        RawEntry { header: header.to_cbor().into(), ..entry() }
    };
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 10] = [
        ("sequence changed after signing", |h| h.sequence += 1),
        ("previous changed after signing", |h| h.previous.0[31] ^= 1),
        ("timestamp changed after signing", |h| h.timestamp += 1),
        ("kind changed after signing", |h| h.kind = Kind(17)),
        ("topic changed after signing", |h| h.topic.0[0] ^= 1),
        ("dependency added after signing", |h| h.dependencies.push(EntryId([0x77; 32]))),
        ("key id changed after signing", |h| h.key_id.0[0] ^= 1),
        ("salt changed after signing", |h| h.salt.0[23] ^= 0x80),
        ("payload length changed after signing", |h| h.payload_length += 1),
        ("content hash changed after signing", |h| h.content_hash = ContentHash([0x77; 32])),
    ];
    let mut cases: Vec<_> =
        changes.iter().map(|(comment, change)| wrong(comment, &with(change))).collect();
    let other = Device::new("another author");
    cases.push(wrong("author replaced after signing", &with(&|h| h.author = other.author())));
    cases.push(wrong(
        "signed by another device",
        &RawEntry { signature: other.sign_entry(&header(), None).signature, ..entry() },
    ));

    let flipped = |bit: usize| {
        let mut raw = entry();
        raw.signature.0[bit / 8] ^= 1 << (bit % 8);
        raw
    };
    for (comment, bit) in [
        ("first bit of R", 0),
        ("sign bit of R", 255),
        ("first bit of s", 256),
        ("highest bit of s", 511),
    ] {
        cases.push(wrong(&format!("{comment} flipped"), &flipped(bit)));
    }
    let digest = Header::digest_of(&header().to_cbor());
    let messages: [(&str, Vec<u8>); 4] = [
        ("signature over the header digest without domain", digest.0.to_vec()),
        ("signature over the header itself", header().to_cbor()),
        (
            "signature over the digest under the domain of a login",
            [&b"bulla login initiator v1"[..], &digest.0].concat(),
        ),
        (
            "signature over the digest under the domain of an acknowledgement",
            [&b"bulla acknowledgement v1"[..], &digest.0].concat(),
        ),
    ];
    for (comment, message) in messages {
        cases.push(wrong(comment, &RawEntry { signature: device().sign(&message), ..entry() }));
    }
    cases.push(wrong(
        "s + l in the place of s",
        &RawEntry { signature: super::torsion::unreduced(&entry().signature), ..entry() },
    ));
    cases.push(wrong("signature of zeros", &RawEntry { signature: Signature([0; 64]), ..entry() }));
    cases.push(wrong(
        "signature of ones",
        &RawEntry { signature: Signature([0xff; 64]), ..entry() },
    ));
    let header_only = RawEntry { payload: None, ..flipped(100) };
    cases.push(wrong("header alone, R changed", &header_only));
    cases
}

fn bad_payloads() -> Vec<Case> {
    let with = |payload: Vec<u8>| RawEntry { payload: Some(payload.into()), ..entry() };
    let length = |comment, payload| {
        bad(comment, "entry.payload_length", "VER-6", Some(space()), &with(payload))
    };
    let mut flipped = payload();
    flipped[40] ^= 1;
    let cut = payload()[..79].to_vec();
    vec![
        length("payload a byte short", cut),
        length("payload a byte long", [payload(), vec![0]].concat()),
        length("empty payload, which is not the same as none", Vec::new()),
        bad(
            "one bit of the payload flipped",
            "entry.content_hash",
            "VER-6",
            Some(space()),
            &with(flipped),
        ),
        bad(
            "payload of another entry",
            "entry.content_hash",
            "VER-6",
            Some(space()),
            &with(Random::new("other").bytes(80)),
        ),
    ]
}

fn bad_geneses() -> Vec<Case> {
    let founded = |payload: &[u8]| {
        let raw = device().sign_entry(&genesis_header(&device(), payload), Some(payload));
        (SpaceId::from(id_of(&raw)), raw)
    };
    let refuse = |comment, code, clause, payload: &[u8]| {
        let (space, raw) = founded(payload);
        [bad(comment, code, clause, Some(space), &raw), bad(comment, code, clause, None, &raw)]
    };
    let mut broken = genesis(&device()).0;
    broken.signature.0[9] ^= 1;
    let another = genesis_payload(&Device::new("another author"));
    let mut cases = vec![bad(
        "genesis with a bad signature, space not known",
        "entry.signature",
        "VER-5",
        None,
        &broken,
    )];
    cases.extend(refuse("author is not the first founder", "genesis.founders", "GEN-3", &another));
    cases.extend(refuse("empty payload", "cbor.truncated", "CBOR-2", &[]));
    cases.extend(refuse(
        "unknown genesis version",
        "genesis.version",
        "GEN-1",
        &[0x84, 0x02, 0x80, 0xf6, 0xa0],
    ));
    cases
}

fn order() -> Vec<Case> {
    let elsewhere = genesis(&Device::new("founder of another space")).1;
    let mut weak = [0; 32];
    weak[0] = 1;
    let wrong_payload = Some(vec![1; 3].into());
    let all_wrong = |header: Header| RawEntry {
        header: header.to_cbor().into(),
        signature: Signature([0xff; 64]),
        payload: wrong_payload.clone(),
    };
    let author = AuthorKey(weak);
    let cases = [
        bad(
            "header, space, key, signature and payload",
            "header.sequence",
            "ENT-5",
            Some(elsewhere),
            &all_wrong(Header { author, sequence: 0, ..header() }),
        ),
        bad(
            "space, key, signature and payload",
            "entry.space",
            "VER-3",
            Some(elsewhere),
            &all_wrong(Header { author, ..header() }),
        ),
        bad(
            "key, signature and payload",
            "entry.author_key",
            "VER-4",
            Some(space()),
            &all_wrong(Header { author, ..header() }),
        ),
        bad(
            "signature and payload",
            "entry.signature",
            "VER-5",
            Some(space()),
            &all_wrong(header()),
        ),
        bad(
            "payload: length and content",
            "entry.payload_length",
            "VER-6",
            Some(space()),
            &RawEntry { payload: wrong_payload.clone(), ..entry() },
        ),
    ];
    cases.into_iter().map(|case| case.flag("Order")).collect()
}
