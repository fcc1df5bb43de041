//! `key-transfer.json`: epoch keys sealed to a device (KEY-8 to KEY-12).

use std::sync::Arc;

use bulla_core::cbor::Writer;
use bulla_core::{AuthorKey, KeyId, SpaceId, domain};
use bulla_crypto::{EpochKey, KeyTransfer};
use bulla_identity::DeviceKeys;

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::{Replayed, SMALL_ORDER, Secrets, hex, line};

/// Key transfers as text.
pub(in super::super) struct KeyTransfers;

const PREFIX: &str = "bulla-key1-";

impl Format for KeyTransfers {
    fn name(&self) -> &'static str {
        "key-transfer"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("signingSecret", Shape::HexOf(32), "the recipient's Ed25519 seed"),
            Field::required(
                "sealingSecret",
                Shape::HexOf(32),
                "the recipient's X25519 private key",
            ),
            Field::required(
                "exporter",
                Shape::HexOf(32),
                "the exporter that the recipient expects",
            ),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("text", Shape::Text, "the transfer as text (KEY-10)"),
            Field::optional("repeated", Shape::Text, "follows the text `times` times"),
            Field::optional("times", Shape::Uint, "how often"),
            Field::optional("space", Shape::HexOf(32), "the space whose keys it brings"),
            Field::optional("epochKeys", Shape::list(Shape::HexOf(32)), "the keys, in their order"),
        ]
    }

    fn generate(&self) -> File {
        let recipient = Secrets::new("transfer recipient");
        File::new()
            .note("Transfers of epoch keys: parse `text`, open it as the recipient of the group, who expects the exporter of the group, and compare space and keys.")
            .note("Sealing takes randomness, so there is no case for it; the primitives are in primitives.json.")
            .flag("Order", "breaks two rules; KEY-8 and KEY-11 say which is named")
            .flag("SmallOrder", "an encapsulated key with which the agreement gives zero")
            .group(
                Group::new()
                    .hex("signingSecret", recipient.signing)
                    .hex("sealingSecret", recipient.sealing)
                    .hex("exporter", Secrets::new("transfer exporter").keys().author())
                    .cases(valid())
                    .cases(text_refusals())
                    .cases(shape_refusals())
                    .cases(opening_refusals()),
            )
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let device = DeviceKeys::dangerous_from_secrets(
            &inputs.array("signingSecret")?,
            &inputs.array("sealingSecret")?,
        );
        let exporter = AuthorKey(inputs.array("exporter")?);
        let mut text = inputs.text("text")?.to_owned();
        if inputs.find("repeated").is_some() {
            let times = usize::try_from(inputs.uint64("times")?).unwrap_or_default();
            text.push_str(&inputs.text("repeated")?.repeat(times));
        }
        let opened = text.parse::<KeyTransfer>().and_then(|transfer| {
            let keys = transfer.open(&device, &exporter)?;
            Ok((transfer.space(), keys))
        });
        let (space, keys) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        Mismatch::unless_equal("space", &inputs.array("space")?, &space.0)?;
        let keys: Vec<[u8; 32]> = keys.iter().map(|key| *key.expose_secret()).collect();
        Mismatch::unless_equal("epochKeys", &inputs.arrays("epochKeys")?, &keys)?;
        Ok(Verdict::Valid)
    }
}

