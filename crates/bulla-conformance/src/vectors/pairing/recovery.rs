//! `recovery-key.json`: words, and the device that they are (PAIR-50 to PAIR-52).

use bulla_pairing::RecoveryKey;

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Recovery keys.
pub(in super::super) struct RecoveryKeys;

impl Format for RecoveryKeys {
    fn name(&self) -> &'static str {
        "recovery-key"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("words", Shape::Text, "what a person typed"),
            Field::optional("entropy", Shape::HexOf(32), "the entropy (PAIR-50)"),
            Field::optional("shown", Shape::Text, "the words as they are shown"),
            Field::optional("author", Shape::HexOf(32), "the device's Ed25519 key (PAIR-51)"),
            Field::optional("sealingKey", Shape::HexOf(32), "the device's X25519 key (PAIR-51)"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Recovery keys: read `words`, compare the entropy, write the words again, derive both keys. The list of words is that of BIP-39, English (vendor/bip39-english.txt).")
            .note("The first four are known answers of BIP-39.")
            .flag("Published", "entropy and words are published")
            .flag("Order", "breaks two rules; PAIR-52 says which is named")
            .group(Group::new().cases(published()))
            .group(Group::new().cases(typed()))
            .group(Group::new().cases(refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let key = match RecoveryKey::from_words(inputs.text("words")?) {
            Ok(key) => key,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        let same = RecoveryKey::dangerous_from_entropy(&inputs.array("entropy")?);
        for key in [&key, &same] {
            Mismatch::unless_equal("shown", &inputs.text("shown")?, &key.to_words().as_str())?;
            let device = key.device_keys();
            Mismatch::unless_equal("author", &inputs.array("author")?, &device.author().0)?;
            let sealing_key = device.sealing_key().0;
            Mismatch::unless_equal("sealingKey", &inputs.array("sealingKey")?, &sealing_key)?;
        }
        Ok(Verdict::Valid)
    }
}

fn case(comment: &str, entropy: [u8; 32], typed: impl FnOnce(&str) -> String) -> Case {
    let key = RecoveryKey::dangerous_from_entropy(&entropy);
    let device = key.device_keys();
    let shown = key.to_words().to_string();
    Case::valid(comment)
        .value("words", typed(&shown))
        .hex("entropy", entropy)
        .value("shown", shown)
        .hex("author", device.author())
        .hex("sealingKey", device.sealing_key())
}

/// From the test vectors of BIP-39 itself.
fn published() -> Vec<Case> {
    let repeat =
        |words: &str, times: usize, last: &str| format!("{} {last}", vec![words; times].join(" "));
    let eight = "legal winner thank year wave sausage worth useful";
    let letter = "letter advice cage absurd amount doctor acoustic avoid";
    let answers = [
        (0x00, repeat("abandon", 23, "art")),
        (0x7f, format!("{eight} {eight} {} title", &eight[..eight.len() - 7])),
        (0x80, format!("{letter} {letter} {} bless", &letter[..letter.len() - 6])),
        (0xff, repeat("zoo", 23, "vote")),
    ];
    answers
        .into_iter()
        .map(|(byte, words)| {
            let comment = format!("32 bytes {byte:02x}");
            case(&comment, [byte; 32], |_| words).flag("Published")
        })
        .collect()
}

fn entropy() -> [u8; 32] {
    Random::new("recovery key").array()
}

fn typed() -> Vec<Case> {
    vec![
        case("as shown", entropy(), str::to_owned),
        case("in upper case", entropy(), str::to_uppercase),
        case("in both cases", entropy(), |words| words.replace('a', "A")),
        case("white space around and between", entropy(), |words| {
            format!("\n {} \r\n\t", words.replace(' ', " \u{c}\n"))
        }),
        case("1,024 bytes", entropy(), |words| {
            format!("{words}{}", " ".repeat(1_024 - words.len()))
        }),
        case("other entropy", Random::new("another recovery key").array(), str::to_owned),
    ]
}

fn refusals() -> Vec<Case> {
    let words = RecoveryKey::dangerous_from_entropy(&entropy()).to_words().to_string();
    let list: Vec<&str> = words.split(' ').collect();
    let case = |comment: &str, code, words: String| {
        Case::invalid(comment, code, "PAIR-52").value("words", words)
    };
    let with = |place: usize, word: &str| {
        let mut list: Vec<&str> = list.clone();
        list[place] = word;
        list.join(" ")
    };
    let mut swapped = list.clone();
    swapped.swap(0, 1);
    vec![
        case("nothing", "recovery.count", String::new()),
        case("white space", "recovery.count", " \n".to_owned()),
        case("23 words", "recovery.count", list[..23].join(" ")),
        case("25 words", "recovery.count", format!("{words} zoo")),
        case("12 words of BIP-39", "recovery.count", format!("{}about", "abandon ".repeat(11))),
        case(
            "1,025 bytes",
            "recovery.count",
            format!("{words}{}", " ".repeat(1_025 - words.len())),
        ),
        case("hyphens between", "recovery.count", list.join("-")),
        case("no-break spaces between", "recovery.count", list.join("\u{a0}")),
        case("vertical tabs between", "recovery.count", list.join("\u{b}")),
        case("23 words, one not in the list", "recovery.count", {
            let mut list = list[..22].to_vec();
            list.push("bulla");
            list.join(" ")
        })
        .flag("Order"),
        case("the first word is not in the list", "recovery.word", with(0, "bulla")),
        case("the last word is not in the list", "recovery.word", with(23, "bulla")),
        case("four letters of a word", "recovery.word", with(3, "aban")),
        case("a word and a comma", "recovery.word", with(3, "abandon,")),
        case("a word of the list, beyond ASCII", "recovery.word", with(3, "\u{1d41}zoo")),
        case("a word with a long s", "recovery.word", with(3, "\u{17f}ad")),
        case(
            "another word of the list",
            "recovery.checksum",
            with(5, if list[5] == "zoo" { "zone" } else { "zoo" }),
        ),
        case("two words swapped", "recovery.checksum", swapped.join(" ")),
        case(
            "24 times the first word of the list",
            "recovery.checksum",
            vec!["abandon"; 24].join(" "),
        ),
    ]
}
