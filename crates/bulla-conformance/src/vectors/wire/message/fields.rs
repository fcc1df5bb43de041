//! Messages as they stand in a file of vectors.

use bulla_core::cbor::{CborError, Decode, Encode};
use bulla_core::values::{
    Acknowledgement, Durability, Has, PutOutcome, Summary, SummaryRequest, Want,
};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::feed::FeedRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::mailbox::{MailboxAction, MailboxCall, MailboxOpen, MailboxReply};
use bulla_wire::put::PutAnswer;
use bulla_wire::scan::ScanMessage;
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::status::StatusAnswer;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{Capabilities, ErrorDetails, Form, VersionRange, WireError};
use serde_json::{Map, Value, json};

use super::hex_list;
use crate::vectors::wire::{cursor_json, cursor_shape, hex};
use crate::vectors::{Field, Mismatch, Shape};

/// A message that was accepted.
pub(super) struct Read {
    pub(super) fields: Value,
    /// It written again.
    pub(super) encoded: Vec<u8>,
}

type Reading = Result<Read, CborError>;

/// Reads the message of this name.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Reading, Mismatch> {
    Ok(match name {
        "capabilities" => exact(bytes, capabilities),
        "challenge request" => exact(bytes, challenge_request),
        "challenge answer" => exact(bytes, |answer: &ChallengeAnswer| {
            json!({
                "node": hex(answer.node), "nonce": hex(answer.nonce),
                "time": answer.challenge_ms.to_string(), "tag": hex(answer.tag),
                "signature": hex(answer.signature),
            })
        }),
        "login request" => exact(bytes, |login: &LoginRequest| {
            json!({
                "request": challenge_request(&login.request), "nonce": hex(login.nonce),
                "time": login.challenge_ms.to_string(), "tag": hex(login.tag),
                "signature": hex(login.signature),
            })
        }),
        "login answer" => exact(
            bytes,
            |answer: &LoginAnswer| json!({ "token": hex(answer.token), "lifetime": answer.valid_ms.to_string() }),
        ),
        "spaces answer" => exact(
            bytes,
            |answer: &SpacesAnswer| json!({ "spaces": hex_list(&answer.spaces), "end": answer.end }),
        ),
        "put answer" => exact(bytes, put_answer),
        "get request" => exact(bytes, |message: &GetMessage| {
            json!({
                "ids": hex_list(&message.request.ids),
                "mostBytes": message.request.max_bytes.to_string(), "form": form(message.form),
            })
        }),
        "has request" => {
            exact(bytes, |request: &HasRequest| json!({ "ids": hex_list(&request.ids) }))
        }
        "has answer" => exact(bytes, has_answer),
        "scan request" => exact(bytes, scan_request),
        "summary request" => exact(bytes, |message: &SummaryMessage| match message.0 {
            SummaryRequest::Bloom { salt } => json!({ "summary": "bloom", "salt": hex(salt) }),
            SummaryRequest::Sketch { symbols } => {
                json!({ "summary": "sketch", "symbols": symbols.to_string() })
            }
        }),
        "summary answer" => exact(bytes, |answer: &SummaryAnswer| {
            let Summary::Bloom { upto, bloom } = &answer.0;
            json!({ "cursor": cursor_json(upto), "bloom": hex(bloom.to_cbor()) })
        }),
        "status answer" => exact(bytes, statuses),
        "feed request" => exact(bytes, |request: &FeedRequest| {
            json!({
                "spaces": hex_list(&request.spaces),
                "heartbeat": request.heartbeat_ms.to_string(),
                "riderBytes": request.rider_bytes.to_string(),
            })
        }),
        "mailbox open" => exact(
            bytes,
            |open: &MailboxOpen| json!({ "address": hex(open.address), "proof": hex(open.proof) }),
        ),
        "mailbox" => exact(bytes, mailbox_call),
        "mailbox answer" => {
            exact(bytes, |reply: &MailboxReply| json!({ "content": reply.0.as_ref().map(hex) }))
        }
        "error" => exact(bytes, error),
        _ => return Err(Mismatch(format!("unknown message {name}"))),
    })
}

