//! `bulla entry`: look at single entries.

use std::io::{Read as _, Write as _};
use std::pin::pin;

use bulla::sync::{Evidence, Finding, Fork};
use bulla::{EntryId, Space};
use bulla_core::values::{GetItem, GetRequest, PayloadState, ScanBody, ScanRequest, Want};
use bulla_core::{Header, RawEntry, VerifiedHeader};
use bulla_crypto::TransferError;
use bulla_store::{ContentAddressedStore, Context, StoreExt as _};
use data_encoding::HEXLOWER_PERMISSIVE;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{EntryCommand, SpaceArg};
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::io;
use crate::inspect::{self, Explanation};

/// Longest object read from outside: a header, a payload and a signature.
const MAX_OBJECT_BYTES: u64 = 2 * 1024 * 1024;

pub(crate) async fn run(app: &App, command: EntryCommand) -> Result<()> {
    match command {
        EntryCommand::Get { id, space, sealed, header } => {
            get(app, id, &space, sealed, header).await
        }
        EntryCommand::Log { space, limit, after } => log(app, &space, limit, after).await,
        EntryCommand::Inspect { objects, space } => inspect(app, &objects, &space).await,
    }
}

async fn get(app: &App, id: EntryId, space: &SpaceArg, sealed: bool, header: bool) -> Result<()> {
    let spaces = app.spaces()?;
    if header || sealed {
        let store = app.store(&spaces, space).await?;
        return match one(&*store, id).await? {
            GetItem::Entry(entry) if sealed => raw(entry.payload()),
            GetItem::Entry(entry) => raw(entry.verified_header().bytes()),
            GetItem::Header(found, _) if header => raw(found.bytes()),
            other => Err(absent(id, &other)),
        };
    }
    let space = app.space(&spaces, space).await?;
    let entry = match one(&**space.store(), id).await? {
        GetItem::Entry(entry) => entry,
        other => return Err(absent(id, &other)),
    };
    if entry.header().kind.is_control() {
        return raw(entry.payload());
    }
    let plaintext = space.open_entry(&entry)?;
    raw(&plaintext)
}

async fn one(store: &dyn ContentAddressedStore, id: EntryId) -> Result<GetItem> {
    let request = GetRequest { ids: vec![id], max_bytes: u32::MAX };
    Ok(store.get(&Context::new(), request).await?.pop().unwrap_or(GetItem::Absent))
}

fn raw(bytes: &[u8]) -> Result<()> {
    let written = std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush());
    written.map_err(|error| Failure::new(Exit::Failure, format!("could not write: {error}")))
}

fn absent(id: EntryId, item: &GetItem) -> Failure {
    match item {
        GetItem::Corrupt => Failure::new(Exit::Integrity, format!("entry {id} is damaged"))
            .help("run `bulla verify --repair`, then `bulla sync`"),
        GetItem::Header(_, state) => {
            Failure::new(Exit::NotFound, format!("entry {id}: payload {}", payload(*state)))
                .help("`bulla sync` fetches payloads that are missing")
        }
        _ => Failure::new(Exit::NotFound, format!("entry {id} is not held here"))
            .help("see `bulla entry log`"),
    }
}

fn payload(state: PayloadState) -> String {
    match state {
        PayloadState::Present => "present".to_owned(),
        PayloadState::Missing => "missing".to_owned(),
        PayloadState::Erased(by) => format!("erased by {by}"),
        PayloadState::Pruned(by) => format!("pruned by {by}"),
    }
}

async fn log(app: &App, space: &SpaceArg, limit: u64, after: Option<u64>) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(space, &app.held(&spaces).await?)?;
    let space = app.look(&spaces, space).await?;
    let (store, cx) = (space.store(), Context::new());
    let head = store.head(&cx).await?;
    let first = after.unwrap_or_else(|| head.last_receipt.saturating_sub(limit)).saturating_add(1);
    let request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    let mut held = pin!(store.scan_all(&cx, request));
    let mut rows = Vec::new();
    while (rows.len() as u64) < limit
        && let Some(item) = held.try_next().await?
    {
        let ScanBody::Header(header, state) = item.body else { continue };
        if item.receipt >= first {
            rows.push(row(app, &space, item.receipt, &header, state));
        }
    }
    let headings = ["receipt", "entry", "author", "sequence", "kind", "bytes", "payload", "group"];
    app.output.rows(&headings, &rows);
    Ok(())
}

fn row(
    app: &App,
    space: &Space,
    receipt: u64,
    header: &VerifiedHeader,
    state: PayloadState,
) -> Vec<Value> {
    let fields = header.header();
    let group = space.group_of(&fields.key_id);
    let group = (!group.is_zero())
        .then(|| if app.output.is_json { group.to_string() } else { group.short() });
    let (id, author) = if app.output.is_json {
        (header.id().to_string(), fields.author.to_string())
    } else {
        (header.id().to_string(), fields.author.short())
    };
    vec![
        json!(receipt),
        json!(id),
        json!(author),
        json!(fields.sequence),
        json!(fields.kind.to_string()),
        json!(fields.payload_length),
        json!(payload(state)),
        json!(group),
    ]
}

