//! Taking back what a refused commit said of entries (DISK-10).

use std::collections::HashMap;

use bulla_core::{AuthorKey, Verified};
use bulla_store::tally::TallySet;
use bulla_store::{KeptTotals, Result};
use bytes::Bytes;

use crate::database::{Batch, Database};
use crate::error::{damaged_row, read_error};
use crate::layout::{
    Before, Family, HeaderRow, JudgedRow, LeftRow, Meta, State, hash_key, kept_author_key,
    kept_key, kept_row, receipt_key, space_range, totals_row,
};
use crate::read::{verified_entry, verified_header};

/// Drops the marks of entries that are taken back, and counts the others anew. A mark that the commit made of an entry held
/// before may stay; so the space forgets what it was judged by, and is judged again.
pub(super) fn undo_marks(
    database: &Database,
    before: &Before,
    batch: &mut Batch<'_>,
) -> Result<()> {
    let key = Meta::Judged(before.space).key();
    let Some(mut judged) = database.row::<JudgedRow>(Family::Meta, &key)? else { return Ok(()) };
    judged.by = None;
    judged.marked = TallySet::default();
    let (first, end) = space_range(before.space);
    let mut rows = database.raw().raw_iterator_cf(database.family(Family::Marks)?);
    rows.seek(first);
    while let Some(key) = rows.key().filter(|key| *key < end.as_ref()) {
        let receipt = key.last_chunk().copied().map(u64::from_be_bytes);
        let receipt = receipt.ok_or_else(|| damaged_row("marks"))?;
        let key = receipt_key(before.space, receipt);
        if receipt > before.last_receipt {
            batch.delete(Family::Marks, key)?;
        } else {
            let bytes = database.get(Family::Headers, &key)?;
            let row = bytes.as_deref().and_then(HeaderRow::parse);
            judged.marked.insert(&row.ok_or_else(|| damaged_row("headers"))?.id);
        }
        rows.next();
    }
    rows.status().map_err(read_error("marks"))?;
    batch.put(Family::Meta, key, judged.to_bytes())
}

/// Puts entries back into quarantine that the commit took out by storing them: they were kept before it, and are not stored
/// any more.
pub(super) fn undo_leaving(
    database: &Database,
    before: &Before,
    last_receipt: u64,
    batch: &mut Batch<'_>,
) -> Result<()> {
    let number = before.space;
    let key = Meta::Left(number).key();
    let Some(LeftRow(left)) = database.row(Family::Meta, &key)? else { return Ok(()) };
    let total_key = Meta::Kept(number).key();
    let mut all: KeptTotals = database.row(Family::Meta, &total_key)?.unwrap_or_default();
    let mut authors: HashMap<AuthorKey, KeptTotals> = HashMap::new();
    for (receipt, code) in left {
        if receipt <= before.last_receipt || receipt > last_receipt {
            continue;
        }
        let entry = stored(database, number, receipt)?;
        let (author, bytes) = (entry.header().author, bulla_store::quarantine::size_of(&entry));
        let of_author = match authors.get(&author) {
            Some(totals) => *totals,
            None => database
                .row(Family::Quarantine, &kept_author_key(number, &author))?
                .unwrap_or_default(),
        };
        authors.insert(author, of_author.with(bytes));
        all = all.with(bytes);
        batch.put(Family::Quarantine, kept_key(number, &entry.id()), kept_row(&entry, &code))?;
    }
    for (author, totals) in authors {
        batch.put(Family::Quarantine, kept_author_key(number, &author), totals_row(totals))?;
    }
    batch.put(Family::Meta, total_key, totals_row(all))?;
    // Its receipts are given out again, and mean other entries then.
    batch.delete(Family::Meta, key)
}

/// The entry at a receipt, with its payload if that is there.
fn stored(database: &Database, number: u32, receipt: u64) -> Result<Verified> {
    let key = receipt_key(number, receipt);
    let bytes = database.get(Family::Headers, &key)?.ok_or_else(|| damaged_row("headers"))?;
    let row = HeaderRow::parse(&bytes).ok_or_else(|| damaged_row("headers"))?;
    let header = verified_header(&row)?;
    let payload = match row.state {
        State::Inline => database.get(Family::Payloads, &key)?,
        State::Large => {
            database.get(Family::Large, &hash_key(number, &header.header().content_hash))?
        }
        State::Missing | State::Erased(_) | State::Pruned(_) => None,
    };
    let Some(payload) = payload else { return Ok(header.into()) };
    let entry = verified_entry(&header, Ok(Some(Bytes::copy_from_slice(&payload))))?;
    Ok(entry.map_or_else(|| header.into(), Verified::from))
}
