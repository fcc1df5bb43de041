//! Registers of invitations (KF-12).

use bulla_core::cbor::Writer;
use bulla_core::domain;
use bulla_pairing::{InvitationState, Invitations};
use serde_json::{Value, json};

use super::super::super::{Case, Field, Inputs, Mismatch, Random, Shape};
use super::{common, content, refused};

const STATES: &[&str] = &["unused", "in progress", "used", "cancelled"];

pub(super) fn field() -> Field {
    let invitation = vec![
        Field::required("id", Shape::HexOf(32), "its id"),
        Field::required("space", Shape::HexOf(32), "the space"),
        Field::required("madeMs", Shape::Uint64, "when it was made"),
        Field::required("expiresMs", Shape::Uint64, "when it expires"),
        Field::required("state", Shape::OneOf(STATES), "what became of it"),
        Field::required("joiner", Shape::nullable(Shape::HexOf(32)), "who came in with it"),
    ];
    Field::optional(
        "invitations",
        Shape::list(Shape::Object(invitation)),
        "register: what it holds",
    )
}

pub(super) fn compare(inputs: &Inputs<'_>, register: &Invitations) -> Result<(), Mismatch> {
    let held: Vec<Value> = register
        .iter()
        .map(|info| {
            let (state, joiner) = match info.state {
                InvitationState::Unused => (0, None),
                InvitationState::InProgress(joiner) => (1, Some(joiner)),
                InvitationState::Used(joiner) => (2, Some(joiner)),
                InvitationState::Cancelled => (3, None),
            };
            json!({
                "id": info.id.to_string(),
                "space": info.space.to_string(),
                "madeMs": info.made_ms.to_string(),
                "expiresMs": info.expires_ms.to_string(),
                "state": STATES[state],
                "joiner": joiner.map(|joiner| joiner.to_string()),
            })
        })
        .collect();
    Mismatch::unless_equal("invitations", inputs.value("invitations")?, &held.into())?;
    Mismatch::unless_equal("content", &inputs.hex("content")?, &*register.to_secret())
}

/// An invitation in a register, with anything in its fields.
#[derive(Clone)]
struct Row {
    id: Vec<u8>,
    space: Vec<u8>,
    inviter: Vec<u8>,
    secret: Option<Vec<u8>>,
    /// URL and key.
    node: Option<(String, Vec<u8>)>,
    made: u64,
    expires: u64,
    state: u64,
    joiner: Option<Vec<u8>>,
}

impl Row {
    fn new(label: &str) -> Self {
        let mut random = Random::new(&format!("register {label}"));
        let (secret, space, inviter) = (random.bytes(16), random.bytes(32), random.bytes(16));
        let root = [secret.as_slice(), &space, &inviter].concat();
        Self {
            id: blake3::derive_key(domain::INVITATION_ID, &root).to_vec(),
            space,
            inviter,
            secret: Some(secret),
            node: None,
            made: 1_800_000_000_000,
            expires: 1_800_000_900_000,
            state: 0,
            joiner: None,
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(9).bytes(&self.id).bytes(&self.space).bytes(&self.inviter);
        match &self.secret {
            Some(secret) => writer.bytes(secret),
            None => writer.null(),
        };
        match &self.node {
            Some((url, key)) => writer.array(2).text(url).bytes(key),
            None => writer.null(),
        };
        writer.uint(self.made).uint(self.expires).uint(self.state);
        match &self.joiner {
            Some(joiner) => writer.bytes(joiner),
            None => writer.null(),
        };
    }
}

fn register(rows: &[Row]) -> Vec<u8> {
    content(|w| {
        w.array(3).uint(1).uint(4).array(rows.len());
        rows.iter().for_each(|row| row.write(w));
    })
}

fn valid(comment: &str, mut rows: Vec<Row>) -> Case {
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let hex = |bytes: &Vec<u8>| data_encoding::HEXLOWER.encode(bytes);
    let held: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": hex(&row.id),
                "space": hex(&row.space),
                "madeMs": row.made.to_string(),
                "expiresMs": row.expires.to_string(),
                "state": STATES[usize::try_from(row.state).expect("a state is small")],
                "joiner": row.joiner.as_ref().map(hex),
            })
        })
        .collect();
    Case::valid(comment).hex("content", register(&rows)).value("invitations", held)
}

