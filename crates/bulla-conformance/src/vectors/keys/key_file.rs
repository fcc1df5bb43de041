//! `key-file.json`: files of secrets and what they hold (KF-1 to KF-13).

mod keyring;
mod register;

use bulla_core::cbor::Writer;
use bulla_core::{KeyId, SpaceId};
use bulla_crypto::Keyring;
use bulla_identity::{DeviceKeys, KeyFileError, NodeKeys, Passphrase, open_secret};
use bulla_pairing::Invitations;

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::hex;

/// Key files and their contents.
pub(in super::super) struct KeyFiles;

const KINDS: &[&str] = &["device", "node", "keyring", "register"];

impl Format for KeyFiles {
    fn name(&self) -> &'static str {
        "key-file"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("kind", Shape::OneOf(KINDS), "the kind of file that is asked for")]
    }

    fn case_fields(&self) -> Vec<Field> {
        let space = vec![
            Field::required("space", Shape::HexOf(32), "a space"),
            Field::required(
                "keyIds",
                Shape::list(Shape::HexOf(32)),
                "the ids of its keys, in their order",
            ),
        ];
        let mut fields = vec![
            Field::optional("file", Shape::Hex, "a whole file (KF-1)"),
            Field::optional("passphrase", Shape::Text, "the passphrase to open it with"),
            Field::optional(
                "content",
                Shape::Hex,
                "the content (KF-8); if there is a file, what it opens to",
            ),
            Field::optional("author", Shape::HexOf(32), "device: its Ed25519 key"),
            Field::optional("sealingKey", Shape::HexOf(32), "device: its X25519 key"),
            Field::optional("node", Shape::HexOf(32), "node: its Ed25519 key"),
            Field::optional("spaces", Shape::list(Shape::Object(space)), "keyring: what it holds"),
            register::field(),
        ];
        fields.extend(keyring::fields());
        fields
    }

    fn generate(&self) -> File {
        File::new()
            .note("Files of secrets: where there is a file, open it with the passphrase; then read the content as the kind of the group and compare.")
            .note("Sealing a file takes randomness; the files were made once. Work factors are low to keep runs short.")
            .flag("Work", "asks for more work than a reader does; refused before any")
            .group(Group::new().value("kind", "device").cases(devices()).cases(files()))
            .group(Group::new().value("kind", "node").cases(nodes()))
            .group(Group::new().value("kind", "keyring").cases(keyrings()).cases(keyring::cases()))
            .group(Group::new().value("kind", "register").cases(register::cases()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let refused = |error: &KeyFileError| {
            Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()))
        };
        let mut content = inputs.find_hex("content")?;
        if let Some(file) = inputs.find_hex("file")? {
            let passphrase = Passphrase::new(inputs.text("passphrase")?);
            let passphrase = passphrase.map_err(|error| Mismatch(error.to_string()))?;
            match open_secret(&file, &passphrase) {
                Ok(opened) => Mismatch::unless_equal("content", &content, &Some(opened.to_vec()))?,
                Err(error) => return refused(&error),
            }
        }
        let content =
            content.take().ok_or_else(|| Mismatch("neither file nor content".to_owned()))?;
        let read = match inputs.text("kind")? {
            "device" => DeviceKeys::from_secret(&content).map(|keys| device_is(inputs, &keys)),
            "node" => NodeKeys::from_secret(&content).map(|keys| {
                Mismatch::unless_equal("node", &inputs.array("node")?, &keys.node_id().0)
            }),
            "register" => {
                Invitations::from_secret(&content).map(|held| register::compare(inputs, &held))
            }
            _ => Keyring::from_secret(&content).map(|keyring| keyring_is(inputs, &keyring)),
        };
        match read {
            Ok(compared) => compared.map(|()| Verdict::Valid),
            Err(error) => refused(&error),
        }
    }
}

fn device_is(inputs: &Inputs<'_>, keys: &DeviceKeys) -> Result<(), Mismatch> {
    Mismatch::unless_equal("author", &inputs.array("author")?, &keys.author().0)?;
    Mismatch::unless_equal("sealingKey", &inputs.array("sealingKey")?, &keys.sealing_key().0)
}

fn keyring_is(inputs: &Inputs<'_>, keyring: &Keyring) -> Result<(), Mismatch> {
    let spaces: Vec<_> = keyring
        .spaces()
        .map(|space| {
            let ids: Vec<String> =
                keyring.keys(&space).iter().map(|key| key.id().to_string()).collect();
            serde_json::json!({ "space": space.to_string(), "keyIds": ids })
        })
        .collect();
    if let Some(given) = inputs.find("spaces") {
        Mismatch::unless_equal("spaces", given, &spaces.into())?;
    }
    keyring::compare(inputs, keyring)
}

