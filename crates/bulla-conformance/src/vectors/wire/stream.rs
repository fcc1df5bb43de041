//! `stream.json`: bodies of put, get and scan (chapter `wire.md`, WIRE-10 to WIRE-18, WIRE-27, WIRE-36).

mod good;
mod refused;

use bulla_core::values::{Cursor, GetRequest, PageLimit};
use bulla_core::{Lineage, LogHash, SpaceId};
use bulla_wire::BodyDecoder;
use bulla_wire::stream::BodyLimits;
use serde_json::Value;

use super::parts::{Element, World, sequence};
use super::{item_json, item_shape, read_body};
use crate::vectors::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Bodies that are streams.
pub(in crate::vectors) struct Streams;

impl Format for Streams {
    fn name(&self) -> &'static str {
        "stream"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required(
                "stream",
                Shape::OneOf(&["put", "get", "scan"]),
                "the body of a put, or the answer to a get or a scan",
            ),
            Field::required("space", Shape::HexOf(32), "the space it is about"),
            Field::required("mostItems", Shape::Uint, "most items, of a scan on each page"),
            Field::required(
                "mostBytes",
                Shape::Uint,
                "most bytes (WIRE-27), of a scan on each page",
            ),
            Field::required(
                "after",
                Shape::Uint64,
                "receipt of the cursor asked after; 0 for none",
            ),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("body", Shape::Hex, "the body"),
            Field::optional("repeated", Shape::Hex, "bytes that follow `body`, `times` times"),
            Field::optional("times", Shape::Uint, "how often"),
            Field::optional(
                "items",
                Shape::list(item_shape()),
                "the items in it, the ends among them",
            ),
        ]
    }

    fn generate(&self) -> File {
        let world = World::new("stream");
        let file = File::new()
            .note("Bodies of put, get and scan: WIRE-10 to WIRE-18, WIRE-27, WIRE-36.")
            .note("Bodies are written item by item. Whether entries are genuine is not asked here.")
            .note("A body that ends with an error item is refused with the code in it (WIRE-18).")
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag("Opaque", "an entry whose header is no header: the stream does not look inside");
        let groups = [good::groups(&world), refused::groups(&world)];
        groups.into_iter().flatten().fold(file, File::group)
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut body = inputs.hex("body")?;
        if let Some(repeated) = inputs.find_hex("repeated")? {
            for _ in 0..inputs.uint64("times")? {
                body.extend_from_slice(&repeated);
            }
        }
        let reader = Reader::new(inputs)?;
        match read_body(&body, || reader.decoder()) {
            Ok(items) => {
                let computed: Vec<Value> = items.iter().map(item_json).collect();
                Mismatch::unless_equal("items", inputs.value("items")?, &Value::from(computed))?;
                Ok(Verdict::Valid)
            }
            Err(refused) => refused.outcome(),
        }
    }
}

/// What a receiver knows before the body comes.
struct Reader {
    stream: String,
    space: SpaceId,
    limits: BodyLimits,
    after: u64,
}

impl Reader {
    fn new(inputs: &Inputs<'_>) -> Result<Self, Mismatch> {
        let size = |name: &str| {
            usize::try_from(inputs.uint64(name)?)
                .map_err(|_| Mismatch(format!("{name} is too large")))
        };
        Ok(Self {
            stream: inputs.text("stream")?.to_owned(),
            space: SpaceId(inputs.array("space")?),
            limits: BodyLimits { items: size("mostItems")?, bytes: size("mostBytes")? },
            after: inputs.uint64("after")?,
        })
    }

    fn decoder(&self) -> BodyDecoder {
        let decoder = match self.stream.as_str() {
            "put" => BodyDecoder::put(self.space),
            "get" => BodyDecoder::get(self.space, &GetRequest { ids: Vec::new(), max_bytes: 0 }),
            _ => {
                let (lineage, log_hash) = (Lineage([0; 16]), LogHash([0; 32]));
                let cursor = Cursor { lineage, receipt: self.after, log_hash };
                BodyDecoder::scan(self.space, Some(&cursor), PageLimit::MAX)
            }
        };
        decoder.with_limits(self.limits)
    }
}

/// A group with the bounds of the formats.
fn group(stream: &'static str, world: &World) -> Group {
    bounded(stream, world, if stream == "scan" { 65_536 } else { 4_096 }, 16_777_216, 0)
}

fn bounded(stream: &'static str, world: &World, items: u64, bytes: u64, after: u64) -> Group {
    Group::new()
        .value("stream", stream)
        .hex("space", world.space)
        .value("mostItems", items)
        .value("mostBytes", bytes)
        .value("after", after.to_string())
}

fn good(comment: &str, items: &[Element], says: Vec<Value>) -> Case {
    Case::valid(comment).hex("body", sequence(items)).value("items", says)
}

fn bad(comment: &str, code: &str, clause: &str, items: &[Element]) -> Case {
    Case::invalid(comment, code, clause).hex("body", sequence(items))
}