pub(super) fn cases() -> Vec<Case> {
    let row = |change: &dyn Fn(&mut Row)| {
        let mut row = Row::new("good");
        change(&mut row);
        row
    };
    let joiner = || Some(vec![7; 32]);
    let node = |url: &str, key_bytes| Some((url.to_owned(), vec![8; key_bytes]));
    let ended = |label: &str, state: u64| Row {
        secret: None,
        state,
        joiner: if state == 2 { joiner() } else { None },
        ..Row::new(label)
    };
    let in_progress = |label: &str| Row { state: 1, joiner: joiner(), ..Row::new(label) };
    let many = |count: usize| (0..count).map(|number| Row::new(&number.to_string())).collect();
    let mut too_many: Vec<Row> = many(65);
    too_many.sort_by(|a, b| a.id.cmp(&b.id));
    let good = register(&[Row::new("good")]);
    let mut cases = vec![
        valid("no invitation", Vec::new()),
        valid("an invitation", vec![Row::new("good")]),
        valid(
            "one of each state",
            vec![Row::new("a"), in_progress("b"), ended("c", 2), ended("d", 3)],
        ),
        valid("64 invitations", many(64)),
        valid("with a node", vec![row(&|row| row.node = node("https://relay.example", 32))]),
        valid("for one millisecond", vec![row(&|row| row.expires = row.made + 1)]),
        valid("for a week", vec![row(&|row| row.expires = row.made + 604_800_000)]),
        valid(
            "the last time there is",
            vec![row(&|row| {
                row.expires = (1 << 63) - 1;
                row.made = row.expires - 1;
            })],
        ),
    ];
    cases.extend(common(4, 3, &good));
    let rule =
        |comment: &str, rows: &[Row]| refused(comment, "key_file.rule", "KF-12", register(rows));
    let bounds =
        |comment: &str, row: Row| refused(comment, "cbor.bounds", "CBOR-10", register(&[row]));
    let mut pair = vec![Row::new("a"), Row::new("b")];
    pair.sort_by(|a, b| b.id.cmp(&a.id));
    cases.extend([
        refused("65 invitations", "cbor.bounds", "CBOR-10", register(&too_many)),
        rule("ids that do not ascend", &pair),
        rule("an invitation twice", &[Row::new("a"), Row::new("a")]),
        rule("an id that is not the secret's", &[row(&|row| row.id = vec![1; 32])]),
        rule("another space", &[row(&|row| row.space = vec![1; 32])]),
        rule("another inviter", &[row(&|row| row.inviter = vec![1; 16])]),
        rule("unused without a secret", &[row(&|row| row.secret = None)]),
        rule("in progress without a secret", &[Row { secret: None, ..in_progress("good") }]),
        rule("used with its secret", &[row(&|row| (row.state, row.joiner) = (2, joiner()))]),
        rule("cancelled with its secret", &[row(&|row| row.state = 3)]),
        rule("unused by a joiner", &[row(&|row| row.joiner = joiner())]),
        rule("in progress with nobody", &[row(&|row| row.state = 1)]),
        rule("used by nobody", &[Row { joiner: None, ..ended("good", 2) }]),
        rule("cancelled by a joiner", &[Row { joiner: joiner(), ..ended("good", 3) }]),
        rule("a node with a space", &[row(&|row| row.node = node(" ", 32))]),
        rule("an empty node", &[row(&|row| row.node = node("", 32))]),
        rule("expires when it was made", &[row(&|row| row.expires = row.made)]),
        rule("expires before it was made", &[row(&|row| row.expires = row.made - 1)]),
        rule("for a week and a millisecond", &[row(&|row| row.expires = row.made + 604_800_001)]),
        bounds("state 4", row(&|row| row.state = 4)),
        bounds("id of 31 bytes", row(&|row| row.id.truncate(31))),
        bounds("inviter of 32 bytes", row(&|row| row.inviter = vec![1; 32])),
        bounds("secret of 32 bytes", row(&|row| row.secret = Some(vec![1; 32]))),
        bounds("a URL of 129 bytes", row(&|row| row.node = node(&"n".repeat(129), 32))),
        bounds("a node's key of 31 bytes", row(&|row| row.node = node("n", 31))),
        bounds("a time beyond 2^63", row(&|row| row.expires = 1 << 63)),
        bounds("joiner of 31 bytes", row(&|row| (row.state, row.joiner) = (1, Some(vec![7; 31])))),
        refused(
            "eight elements",
            "cbor.count",
            "CBOR-9",
            content(|w| {
                w.array(3).uint(1).uint(4).array(1).array(8);
                (0..8).for_each(|_| {
                    w.null();
                });
            }),
        ),
        refused("a broken rule before a broken shape", "key_file.rule", "KF-12", {
            register(&[row(&|row| row.state = 3), row(&|row| row.id.truncate(31))])
        }),
        refused("a broken shape before a broken rule", "cbor.bounds", "CBOR-10", {
            register(&[row(&|row| (row.secret, row.joiner) = (None, Some(vec![7; 31])))])
        }),
    ]);
    cases
}
