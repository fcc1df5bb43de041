//! `genesis.json`: payloads of genesis entries (chapter `entries.md`, GEN-1 to GEN-5).

use bulla_core::cbor::{Encode, Writer};
use bulla_core::genesis::{Founder, Genesis, Policy, RecoveryKey};
use bulla_core::{AuthorKey, SealingKey};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::keys::{SMALL_ORDER, hex};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict};

/// The payload that founds a space.
pub(super) struct GenesisPayload;

const HIGHEST: u64 = (1 << 63) - 1;

impl Format for GenesisPayload {
    fn name(&self) -> &'static str {
        "genesis"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("author", Shape::HexOf(32), "author of the entries")]
    }

    fn case_fields(&self) -> Vec<Field> {
        let founder = vec![
            Field::required("author", Shape::HexOf(32), "verifying key"),
            Field::required("sealingKey", Shape::HexOf(32), "X25519 public key"),
        ];
        let recovery = vec![
            Field::required("author", Shape::HexOf(32), "Ed25519 verifying key"),
            Field::required("sealingKey", Shape::HexOf(32), "X25519 public key"),
        ];
        let policy = vec![
            Field::optional("minimumFormat", Shape::Uint64, "key 1"),
            Field::optional("historyForNewcomers", Shape::Bool, "key 2"),
            Field::optional("authorEntries", Shape::Uint64, "key 3"),
            Field::optional("authorBytes", Shape::Uint64, "key 4"),
            Field::optional("spaceEntries", Shape::Uint64, "key 5"),
            Field::optional("spaceBytes", Shape::Uint64, "key 6"),
        ];
        let fields = vec![
            Field::required(
                "founders",
                Shape::list(Shape::Object(founder)),
                "in order of seniority",
            ),
            Field::required(
                "recovery",
                Shape::nullable(Shape::Object(recovery)),
                "the recovery key",
            ),
            Field::required("policy", Shape::Object(policy), "the policy"),
        ];
        vec![
            Field::required("payload", Shape::Hex, "payload of the entry"),
            Field::optional("fields", Shape::Object(fields), "what the payload says"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Payloads of genesis entries (GEN-1 to GEN-6).")
            .flag("Order", "breaks several rules; GEN-6 says which is named")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().hex("author", author()).cases(valid()))
            .group(Group::new().hex("author", author()).cases(shape()))
            .group(Group::new().hex("author", author()).cases(founders()))
            .group(Group::new().hex("author", author()).cases(policies()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let payload = inputs.hex("payload")?;
        match Genesis::parse(&payload, &AuthorKey(inputs.array("author")?)) {
            Ok(genesis) => {
                Mismatch::unless_equal("encoding", &payload, &genesis.to_cbor())?;
                Mismatch::unless_equal("fields", inputs.value("fields")?, &fields_of(&genesis))?;
                Ok(Verdict::Valid)
            }
            Err(error) => Ok(Verdict::refused(&error.code(), error.clause())),
        }
    }
}

fn fields_of(genesis: &Genesis) -> Value {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let founder =
        |f: &Founder| json!({ "author": hex(&f.author.0), "sealingKey": hex(&f.sealing_key.0) });
    let Policy {
        minimum_format,
        history_for_newcomers,
        author_entries,
        author_bytes,
        space_entries,
        space_bytes,
    } = genesis.policy;
    let mut policy = Map::new();
    let numbers = [
        ("minimumFormat", minimum_format),
        ("authorEntries", author_entries),
        ("authorBytes", author_bytes),
        ("spaceEntries", space_entries),
        ("spaceBytes", space_bytes),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            policy.insert(name.into(), value.to_string().into());
        }
    }
    if let Some(history) = history_for_newcomers {
        policy.insert("historyForNewcomers".into(), history.into());
    }
    json!({
        "founders": genesis.founders.iter().map(founder).collect::<Vec<_>>(),
        "recovery": genesis.recovery.map(|key| {
            json!({ "author": hex(&key.author.0), "sealingKey": hex(&key.sealing_key.0) })
        }),
        "policy": policy,
    })
}

fn key(number: u8) -> [u8; 32] {
    Random::new(&format!("genesis key {number}")).array()
}

fn author() -> AuthorKey {
    AuthorKey(key(0))
}

fn founder(number: u8) -> Founder {
    Founder { author: AuthorKey(key(2 * number)), sealing_key: SealingKey(key(2 * number + 1)) }
}

fn sample() -> Genesis {
    Genesis {
        founders: vec![founder(0), founder(1)],
        recovery: Some(RecoveryKey {
            author: AuthorKey(key(200)),
            sealing_key: SealingKey(key(201)),
        }),
        policy: Policy::default(),
    }
}

fn good(comment: &str, genesis: &Genesis) -> Case {
    Case::valid(comment).hex("payload", genesis.to_cbor()).value("fields", fields_of(genesis))
}

fn bad(comment: &str, code: &str, clause: &str, payload: impl AsRef<[u8]>) -> Case {
    Case::invalid(comment, code, clause).hex("payload", payload)
}

fn valid() -> Vec<Case> {
    let with = |policy: Policy| Genesis { policy, ..sample() };
    let full = Policy {
        minimum_format: Some(1),
        history_for_newcomers: Some(true),
        author_entries: Some(1_000_000),
        author_bytes: Some(1 << 40),
        space_entries: Some(10_000_000),
        space_bytes: Some(HIGHEST),
    };
    let zero =
        Policy { space_entries: Some(0), history_for_newcomers: Some(false), ..Policy::default() };
    vec![
        good(
            "one founder",
            &Genesis { founders: vec![founder(0)], recovery: None, policy: Policy::default() },
        ),
        good("two founders and a recovery key", &sample()),
        good("every policy key", &with(full)),
        good("some policy keys, lowest values", &with(zero)),
        good("64 founders", &Genesis { founders: (0..64).map(founder).collect(), ..sample() })
            .flag("Boundary"),
    ]
}

/// A payload item by item, so that one of them can be broken.
fn written(write: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

fn one_founder(writer: &mut Writer) -> &mut Writer {
    writer.array(1).array(2).bytes(key(0)).bytes(key(1))
}

fn shape() -> Vec<Case> {
    let bytes = sample().to_cbor();
    let count = |comment, payload: Vec<u8>| bad(comment, "cbor.count", "CBOR-9", payload);
    let unexpected = |comment, payload: Vec<u8>| bad(comment, "cbor.unexpected", "CBOR-9", payload);
    let bounds = |comment, payload: Vec<u8>| bad(comment, "cbor.bounds", "CBOR-10", payload);
    let mut cases = vec![
        bad("nothing", "cbor.truncated", "CBOR-2", []),
        bad("last byte missing", "cbor.truncated", "CBOR-2", &bytes[..bytes.len() - 1]),
        bad("byte after the payload", "cbor.trailing", "CBOR-2", [&bytes[..], &[0]].concat()),
        bad("16,385 bytes", "genesis.too_long", "GEN-2", vec![0; 16_385]).flag("Boundary"),
        bad("16,384 bytes of something else", "cbor.trailing", "CBOR-2", vec![0; 16_384])
            .flag("Boundary"),
        unexpected("a map", vec![0xa0]),
        unexpected("version as text", written(|w| _ = w.array(4).text("1").array(0).null().map(0))),
        count("an empty array", vec![0x80]),
        count("the version alone", vec![0x81, 0x01]),
        count(
            "five elements",
            written(|w| _ = one_founder(w.array(5).uint(1)).null().map(0).null()),
        ),
        count(
            "founder of one key",
            written(|w| _ = w.array(4).uint(1).array(1).array(1).bytes(key(0)).null().map(0)),
        ),
        count(
            "founder of three elements",
            written(|w| {
                w.array(4)
                    .uint(1)
                    .array(1)
                    .array(3)
                    .bytes(key(0))
                    .bytes(key(1))
                    .null()
                    .null()
                    .map(0);
            }),
        ),
        unexpected("founders null", written(|w| _ = w.array(4).uint(1).null().null().map(0))),
        unexpected(
            "recovery key as text",
            written(|w| _ = one_founder(w.array(4).uint(1)).text("none").map(0)),
        ),
        unexpected(
            "recovery key false",
            written(|w| _ = one_founder(w.array(4).uint(1)).bool(false).map(0)),
        ),
        unexpected(
            "recovery key without its sealing key, as a byte string",
            written(|w| _ = one_founder(w.array(4).uint(1)).bytes(key(200)).map(0)),
        ),
        count(
            "recovery key of one key",
            written(|w| _ = one_founder(w.array(4).uint(1)).array(1).bytes(key(200)).map(0)),
        ),
        count(
            "recovery key of three keys",
            written(|w| {
                let recovery = one_founder(w.array(4).uint(1)).array(3);
                recovery.bytes(key(200)).bytes(key(201)).bytes(key(202)).map(0);
            }),
        ),
        unexpected(
            "policy as an array",
            written(|w| _ = one_founder(w.array(4).uint(1)).null().array(0)),
        ),
        bounds(
            "sealing key of 31 bytes",
            written(|w| {
                w.array(4).uint(1).array(1).array(2).bytes(key(0)).bytes([1; 31]).null().map(0);
            }),
        ),
        bounds(
            "recovery key of 33 bytes",
            written(|w| {
                let recovery = one_founder(w.array(4).uint(1)).array(2);
                recovery.bytes([1; 33]).bytes(key(201)).map(0);
            }),
        ),
        bounds(
            "recovery key's sealing key of 31 bytes",
            written(|w| {
                let recovery = one_founder(w.array(4).uint(1)).array(2);
                recovery.bytes(key(200)).bytes([1; 31]).map(0);
            }),
        ),
        bounds(
            "65 founders",
            Genesis { founders: (0..65).map(founder).collect(), ..sample() }.to_cbor(),
        )
        .flag("Boundary"),
    ];
    for version in [0, 2, u64::MAX] {
        let payload = written(|w| _ = one_founder(w.array(4).uint(version)).null().map(0));
        cases.push(bad(&format!("version {version}"), "genesis.version", "GEN-1", payload));
    }
    let later = written(|w| _ = w.array(2).uint(7).text("other"));
    cases.push(
        bad("later version of another shape", "genesis.version", "GEN-1", later).flag("Order"),
    );
    cases
}

fn recovery(genesis: &mut Genesis) -> &mut RecoveryKey {
    genesis.recovery.as_mut().expect("the sample has a recovery key")
}

fn founders() -> Vec<Case> {
    type Change = fn(&mut Genesis);
    let rules: [(&str, Change); 15] = [
        ("no founder", |g| g.founders.clear()),
        ("author second", |g| g.founders.swap(0, 1)),
        ("author not among them", |g| _ = g.founders.remove(0)),
        ("founder twice", |g| g.founders.push(founder(1))),
        ("verifying key twice", |g| g.founders[1].author = g.founders[0].author),
        ("sealing key twice", |g| g.founders[1].sealing_key = g.founders[0].sealing_key),
        ("sealing key that is a verifying key", |g| {
            g.founders[1].sealing_key.0 = g.founders[0].author.0;
        }),
        ("verifying key of zeros", |g| g.founders[1].author = AuthorKey::ZERO),
        ("sealing key of zeros", |g| g.founders[1].sealing_key = SealingKey::ZERO),
        ("recovery key that is a founder's", |g| {
            let author = g.founders[1].author;
            recovery(g).author = author;
        }),
        ("recovery key of zeros", |g| recovery(g).author = AuthorKey::ZERO),
        ("recovery key's sealing key that is a founder's", |g| {
            let sealing_key = g.founders[0].sealing_key;
            recovery(g).sealing_key = sealing_key;
        }),
        ("recovery key's sealing key that is a founder's verifying key", |g| {
            let author = g.founders[1].author;
            recovery(g).sealing_key.0 = author.0;
        }),
        ("recovery key twice the same", |g| recovery(g).sealing_key.0 = recovery(g).author.0),
        ("recovery key's sealing key of zeros", |g| recovery(g).sealing_key = SealingKey::ZERO),
    ];
    let broken = rules.iter().map(|(comment, change)| {
        let mut genesis = sample();
        change(&mut genesis);
        bad(comment, "genesis.founders", "GEN-3", genesis.to_cbor())
    });
    let weak = SMALL_ORDER.iter().filter(|(point, _)| *point != "0").flat_map(|(point, digits)| {
        let key = SealingKey(hex(digits).try_into().expect("a point has 32 bytes"));
        let (mut founder, mut recovered) = (sample(), sample());
        founder.founders[1].sealing_key = key;
        recovery(&mut recovered).sealing_key = key;
        [("sealing key", founder), ("recovery key's sealing key", recovered)].map(
            |(whose, genesis)| {
                let comment = format!("{whose} {point}");
                bad(&comment, "genesis.founders", "GEN-3", genesis.to_cbor())
            },
        )
    });
    broken.chain(weak).collect()
}

fn policies() -> Vec<Case> {
    let policy = |write: fn(&mut Writer)| {
        written(|writer| {
            one_founder(writer.array(4).uint(1)).null();
            write(writer);
        })
    };
    let unknown = |comment, write| bad(comment, "genesis.policy_key", "GEN-4", policy(write));
    let keys = |comment, write| bad(comment, "cbor.map_keys", "CBOR-6", policy(write));
    let unexpected = |comment, write| bad(comment, "cbor.unexpected", "CBOR-9", policy(write));
    vec![
        unknown("policy key 0", |w| _ = w.map(1).uint(0).uint(1)),
        unknown("policy key 7", |w| _ = w.map(1).uint(7).uint(1)),
        unknown("policy key 2^64 - 1", |w| _ = w.map(1).uint(u64::MAX).null()),
        unknown("policy key 99 after known ones", |w| {
            _ = w.map(2).uint(1).uint(1).uint(99).uint(1);
        }),
        keys("policy keys descending", |w| _ = w.map(2).uint(3).uint(1).uint(1).uint(1)),
        keys("policy key twice", |w| _ = w.map(2).uint(3).uint(1).uint(3).uint(1)),
        keys("policy key as text", |w| _ = w.map(1).text("quota").uint(1)),
        unexpected("history as an integer", |w| _ = w.map(1).uint(2).uint(1)),
        unexpected("quota as a boolean", |w| _ = w.map(1).uint(5).bool(true)),
        unexpected("quota null", |w| _ = w.map(1).uint(5).null()),
        bad(
            "quota of 2^63",
            "cbor.bounds",
            "CBOR-10",
            policy(|w| _ = w.map(1).uint(6).uint(1 << 63)),
        )
        .flag("Boundary"),
        bad("unknown policy key, no founder", "genesis.policy_key", "GEN-4", {
            written(|w| _ = w.array(4).uint(1).array(0).null().map(1).uint(9).uint(9))
        })
        .flag("Order"),
        bad("policy value of another type, unknown key after it", "cbor.unexpected", "CBOR-9", {
            policy(|w| _ = w.map(2).uint(1).null().uint(9).uint(9))
        })
        .flag("Order"),
    ]
}
