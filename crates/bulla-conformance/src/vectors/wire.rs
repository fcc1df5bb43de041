//! The formats of chapters `wire.md`, `errors.md` and `bundle.md`, and what they share: streams and their items.

mod bundle;
mod compact;
mod error_code;
mod feed;
mod header_field;
mod message;
mod parts;
mod route;
mod stream;

use bulla_core::EntryId;
use bulla_core::values::{Cursor, PayloadState};
use bulla_wire::BodyDecoder;
use bulla_wire::stream::{BodyItem, EntryItem, StreamError};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{Field, Mismatch, Outcome, Shape, Verdict, sample};

pub(super) use bundle::Bundles;
pub(super) use compact::CompactForm;
pub(super) use error_code::ErrorCodes;
pub(super) use feed::Feeds;
pub(super) use header_field::HeaderFields;
pub(super) use message::Messages;
pub(super) use route::Routes;
pub(super) use stream::Streams;

/// Reads a body whole and byte by byte, which must give the same, and says what is in it.
fn read_body(bytes: &[u8], decoder: impl Fn() -> BodyDecoder) -> Result<Vec<BodyItem>, Refused> {
    let whole = read_pieces(decoder(), [bytes]);
    let piecewise = read_pieces(decoder(), bytes.chunks(1));
    match Mismatch::unless_equal("whole and byte by byte", &whole, &piecewise) {
        Ok(()) => whole.map_err(Refused::Stream),
        Err(mismatch) => Err(Refused::Mismatch(mismatch)),
    }
}

enum Refused {
    Stream(StreamError),
    Mismatch(Mismatch),
}

impl Refused {
    fn outcome(self) -> Outcome {
        match self {
            Self::Stream(error) => Ok(Verdict::refused(&error.code(), error.clause())),
            Self::Mismatch(mismatch) => Err(mismatch),
        }
    }
}

fn read_pieces<'a>(
    mut decoder: BodyDecoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<BodyItem>, StreamError> {
    let mut items = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    decoder.finish().map(|()| items)
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

/// An item of a stream as it stands in a file of vectors.
fn item_json(item: &BodyItem) -> Value {
    match item {
        BodyItem::Entry(entry) => entry_json(entry),
        BodyItem::Id { receipt, id, state } => json!({
            "item": "id", "receipt": receipt.to_string(), "id": hex(id), "state": state_json(*state),
        }),
        BodyItem::Invalid { receipt, id, code } => json!({
            "item": "invalid", "receipt": receipt.to_string(), "id": hex(id), "code": code.as_str(),
        }),
        BodyItem::Absent => json!({ "item": "absent" }),
        BodyItem::Corrupt => json!({ "item": "corrupt" }),
        BodyItem::Unavailable => json!({ "item": "unavailable" }),
        BodyItem::PageEnd(end) => json!({
            "item": "page end", "count": end.count.to_string(), "cursor": cursor_json(&end.cursor),
            "end": end.end, "more": end.more,
        }),
        BodyItem::End(end) => json!({ "item": "end", "count": end.count.to_string() }),
    }
}

fn entry_json(entry: &EntryItem) -> Value {
    json!({
        "item": if entry.is_compact { "compact entry" } else { "plain entry" },
        "receipt": entry.receipt.to_string(),
        "id": hex(sample::id_of(&entry.raw)),
        "header": hex(&entry.raw.header),
        "signature": hex(entry.raw.signature),
        "payload": entry.raw.payload.as_ref().map(hex),
        "state": state_json(entry.state),
    })
}

fn state_json(state: PayloadState) -> Value {
    let by = |state: &str, id: EntryId| json!({ "is": state, "by": hex(id) });
    match state {
        PayloadState::Present => json!({ "is": "present" }),
        PayloadState::Missing => json!({ "is": "missing" }),
        PayloadState::Erased(id) => by("erased", id),
        PayloadState::Pruned(id) => by("pruned", id),
    }
}

fn cursor_json(cursor: &Cursor) -> Value {
    json!({
        "lineage": hex(cursor.lineage), "receipt": cursor.receipt.to_string(),
        "logHash": hex(cursor.log_hash),
    })
}

fn cursor_shape() -> Shape {
    Shape::Object(vec![
        Field::required("lineage", Shape::HexOf(16), "the history of receipts"),
        Field::required("receipt", Shape::Uint64, "the last receipt handed over"),
        Field::required("logHash", Shape::HexOf(32), "the log hash there"),
    ])
}

fn state_shape() -> Shape {
    let names = &["present", "missing", "erased", "pruned"];
    Shape::Object(vec![
        Field::required("is", Shape::OneOf(names), "the state (WIRE-16)"),
        Field::optional("by", Shape::HexOf(32), "the control entry that says so"),
    ])
}

/// The shape of [`item_json`].
fn item_shape() -> Shape {
    let items = &[
        "compact entry",
        "plain entry",
        "id",
        "invalid",
        "absent",
        "corrupt",
        "unavailable",
        "page end",
        "end",
    ];
    Shape::Object(vec![
        Field::required("item", Shape::OneOf(items), "what it is (WIRE-14)"),
        Field::optional("receipt", Shape::Uint64, "its receipt, distances added up (WIRE-17)"),
        Field::optional("id", Shape::HexOf(32), "of an entry: computed; otherwise: as told"),
        Field::optional("header", Shape::Hex, "the header, rebuilt or as sent"),
        Field::optional("signature", Shape::HexOf(64), "the signature"),
        Field::optional("payload", Shape::nullable(Shape::Hex), "the payload, null without it"),
        Field::optional("state", state_shape(), "the state of its payload"),
        Field::optional("code", Shape::Text, "what is wrong with it"),
        Field::optional("count", Shape::Uint64, "items counted"),
        Field::optional("cursor", cursor_shape(), "where the next page starts"),
        Field::optional("end", Shape::Bool, "whether the page reached the end"),
        Field::optional("more", Shape::Bool, "whether a page follows in this body"),
    ])
}
