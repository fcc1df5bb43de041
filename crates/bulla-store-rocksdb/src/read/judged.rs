//! What an admission wants to know of entries: headers and marks, never payloads.

use bulla_core::{AuthorKey, Code, EntryId};
use bulla_store::{Facts, FactsPage, Mark, Place, Result};

use super::{View, verified_header};
use crate::error::{damaged_row, read_error};
use crate::layout::{
    Family, HeaderRow, IndexRow, Key, Row, author_key, author_prefix, id_key, receipt_key,
};
use crate::shared::Shared;
use crate::space::Space;

/// Ids looked up together.
const CHUNK: usize = 128;

/// The entries that do not count, by receipt.
pub(crate) fn marked(
    shared: &Shared,
    space: &Space,
    after: u64,
    limit: usize,
) -> Result<FactsPage> {
    let view = View::new(shared, space)?;
    let end = receipt_key(view.number, view.upto.receipt.saturating_add(1));
    let mut options = view.options();
    options.set_iterate_upper_bound(end.as_ref());
    let mut rows =
        view.database.raw().raw_iterator_cf_opt(view.database.family(Family::Marks)?, options);
    let Some(first) = after.checked_add(1).filter(|first| *first <= view.upto.receipt) else {
        return Ok(FactsPage { facts: Vec::new(), end: true });
    };
    rows.seek(receipt_key(view.number, first));
    let mut page = FactsPage::default();
    while let Some((key, value)) = rows.item() {
        if page.facts.len() == limit {
            return Ok(page);
        }
        let receipt = key.last_chunk().copied().map(u64::from_be_bytes);
        let receipt = receipt.ok_or_else(|| damaged_row("marks"))?;
        let code = Code::parse(std::str::from_utf8(value).unwrap_or_default());
        let code = code.ok_or_else(|| damaged_row("marks"))?;
        page.facts.push(at(&view, receipt, Mark::Not(code))?);
        rows.next();
    }
    rows.status().map_err(read_error("marks"))?;
    page.end = true;
    Ok(page)
}

/// The entries of one author by sequence and receipt.
pub(crate) fn authored(
    shared: &Shared,
    space: &Space,
    author: &AuthorKey,
    after: Place,
    limit: usize,
) -> Result<FactsPage> {
    let view = View::new(shared, space)?;
    let prefix = author_prefix(view.number, author);
    let start = author_key(view.number, author, after.sequence, after.receipt);
    let family = view.database.family(Family::Authors)?;
    let mut rows = view.database.raw().raw_iterator_cf_opt(family, view.options());
    rows.seek(start);
    let mut page = FactsPage::default();
    while let Some(key) = rows.key().filter(|key| key.starts_with(prefix.as_ref())) {
        let receipt = key.last_chunk().copied().map(u64::from_be_bytes);
        let receipt = receipt.ok_or_else(|| damaged_row("authors"))?;
        if key > start.as_ref() && receipt <= view.upto.receipt {
            if page.facts.len() == limit {
                return Ok(page);
            }
            let mark = mark_at(&view, receipt)?;
            page.facts.push(at(&view, receipt, mark)?);
        }
        rows.next();
    }
    rows.status().map_err(read_error("authors"))?;
    page.end = true;
    Ok(page)
}

/// What is known of each id.
pub(crate) fn facts(shared: &Shared, space: &Space, ids: &[EntryId]) -> Result<Vec<Option<Facts>>> {
    let view = View::new(shared, space)?;
    let mut facts = Vec::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let keys: Vec<Key> = ids.iter().map(|id| id_key(view.number, id)).collect();
        for found in view.database.get_many(Family::Ids, &keys, &view.options())? {
            let row = found?
                .map(|bytes| IndexRow::parse(&bytes).ok_or_else(|| damaged_row("ids")))
                .transpose()?
                .filter(|row| row.receipt <= view.upto.receipt);
            facts.push(match row {
                Some(row) => Some(at(&view, row.receipt, mark_at(&view, row.receipt)?)?),
                None => None,
            });
        }
    }
    Ok(facts)
}

fn at(view: &View<'_>, receipt: u64, mark: Mark) -> Result<Facts> {
    let family = view.database.family(Family::Headers)?;
    let key = receipt_key(view.number, receipt);
    let found = view.database.raw().get_pinned_cf_opt(family, key, &view.options());
    let found = found.map_err(read_error("headers"))?;
    let row = found.as_deref().and_then(HeaderRow::parse).ok_or_else(|| damaged_row("headers"))?;
    Ok(Facts::of(&verified_header(&row)?, receipt, mark, row.state.payload_state()))
}

fn mark_at(view: &View<'_>, receipt: u64) -> Result<Mark> {
    let family = view.database.family(Family::Marks)?;
    let key = receipt_key(view.number, receipt);
    let found = view.database.raw().get_pinned_cf_opt(family, key, &view.options());
    match found.map_err(read_error("marks"))? {
        None => Ok(Mark::Counts),
        Some(bytes) => {
            <Code as Row>::parse(&bytes).map(Mark::Not).ok_or_else(|| damaged_row("marks"))
        }
    }
}
