//! `filter.json`: which entries a reader wants (chapter `store.md`, FLT-1 to FLT-4).

use bulla_core::cbor::{Decode, Encode, Writer};
use bulla_core::values::{Filter, KindRange};
use bulla_core::{AuthorKey, Header, Kind, SpaceId, Topic};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::sample::{Device, operation};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Filters, and what they let through.
pub(super) struct FilterFormat;

const HIGHEST: u64 = (1 << 63) - 1;

impl Format for FilterFormat {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn case_fields(&self) -> Vec<Field> {
        let range = |shape: fn() -> Shape| {
            Shape::Object(vec![
                Field::required("first", shape(), "the first wanted"),
                Field::required("last", shape(), "the last wanted"),
            ])
        };
        let fields = vec![
            Field::required("topics", Shape::list(Shape::HexOf(16)), "topics wanted"),
            Field::required("kinds", Shape::list(range(|| Shape::Uint)), "ranges of kinds wanted"),
            Field::required("authors", Shape::list(Shape::HexOf(32)), "authors wanted"),
            Field::required(
                "timestamps",
                Shape::nullable(range(|| Shape::Uint64)),
                "timestamps wanted",
            ),
        ];
        let entry = vec![
            Field::required("topic", Shape::HexOf(16), "topic of the entry"),
            Field::required("kind", Shape::Uint, "its kind"),
            Field::required("author", Shape::HexOf(32), "its author"),
            Field::required("timestamp", Shape::Uint64, "its timestamp"),
            Field::required("wanted", Shape::Bool, "whether the filter lets it through"),
        ];
        vec![
            Field::required("filter", Shape::Hex, "the encoded filter (FLT-2)"),
            Field::optional("fields", Shape::Object(fields), "what it says"),
            Field::optional(
                "entries",
                Shape::list(Shape::Object(entry)),
                "entries, and whether they are wanted (FLT-1)",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note(
                "Filters: encodings, what they let through, and what is refused (FLT-1 to FLT-4).",
            )
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(invalid()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("filter")?;
        let filter = match Filter::from_cbor(&bytes) {
            Ok(filter) => filter,
            Err(error) => return Ok(Verdict::refused(&error.kind.code(), error.kind.clause())),
        };
        Mismatch::unless_equal("encoding", &bytes, &filter.to_cbor())?;
        Mismatch::unless_equal("fields", inputs.value("fields")?, &fields_of(&filter))?;
        let entries = inputs.value("entries")?.as_array().into_iter().flatten();
        for entry in entries.filter_map(Value::as_object) {
            let entry = Inputs::new(entry, entry);
            let kind = u16::try_from(entry.uint64("kind")?)
                .map_err(|error| Mismatch(error.to_string()))?;
            let header = Header {
                topic: Topic(entry.array("topic")?),
                kind: Kind(kind),
                author: AuthorKey(entry.array("author")?),
                timestamp: entry.uint64("timestamp")?,
                ..sample()
            };
            Mismatch::unless_equal("wanted", &entry.bool("wanted")?, &filter.matches(&header))?;
        }
        Ok(Verdict::Valid)
    }
}

fn fields_of(filter: &Filter) -> Value {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    json!({
        "topics": filter.topics.iter().map(|topic| hex(&topic.0)).collect::<Vec<_>>(),
        "kinds": filter.kinds.iter().map(|range| json!({ "first": range.first.0, "last": range.last.0 })).collect::<Vec<_>>(),
        "authors": filter.authors.iter().map(|author| hex(&author.0)).collect::<Vec<_>>(),
        "timestamps": filter.timestamps.map(|(first, last)| json!({ "first": first.to_string(), "last": last.to_string() })),
    })
}

fn sample() -> Header {
    operation(SpaceId([0x11; 32]), &Device::new("filter"), 5, &[0; 20], "filter")
}

fn entry(header: &Header, wanted: bool) -> Value {
    json!({
        "topic": HEXLOWER.encode(&header.topic.0),
        "kind": header.kind.0,
        "author": HEXLOWER.encode(&header.author.0),
        "timestamp": header.timestamp.to_string(),
        "wanted": wanted,
    })
}

fn good(comment: &str, filter: &Filter, entries: &[(Header, bool)]) -> Case {
    let entries: Vec<_> = entries.iter().map(|(header, wanted)| entry(header, *wanted)).collect();
    Case::valid(comment)
        .hex("filter", filter.to_cbor())
        .value("fields", fields_of(filter))
        .value("entries", entries)
}

fn kinds(ranges: &[(u16, u16)]) -> Vec<KindRange> {
    ranges
        .iter()
        .map(|(first, last)| KindRange { first: Kind(*first), last: Kind(*last) })
        .collect()
}

fn valid() -> Vec<Case> {
    let header = sample();
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = sample();
        change(&mut header);
        header
    };
    let kind = |number| with(&|h| h.kind = Kind(number));
    let at = |timestamp| with(&|h| h.timestamp = timestamp);
    let genesis = with(&|h| (h.kind, h.topic, h.timestamp) = (Kind::GENESIS, Topic::ZERO, 0));
    let other_author = with(&|h| h.author = AuthorKey([0x77; 32]));
    let other_topic = with(&|h| h.topic = Topic([0x77; 16]));
    let by_topic = Filter { topics: vec![Topic::ZERO, header.topic], ..Filter::all() };
    let by_kind = Filter { kinds: kinds(&[(16, 17), (20, 20), (300, 65_535)]), ..Filter::all() };
    let by_author = Filter { authors: vec![header.author], ..Filter::all() };
    let by_time = Filter { timestamps: Some((1000, 2000)), ..Filter::all() };
    let by_all = Filter {
        topics: vec![header.topic],
        kinds: kinds(&[(16, 16)]),
        authors: vec![header.author],
        timestamps: Some((header.timestamp, header.timestamp)),
    };
    let controls: Vec<_> = (0..=8)
        .map(|number| {
            let control = with(&|h| {
                (h.kind, h.topic, h.timestamp) = (Kind(number), Topic::ZERO, 0);
                h.author = AuthorKey([0x77; 32]);
            });
            (control, true)
        })
        .collect();
    let mut topics: Vec<_> = (0..=255).map(|number| Topic([number; 16])).collect();
    topics.sort_unstable();
    let many = Filter { topics, timestamps: Some((0, HIGHEST)), ..Filter::all() };
    vec![
        good("everything", &Filter::all(), &[(header.clone(), true), (genesis.clone(), true)]),
        good(
            "topics, none among them",
            &by_topic,
            &[
                (header.clone(), true),
                (with(&|h| h.topic = Topic::ZERO), true),
                (other_topic.clone(), false),
                (genesis.clone(), true),
            ],
        ),
        good(
            "ranges of kinds",
            &by_kind,
            &[
                (kind(16), true),
                (kind(17), true),
                (kind(18), false),
                (kind(19), false),
                (kind(20), true),
                (kind(21), false),
                (kind(299), false),
                (kind(65_535), true),
                (genesis.clone(), true),
            ],
        ),
        good("an author", &by_author, &[(header.clone(), true), (other_author.clone(), false)]),
        good(
            "timestamps",
            &by_time,
            &[
                (at(999), false),
                (at(1000), true),
                (at(2000), true),
                (at(2001), false),
                (genesis.clone(), true),
            ],
        ),
        good(
            "every part must match",
            &by_all,
            &[
                (header.clone(), true),
                (other_topic, false),
                (other_author, false),
                (kind(17), false),
                (at(header.timestamp + 1), false),
                (genesis, true),
            ],
        ),
        good("control entries of every kind, whatever is asked for", &by_all, &controls),
        good("256 topics", &many, &[(header, false)]).flag("Boundary"),
        good(
            "control kinds alone, which always match",
            &Filter { kinds: kinds(&[(0, 15)]), ..Filter::all() },
            &[(kind(0), true), (kind(16), false)],
        ),
    ]
}

fn invalid() -> Vec<Case> {
    let bad = |comment: &str, code, clause, write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        Case::invalid(comment, code, clause).hex("filter", writer.into_bytes())
    };
    let bounds =
        |comment: &str, write: &dyn Fn(&mut Writer)| bad(comment, "cbor.bounds", "CBOR-10", write);
    let topics = |w: &mut Writer, topics: &[[u8; 16]]| {
        w.array(4).array(topics.len());
        topics.iter().for_each(|topic| _ = w.bytes(topic));
        w.array(0).array(0).null();
    };
    let kinds = |w: &mut Writer, ranges: &[(u64, u64)]| {
        w.array(4).array(0).array(ranges.len());
        ranges.iter().for_each(|(first, last)| _ = w.array(2).uint(*first).uint(*last));
        w.array(0).null();
    };
    let authors = |w: &mut Writer, authors: &[[u8; 32]]| {
        w.array(4).array(0).array(0).array(authors.len());
        authors.iter().for_each(|author| _ = w.bytes(author));
        w.null();
    };
    let times = |w: &mut Writer, first: u64, last: u64| {
        _ = w.array(4).array(0).array(0).array(0).array(2).uint(first).uint(last);
    };
    let many_topics: Vec<_> = (0..257_u16)
        .map(|number| {
            let mut topic = [0; 16];
            topic[..2].copy_from_slice(&number.to_be_bytes());
            topic
        })
        .collect();
    let many_kinds: Vec<_> = (0..257).map(|number| (2 * number, 2 * number)).collect();
    vec![
        bounds("topics descending", &|w| topics(w, &[[2; 16], [1; 16]])),
        bounds("topic twice", &|w| topics(w, &[[1; 16], [1; 16]])),
        bounds("topic of 15 bytes", &|w| {
            _ = w.array(4).array(1).bytes([1; 15]).array(0).array(0).null();
        }),
        bounds("authors descending", &|w| authors(w, &[[2; 32], [1; 32]])),
        bounds("author twice", &|w| authors(w, &[[1; 32], [1; 32]])),
        bounds("range of kinds upside down", &|w| kinds(w, &[(20, 19)])),
        bounds("ranges of kinds descending", &|w| kinds(w, &[(20, 21), (16, 17)])),
        bounds("ranges of kinds that overlap", &|w| kinds(w, &[(16, 20), (20, 21)])),
        bounds("kind 65536", &|w| kinds(w, &[(16, 65_536)])).flag("Boundary"),
        bounds("timestamps upside down", &|w| times(w, 2, 1)),
        bounds("timestamp 2^63", &|w| times(w, 0, 1 << 63)).flag("Boundary"),
        bounds("257 topics", &|w| topics(w, &many_topics)).flag("Boundary"),
        bounds("257 ranges of kinds", &|w| kinds(w, &many_kinds)).flag("Boundary"),
        bad("three elements", "cbor.count", "CBOR-9", &|w| {
            _ = w.array(3).array(0).array(0).array(0);
        }),
        bad("five elements", "cbor.count", "CBOR-9", &|w| {
            _ = w.array(5).array(0).array(0).array(0).null().null();
        }),
        bad("range of one kind", "cbor.count", "CBOR-9", &|w| {
            _ = w.array(4).array(0).array(1).array(1).uint(16).array(0).null();
        }),
        bad("one timestamp", "cbor.count", "CBOR-9", &|w| {
            _ = w.array(4).array(0).array(0).array(0).array(1).uint(16);
        }),
        bad("topics null", "cbor.unexpected", "CBOR-9", &|w| {
            _ = w.array(4).null().array(0).array(0).null();
        }),
        bad("kind alone, no range", "cbor.unexpected", "CBOR-9", &|w| {
            _ = w.array(4).array(0).array(1).uint(16).array(0).null();
        }),
        bad("timestamps false", "cbor.unexpected", "CBOR-9", &|w| {
            _ = w.array(4).array(0).array(0).array(0).bool(false);
        }),
        bad("cut", "cbor.truncated", "CBOR-2", &|w| _ = w.array(4).array(0).array(0).array(0)),
        bad("byte after it", "cbor.trailing", "CBOR-2", &|w| {
            _ = w.array(4).array(0).array(0).array(0).null().null();
        }),
    ]
}
