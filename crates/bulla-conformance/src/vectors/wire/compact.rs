//! `compact.json`: the compact form of entries (chapter `wire.md`, CMP-1 to CMP-11), as bodies of a put.

mod refused;

use bulla_core::values::PayloadState;
use bulla_core::{EntryId, KeyId, Kind, RawEntry, SpaceId, Topic};
use bulla_wire::stream::{BodyItem, EntryItem};
use bulla_wire::{BodyDecoder, BodyEncoder, Form};
use serde_json::Value;

use super::parts::{Array, Element, Number, Said, Sample, World, end, id, sequence, state};
use super::{entry_json, item_shape, read_body};
use crate::vectors::entry::control_payloads;
use crate::vectors::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Bodies of a put in the compact form.
pub(in crate::vectors) struct CompactForm;

impl Format for CompactForm {
    fn name(&self) -> &'static str {
        "compact"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("space", Shape::HexOf(32), "the space the body is about")]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("body", Shape::Hex, "the body of a put to this space (WIRE-30)"),
            Field::optional("entries", Shape::list(item_shape()), "the entries in it, rebuilt"),
            Field::optional(
                "senderWrites",
                Shape::Bool,
                "whether a sender writes these entries so, each in the compact form where that can carry it",
            ),
        ]
    }

    fn generate(&self) -> File {
        let world = World::new("compact");
        let founder = World::new("compact founder");
        let genesis = founder.genesis();
        File::new()
            .note("The compact form of entries, as bodies of a put (CMP-1 to CMP-11).")
            .note(
                "Bodies are written element by element; entries are signed, unless the comment says \
                 otherwise, and headers are encoded by entries.md. Whether an entry is genuine is not \
                 asked here: the receiver rebuilds what the body says.",
            )
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag("Forged", "a body whose entries do not verify, and that is well-formed all the same")
            .group(Group::new().hex("space", world.space).cases(accepted(&world)))
            .group(
                Group::new()
                    .hex("space", SpaceId::from(genesis.id()))
                    .case(good(
                        "the genesis of the space, then its author's first operation",
                        &the_genesis(&founder, &genesis),
                    ))
                    .case(good(
                        "the genesis of the space, then control entries of all kinds",
                        &the_controls(&founder, &genesis),
                    )),
            )
            .group(Group::new().hex("space", world.space).cases(refused::cases(&world)))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let space = SpaceId(inputs.array("space")?);
        let bytes = inputs.hex("body")?;
        let items = match read_body(&bytes, || BodyDecoder::put(space)) {
            Ok(items) => items,
            Err(refused) => return refused.outcome(),
        };
        let entries: Vec<&EntryItem> = items
            .iter()
            .filter_map(|item| match item {
                BodyItem::Entry(entry) => Some(entry),
                _ => None,
            })
            .collect();
        let computed: Vec<Value> = entries.iter().map(|entry| entry_json(entry)).collect();
        Mismatch::unless_equal("entries", inputs.value("entries")?, &Value::from(computed))?;
        if inputs.bool("senderWrites")? {
            let mut encoder = BodyEncoder::put(space, Form::Compact);
            entries.iter().for_each(|entry| encoder.raw(0, &entry.raw, entry.state));
            encoder.end();
            Mismatch::unless_equal("body written again", &bytes, &encoder.take(0).to_vec())?;
        }
        Ok(Verdict::Valid)
    }
}

/// A body, and what its receiver makes of it.
struct Body {
    items: Vec<Element>,
    entries: Vec<EntryItem>,
}

impl Body {
    fn new() -> Self {
        Self { items: Vec::new(), entries: Vec::new() }
    }

    /// An entry in the compact form, said so.
    fn compact(self, sample: &Sample, said: &Said) -> Self {
        self.item(sample.compact(0, said), sample.raw.clone(), PayloadState::Present, true)
    }

    fn plain(self, sample: &Sample) -> Self {
        self.item(sample.plain(0), sample.raw.clone(), PayloadState::Present, false)
    }

    fn item(mut self, item: Element, raw: RawEntry, state: PayloadState, is_compact: bool) -> Self {
        self.items.push(item);
        self.entries.push(EntryItem { receipt: 0, raw, state, is_compact });
        self
    }

    /// The body with its end.
    fn to_bytes(&self) -> Vec<u8> {
        let mut items = self.items.clone();
        items.push(end(items.len() as u64));
        sequence(&items)
    }
}

fn good(comment: &str, body: &Body) -> Case {
    accept(comment, body, true)
}

/// A body that is understood, though a sender would not write it.
fn odd(comment: &str, body: &Body) -> Case {
    accept(comment, body, false)
}

