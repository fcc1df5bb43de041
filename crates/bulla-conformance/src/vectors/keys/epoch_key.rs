//! `epoch-key.json`: what is computed from an epoch key (KEY-5, KEY-7, MAN-6).

use bulla_core::SpaceId;
use bulla_crypto::manifest::ChunkHashKey;
use bulla_crypto::{EpochKey, TopicSecret};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Key ids, topics and plaintext hashes.
pub(in super::super) struct EpochKeys;

impl Format for EpochKeys {
    fn name(&self) -> &'static str {
        "epoch-key"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("epochKey", Shape::HexOf(32), "the epoch key"),
            Field::required("keyId", Shape::HexOf(32), "its id (KEY-5)"),
            Field::required("space", Shape::HexOf(32), "a space whose first epoch key it is"),
            Field::required("name", Shape::Hex, "the name of a document, any bytes"),
            Field::required(
                "topic",
                Shape::HexOf(16),
                "the topic of the document in that space (KEY-7)",
            ),
            Field::required("plaintext", Shape::Hex, "the plaintext of a chunk"),
            Field::required("chunkHash", Shape::HexOf(32), "its hash under this epoch key (MAN-6)"),
        ]
    }

    fn generate(&self) -> File {
        let mut random = Random::new("epoch-key");
        let names: [(&str, &[u8]); 4] = [
            ("a name", b"notes/2026"),
            ("the empty name and the empty chunk", b""),
            ("a name beyond ASCII", "Tontafel 𒁾".as_bytes()),
            ("a name that is no text", &[0xff, 0x00, 0xfe]),
        ];
        let mut group = Group::new();
        for (comment, name) in names {
            let plaintext = random.bytes(name.len() * 100);
            group = group.case(case(comment, random.array(), random.array(), name, &plaintext));
        }
        group = group.case(case(
            "an epoch key of zeros",
            [0; 32],
            random.array(),
            b"notes/2026",
            b"chunk",
        ));
        let shared = random.array();
        group = group.case(case(
            "one key in two spaces: one id",
            shared,
            random.array(),
            b"notes/2026",
            b"chunk",
        ));
        group = group.case(case(
            "one key in two spaces: other topics",
            shared,
            random.array(),
            b"notes/2026",
            b"chunk",
        ));
        File::new()
            .note("What is computed from an epoch key: its id (KEY-5), topics (KEY-7) and hashes of plaintext chunks (MAN-6).")
            .note("Made by this implementation and checked by a second one in another language.")
            .group(group)
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let key = EpochKey::dangerous_from_bytes(&inputs.array("epochKey")?);
        Mismatch::unless_equal("keyId", &inputs.array("keyId")?, &key.id().0)?;
        let topics = TopicSecret::derive(&key, &SpaceId(inputs.array("space")?));
        Mismatch::unless_equal(
            "topic",
            &inputs.array("topic")?,
            &topics.topic(&inputs.hex("name")?).0,
        )?;
        let hash = ChunkHashKey::derive(&key).hash(&inputs.hex("plaintext")?);
        Mismatch::unless_equal("chunkHash", &inputs.array("chunkHash")?, &hash.0)?;
        Ok(Verdict::Valid)
    }
}

fn case(comment: &str, secret: [u8; 32], space: [u8; 32], name: &[u8], plaintext: &[u8]) -> Case {
    let key = EpochKey::dangerous_from_bytes(&secret);
    Case::valid(comment)
        .hex("epochKey", secret)
        .hex("keyId", key.id())
        .hex("space", space)
        .hex("name", name)
        .hex("topic", TopicSecret::derive(&key, &SpaceId(space)).topic(name))
        .hex("plaintext", plaintext)
        .hex("chunkHash", ChunkHashKey::derive(&key).hash(plaintext).0)
}
