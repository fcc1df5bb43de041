//! `label.json`: sealed labels (CTL-12).

use std::sync::Arc;

use bulla_core::control::{Context, SealedLabel};
use bulla_core::{AuthorKey, KeyId, Salt, SpaceId};
use bulla_crypto::{EntryWriter, LabelSubject, open_label};
use bulla_identity::DeviceKeys;

use super::super::keys::{SOME_HIDDEN, Secrets};
use super::super::once::{self, Given, keyring, reader, reader_fields};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Labels of devices and groups.
pub(in super::super) struct Labels;

impl Format for Labels {
    fn name(&self) -> &'static str {
        "label"
    }

    fn group_fields(&self) -> Vec<Field> {
        reader_fields()
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("author", Shape::HexOf(32), "the author of the entry"),
            Field::required(
                "subject",
                Shape::HexOf(32),
                "the device of a grant; zero bytes for a group",
            ),
            Field::required("keyId", Shape::HexOf(32), "the key id that the label names"),
            Field::required("salt", Shape::HexOf(24), "its salt"),
            Field::required("ciphertext", Shape::HexOf(81), "its ciphertext"),
            Field::optional("label", Shape::Text, "what it opens to"),
            Field::optional("signingSecret", Shape::HexOf(32), "the author's Ed25519 seed"),
            Field::optional(
                "random",
                Shape::HexOf(32),
                "the random bytes from which, with seed, info and plaintext, the salt comes (CTL-12, SEAL-3)",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Sealed labels: open with the keys of the group and compare. With signingSecret and random, seal the label again: salt and ciphertext come out.")
            .note("Made from the primitives by the text of the clauses, and checked by a second implementation in another language.")
            .flag("Moved", "sealed for another place than it has")
            .flag("Form", "authentic, but not the plaintext of a label")
            .flag("TwoKeys", "the reader has another key than the label names")
            .group(group(&[key(0), key(1)]).cases(valid()).cases(altered()).cases(moved()).cases(forms()))
            .group(group(&[key(2)]).cases(without_the_key()))
            .group(group(&[]).case(sealed("no keys for this space", "open.unknown_key", "KEY-6", &Made::new("a"))))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let space = SpaceId(inputs.array("space")?);
        let context = Context { space, author: AuthorKey(inputs.array("author")?) };
        let subject: [u8; 32] = inputs.array("subject")?;
        let subject = match subject {
            group if group == [0; 32] => LabelSubject::Group,
            device => LabelSubject::Device(AuthorKey(device)),
        };
        let label = SealedLabel {
            key_id: KeyId(inputs.array("keyId")?),
            salt: Salt(inputs.array("salt")?),
            ciphertext: inputs.array("ciphertext")?,
        };
        let keyring = keyring(inputs)?;
        let text = match open_label(&label, &context, subject, &keyring) {
            Ok(text) => text,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        Mismatch::unless_equal("label", &inputs.text("label")?.to_owned(), &text)?;
        if inputs.find("random").is_some() {
            let keys =
                DeviceKeys::dangerous_from_secrets(&inputs.array("signingSecret")?, &[0; 32]);
            let key = keyring.get(&space, &label.key_id);
            let key = key.ok_or_else(|| Mismatch("no such key".to_owned()))?;
            let given = Arc::new(Given(inputs.array("random")?));
            let again = EntryWriter::new(Arc::new(keys), space, given)
                .seal_label(subject, &text, &key)
                .map_err(|error| Mismatch(error.to_string()))?;
            Mismatch::unless_equal("sealed again", &label, &again)?;
        }
        Ok(Verdict::Valid)
    }
}

fn key(index: u8) -> [u8; 32] {
    Random::new(&format!("label key {index}")).array()
}

fn space() -> [u8; 32] {
    Random::new("label space").array()
}

fn author() -> Secrets {
    Secrets::new("label author")
}

fn group(keys: &[[u8; 32]]) -> Group {
    reader(space(), keys)
}

/// A label as CTL-12 makes it, rightly or wrongly.
#[derive(Clone)]
struct Made {
    plaintext: Vec<u8>,
    space: [u8; 32],
    author: AuthorKey,
    subject: [u8; 32],
    key: [u8; 32],
    random: [u8; 32],
}

impl Made {
    fn new(text: &str) -> Self {
        let mut plaintext = vec![u8::try_from(text.len()).expect("at most 64 bytes")];
        plaintext.extend_from_slice(text.as_bytes());
        plaintext.resize(65, 0);
        Self {
            plaintext,
            space: space(),
            author: author().keys().author(),
            subject: Secrets::new("label device").keys().author().0,
            key: key(0),
            random: Random::new(&format!("label random {text}")).array(),
        }
    }

    fn info(&self) -> Vec<u8> {
        [b"bulla 2026 label".as_slice(), &self.space, &self.author.0, &self.subject].concat()
    }

    fn salt(&self) -> [u8; 24] {
        let secret = blake3::derive_key("bulla 2026 salt secret", &author().signing);
        let mut hasher = blake3::Hasher::new_keyed(&secret);
        for part in [self.random.as_slice(), &self.info(), &self.plaintext] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        let mut salt = [0; 24];
        hasher.finalize_xof().fill(&mut salt);
        salt
    }

    /// The ciphertext under this salt.
    fn ciphertext(&self, salt: &[u8; 24]) -> Vec<u8> {
        once::encrypt(&self.key, salt, &self.info(), &[], &self.plaintext)
    }
}

/// A case of a label that was made for one place and stands in that of `shown`.
fn write(case: Case, made: &Made, shown: &Made) -> Case {
    case.hex("author", shown.author)
        .hex("subject", shown.subject)
        .hex("keyId", blake3::derive_key("bulla 2026 key id", &shown.key))
        .hex("salt", made.salt())
        .hex("ciphertext", made.ciphertext(&made.salt()))
}

fn sealed(comment: &str, code: &str, clause: &str, made: &Made) -> Case {
    write(Case::invalid(comment, code, clause), made, made)
}

fn valid() -> Vec<Case> {
    let longest = "ä".repeat(32);
    let case = |comment: &str, text: &str, change: &dyn Fn(&mut Made)| {
        let mut made = Made::new(text);
        change(&mut made);
        write(Case::valid(comment), &made, &made)
            .value("label", text)
            .hex("signingSecret", author().signing)
            .hex("random", made.random)
    };
    vec![
        case("of a device", "kitchen laptop", &|_| {}),
        case("of a group", "accounting", &|made| made.subject = [0; 32]),
        case("empty", "", &|_| {}),
        case("of 64 bytes", &longest, &|_| {}),
        case("beyond the first plane", "Tontafel 𒁾", &|_| {}),
        case("under another key of the space", "kitchen laptop", &|made| made.key = key(1)),
    ]
}

fn altered() -> Vec<Case> {
    let made = Made::new("kitchen laptop");
    let case = |comment: &str, at: usize, mask: u8| {
        let mut ciphertext = made.ciphertext(&made.salt());
        ciphertext[at] ^= mask;
        Case::invalid(comment, "label.failed", "CTL-12")
            .hex("author", made.author)
            .hex("subject", made.subject)
            .hex("keyId", blake3::derive_key("bulla 2026 key id", &made.key))
            .hex("salt", made.salt())
            .hex("ciphertext", ciphertext)
    };
    vec![
        case("first byte of the ciphertext altered", 0, 1),
        case("last byte of the ciphertext altered", 64, 0x80),
        case("first byte of the tag altered", 65, 1),
        case("last byte of the tag altered", 80, 0x80),
    ]
}

fn moved() -> Vec<Case> {
    let made = Made::new("kitchen laptop");
    let case = |comment: &str, change: &dyn Fn(&mut Made)| {
        let mut shown = made.clone();
        change(&mut shown);
        write(Case::invalid(comment, "label.failed", "CTL-12"), &made, &shown).flag("Moved")
    };
    let elsewhere = Secrets::new("label elsewhere").keys().author();
    let mut other_space = made.clone();
    other_space.space = elsewhere.0;
    vec![
        write(Case::invalid("to another space", "label.failed", "CTL-12"), &other_space, &made)
            .flag("Moved"),
        case("to another author", &|shown| shown.author = elsewhere),
        case("to another device", &|shown| shown.subject = elsewhere.0),
        case("to a group", &|shown| shown.subject = [0; 32]),
        case("under another key of the space", &|shown| shown.key = key(1)),
        Case::invalid("to another salt", "label.failed", "CTL-12")
            .hex("author", made.author)
            .hex("subject", made.subject)
            .hex("keyId", blake3::derive_key("bulla 2026 key id", &made.key))
            .hex("salt", [7; 24])
            .hex("ciphertext", made.ciphertext(&made.salt()))
            .flag("Moved"),
    ]
}

fn forms() -> Vec<Case> {
    let case = |comment: &str, start: &[u8]| {
        let mut made = Made::new("");
        made.plaintext[..start.len()].copy_from_slice(start);
        sealed(comment, "label.text", "CTL-12", &made).flag("Form")
    };
    let mut cases = vec![
        case("a length of 65", &[65; 65]),
        case("a length of 255", &[255, b'a']),
        case("not UTF-8", &[2, 0xc3, 0x28]),
        case("half a surrogate pair", &[3, 0xed, 0xa0, 0x80]),
        case("a zero byte in it", &[3, b'a', 0, b'b']),
        case("a line feed", &[2, b'a', b'\n']),
        case("a control character of two bytes", &[2, 0xc2, 0x85]),
        case("a byte after it that is not zero", &[1, b'a', 1]),
        case("text longer than its length", &[1, b'a', b'b']),
    ];
    for (name, text) in SOME_HIDDEN {
        let length = u8::try_from(text.len()).expect("short");
        cases.push(case(name, &[&[length], text.as_bytes()].concat()));
    }
    cases
}

fn without_the_key() -> Vec<Case> {
    let made = Made::new("kitchen laptop");
    let mut under_another = made.clone();
    under_another.key = key(2);
    vec![
        sealed("sealed under a key the reader lacks", "open.unknown_key", "KEY-6", &made)
            .flag("TwoKeys"),
        write(
            Case::invalid(
                "opens under the reader's key, names another",
                "open.unknown_key",
                "KEY-6",
            ),
            &under_another,
            &made,
        )
        .flag("TwoKeys"),
    ]
}