fn accept(comment: &str, body: &Body, sender_writes: bool) -> Case {
    Case::valid(comment)
        .hex("body", body.to_bytes())
        .value("entries", body.entries.iter().map(entry_json).collect::<Vec<_>>())
        .value("senderWrites", sender_writes)
}

/// What is said of an entry whose author, topic and key id have these numbers.
fn known(author: u64, milliseconds: u64) -> Said {
    Said {
        author: Number(author),
        previous: Number(0),
        milliseconds,
        topic: Number(1),
        key_id: Number(1),
    }
}

/// A body of the chain's entries in order, all in the compact form.
fn chained(chain: &[Sample]) -> Body {
    let mut body = Body::new().compact(&chain[0], &chain[0].first());
    for pair in chain.windows(2) {
        body = body.compact(&pair[1], &known(0, pair[1].after(&pair[0])));
    }
    body
}

fn accepted(world: &World) -> Vec<Case> {
    let chain = world.chain(4);
    let (first, second, third) = (&chain[0], &chain[1], &chain[2]);
    let other = world.by("the other author");
    let others = other.chain(2);
    let spelled = |previous: EntryId, said: Said| Said { previous: Element::of(previous), ..said };
    let one = || Body::new().compact(first, &first.first());
    let mut cases = vec![
        good("no entries", &Body::new()).flag("Boundary"),
        good("one entry: author, topic and key id spelled out, no previous entry", &one()),
        good("a chain: everything by number, the previous entry implied", &chained(&chain)),
        good(
            "two authors in turn, one topic and key id",
            &one()
                .compact(
                    &others[0],
                    &Said {
                        author: Element::of(other.device.author()),
                        ..known(1, others[0].after(first))
                    },
                )
                .compact(second, &known(0, second.after(&others[0])))
                .compact(&others[1], &known(1, others[1].after(second))),
        ),
        good(
            "a gap: the previous entry is spelled out",
            &one().compact(third, &spelled(second.id(), known(0, third.after(first)))),
        ),
        good(
            "backwards: the previous entry is spelled out, and implied again after it",
            &Body::new()
                .compact(third, &spelled(second.id(), third.first()))
                .compact(second, &spelled(first.id(), known(0, second.after(third))))
                .compact(third, &known(0, third.after(second))),
        ),
        good(
            "one entry twice: its first occurrence implies nothing for the second",
            &one()
                .compact(second, &known(0, second.after(first)))
                .compact(second, &spelled(first.id(), known(0, 0))),
        ),
        good(
            "the first entry of the author in the body is not the first of its chain",
            &Body::new().compact(second, &spelled(first.id(), second.first())),
        ),
        odd(
            "an entry in the plain form leaves no trace in the tables",
            &one()
                .plain(second)
                .compact(third, &spelled(second.id(), known(0, third.after(first)))),
        ),
        odd(
            "the author is not in the tables by a plain entry, nor its topic or key id",
            &Body::new().plain(first).compact(second, &spelled(first.id(), second.first())),
        ),
    ];
    cases.extend(fields(world));
    cases.extend(payloads(first));
    cases.extend(forged(world, &chain));
    cases
}

/// Fields at their edges.
fn fields(world: &World) -> Vec<Case> {
    let fork = |topic| {
        let mut header = world.header(1, EntryId::ZERO);
        header.topic = topic;
        world.sign(header)
    };
    let (plain, topicless) = (fork(Topic([0x70; 16])), fork(Topic::ZERO));
    let mut late = world.header((1 << 63) - 1, id("late"));
    (late.timestamp, late.kind) = ((1 << 63) - 1, Kind(u16::MAX));
    let mut many = world.header(1, EntryId::ZERO);
    many.dependencies = (0..64).map(|n| id(&format!("dependency {n}"))).collect();
    many.dependencies.sort_unstable();
    let (late, many) = (world.sign(late), world.sign(many));
    let mut early = world.header(1, EntryId::ZERO);
    early.timestamp = 0;
    let early = world.sign(early);
    vec![
        good(
            "the zero topic has number 0 from the start",
            &Body::new().compact(&topicless, &Said { topic: Number(0), ..topicless.first() }),
        ),
        good(
            "a topic, then none, then the topic again; a fork at sequence 1",
            &Body::new()
                .compact(&plain, &plain.first())
                .compact(&topicless, &Said { topic: Number(0), ..known(0, 0) })
                .compact(&plain, &known(0, 0)),
        ),
        good(
            "sequence, timestamp and kind at their highest",
            &Body::new().compact(
                &late,
                &Said { previous: Element::of(late.header.previous), ..late.first() },
            ),
        )
        .flag("Boundary"),
        good(
            "time falls from its highest to zero",
            &Body::new()
                .compact(
                    &late,
                    &Said { previous: Element::of(late.header.previous), ..late.first() },
                )
                .compact(&early, &known(0, 2 * ((1 << 47) - 1) - 1)),
        )
        .flag("Boundary"),
        good("timestamp zero", &Body::new().compact(&early, &early.first())).flag("Boundary"),
        good("64 dependencies", &Body::new().compact(&many, &many.first())).flag("Boundary"),
    ]
}

