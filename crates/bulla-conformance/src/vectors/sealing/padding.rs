//! `padding.json`: how long framed plaintexts are made (PAD-3, MAN-3).

use bulla_core::{EntryId, Kind};
use bulla_crypto::manifest::ContentWriter;
use bulla_crypto::{EpochKey, Padding, padme};
use serde_json::{Value, json};

use super::super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Lengths after padding.
pub(in super::super) struct Paddings;

impl Format for Paddings {
    fn name(&self) -> &'static str {
        "padding"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required(
            "function",
            Shape::OneOf(&["padme", "chunks"]),
            "what the cases compute",
        )]
    }

    fn case_fields(&self) -> Vec<Field> {
        let chunk = vec![
            Field::required("bytes", Shape::Uint64, "bytes of content in the chunk"),
            Field::required(
                "framed",
                Shape::Uint64,
                "bytes of its framed plaintext, padded (MAN-3)",
            ),
        ];
        vec![
            Field::required("length", Shape::Uint64, "bytes to be padded, or of the whole content"),
            Field::optional("padded", Shape::Uint64, "padme: the length after padding (PAD-3)"),
            Field::optional("chunkBytes", Shape::Uint64, "chunks: the chunk size"),
            Field::optional("chunks", Shape::list(Shape::Object(chunk)), "chunks: in order"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("padme: Padmé of `length` (PAD-3), without the limit of 1,048,560. chunks: cut a content of `length` bytes into chunks of `chunkBytes` and compare what each holds and to how many bytes it is framed (MAN-1, MAN-3).")
            .note("Lengths computed by a second implementation, in another language, of the formulas in PAD-3 and MAN-3.")
            .flag("Boundary", "a value at the edge of a step")
            .group(Group::new().value("function", "padme").cases(padme_cases()))
            .group(Group::new().value("function", "chunks").cases(chunk_cases()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let length = inputs.uint64("length")?;
        if inputs.text("function")? == "padme" {
            Mismatch::unless_equal("padded", &inputs.uint64("padded")?, &padme(length))?;
            return Ok(Verdict::Valid);
        }
        let too_large = |_| Mismatch("too large for this runner".to_owned());
        let chunk_bytes = u32::try_from(inputs.uint64("chunkBytes")?).map_err(too_large)?;
        let content =
            vec![7; usize::try_from(length).map_err(|_| Mismatch("too large".to_owned()))?];
        let key = EpochKey::dangerous_from_bytes(&[1; 32]);
        let mut writer = ContentWriter::with_chunk_bytes(&key, chunk_bytes);
        writer.write(&content);
        writer.finish();
        let mut chunks = Vec::new();
        while let Some(part) = writer.next_part() {
            writer.sealed(EntryId([1; 32]));
            if part.kind != Kind::CHUNK {
                continue;
            }
            let Padding::Framed(framed) = part.padding else {
                return Err(Mismatch("a chunk without a length to pad to".to_owned()));
            };
            chunks.push(chunk(part.plaintext.len() as u64, framed as u64));
        }
        Mismatch::unless_equal("chunks", inputs.value("chunks")?, &chunks.into())?;
        Ok(Verdict::Valid)
    }
}

fn chunk(bytes: u64, framed: u64) -> Value {
    json!({ "bytes": bytes.to_string(), "framed": framed.to_string() })
}

fn padme_cases() -> Vec<Case> {
    let case = |length, padded| {
        Case::valid(format!("Padmé of {length}")).uint64("length", length).uint64("padded", padded)
    };
    let below = [0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 128, 256, 1_024, 65_536]
        .map(|length| case(length, length).flag("Boundary"));
    let lengths = [
        (9, 10),
        (15, 16),
        (17, 18),
        (31, 32),
        (33, 36),
        (63, 64),
        (65, 72),
        (100, 104),
        (127, 128),
        (129, 144),
        (255, 256),
        (257, 272),
        (1_000, 1_024),
        (1_025, 1_088),
        (1_088, 1_088),
        (1_089, 1_152),
        (65_535, 65_536),
        (65_537, 67_584),
        (100_000, 100_352),
        (1_000_000, 1_015_808),
        (1_048_518, 1_048_576),
        ((1 << 40) + 1, 1_116_691_496_960),
        ((1 << 63) - 1, 1 << 63),
    ];
    below.into_iter().chain(lengths.map(|(length, padded)| case(length, padded))).collect()
}

fn chunk_cases() -> Vec<Case> {
    let case = |comment: &str, length, chunk_bytes, chunks: &[(u64, u64)]| {
        let chunks: Vec<Value> =
            chunks.iter().map(|(bytes, framed)| chunk(*bytes, *framed)).collect();
        Case::valid(comment)
            .uint64("length", length)
            .uint64("chunkBytes", chunk_bytes)
            .value("chunks", chunks)
    };
    let (size, full) = (1_048_512, (1_048_512, 1_048_560));
    vec![
        case("the empty content", 0, size, &[]),
        case("one byte", 1, size, &[(1, 7)]),
        case("100 bytes", 100, size, &[(100, 112)]),
        case(
            "1,025 bytes: the tail grows as the whole, then its frame is padded",
            1_025,
            size,
            &[(1_025, 1_152)],
        ),
        case("100,000 bytes", 100_000, size, &[(100_000, 102_400)]),
        case("a byte less than a chunk", size - 1, size, &[(size - 1, 1_048_560)]).flag("Boundary"),
        case("a full chunk", size, size, &[full]).flag("Boundary"),
        case("a byte more than a chunk", size + 1, size, &[full, (1, 72)]).flag("Boundary"),
        case("the largest chunk size, full", 1_048_554, 1_048_554, &[(1_048_554, 1_048_560)]),
        case(
            "the largest chunk size and a byte",
            1_048_555,
            1_048_554,
            &[(1_048_554, 1_048_560), (1, 28)],
        ),
        case("two chunks, the second short", 2_000_000, size, &[full, (951_488, 999_424)]),
        case("two full chunks", 2 * size, size, &[full, full]).flag("Boundary"),
        case("two full chunks and a byte", 2 * size + 1, size, &[full, full, (1, 144)])
            .flag("Boundary"),
        case("small chunks, all full", 16, 8, &[(8, 14), (8, 14)]),
        case("small chunks, the tail does not grow", 17, 8, &[(8, 14), (8, 14), (1, 8)]),
        case("small chunks, the tail grows", 27, 8, &[(8, 14), (8, 14), (8, 14), (3, 10)]),
        case(
            "the tail grows by what Padmé adds to the whole",
            1_000,
            300,
            &[(300, 320), (300, 320), (300, 320), (100, 144)],
        ),
    ]
}
