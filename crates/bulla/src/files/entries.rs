//! Which entries make up a file: for erasing it.

use std::collections::BTreeSet;

use bulla_core::values::{Filter, KindRange, ScanBody, ScanRequest};
use bulla_core::{EntryId, Kind};
use bulla_crypto::manifest::{FileRecord, FileType, Manifest};
use bulla_store::Context;

use super::FileError;
use crate::{Space, SpaceError};

/// The entries that a path, and what lies below it, is made of: every record that this device can read, also replaced ones,
/// with the manifests and chunks that no other path needs. Ascending; empty where nothing has such a path.
///
/// # Errors
///
/// [`FileError::Space`] when the store fails.
pub async fn entries_of(space: &Space, path: &str) -> Result<Vec<EntryId>, FileError> {
    let path: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let (mut records, mut contents, mut others) = (BTreeSet::new(), Vec::new(), Vec::new());
    let files = KindRange { first: Kind::FILE, last: Kind::FILE };
    let filter = Filter { kinds: vec![files], ..Filter::all() };
    let mut request = ScanRequest { filter, ..ScanRequest::everything() };
    loop {
        let page = space.store().scan(&Context::new(), request.clone()).await;
        let page = page.map_err(SpaceError::from)?;
        for item in page.items {
            let ScanBody::Entry(entry) = item.body else { continue };
            let plain = space.open_entry(&entry).ok();
            let Some(record) = plain.and_then(|plain| FileRecord::decode(&plain).ok()) else {
                continue;
            };
            let names = record.path().iter().map(String::as_str);
            let is_meant = names.take(path.len()).eq(path.iter().copied());
            if is_meant {
                records.insert(item.id);
            }
            if let FileType::File { manifest, .. } = record.file_type() {
                if is_meant { &mut contents } else { &mut others }.push(manifest);
            }
        }
        if page.end {
            break;
        }
        request.after = Some(page.cursor);
    }
    let kept = content_of(space, others).await?;
    let contents = content_of(space, contents).await?;
    records.extend(contents.difference(&kept));
    Ok(records.into_iter().collect())
}

/// These manifests and all that they name, as far as it is held and opens.
async fn content_of(
    space: &Space,
    mut manifests: Vec<EntryId>,
) -> Result<BTreeSet<EntryId>, FileError> {
    let mut found = BTreeSet::new();
    while let Some(id) = manifests.pop() {
        if !found.insert(id) {
            continue;
        }
        let entry = match space.entry(id).await {
            Ok(entry) if entry.header().kind == Kind::MANIFEST => entry,
            Err(SpaceError::Store(error)) => return Err(SpaceError::from(error).into()),
            // What is not here names nothing; its own id stands for it.
            Ok(_) | Err(_) => continue,
        };
        let plain = space.open_entry(&entry).ok();
        let Some(manifest) = plain.and_then(|plain| Manifest::decode(&plain).ok()) else {
            continue;
        };
        for child in manifest.children() {
            if manifest.level() > 0 {
                manifests.push(child.id);
            } else {
                found.insert(child.id);
            }
        }
    }
    Ok(found)
}