fn exact<T: Decode + Encode>(bytes: &[u8], fields: impl Fn(&T) -> Value) -> Reading {
    let message = T::from_cbor(bytes)?;
    Ok(Read { fields: fields(&message), encoded: message.to_cbor() })
}

pub(super) fn versions(range: VersionRange) -> Value {
    json!({ "min": range.min().to_string(), "max": range.max().to_string() })
}

fn capabilities(capabilities: &Capabilities) -> Value {
    let names = |names: &[bulla_core::Code]| -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    };
    let NodeLimits {
        put_bytes,
        put_entries,
        page_bytes,
        page_items,
        ids_per_request,
        pages_per_scan,
        feed_spaces,
    } = capabilities.limits;
    json!({
        "versions": versions(capabilities.versions),
        "node": hex(capabilities.node),
        "rungs": names(&capabilities.rungs),
        "features": names(&capabilities.features),
        "limits": {
            "putBytes": put_bytes.to_string(), "putEntries": put_entries.to_string(),
            "pageBytes": page_bytes.to_string(), "pageItems": page_items.to_string(),
            "ids": ids_per_request.to_string(), "pages": pages_per_scan.to_string(),
            "feedSpaces": feed_spaces.to_string(),
        },
    })
}

fn challenge_request(request: &ChallengeRequest) -> Value {
    json!({
        "client": hex(request.client), "nonce": hex(request.nonce), "origin": request.origin,
        "spaces": hex_list(&request.spaces),
    })
}

fn mailbox_call(call: &MailboxCall) -> Value {
    let mut fields = json!({ "address": hex(call.address), "proof": hex(call.proof) });
    match &call.action {
        MailboxAction::Leave { slot, message } => {
            fields["operation"] = "leave".into();
            fields["slot"] = slot.to_string().into();
            fields["content"] = hex(message).into();
        }
        MailboxAction::Fetch { slot } => {
            fields["operation"] = "fetch".into();
            fields["slot"] = slot.to_string().into();
        }
        MailboxAction::Close => fields["operation"] = "close".into(),
    }
    fields
}

fn form(form: Form) -> &'static str {
    match form {
        Form::Compact => "compact",
        Form::Plain => "plain",
    }
}

fn put_answer(answer: &PutAnswer) -> Value {
    let outcomes: Vec<Value> = answer
        .report
        .outcomes
        .iter()
        .map(|outcome| {
            let with = |name, receipt: &u64| json!({ "is": name, "receipt": receipt.to_string() });
            match outcome {
                PutOutcome::Stored(receipt) => with("stored", receipt),
                PutOutcome::Duplicate(receipt) => with("duplicate", receipt),
                PutOutcome::PayloadAdded(receipt) => with("payload added", receipt),
                PutOutcome::Refused(refusal) => json!({
                    "is": "refused", "code": refusal.code.as_str(), "retryable": refusal.is_retryable,
                }),
                PutOutcome::Pending => json!({ "is": "pending" }),
            }
        })
        .collect();
    let Acknowledgement { node, space, lineage, count, digest, signature } =
        &answer.acknowledgement;
    json!({
        "lineage": hex(answer.report.lineage),
        "outcomes": outcomes,
        "acknowledgement": {
            "node": hex(node), "space": hex(space), "lineage": hex(lineage),
            "count": count.to_string(), "digest": hex(digest), "signature": hex(signature),
        },
    })
}

fn has_answer(answer: &HasAnswer) -> Value {
    let presence: Vec<&str> = answer
        .presence
        .iter()
        .map(|has| match has {
            Has::No => "no",
            Has::Yes => "yes",
            Has::PayloadMissing => "payload missing",
            Has::Unknown => "unknown",
        })
        .collect();
    json!({ "presence": presence })
}

