//! `directory.json`: small histories of a space, and what follows from them (chapter `directory.md`).

mod cases;
mod history;
mod random;

use bulla_core::control::Role;
use bulla_core::{Kind, RawEntry, SpaceId, Verified, VerifiedEntry, VerifiedHeader, Verifier};
use bulla_directory::{CutWalk, Directory, Link, Outcome as Judgement, Standing};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

pub(super) use history::History;

/// What every case gives besides the entries.
const ANSWERS: [&str; 6] =
    ["verdicts", "members", "seniority", "writingEpochs", "topicOrder", "erased"];

/// Histories of a space.
pub(super) struct Directories;

impl Format for Directories {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("genesis", Shape::Object(entry_fields()), "the genesis of the space")]
    }

    fn case_fields(&self) -> Vec<Field> {
        let entries = Shape::list(Shape::Object(entry_fields()));
        let id = |name, meaning| Field::required(name, Shape::HexOf(32), meaning);
        let verdict = vec![
            id("id", "the entry"),
            Field::required("verdict", Shape::Text, "`counts`, `open`, or the code of a refusal"),
        ];
        let member = vec![
            id("device", "its Ed25519 key"),
            Field::required(
                "role",
                Shape::OneOf(&["relay", "reader", "writer", "admin"]),
                "its present role",
            ),
        ];
        let writing = vec![
            id("group", "zero for the space, or the entry that founded the group"),
            id("epoch", "its writing epoch"),
        ];
        let topics = vec![
            id("group", "zero for the space, or the entry that founded the group"),
            Field::required(
                "epochs",
                Shape::list(Shape::HexOf(32)),
                "its counting epochs; the topic secret of the first that a reader opened holds (CTL-35)",
            ),
        ];
        vec![
            Field::required("entries", entries, "the other entries, in any order"),
            Field::required(
                "verdicts",
                Shape::list(Shape::Object(verdict)),
                "of the genesis and of each entry, in the order of the entries",
            ),
            Field::required(
                "members",
                Shape::list(Shape::Object(member)),
                "the members, ascending by device",
            ),
            Field::required(
                "seniority",
                Shape::list(Shape::HexOf(32)),
                "every device that has a place, the senior first",
            ),
            Field::required(
                "writingEpochs",
                Shape::list(Shape::Object(writing)),
                "of the space and of each group that has one, ascending by group",
            ),
            Field::required(
                "topicOrder",
                Shape::list(Shape::Object(topics)),
                "of the space and of each group that has a counting epoch, ascending by group",
            ),
            Field::required(
                "erased",
                Shape::list(Shape::HexOf(32)),
                "the application entries that an erasure covers, in the order of the entries",
            ),
        ]
    }

    fn generate(&self) -> File {
        let mut file = File::new()
            .note(
                "Histories of a space (DIR-1 to DIR-32): which entries count, who belongs to it in which order, which \
                 epoch is written with, whose topic secret holds, and what is erased. All signatures hold. An entry without a payload is one of an \
                 application, of which the header is held; it is no control entry. The result must be the same in \
                 every order of the entries.",
            )
            .note(
                "The answers come from this implementation, which a model written from the same chapter is held against, \
                 and from the checker, which is a third.",
            )
            .flag("Random", "a history written by chance, by devices that know only a part of it");
        for (histories, is_random) in [(cases::all(), false), (random::all(), true)] {
            for (genesis, histories) in by_space(histories) {
                let mut group = Group::new().value("genesis", to_json(&genesis));
                for (comment, history) in histories {
                    let mut case = super::Case::valid(comment);
                    if is_random {
                        case = case.flag("Random");
                    }
                    let entries: Vec<Value> = history.raw[1..].iter().map(to_json).collect();
                    case = case.value("entries", entries);
                    let answers = Answers::of(&history.raw).expect("entries of our own");
                    for name in ANSWERS {
                        case = case.value(name, answers.value(name));
                    }
                    group = group.case(case);
                }
                file = file.group(group);
            }
        }
        file
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut raw = vec![from_json(inputs.value("genesis")?)?];
        let entries = inputs.value("entries")?.as_array();
        for entry in entries.ok_or_else(|| Mismatch("entries is not a list".to_owned()))? {
            raw.push(from_json(entry)?);
        }
        let answers = Answers::of(&raw)?;
        for name in ANSWERS {
            Mismatch::unless_equal(name, inputs.value(name)?, &answers.value(name))?;
        }
        let mut backwards = raw.clone();
        backwards[1..].reverse();
        let other = Answers::of(&backwards)?;
        for name in ["members", "seniority", "writingEpochs", "topicOrder"] {
            Mismatch::unless_equal("backwards", &answers.value(name), &other.value(name))?;
        }
        Ok(Verdict::Valid)
    }
}

fn by_space(histories: Vec<(String, History)>) -> Vec<(RawEntry, Vec<(String, History)>)> {
    let mut groups: Vec<(RawEntry, Vec<(String, History)>)> = Vec::new();
    for (comment, history) in histories {
        let genesis = history.raw[0].clone();
        match groups.iter_mut().find(|(other, _)| *other == genesis) {
            Some((_, group)) => group.push((comment, history)),
            None => groups.push((genesis, vec![(comment, history)])),
        }
    }
    groups
}