/// A transfer in parts, to be put together wrongly.
#[derive(Clone)]
struct Parts {
    version: u64,
    space: SpaceId,
    exporter: AuthorKey,
    recipient: AuthorKey,
    key_ids: Vec<KeyId>,
    encapsulated: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Parts {
    /// Those of a good transfer of `count` keys.
    fn good(count: usize) -> (Self, Vec<[u8; 32]>) {
        let mut random = Random::new(&format!("transfer {count}"));
        let secrets: Vec<[u8; 32]> = (0..count).map(|_| random.array()).collect();
        let space = SpaceId(random.array());
        let (exporter, recipient) =
            (Secrets::new("transfer exporter"), Secrets::new("transfer recipient"));
        let transfer = export(&exporter, &recipient, space, &secrets);
        let bytes = transfer.to_bytes();
        let at = bytes.len() - 66 - secrets.len() * 32 - 16;
        let head = if secrets.len() * 32 + 16 < 256 { 2 } else { 3 };
        let parts = Self {
            version: 1,
            space,
            exporter: transfer.exporter(),
            recipient: transfer.recipient(),
            key_ids: transfer.key_ids().to_vec(),
            encapsulated: bytes.get(at - head - 32..at - head).unwrap_or_default().to_vec(),
            ciphertext: bytes.get(at..bytes.len() - 66).unwrap_or_default().to_vec(),
        };
        (parts, secrets)
    }

    fn encode(&self, count: usize, writer: &mut Writer) {
        writer
            .array(count)
            .uint(self.version)
            .bytes(self.space)
            .bytes(self.exporter)
            .bytes(self.recipient);
        writer.array(self.key_ids.len());
        for id in &self.key_ids {
            writer.bytes(id);
        }
        writer.bytes(&self.encapsulated).bytes(&self.ciphertext);
    }

    /// Signed by these secrets, whatever the parts are.
    fn signed(&self, exporter: &Secrets) -> Vec<u8> {
        let mut signed = Writer::new();
        self.encode(7, &mut signed);
        let digest = blake3::derive_key(domain::KEY_TRANSFER_DIGEST, signed.as_bytes());
        let mut writer = Writer::new();
        self.encode(8, &mut writer);
        writer.bytes(exporter.keys().sign_key_transfer(&digest));
        writer.into_bytes()
    }
}

fn export(
    exporter: &Secrets,
    recipient: &Secrets,
    space: SpaceId,
    secrets: &[[u8; 32]],
) -> KeyTransfer {
    let keys: Vec<_> =
        secrets.iter().map(|secret| Arc::new(EpochKey::dangerous_from_bytes(secret))).collect();
    let card = recipient.keys().card("").expect("the empty label is short");
    let randomness = Replayed::new("transfer randomness");
    KeyTransfer::export(&exporter.keys(), &card, space, &keys, &randomness)
        .expect("the parties are usable")
}

fn exporter() -> Secrets {
    Secrets::new("transfer exporter")
}

fn text_of(bytes: &[u8]) -> String {
    line(PREFIX, domain::KEY_TRANSFER_CHECKSUM, bytes)
}

fn valid() -> Vec<Case> {
    [("one key", 1), ("three keys in their order", 3), ("65 keys", 65)]
        .iter()
        .map(|(comment, count)| {
            let (parts, secrets) = Parts::good(*count);
            let keys: Vec<String> =
                secrets.iter().map(|secret| KeyId(*secret).to_string()).collect();
            Case::valid(*comment)
                .value("text", text_of(&parts.signed(&exporter())))
                .hex("space", parts.space)
                .value("epochKeys", keys)
        })
        .collect()
}

fn text_refusals() -> Vec<Case> {
    let bytes = Parts::good(1).0.signed(&exporter());
    let text = text_of(&bytes);
    let case = |comment: &str, code, text: String| {
        Case::invalid(comment, code, "KEY-10").value("text", text)
    };
    vec![
        case("nothing", "armour.prefix", String::new()),
        case("the prefix of a card", "armour.prefix", text.replace("key1", "card1")),
        case("longer than any transfer", "armour.too_long", PREFIX.to_owned())
            .value("repeated", "a")
            .value("times", 445_653),
        case("as long as a transfer can be", "armour.base32", PREFIX.to_owned())
            .value("repeated", "0")
            .value("times", 445_652),
        case(
            "upper case",
            "armour.base32",
            format!("{PREFIX}{}", text.trim_start_matches(PREFIX).to_uppercase()),
        ),
        case("cut", "armour.checksum", text.get(..text.len() - 8).unwrap_or_default().to_owned()),
        case(
            "the checksum of a card",
            "armour.checksum",
            line(PREFIX, domain::CARD_CHECKSUM, &bytes),
        ),
    ]
}

fn shape_refusals() -> Vec<Case> {
    let (good, _) = Parts::good(1);
    let bytes = good.signed(&exporter());
    let case = |comment: &str, code, clause, bytes: &[u8]| {
        Case::invalid(comment, code, clause).value("text", text_of(bytes))
    };
    let with = |comment: &str, code, clause, change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        case(comment, code, clause, &parts.signed(&exporter()))
    };
    let keys =
        |comment, change: &dyn Fn(&mut Parts)| with(comment, "transfer.keys", "KEY-8", change);
    let ids = |count: usize| -> Vec<KeyId> {
        let mut random = Random::new("transfer ids");
        (0..count).map(|_| KeyId(random.array())).collect()
    };
    vec![
        case("no bytes", "cbor.truncated", "CBOR-2", &[]),
        case("a byte after it", "cbor.trailing", "CBOR-2", &[bytes.as_slice(), &[0]].concat()),
        case("no elements", "cbor.count", "CBOR-9", &[0x80]),
        case("version 2 and nothing else", "transfer.version", "KEY-8", &[0x81, 2]).flag("Order"),
        with("version 0", "transfer.version", "KEY-8", &|parts| parts.version = 0),
        case("version 1 and nothing else", "cbor.count", "CBOR-9", &[0x81, 1]),
        with("encapsulated key of 31 bytes", "cbor.bounds", "CBOR-10", &|parts| {
            parts.encapsulated.truncate(31);
        }),
        with("encapsulated key of 33 bytes", "cbor.bounds", "CBOR-10", &|parts| {
            parts.encapsulated.push(0);
        }),
        case("4,097 keys, shorter than their ids are", "cbor.bounds", "CBOR-10", &too_many(&good)),
        keys("no keys", &|parts| (parts.key_ids, parts.ciphertext) = (Vec::new(), vec![0; 16])),
        keys("one key id twice", &|parts| {
            parts.key_ids = [ids(1), ids(1)].concat();
            parts.ciphertext = vec![0; 80];
        }),
        keys("ciphertext a byte short", &|parts| parts.ciphertext.truncate(47)),
        keys("ciphertext a byte long", &|parts| parts.ciphertext.push(0)),
        keys("ciphertext of one key for two ids", &|parts| parts.key_ids = ids(2)),
        keys("two keys in the ciphertext for one id", &|parts| parts.ciphertext = vec![0; 80]),
        keys("no ciphertext", &|parts| parts.ciphertext.clear()),
    ]
}

