//! Looking entries up, and checking that they are those asked for.

use bulla_core::limits::{MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES};
use bulla_core::values::{GetItem, GetRequest, PayloadState};
use bulla_core::{EntryId, Verified};
use bulla_store::{Context, Result, rules};
use bulla_wire::get::GetMessage;
use bulla_wire::headers::CONTENT_CBOR_SEQUENCE;
use bulla_wire::route::SpaceRoute;
use bulla_wire::stream::{BodyItem, EntryItem};
use bulla_wire::{BodyDecoder, Form};

use super::{NetworkStore, mismatch};
use crate::error::from_stream;
use crate::transport::Body;
use crate::verification::Verdict;

/// An answer, and whether it may be that an earlier item of the same body is to blame for it.
enum Judged {
    Final(GetItem),
    AskPlain,
}

pub(super) async fn get(
    store: &NetworkStore,
    cx: &Context,
    mut request: GetRequest,
) -> Result<Vec<GetItem>> {
    rules::check_ids(request.ids.len())?;
    if request.ids.is_empty() {
        return Ok(Vec::new());
    }
    let limits = store.client.limits(cx).await?;
    // An answer for a prefix is an answer; the caller asks for the rest.
    request.ids.truncate(usize::try_from(limits.ids_per_request).unwrap_or(MAX_IDS_PER_REQUEST));
    request.max_bytes = request
        .max_bytes
        .min(MAX_PAGE_BYTES)
        .min(u32::try_from(limits.page_bytes).unwrap_or(MAX_PAGE_BYTES));
    let judged = get_in(store, cx, &request, Form::Compact).await?;
    let mut doubtful = Vec::new();
    for (judged, id) in judged.iter().zip(&request.ids) {
        if matches!(judged, Judged::AskPlain) {
            doubtful.push(*id);
        }
    }
    let mut plain = in_plain_form(store, cx, doubtful, request.max_bytes).await?.into_iter();
    let items = judged.into_iter().map(|judged| match judged {
        Judged::Final(item) => item,
        Judged::AskPlain => plain.next().unwrap_or(GetItem::Corrupt),
    });
    Ok(items.collect())
}

/// Asks once more for entries that did not verify in the compact form, where one wrong entry can spoil others. What does
/// not verify now is what the node sent, and what it does not answer for stays corrupt.
async fn in_plain_form(
    store: &NetworkStore,
    cx: &Context,
    ids: Vec<EntryId>,
    max_bytes: u32,
) -> Result<Vec<GetItem>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = GetRequest { ids, max_bytes };
    let judged = get_in(store, cx, &request, Form::Plain).await?;
    let item = |judged| match judged {
        Judged::Final(item) => item,
        Judged::AskPlain => GetItem::Corrupt,
    };
    Ok(judged.into_iter().map(item).collect())
}

async fn get_in(
    store: &NetworkStore,
    cx: &Context,
    request: &GetRequest,
    form: Form,
) -> Result<Vec<Judged>> {
    let message = GetMessage { request: request.clone(), form };
    let route = store.route(SpaceRoute::Get);
    let body = Some(Body::item(&message));
    let mut answer = store.client.request(cx, route, body, CONTENT_CBOR_SEQUENCE).await?;
    let mut decoder = BodyDecoder::get(store.space, request);
    let mut items = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        decoder.push(&chunk);
        while let Some(item) =
            decoder.next_item().map_err(|error| from_stream(error, store.space))?
        {
            items.push(item);
        }
    }
    decoder.finish().map_err(|error| from_stream(error, store.space))?;
    judge(store, request, form, items).await
}

async fn judge(
    store: &NetworkStore,
    request: &GetRequest,
    form: Form,
    items: Vec<BodyItem>,
) -> Result<Vec<Judged>> {
    let raw = items.iter().filter_map(|item| match item {
        BodyItem::Entry(entry) => Some(entry.raw.clone()),
        _ => None,
    });
    let verification = &store.client.inner.verification;
    let mut verdicts = verification.all(store.space, raw.collect()).await?.into_iter();
    let mut judged = Vec::with_capacity(items.len());
    for (item, id) in items.iter().zip(&request.ids) {
        judged.push(match item {
            BodyItem::Entry(entry) => {
                let verdict = verdicts.next().ok_or_else(|| mismatch("no verdict"))?;
                judge_entry(entry, id, verdict, form)?
            }
            BodyItem::Absent => Judged::Final(GetItem::Absent),
            BodyItem::Corrupt => Judged::Final(GetItem::Corrupt),
            BodyItem::Unavailable => Judged::Final(GetItem::Unavailable),
            // The end; the decoder lets nothing else through.
            _ => break,
        });
    }
    if judged.is_empty() {
        return Err(mismatch("no answer for the first id"));
    }
    Ok(judged)
}

fn judge_entry(entry: &EntryItem, id: &EntryId, verdict: Verdict, form: Form) -> Result<Judged> {
    let right = |found: EntryId| found == *id;
    Ok(match (verdict, entry.state) {
        (Verdict::Good(Verified::Entry(entry)), _) if right(entry.id()) => {
            Judged::Final(GetItem::Entry(entry))
        }
        (Verdict::Good(Verified::Header(header)), state) if right(header.id()) => match state {
            PayloadState::Present => return Err(mismatch("payload is present and was not sent")),
            state => Judged::Final(GetItem::Header(header, state)),
        },
        (Verdict::WrongPayload(header), _) if right(header.id()) => {
            Judged::Final(GetItem::Header(header, PayloadState::Missing))
        }
        _ if form == Form::Compact && entry.is_compact => Judged::AskPlain,
        _ => Judged::Final(GetItem::Corrupt),
    })
}