fn scan_request(message: &ScanMessage) -> Value {
    let request = &message.request;
    let mut fields = json!({
        "after": request.after.as_ref().map(cursor_json),
        "until": request.until.map(|receipt| receipt.to_string()),
        "filter": hex(request.filter.to_cbor()),
        "except": request.except.as_ref().map(|bloom| hex(bloom.to_cbor())),
        "want": match request.want {
            Want::Ids => "ids",
            Want::Headers => "headers",
            Want::Entries { .. } => "entries",
        },
        "mostBytes": request.limit.max_bytes.to_string(),
        "mostItems": request.limit.max_items.to_string(),
        "form": form(message.form),
        "pages": message.pages.to_string(),
    });
    if let (Want::Entries { inline_up_to }, Some(map)) = (request.want, fields.as_object_mut()) {
        map.insert("inlineUpTo".to_owned(), inline_up_to.to_string().into());
    }
    fields
}

fn statuses(answer: &StatusAnswer) -> Value {
    let mut statuses = Vec::new();
    let mut next = Some(&answer.0);
    while let Some(status) = next {
        let durability = match status.durability {
            Durability::EveryCommit => json!({ "is": "every commit" }),
            Durability::Interval(ms) => json!({ "is": "interval", "milliseconds": ms.to_string() }),
            Durability::None => json!({ "is": "none" }),
            Durability::Upstream => json!({ "is": "upstream" }),
        };
        let impairments: Vec<String> = status.impairments.iter().map(ToString::to_string).collect();
        statuses.push(json!({
            "engine": status.engine,
            "durability": durability,
            "entries": status.entries.to_string(),
            "payloadBytes": status.payload_bytes.to_string(),
            "diskBytes": status.disk_bytes.to_string(),
            "commits": status.commits.to_string(),
            "fsyncs": status.fsyncs.to_string(),
            "compactionsRunning": status.compactions_running.to_string(),
            "compactionPendingBytes": status.compaction_pending_bytes.to_string(),
            "impairments": impairments,
        }));
        next = status.upstream.as_deref();
    }
    json!({ "statuses": statuses })
}

pub(in crate::vectors::wire) fn error(error: &WireError) -> Value {
    json!({
        "code": error.code.as_str(),
        "message": error.message,
        "retryable": error.is_retryable,
        "retryAfter": error.retry_after_ms.map(|ms| ms.to_string()),
        "details": details(&error.details),
        "status": error.status(),
    })
}