/// More key ids than there may be, each of one byte. How many there are is judged before what they are.
fn too_many(good: &Parts) -> Vec<u8> {
    const COUNT: u64 = 4_097;
    let mut writer = Writer::new();
    writer.array(8).uint(1).bytes(good.space).bytes(good.exporter).bytes(good.recipient);
    writer.array(4_097);
    (0..COUNT).for_each(|_| {
        writer.uint(0);
    });
    writer.bytes(&good.encapsulated).bytes(&good.ciphertext).bytes([0; 64]);
    writer.into_bytes()
}

fn opening_refusals() -> Vec<Case> {
    let (good, secrets) = Parts::good(1);
    let (good_two, _) = Parts::good(3);
    let stranger = Secrets::new("transfer stranger");
    let case = |comment: String, code, clause, bytes: &[u8]| {
        Case::invalid(comment, code, clause).value("text", text_of(bytes))
    };
    let failed = |comment: String, change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        case(comment, "transfer.failed", "KEY-12", &parts.signed(&exporter()))
    };
    let mut random = Random::new("transfer refusals");
    let elsewhere: [u8; 32] = random.array();
    let for_other = export(&exporter(), &stranger, good.space, &secrets).to_bytes();
    let by_other =
        export(&stranger, &Secrets::new("transfer recipient"), good.space, &secrets).to_bytes();
    let of_both =
        export(&stranger, &Secrets::new("transfer third"), good.space, &secrets).to_bytes();
    let renamed = Parts { exporter: exporter().keys().author(), ..good.clone() };
    let stolen = Parts { exporter: stranger.keys().author(), ..good.clone() };

    let mut cases = vec![
        case("for another device".to_owned(), "transfer.recipient", "KEY-11", &for_other),
        case(
            "by another exporter than expected".to_owned(),
            "transfer.exporter",
            "KEY-11",
            &by_other,
        ),
        case(
            "taken over under another exporter's name".to_owned(),
            "transfer.exporter",
            "KEY-11",
            &stolen.signed(&stranger),
        ),
        case(
            "for another device by another exporter".to_owned(),
            "transfer.recipient",
            "KEY-11",
            &of_both,
        )
        .flag("Order"),
        case(
            "in the exporter's name, signed by another".to_owned(),
            "transfer.signature",
            "KEY-9",
            &renamed.signed(&stranger),
        ),
        case("another space than was signed".to_owned(), "transfer.signature", "KEY-9", &{
            let mut bytes = good.signed(&exporter());
            bytes.splice(4..36, elsewhere);
            bytes
        }),
        case("ciphertext and signature altered".to_owned(), "transfer.signature", "KEY-9", &{
            let mut bytes = good.signed(&exporter());
            let at = bytes.len() - 1;
            bytes.splice(at.., [0xff]);
            bytes
        })
        .flag("Order"),
        failed("sealed for another space".to_owned(), &|parts| parts.space = SpaceId(elsewhere)),
        failed("another key id, the same length".to_owned(), &|parts| {
            parts.key_ids = vec![KeyId(elsewhere)];
        }),
        failed("first byte of the ciphertext altered".to_owned(), &|parts| {
            flip(&mut parts.ciphertext, 0);
        }),
        failed("last byte of the tag altered".to_owned(), &|parts| flip(&mut parts.ciphertext, 47)),
        failed("encapsulated key altered".to_owned(), &|parts| flip(&mut parts.encapsulated, 0)),
        case("key ids in another order".to_owned(), "transfer.failed", "KEY-12", &{
            let mut parts = good_two;
            parts.key_ids.reverse();
            parts.signed(&exporter())
        }),
        case(
            "opens, but to another key than it names".to_owned(),
            "transfer.failed",
            "KEY-12",
            &sealed_under_wrong_id().signed(&exporter()),
        ),
    ];
    for (name, digits) in SMALL_ORDER {
        let comment = format!("encapsulated key {name}");
        cases.push(failed(comment, &|parts| parts.encapsulated = hex(digits)).flag("SmallOrder"));
    }
    cases
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}