fn content(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

fn refused(comment: &str, code: &str, clause: &str, content: Vec<u8>) -> Case {
    Case::invalid(comment, code, clause).hex("content", content)
}

/// What every kind refuses; `kind` and `elements` are its own.
fn common(kind: u64, elements: usize, good: &[u8]) -> Vec<Case> {
    let other = if kind == 1 { 2 } else { 1 };
    vec![
        refused("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        refused("a byte after it", "cbor.trailing", "CBOR-2", [good, &[0]].concat()),
        refused("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        refused("one element", "cbor.count", "CBOR-9", vec![0x81, 1]),
        refused(
            "version 2",
            "key_file.version",
            "KF-8",
            content(|w| {
                w.array(2).uint(2).uint(kind);
            }),
        ),
        refused(
            "version 0",
            "key_file.version",
            "KF-8",
            content(|w| {
                w.array(2).uint(0).uint(kind);
            }),
        ),
        refused(
            "another kind",
            "key_file.kind",
            "KF-8",
            content(|w| {
                w.array(2).uint(1).uint(other);
            }),
        ),
        refused(
            "an unknown kind",
            "key_file.kind",
            "KF-8",
            content(|w| {
                w.array(3).uint(1).uint(9).null();
            }),
        ),
        refused(
            "too few elements",
            "cbor.count",
            "CBOR-9",
            content(|w| {
                w.array(2).uint(1).uint(kind);
            }),
        ),
        refused(
            "too many elements",
            "cbor.count",
            "CBOR-9",
            content(|w| {
                w.array(elements + 1).uint(1).uint(kind);
                (0..elements - 1).for_each(|_| {
                    w.null();
                });
            }),
        ),
    ]
}

fn device_content(label: &str) -> (Vec<u8>, DeviceKeys) {
    let mut random = Random::new(&format!("key-file {label}"));
    let (signing, sealing): ([u8; 32], [u8; 32]) = (random.array(), random.array());
    let bytes = content(|w| {
        w.array(4).uint(1).uint(1).bytes(signing).bytes(sealing);
    });
    (bytes, DeviceKeys::dangerous_from_secrets(&signing, &sealing))
}

fn device_case(comment: &str, label: &str) -> Case {
    let (bytes, keys) = device_content(label);
    Case::valid(comment)
        .hex("content", bytes)
        .hex("author", keys.author())
        .hex("sealingKey", keys.sealing_key())
}

fn devices() -> Vec<Case> {
    let (good, _) = device_content("device");
    let mut cases =
        vec![device_case("a device", "device"), device_case("another device", "another device")];
    cases.extend(common(1, 4, &good));
    cases.push(refused(
        "Ed25519 seed of 31 bytes",
        "cbor.bounds",
        "CBOR-10",
        content(|w| {
            w.array(4).uint(1).uint(1).bytes([1; 31]).bytes([2; 32]);
        }),
    ));
    cases.push(refused(
        "X25519 key of 33 bytes",
        "cbor.bounds",
        "CBOR-10",
        content(|w| {
            w.array(4).uint(1).uint(1).bytes([1; 32]).bytes([2; 33]);
        }),
    ));
    cases.push(refused(
        "Ed25519 seed is text",
        "cbor.unexpected",
        "CBOR-9",
        content(|w| {
            w.array(4).uint(1).uint(1).text("1").bytes([2; 32]);
        }),
    ));
    cases
}

/// A file with work factor 2^4 under the passphrase of `PASSPHRASE`, holding the content of the first device.
const FILE: &str = include_str!("key_file.hex");
const PASSPHRASE: &str = "korrekt 🐎 battery staple";

fn files() -> Vec<Case> {
    let file = hex(FILE.trim());
    let with = |change: &dyn Fn(&str) -> String| {
        // The header is ASCII up to its fourth line feed; the rest follows unchanged.
        let end = file
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(3)
            .map_or(0, |(at, _)| at + 1);
        let (header, rest) = file.split_at(end);
        [change(&String::from_utf8_lossy(header)).as_bytes(), rest].concat()
    };
    let case = |comment: &str, code, clause, file: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("file", file).value("passphrase", PASSPHRASE)
    };
    let format = |comment: &str, file: Vec<u8>| case(comment, "key_file.format", "KF-4", file);
    let header_cut_by = |count: usize| {
        let header = with(&str::to_owned).len() - with(&|_| String::new()).len();
        file.get(..header - count).unwrap_or_default().to_vec()
    };
    // The character after `place`, replaced.
    let first_after = |place: &'static str, by: &'static str| {
        with(&|header| {
            let at = header.find(place).map_or(0, |at| at + place.len());
            let (before, after) = header.split_at(at);
            [before, by, after.get(1..).unwrap_or_default()].concat()
        })
    };
    let with_work = |length: usize| {
        with(&|header| {
            let digits = "9".repeat(length - (header.len() - 1));
            header.replacen(" 4\n", &format!(" {digits}\n"), 1)
        })
    };
    let stanza = |insert: &'static str| with(&|header| header.replacen("-> scrypt", insert, 1));
    let work = |comment: &str, factor: &str| {
        let file = with(&|header| header.replacen(" 4\n", &format!(" {factor}\n"), 1));
        case(comment, "key_file.work_factor", "KF-5", file).flag("Work")
    };
    let mut cases = vec![
        device_case("a whole file", "device").hex("file", &file).value("passphrase", PASSPHRASE),
        Case::invalid("another passphrase", "key_file.passphrase", "KF-6")
            .hex("file", &file)
            .value("passphrase", "korrekt"),
        case(
            "a work factor that was lowered",
            "key_file.passphrase",
            "KF-6",
            with(&|h| h.replacen(" 4\n", " 3\n", 1)),
        ),
        case(
            "cut by one byte",
            "key_file.damaged",
            "KF-6",
            file.get(..file.len() - 1).unwrap_or_default().to_vec(),
        ),
        case("a byte appended", "key_file.damaged", "KF-6", [file.as_slice(), &[0]].concat()),
        case("payload altered", "key_file.damaged", "KF-6", {
            let mut file = file.clone();
            let last = file.len() - 1;
            file.splice(last.., [file.get(last).copied().unwrap_or_default() ^ 1]);
            file
        }),
        format("nothing", Vec::new()),
        format("cut inside the line of the MAC", header_cut_by(10)),
        format("cut in the last character of the MAC", header_cut_by(2)),
        format("cut before the end of the line of the MAC", header_cut_by(1)),
        case("cut behind the header", "key_file.damaged", "KF-6", header_cut_by(0)),
        case("cut inside the nonce", "key_file.damaged", "KF-6", {
            let mut file = header_cut_by(0);
            file.extend([0; 15]);
            file
        }),
        format("a salt that is not base64", first_after("-> scrypt ", "!")),
        format("a body that is not base64", first_after(" 4\n", "-")),
        format("a MAC that is not base64", first_after("--- ", "=")),
        format("a MAC with unused bits", {
            // 43 letters are 258 bits, of which the last two are none of the 32 bytes; odd letters have the last one set.
            with(&|header| format!("{}B\n", header.get(..header.len() - 2).unwrap_or_default()))
        }),
        format("a salt that is not base64, and work factor 19", {
            with(&|header| {
                let (before, after) = header.split_once("scrypt ").unwrap_or_default();
                let after = after.get(1..).unwrap_or_default().replacen(" 4\n", " 19\n", 1);
                format!("{before}scrypt !{after}")
            })
        }),
        format("a header of 513 bytes", with_work(513)),
        case("a header of 512 bytes", "key_file.work_factor", "KF-5", with_work(512)).flag("Work"),
        format("version 2", with(&|header| header.replacen("/v1", "/v2", 1))),
        format("another recipient", stanza("-> X25519")),
        format("a recipient before it", stanza("-> grease x\n\n-> scrypt")),
        format(
            "a second passphrase",
            with(&|header| {
                let stanza: Vec<&str> = header.lines().skip(1).take(2).collect();
                header.replacen("---", &format!("{}\n---", stanza.join("\n")), 1)
            }),
        ),
        format("an argument more", with(&|header| header.replacen(" 4\n", " 4 4\n", 1))),
        format("work factor 0", with(&|header| header.replacen(" 4\n", " 0\n", 1))),
        format(
            "work factor with a leading zero",
            with(&|header| header.replacen(" 4\n", " 04\n", 1)),
        ),
        format("work factor negative", with(&|header| header.replacen(" 4\n", " -4\n", 1))),
        format("work factor with a sign", with(&|header| header.replacen(" 4\n", " +4\n", 1))),
        format("no work factor", with(&|header| header.replacen(" 4\n", "\n", 1))),
        format("line ends of two characters", with(&|header| header.replace('\n', "\r\n"))),
        format(
            "a line of armour before it",
            with(&|header| format!("-----BEGIN AGE ENCRYPTED FILE-----\n{header}")),
        ),
        format(
            "the body of the stanza on two lines",
            with(&|header| {
                let body = header.lines().nth(2).unwrap_or_default();
                let (first, second) = body.split_at(20);
                header.replacen(body, &format!("{first}\n{second}"), 1)
            }),
        ),
    ];
    cases.extend([
        work("work factor 19", "19"),
        work("work factor 63", "63"),
        work("work factor 64", "64"),
        work("work factor 2^32", "4294967296"),
        work("work factor of 60 digits", &"9".repeat(60)),
    ]);
    cases
}

fn nodes() -> Vec<Case> {
    let secret: [u8; 32] = Random::new("key-file node").array();
    let good = content(|w| {
        w.array(3).uint(1).uint(2).bytes(secret);
    });
    let keys = NodeKeys::dangerous_from_secret(&secret);
    let mut cases = vec![Case::valid("a node").hex("content", &good).hex("node", keys.node_id())];
    cases.extend(common(2, 3, &good));
    cases.push(refused(
        "Ed25519 seed of 64 bytes",
        "cbor.bounds",
        "CBOR-10",
        content(|w| {
            w.array(3).uint(1).uint(2).bytes([1; 64]);
        }),
    ));
    cases
}

fn keyrings() -> Vec<Case> {
    let mut random = Random::new("key-file keyring");
    let (a, b, c): ([u8; 32], [u8; 32], [u8; 32]) =
        (random.array(), random.array(), random.array());
    let (low, high) = (SpaceId([1; 32]), SpaceId([2; 32]));
    let ring = |spaces: &[(SpaceId, &[[u8; 32]])]| {
        content(|w| {
            w.array(3).uint(1).uint(3).array(spaces.len());
            for (space, keys) in spaces {
                w.array(2).bytes(space).array(keys.len());
                keys.iter().for_each(|key| {
                    w.bytes(key);
                });
            }
        })
    };
    let good: [(SpaceId, &[[u8; 32]]); 2] = [(low, &[c, a]), (high, &[b])];
    let ids = |keys: &[[u8; 32]]| -> Vec<String> {
        keys.iter()
            .map(|key| KeyId(blake3::derive_key("bulla 2026 key id", key)).to_string())
            .collect()
    };
    let listed: Vec<_> = good
        .iter()
        .map(|(space, keys)| serde_json::json!({ "space": space.to_string(), "keyIds": ids(keys) }))
        .collect();
    let empty: Vec<serde_json::Value> = Vec::new();
    let rule = |comment: &str, spaces: &[(SpaceId, &[[u8; 32]])]| {
        refused(comment, "key_file.rule", "KF-11", ring(spaces))
    };
    let mut cases = vec![
        keyring::answers(
            Case::valid("no spaces").hex("content", ring(&[])).value("spaces", empty),
            &[],
        ),
        keyring::answers(
            Case::valid("two spaces, keys in the order they were learned")
                .hex("content", ring(&good))
                .value("spaces", listed),
            &good,
        ),
        rule("spaces descending", &[(high, &[b]), (low, &[a])]),
        rule("a space twice", &[(low, &[b]), (low, &[a])]),
        rule("a key twice", &[(low, &[a, b, a])]),
        refused("spaces descending, and a key of 31 bytes after that", "key_file.rule", "KF-11", {
            content(|w| {
                w.array(3).uint(1).uint(3).array(2).array(2).bytes(high).array(1).bytes(a);
                w.array(2).bytes(low).array(1).bytes([1; 31]);
            })
        }),
        refused("a key twice, and a null after that", "key_file.rule", "KF-11", {
            content(|w| {
                w.array(3).uint(1).uint(3).array(2).array(2).bytes(low);
                w.array(2).bytes(a).bytes(a).null();
            })
        }),
        refused("a key of 31 bytes, and spaces descending after that", "cbor.bounds", "CBOR-10", {
            content(|w| {
                w.array(3).uint(1).uint(3).array(2).array(2).bytes(high).array(1).bytes([1; 31]);
                w.array(2).bytes(low).array(1).bytes(a);
            })
        }),
        refused("a space without keys", "cbor.bounds", "CBOR-10", ring(&[(low, &[])])),
        refused(
            "a key of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            content(|w| {
                w.array(3).uint(1).uint(3).array(1).array(2).bytes(low).array(1).bytes([1; 31]);
            }),
        ),
        refused(
            "more keys than a space has",
            "cbor.truncated",
            "CBOR-2",
            content(|w| {
                w.array(3).uint(1).uint(3).array(1).array(2).bytes(low).array(4_097);
            }),
        ),
        refused(
            "a space with three parts",
            "cbor.count",
            "CBOR-9",
            content(|w| {
                w.array(3).uint(1).uint(3).array(1).array(3).bytes(low).array(0).null();
            }),
        ),
        refused(
            "spaces as a map",
            "cbor.unexpected",
            "CBOR-9",
            content(|w| {
                w.array(3).uint(1).uint(3).map(0);
            }),
        ),
    ];
    cases.extend(common(3, 3, &ring(&good)));
    cases
}