async fn inspect(app: &App, objects: &[String], space: &SpaceArg) -> Result<()> {
    let mut explained_all = Vec::with_capacity(objects.len());
    for object in objects {
        explained_all.push(explained(app, object, space).await?);
    }
    let fork = fork(&explained_all)?;
    if app.output.is_json {
        let mut values: Vec<Value> =
            explained_all.iter().map(|(explanation, _)| explanation_json(explanation)).collect();
        let value = match (values.pop(), objects) {
            (Some(only), [_]) => only,
            (last, _) => {
                values.extend(last);
                let fork = fork.map(|fork| {
                    json!({
                        "author": fork.author.to_string(), "sequence": fork.sequence,
                        "entries": fork.ids.map(|id| id.to_string()),
                    })
                });
                json!({ "objects": values, "fork": fork })
            }
        };
        app.output.json(&value);
    } else {
        for (explanation, _) in &explained_all {
            app.output.line(explanation.what);
            let rows: Vec<_> = explanation
                .fields
                .iter()
                .map(|field| vec![json!(field.name), json!(field.value), json!(field.clause)])
                .collect();
            app.output.rows(&["field", "value", "clause"], &rows);
            if explanation.refusal.is_none() {
                app.output.line("keeps every rule of its format");
            }
        }
        match fork {
            Some(fork) => app.output.line(format!("a fork: {fork}")),
            None if objects.len() == 2 => app.output.line("the two prove no fork"),
            None => {}
        }
    }
    match explained_all.into_iter().find_map(|(explanation, _)| explanation.refusal) {
        None => Ok(()),
        Some(refused) => {
            let mut failure = Failure::new(
                Exit::Integrity,
                format!("refused by {}: {}", refused.clause, refused.message),
            );
            failure.code = Some(refused.code);
            Err(failure.help("the clauses are in spec/"))
        }
    }
}

fn explanation_json(explanation: &Explanation) -> Value {
    let fields: Vec<Value> = explanation
        .fields
        .iter()
        .map(|field| json!({ "name": field.name.trim(), "value": field.value, "clause": field.clause }))
        .collect();
    let refusal = explanation.refusal.as_ref().map(|refused| {
        json!({ "code": refused.code, "clause": refused.clause, "message": refused.message, "offset": refused.offset })
    });
    json!({ "object": explanation.what, "fields": fields, "refusal": refusal })
}

/// What two signed entries prove of their author (SYN-54).
fn fork(explained: &[(Explanation, Option<RawEntry>)]) -> Result<Option<Fork>> {
    let [(_, Some(first)), (_, Some(second))] = explained else { return Ok(None) };
    let Ok(header) = Header::decode(&first.header) else { return Ok(None) };
    let evidence = Evidence::Fork { first: first.clone(), second: second.clone() };
    Ok(match evidence.verify(&header.space, &inspect::verifier()?) {
        Ok(Finding::Forked(fork)) => Some(fork),
        Ok(Finding::Seen { .. }) | Err(_) => None,
    })
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && HEXLOWER_PERMISSIVE.decode(text.as_bytes()).is_ok()
}

/// An id names an entry held here; anything else is bytes. With the entry itself, where it is one with its signature.
async fn explained(
    app: &App,
    object: &str,
    space: &SpaceArg,
) -> Result<(Explanation, Option<RawEntry>)> {
    if let Ok(id) = object.parse::<EntryId>()
        && !std::path::Path::new(object).exists()
    {
        let spaces = app.spaces()?;
        let store = app.store(&spaces, space).await?;
        return Ok(match one(&*store, id).await? {
            GetItem::Entry(entry) => {
                let header = entry.verified_header();
                let explanation =
                    inspect::signed(header.bytes(), header.signature(), Some(entry.payload()));
                (explanation, Some(header.to_raw()))
            }
            GetItem::Header(header, _) => {
                (inspect::signed(header.bytes(), header.signature(), None), Some(header.to_raw()))
            }
            other => return Err(absent(id, &other)),
        });
    }
    let bytes = if object == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(MAX_OBJECT_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| io("read", "-".as_ref(), &error))?;
        bytes
    } else if std::path::Path::new(object).exists() {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(object)
            .and_then(|file| file.take(MAX_OBJECT_BYTES).read_to_end(&mut bytes));
        read.map_err(|error| io("read", object.as_ref(), &error))?;
        bytes
    } else if object.starts_with("bulla-") || is_hexadecimal(object) {
        object.as_bytes().to_vec()
    } else {
        return Err(Failure::new(
            Exit::NotFound,
            format!("'{object}' is no file, and neither an id nor other hexadecimal digits"),
        )
        .help("give an entry id, a file, hexadecimal bytes, or - for standard input"));
    };
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    // A card or a key transfer is a line of text of its own kind.
    if text.starts_with("bulla-card") {
        let card: bulla::Card = text.parse().map_err(|error: bulla_identity::CardError| {
            Failure::new(Exit::Integrity, with_causes(&error)).code(&error.code())
        })?;
        return Ok((inspect::explain(&card.to_bytes()), None));
    }
    if text.starts_with("bulla-key") {
        let transfer: bulla::KeyTransfer = text.parse().map_err(|error: TransferError| {
            Failure::new(Exit::Integrity, with_causes(&error)).code(&error.code())
        })?;
        return Ok((inspect::key_transfer(&transfer), None));
    }
    let both = |bytes: &[u8]| (inspect::explain(bytes), inspect::raw_entry(bytes));
    match HEXLOWER_PERMISSIVE.decode(text.as_bytes()) {
        Ok(decoded) if !decoded.is_empty() => Ok(both(&decoded)),
        _ if bytes.is_empty() => Err(Failure::usage("nothing to inspect")
            .help("give an entry id, a file, hexadecimal bytes, or - for standard input")),
        _ => Ok(both(&bytes)),
    }
}