/// A key sealed honestly under the id of another one: the info agrees, the commitment does not.
fn sealed_under_wrong_id() -> Parts {
    use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_with_rng};
    type Suite = hpke::kem::X25519HkdfSha256;
    let (good, _) = Parts::good(1);
    let recipient = Secrets::new("transfer recipient").keys();
    let mut info = Writer::new();
    info.array(5)
        .bytes(good.space)
        .bytes(good.exporter)
        .bytes(good.recipient)
        .bytes(recipient.sealing_key());
    info.array(1);
    good.key_ids.iter().for_each(|id| {
        info.bytes(id);
    });
    let info = [domain::KEY_TRANSFER.as_bytes(), info.as_bytes()].concat();
    let public =
        <Suite as Kem>::PublicKey::from_bytes(&recipient.sealing_key().0).expect("32 bytes");
    let mut random = Random::new("transfer wrong id");
    let other: [u8; 32] = random.array();
    let (encapsulated, ciphertext) = single_shot_seal_with_rng::<
        hpke::aead::ChaCha20Poly1305,
        hpke::kdf::HkdfSha256,
        Suite,
    >(&OpModeS::Base, &public, &info, &other, &[], &mut random)
    .expect("the recipient's key is usable");
    Parts { encapsulated: encapsulated.to_bytes().to_vec(), ciphertext, ..good }
}