fn details(details: &ErrorDetails) -> Value {
    let ErrorDetails {
        node_versions,
        client_versions,
        cursor_lineage,
        store_lineage,
        cursor_receipt,
        store_receipt,
        cursor_log_hash,
        store_log_hash,
        space,
        node,
        actual_node,
        entry,
        right,
    } = details;
    let number = |number: &Option<u64>| number.map(|number| Value::from(number.to_string()));
    let present = [
        ("nodeVersions", node_versions.map(versions)),
        ("clientVersions", client_versions.map(versions)),
        ("cursorLineage", cursor_lineage.map(|bytes| hex(bytes).into())),
        ("storeLineage", store_lineage.map(|bytes| hex(bytes).into())),
        ("cursorReceipt", number(cursor_receipt)),
        ("storeReceipt", number(store_receipt)),
        ("cursorLogHash", cursor_log_hash.map(|bytes| hex(bytes).into())),
        ("storeLogHash", store_log_hash.map(|bytes| hex(bytes).into())),
        ("space", space.map(|bytes| hex(bytes).into())),
        ("node", node.map(|bytes| hex(bytes).into())),
        ("actualNode", actual_node.map(|bytes| hex(bytes).into())),
        ("entry", entry.map(|bytes| hex(bytes).into())),
        ("right", right.as_ref().map(|right| right.as_str().into())),
    ];
    let present = present.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// The shape of an error's fields.
pub(in crate::vectors::wire) fn error_shape() -> Vec<Field> {
    let range = || {
        Shape::Object(vec![
            Field::required("min", Shape::Uint64, "the lowest version"),
            Field::required("max", Shape::Uint64, "the highest version"),
        ])
    };
    let details = vec![
        Field::optional("nodeVersions", range(), "key 1"),
        Field::optional("clientVersions", range(), "key 2"),
        Field::optional("cursorLineage", Shape::HexOf(16), "key 3"),
        Field::optional("storeLineage", Shape::HexOf(16), "key 4"),
        Field::optional("cursorReceipt", Shape::Uint64, "key 5"),
        Field::optional("storeReceipt", Shape::Uint64, "key 6"),
        Field::optional("cursorLogHash", Shape::HexOf(32), "key 7"),
        Field::optional("storeLogHash", Shape::HexOf(32), "key 8"),
        Field::optional("space", Shape::HexOf(32), "key 9"),
        Field::optional("node", Shape::HexOf(32), "key 10"),
        Field::optional("actualNode", Shape::HexOf(32), "key 11"),
        Field::optional("entry", Shape::HexOf(32), "key 12"),
        Field::optional("right", Shape::Text, "key 13"),
    ];
    vec![
        Field::optional("code", Shape::Text, "the code (ERR-2)"),
        Field::optional("message", Shape::Text, "for people"),
        Field::optional("retryable", Shape::Bool, "whether the same request may succeed later"),
        Field::optional("retryAfter", Shape::nullable(Shape::Uint64), "milliseconds, or null"),
        Field::optional("details", Shape::Object(details), "the details that are there (ERR-5)"),
        Field::optional("status", Shape::Uint, "the HTTP status that goes with it (ERR-6)"),
    ]
}

/// The fields of all messages; each has its own.
pub(super) fn shape() -> Shape {
    let text_list = || Shape::list(Shape::Text);
    let ids = || Shape::list(Shape::HexOf(32));
    let range = Shape::Object(vec![
        Field::required("min", Shape::Uint64, "the lowest version"),
        Field::required("max", Shape::Uint64, "the highest version"),
    ]);
    let limits = ["putBytes", "putEntries", "pageBytes", "pageItems", "ids", "pages", "feedSpaces"];
    let limits = limits.map(|name| Field::required(name, Shape::Uint64, "a limit (CAP-5)"));
    let request = |field: fn(&'static str, Shape, &'static str) -> Field| {
        vec![
            field("client", Shape::HexOf(32), "the client's key"),
            field("nonce", Shape::HexOf(32), "a nonce"),
            field("origin", Shape::Text, "the address the client connects to"),
            field("spaces", ids(), "spaces"),
        ]
    };
    let outcomes = &["stored", "duplicate", "payload added", "refused", "pending"];
    let outcome = vec![
        Field::required("is", Shape::OneOf(outcomes), "what became of the entry"),
        Field::optional("receipt", Shape::Uint64, "its receipt"),
        Field::optional("code", Shape::Text, "why it was refused"),
        Field::optional("retryable", Shape::Bool, "whether it may be taken later"),
    ];
    let acknowledgement = vec![
        Field::required("node", Shape::HexOf(32), "the node that signs"),
        Field::required("space", Shape::HexOf(32), "the space"),
        Field::required("lineage", Shape::HexOf(16), "the history of receipts"),
        Field::required("count", Shape::Uint64, "entries with a receipt"),
        Field::required("digest", Shape::HexOf(32), "over their receipts and ids"),
        Field::required("signature", Shape::HexOf(64), "the node's"),
    ];
    let durability = Shape::Object(vec![
        Field::required(
            "is",
            Shape::OneOf(&["every commit", "interval", "none", "upstream"]),
            "the policy",
        ),
        Field::optional("milliseconds", Shape::Uint64, "of an interval"),
    ]);
    let presence = Shape::OneOf(&["no", "yes", "payload missing", "unknown"]);
    let mut fields = vec![
        Field::optional("versions", range, "the versions spoken (WIRE-3)"),
        Field::optional("node", Shape::HexOf(32), "the node's key"),
        Field::optional("rungs", text_list(), "names (CAP-4)"),
        Field::optional("features", text_list(), "names (CAP-4)"),
        Field::optional("limits", Shape::Object(limits.into()), "how much it takes and gives"),
        Field::optional("request", Shape::Object(request(Field::required)), "(WIRE-20)"),
        Field::optional("time", Shape::Uint64, "milliseconds since 1970"),
        Field::optional("tag", Shape::HexOf(32), "the node's mark"),
        Field::optional("signature", Shape::HexOf(64), "over the transcript"),
        Field::optional("token", Shape::HexOf(32), "the token"),
        Field::optional("lifetime", Shape::Uint64, "milliseconds"),
        Field::optional("end", Shape::Bool, "whether these are the last"),
        Field::optional("lineage", Shape::HexOf(16), "the history of receipts"),
        Field::optional("outcomes", Shape::list(Shape::Object(outcome)), "one for each entry"),
        Field::optional("acknowledgement", Shape::Object(acknowledgement), "the node's (ACK-1)"),
        Field::optional("ids", ids(), "the ids asked for"),
        Field::optional("mostBytes", Shape::Uint64, "most bytes of an answer or page"),
        Field::optional("mostItems", Shape::Uint64, "most items of a page"),
        Field::optional("form", Shape::OneOf(&["compact", "plain"]), "the form (WIRE-15)"),
        Field::optional("presence", Shape::list(presence), "one for each id (WIRE-34)"),
        Field::optional("after", Shape::nullable(cursor_shape()), "the cursor to go on from"),
        Field::optional("until", Shape::nullable(Shape::Uint64), "the last receipt wanted"),
        Field::optional("filter", Shape::Hex, "the filter, encoded: see filter.json"),
        Field::optional("except", Shape::nullable(Shape::Hex), "a Bloom filter: see bloom.json"),
        Field::optional("want", Shape::OneOf(&["ids", "headers", "entries"]), "what of them"),
        Field::optional("inlineUpTo", Shape::Uint64, "longest payload to carry, of entries"),
        Field::optional("pages", Shape::Uint64, "most pages in the answer"),
        Field::optional("summary", Shape::OneOf(&["bloom", "sketch"]), "which summary"),
        Field::optional("salt", Shape::HexOf(16), "the salt of a Bloom filter"),
        Field::optional("symbols", Shape::Uint64, "the symbols of a sketch"),
        Field::optional("cursor", cursor_shape(), "up to where the summary goes"),
        Field::optional("bloom", Shape::Hex, "the Bloom filter, encoded: see bloom.json"),
        Field::optional("heartbeat", Shape::Uint64, "milliseconds"),
        Field::optional("riderBytes", Shape::Uint64, "most bytes of entries that ride along"),
        Field::optional("address", Shape::HexOf(32), "the mailbox"),
        Field::optional("proof", Shape::HexOf(64), "the signature of its key"),
        Field::optional("operation", Shape::OneOf(&["leave", "fetch", "close"]), "what is asked"),
        Field::optional("slot", Shape::Uint64, "the slot"),
        Field::optional("content", Shape::nullable(Shape::Hex), "a message, or none"),
    ];
    let numbers = [
        "entries",
        "payloadBytes",
        "diskBytes",
        "commits",
        "fsyncs",
        "compactionsRunning",
        "compactionPendingBytes",
    ];
    let mut status = vec![
        Field::required("engine", Shape::Text, "what keeps the entries"),
        Field::required("durability", durability, "when a write is durable"),
    ];
    status.extend(numbers.map(|name| Field::required(name, Shape::Uint64, "a figure")));
    status.push(Field::required("impairments", text_list(), "codes"));
    fields.push(Field::optional("statuses", Shape::list(Shape::Object(status)), "(WIRE-39)"));
    fields.extend(request(Field::optional));
    fields.extend(error_shape());
    Shape::Object(fields)
}