fn payloads(sample: &Sample) -> Vec<Case> {
    let without = |comment, is: PayloadState| {
        let header = &sample.header;
        let body = Array(vec![
            Number(u64::from(header.payload_length)),
            Element::of(header.content_hash),
            state(is),
        ]);
        let raw = RawEntry { payload: None, ..sample.raw.clone() };
        let item = sample.compact(0, &sample.first()).with(&[13], body);
        good(comment, &Body::new().item(item, raw, is, true))
    };
    vec![
        without("payload missing", PayloadState::Missing),
        without("payload only left out", PayloadState::Present),
        without("payload erased", PayloadState::Erased(id("erasing"))),
        without("payload pruned", PayloadState::Pruned(id("pruning"))),
    ]
}

/// What does not verify is rebuilt like anything else.
fn forged(world: &World, chain: &[Sample]) -> Vec<Case> {
    let (first, second) = (&chain[0], &chain[1]);
    // The header that the receiver rebuilds is over the payload that came.
    let changed = world.sign_payload(first.header.clone(), b"another payload");
    let rebuilt =
        Sample { raw: RawEntry { signature: first.raw.signature, ..changed.raw }, ..changed };
    let follower = {
        let mut header = second.header.clone();
        header.previous = rebuilt.id();
        let bytes = bulla_core::cbor::Encode::to_cbor(&header);
        RawEntry { header: bytes.into(), ..second.raw.clone() }
    };
    let body = Body::new().compact(&rebuilt, &first.first()).item(
        second.compact(0, &known(0, second.after(first))),
        follower,
        PayloadState::Present,
        true,
    );
    let mut zero = world.header(0, id("before the beginning"));
    zero.timestamp = 0;
    let zero = world.sign(zero);
    let mut wrong = world.header(1, id("before the first"));
    wrong.timestamp = 0;
    let wrong = world.sign(wrong);
    let mut short = world.header(1, EntryId::ZERO);
    short.timestamp = 0;
    let short = world.sign_payload(short, b"");
    let beside =
        |sample: &Sample| Said { previous: Element::of(sample.header.previous), ..sample.first() };
    vec![
        odd("another payload than was signed: header and ids that follow are others", &body)
            .flag("Forged"),
        odd("sequence 0", &Body::new().compact(&zero, &beside(&zero))).flag("Forged"),
        odd(
            "sequence 1 after sequence 0: zero is implied, not the entry before",
            &Body::new().compact(&zero, &beside(&zero)).compact(
                &Sample { header: first.header.clone(), raw: first.raw.clone() },
                &known(0, first.after(&zero)),
            ),
        )
        .flag("Forged"),
        odd("sequence 1 with a previous entry", &Body::new().compact(&wrong, &beside(&wrong)))
            .flag("Forged"),
        odd("an empty payload", &Body::new().compact(&short, &short.first())).flag("Forged"),
    ]
}

/// The genesis, whose space is zero, and an operation in the space it makes.
fn the_genesis(founder: &World, genesis: &Sample) -> Body {
    let mut header = founder.header(2, genesis.id());
    header.space = SpaceId::from(genesis.id());
    let operation = founder.sign(header);
    let after = Said {
        topic: Element::of(operation.header.topic),
        key_id: Element::of(operation.header.key_id),
        ..known(0, operation.after(genesis))
    };
    Body::new().compact(genesis, &first_genesis(genesis)).compact(&operation, &after)
}

/// What a sender says of a genesis: topic and key id are the zeros that the tables begin with.
fn first_genesis(genesis: &Sample) -> Said {
    Said {
        author: Element::of(genesis.header.author),
        previous: Number(0),
        milliseconds: 2 * (genesis.header.timestamp >> 16),
        topic: Number(0),
        key_id: Number(0),
    }
}

/// The genesis and an entry of each other control kind after it: topic and key id are zero in all of them.
fn the_controls(founder: &World, genesis: &Sample) -> Body {
    let mut body = Body::new().compact(genesis, &first_genesis(genesis));
    let mut last = genesis.clone();
    for (_, kind, payload) in control_payloads() {
        let mut header = founder.header(last.header.sequence + 1, last.id());
        header.space = SpaceId::from(genesis.id());
        (header.kind, header.topic, header.key_id) = (kind, Topic::ZERO, KeyId::ZERO);
        let entry = founder.sign_payload(header, &payload);
        let said = Said { topic: Number(0), key_id: Number(0), ..known(0, entry.after(&last)) };
        body = body.compact(&entry, &said);
        last = entry;
    }
    body
}