fn entry_fields() -> Vec<Field> {
    vec![
        Field::required("header", Shape::Hex, "the header"),
        Field::required("signature", Shape::HexOf(64), "the signature over it"),
        Field::optional("payload", Shape::Hex, "the payload of a control entry"),
    ]
}

fn to_json(raw: &RawEntry) -> Value {
    let mut entry = json!({
        "header": HEXLOWER.encode(&raw.header),
        "signature": HEXLOWER.encode(&raw.signature.0),
    });
    if let Some(payload) = &raw.payload {
        entry["payload"] = HEXLOWER.encode(payload).into();
    }
    entry
}

fn from_json(entry: &Value) -> Result<RawEntry, Mismatch> {
    let fields = entry.as_object().ok_or_else(|| Mismatch("an entry is no object".to_owned()))?;
    let inputs = Inputs::new(fields, fields);
    Ok(RawEntry {
        header: inputs.hex("header")?.into(),
        signature: bulla_core::Signature(inputs.array("signature")?),
        payload: inputs.find_hex("payload")?.map(Into::into),
    })
}

/// What a directory says of a history.
struct Answers {
    values: Vec<(&'static str, Value)>,
}

impl Answers {
    /// The genesis comes first.
    fn of(raw: &[RawEntry]) -> Result<Self, Mismatch> {
        let verifier = Verifier::new([7; 32]);
        let fail = |error| Mismatch(format!("an entry does not verify: {error}"));
        let [genesis, others @ ..] = raw else {
            return Err(Mismatch("no genesis".to_owned()));
        };
        let genesis = verifier.verify_genesis(genesis.clone()).map_err(fail)?;
        let space: SpaceId = genesis.verified_header().space();
        let mut verified = vec![genesis];
        for verdict in verifier.verify_batch(&space, others.to_vec()) {
            verified.push(verdict.map_err(fail)?);
        }
        let controls: Vec<VerifiedEntry> = verified
            .iter()
            .filter_map(|entry| match entry {
                Verified::Entry(entry) => Some(entry.clone()),
                Verified::Header(_) => None,
            })
            .collect();
        let mut directory = Directory::new(space);
        directory.extend(&controls);

        let headers: Vec<&VerifiedHeader> =
            verified.iter().map(Verified::verified_header).collect();
        let verdicts: Vec<Value> = headers
            .iter()
            .map(|header| {
                json!({ "id": hex(header.id()), "verdict": verdict(&directory, header, &headers) })
            })
            .collect();
        let members: Vec<Value> = directory
            .members()
            .iter()
            .map(|member| json!({ "device": hex(member.device), "role": role(member.role) }))
            .collect();
        let seniority: Vec<String> = directory.seniority().iter().map(hex).collect();
        let groups = directory.groups().into_iter().map(|group| group.id);
        let mut groups: Vec<bulla_core::EntryId> =
            groups.chain([bulla_core::EntryId::ZERO]).collect();
        groups.sort_unstable();
        let writing: Vec<Value> = groups
            .iter()
            .filter_map(|group| {
                let epoch = directory.writing_epoch(group)?;
                Some(json!({ "group": hex(group), "epoch": hex(epoch.id) }))
            })
            .collect();
        let topics: Vec<Value> = groups
            .iter()
            .filter_map(|group| {
                let order: Vec<String> = directory.topic_order(group).iter().map(hex).collect();
                (!order.is_empty()).then(|| json!({ "group": hex(group), "epochs": order }))
            })
            .collect();
        let erased = headers.iter().filter(|header| directory.erased_by(header).is_some());
        let erased: Vec<String> = erased.map(|header| hex(header.id())).collect();
        Ok(Self {
            values: vec![
                ("verdicts", verdicts.into()),
                ("members", members.into()),
                ("seniority", seniority.into()),
                ("writingEpochs", writing.into()),
                ("topicOrder", topics.into()),
                ("erased", erased.into()),
            ],
        })
    }

    fn value(&self, name: &str) -> Value {
        let value = self.values.iter().find(|(other, _)| *other == name);
        value.map_or(Value::Null, |(_, value)| value.clone())
    }
}

fn verdict(directory: &Directory, header: &VerifiedHeader, headers: &[&VerifiedHeader]) -> String {
    let word = |verdict: bulla_directory::Verdict| {
        verdict.refusal().map_or_else(|| "counts".to_owned(), |refusal| refusal.code().to_string())
    };
    if let Some(verdict) = directory.verdict(&header.id()) {
        return word(verdict);
    }
    let fields = header.header();
    let standing = if fields.kind == Kind::FRONTIER {
        directory.frontier_standing(&fields.author)
    } else {
        directory.standing(&fields.author, &fields.key_id)
    };
    match standing {
        Standing::Stranger => "directory.stranger".to_owned(),
        Standing::Counts => "counts".to_owned(),
        Standing::Refused(refusal) => refusal.code().to_string(),
        Standing::Limited(limits) => {
            let mut walk = CutWalk::new(fields.author, limits);
            let judgement = walk.judge_with(fields.sequence, &header.id(), 1_000, |id| {
                let header = headers.iter().find(|header| header.id() == *id)?.header();
                let (author, sequence, previous) =
                    (header.author, header.sequence, header.previous);
                Some(Link { author, sequence, previous })
            });
            match judgement {
                Judgement::Decided(verdict) => word(verdict),
                Judgement::Open | Judgement::Needs(_) => "open".to_owned(),
            }
        }
    }
}

fn role(role: Role) -> &'static str {
    role.name()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}
