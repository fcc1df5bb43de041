//! Looking entries up by id.

use bulla_core::values::{GetItem, GetRequest, Has, PayloadState, Presence};
use bulla_core::{EntryId, Signature};
use bulla_store::rules::ByteBudget;
use bulla_store::{Result, StoreError};

use super::{View, verified_entry, verified_header};
use crate::error::damaged_row;
use crate::layout::{Family, HeaderRow, IndexRow, Key, Row, id_key, receipt_key};
use crate::shared::Shared;
use crate::space::Space;

/// Ids looked up together.
const CHUNK: usize = 128;

/// Entries for a prefix of the ids, as many as the bytes allow.
pub(crate) fn get(shared: &Shared, space: &Space, request: &GetRequest) -> Result<Vec<GetItem>> {
    let view = View::new(shared, space)?;
    let mut budget = ByteBudget::new(request.max_bytes);
    let mut items = Vec::new();
    for ids in request.ids.chunks(CHUNK) {
        let keys: Vec<Key> = ids.iter().map(|id| id_key(view.number, id)).collect();
        let index = view.database.get_many(Family::Ids, &keys, &view.options())?;
        for (id, found) in ids.iter().zip(index) {
            let item = match found.and_then(parse) {
                Ok(Some(row)) if row.receipt <= view.upto.receipt => {
                    one(&view, id, row.receipt, &mut budget)
                }
                Ok(_) => Ok(budget.take(0).then_some(GetItem::Absent)),
                Err(error) => Err(error),
            };
            match item {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(items),
                // One damaged entry never fails the others.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, id = %id.short(), "stored entry is damaged");
                    if !budget.take(0) {
                        return Ok(items);
                    }
                    items.push(GetItem::Corrupt);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(items)
}

/// One entry; `None` when it does not fit the budget any more.
fn one(
    view: &View<'_>,
    id: &EntryId,
    receipt: u64,
    budget: &mut ByteBudget,
) -> Result<Option<GetItem>> {
    let key = receipt_key(view.number, receipt);
    let found = view
        .database
        .raw()
        .get_pinned_cf_opt(view.database.family(Family::Headers)?, key, &view.options())
        .map_err(crate::error::read_error("headers"))?;
    let row = found.as_deref().and_then(HeaderRow::parse).filter(|row| row.id == *id);
    let row = row.ok_or_else(|| damaged_row("headers"))?;
    let header = verified_header(&row)?;
    let header_bytes = header.bytes().len().saturating_add(Signature::LEN);
    let state = row.state.payload_state();
    if state != PayloadState::Present {
        return Ok(budget.take(header_bytes).then_some(GetItem::Header(header, state)));
    }
    let payload_bytes = usize::try_from(header.header().payload_length).unwrap_or(usize::MAX);
    if !budget.take(header_bytes.saturating_add(payload_bytes)) {
        return Ok(None);
    }
    let entry = verified_entry(&header, view.payload(&header, receipt, row.state))?;
    Ok(Some(entry.map_or(GetItem::Corrupt, GetItem::Entry)))
}

/// What is known of each id; one point read of the index each.
pub(crate) fn has(shared: &Shared, space: &Space, ids: &[EntryId]) -> Result<Presence> {
    let view = View::new(shared, space)?;
    let mut presence = Vec::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let keys: Vec<Key> = ids.iter().map(|id| id_key(view.number, id)).collect();
        for found in view.database.get_many(Family::Ids, &keys, &view.options())? {
            presence.push(match found.and_then(parse)? {
                Some(row) if row.receipt > view.upto.receipt => Has::No,
                Some(row) if row.is_missing => Has::PayloadMissing,
                Some(_) => Has::Yes,
                None => Has::No,
            });
        }
    }
    Ok(presence)
}

fn parse(found: Option<rocksdb::DBPinnableSlice<'_>>) -> Result<Option<IndexRow>> {
    found.map(|bytes| IndexRow::parse(&bytes).ok_or_else(|| damaged_row("ids"))).transpose()
}
