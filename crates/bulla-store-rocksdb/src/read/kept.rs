//! What was refused and is kept. What cannot be read of it is left out, and logged: it was never held.

use bulla_core::EntryId;
use bulla_store::rules::ByteBudget;
use bulla_store::{KeptEntry, KeptFacts, KeptPage, Result};

use super::View;
use crate::error::{damaged_row, read_error};
use crate::layout::{Family, KeptRow, kept_key, kept_range};
use crate::shared::Shared;
use crate::space::Space;

/// What is kept, by id.
pub(crate) fn kept(
    shared: &Shared,
    space: &Space,
    after: Option<&EntryId>,
    limit: usize,
) -> Result<KeptPage> {
    let view = View::new(shared, space)?;
    let [first, end, _] = kept_range(view.number);
    let start = after.map_or(first, |after| kept_key(view.number, after));
    let mut options = view.options();
    options.set_iterate_upper_bound(end.as_ref());
    let family = view.database.family(Family::Quarantine)?;
    let mut rows = view.database.raw().raw_iterator_cf_opt(family, options);
    rows.seek(start);
    let mut page = KeptPage::default();
    while let Some((key, value)) = rows.item() {
        let id = key.last_chunk().copied().map(EntryId).filter(|id| Some(id) != after);
        if let Some(found) = id.and_then(|id| read(&id, value)) {
            if page.facts.len() == limit {
                return Ok(page);
            }
            page.facts.push(KeptFacts::of(&found.entry, found.code));
        }
        rows.next();
    }
    rows.status().map_err(read_error("quarantine"))?;
    page.end = true;
    Ok(page)
}

/// Kept entries for a prefix of the ids, as many as the bytes allow.
pub(crate) fn kept_entries(
    shared: &Shared,
    space: &Space,
    ids: &[EntryId],
    max_bytes: u32,
) -> Result<Vec<Option<KeptEntry>>> {
    let view = View::new(shared, space)?;
    let family = view.database.family(Family::Quarantine)?;
    let mut budget = ByteBudget::new(max_bytes);
    let mut entries = Vec::new();
    for id in ids {
        let key = kept_key(view.number, id);
        let found = view.database.raw().get_pinned_cf_opt(family, key, &view.options());
        let found = found.map_err(read_error("quarantine"))?.and_then(|row| read(id, &row));
        if !budget.take(found.as_ref().map_or(0, |kept| kept.entry.size_bytes())) {
            break;
        }
        entries.push(found);
    }
    Ok(entries)
}

fn read(id: &EntryId, row: &[u8]) -> Option<KeptEntry> {
    let row = KeptRow::parse(row).ok_or_else(|| damaged_row("quarantine"));
    match row.and_then(|row| Ok(KeptEntry { entry: row.entry(id)?, code: row.code })) {
        Ok(kept) => Some(kept),
        Err(error) => {
            tracing::error!(%error, id = %id.short(), "an entry in quarantine is damaged");
            None
        }
    }
}
