//! `primitives.json`: published known answers of the functions that the chapters on keys and sealing build on.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use hpke::{Deserializable, Kem, OpModeR, single_shot_open};
use sha2::Sha256;

use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Known answers of HKDF-SHA256, ChaCha20-Poly1305, X25519 and HPKE.
pub(super) struct Primitives;

const FUNCTIONS: &[&str] = &["hkdf-sha256", "chacha20-poly1305", "x25519", "hpke"];

impl Format for Primitives {
    fn name(&self) -> &'static str {
        "primitives"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required(
            "function",
            Shape::OneOf(FUNCTIONS),
            "which function the cases of the group compute",
        )]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::optional("ikm", Shape::Hex, "hkdf-sha256: input keying material"),
            Field::optional("salt", Shape::Hex, "hkdf-sha256: salt"),
            Field::optional("info", Shape::Hex, "hkdf-sha256 and hpke: info"),
            Field::optional("okm", Shape::Hex, "hkdf-sha256: output keying material"),
            Field::optional("key", Shape::HexOf(32), "chacha20-poly1305: key"),
            Field::optional("nonce", Shape::HexOf(12), "chacha20-poly1305: nonce"),
            Field::optional("aad", Shape::Hex, "chacha20-poly1305 and hpke: associated data"),
            Field::optional("plaintext", Shape::Hex, "chacha20-poly1305 and hpke: plaintext"),
            Field::optional(
                "ciphertext",
                Shape::Hex,
                "chacha20-poly1305 and hpke: ciphertext and tag",
            ),
            Field::optional("scalar", Shape::HexOf(32), "x25519: scalar before clamping"),
            Field::optional("u", Shape::HexOf(32), "x25519: u-coordinate"),
            Field::optional("shared", Shape::HexOf(32), "x25519: result"),
            Field::optional("secret", Shape::HexOf(32), "hpke: the recipient's private key"),
            Field::optional("encapsulated", Shape::HexOf(32), "hpke: the encapsulated key"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Known answers of the functions that chapters keys.md and sealing.md build on.")
            .note("hkdf-sha256: RFC 5869, appendices A.1 to A.3. chacha20-poly1305: RFC 8439, section 2.8.2. x25519: RFC 7748, section 5.2. hpke: RFC 9180, appendix A.2.1.1, sequence number 0 (base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305).")
            .group(hkdf_answers())
            .group(chacha_answers())
            .group(x25519_answers())
            .group(hpke_answers())
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        match inputs.text("function")? {
            "hkdf-sha256" => {
                let given = inputs.hex("okm")?;
                let mut okm = vec![0; given.len()];
                Hkdf::<Sha256>::new(Some(&inputs.hex("salt")?), &inputs.hex("ikm")?)
                    .expand(&inputs.hex("info")?, &mut okm)
                    .map_err(|error| Mismatch(error.to_string()))?;
                Mismatch::unless_equal("okm", &given, &okm)?;
            }
            "chacha20-poly1305" => {
                let cipher = ChaCha20Poly1305::new(&inputs.array::<32>("key")?.into());
                let nonce = Nonce::from(inputs.array::<12>("nonce")?);
                let (msg, aad) = (inputs.hex("plaintext")?, inputs.hex("aad")?);
                let sealed = cipher
                    .encrypt(&nonce, Payload { msg: &msg, aad: &aad })
                    .map_err(|error| Mismatch(error.to_string()))?;
                Mismatch::unless_equal("ciphertext", &inputs.hex("ciphertext")?, &sealed)?;
                let opened = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &aad });
                Mismatch::unless_equal("plaintext", &Ok(msg), &opened)?;
            }
            "x25519" => {
                let shared = x25519_dalek::x25519(inputs.array("scalar")?, inputs.array("u")?);
                Mismatch::unless_equal("shared", &inputs.array("shared")?, &shared)?;
            }
            "hpke" => {
                type Suite = hpke::kem::X25519HkdfSha256;
                let secret = <Suite as Kem>::PrivateKey::from_bytes(&inputs.hex("secret")?);
                let encapsulated =
                    <Suite as Kem>::EncappedKey::from_bytes(&inputs.hex("encapsulated")?);
                let (Ok(secret), Ok(encapsulated)) = (secret, encapsulated) else {
                    return Err(Mismatch("keys of another length".to_owned()));
                };
                let opened =
                    single_shot_open::<hpke::aead::ChaCha20Poly1305, hpke::kdf::HkdfSha256, Suite>(
                        &OpModeR::Base,
                        &secret,
                        &encapsulated,
                        &inputs.hex("info")?,
                        &inputs.hex("ciphertext")?,
                        &inputs.hex("aad")?,
                    );
                Mismatch::unless_equal("plaintext", &Ok(inputs.hex("plaintext")?), &opened)?;
            }
            other => return Err(Mismatch(format!("unknown function {other}"))),
        }
        Ok(Verdict::Valid)
    }
}

fn range(bounds: std::ops::RangeInclusive<u8>) -> Vec<u8> {
    bounds.collect()
}

fn hkdf_answers() -> Group {
    let case = |comment, ikm: &[u8], salt: Vec<u8>, info: Vec<u8>, okm| {
        Case::valid(comment).hex("ikm", ikm).hex("salt", salt).hex("info", info).value("okm", okm)
    };
    Group::new()
        .value("function", "hkdf-sha256")
        .case(case(
            "RFC 5869, A.1",
            &[0x0b; 22],
            range(0..=0x0c),
            range(0xf0..=0xf9),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ))
        .case(case(
            "RFC 5869, A.2: longer inputs and output",
            &range(0..=0x4f),
            range(0x60..=0xaf),
            range(0xb0..=0xff),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ))
        .case(case(
            "RFC 5869, A.3: no salt and no info",
            &[0x0b; 22],
            Vec::new(),
            Vec::new(),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ))
}

fn chacha_answers() -> Group {
    let plaintext = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    Group::new().value("function", "chacha20-poly1305").case(
        Case::valid("RFC 8439, 2.8.2")
            .hex("key", range(0x80..=0x9f))
            .value("nonce", "070000004041424344454647")
            .value("aad", "50515253c0c1c2c3c4c5c6c7")
            .hex("plaintext", plaintext)
            .value("ciphertext", "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"),
    )
}

fn x25519_answers() -> Group {
    let case = |comment, scalar, u, shared| {
        Case::valid(comment).value("scalar", scalar).value("u", u).value("shared", shared)
    };
    Group::new()
        .value("function", "x25519")
        .case(case(
            "RFC 7748, 5.2, first",
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ))
        .case(case(
            "RFC 7748, 5.2, second: the highest bit of u is not part of it",
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ))
}

fn hpke_answers() -> Group {
    Group::new().value("function", "hpke").case(
        Case::valid("RFC 9180, A.2.1.1, sequence number 0")
            .value("secret", "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
            .value("encapsulated", "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
            .value("info", "4f6465206f6e2061204772656369616e2055726e")
            .value("aad", "436f756e742d30")
            .value("plaintext", "4265617574792069732074727574682c20747275746820626561757479")
            .value("ciphertext", "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"),
    )
}
