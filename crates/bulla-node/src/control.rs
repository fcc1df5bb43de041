//! The control entries of a space, read from any store of it.

use bulla_core::values::{Cursor, Filter, KindRange, ScanBody, ScanRequest};
use bulla_core::{Kind, VerifiedEntry};
use bulla_directory::Directory;
use bulla_store::{ContentAddressedStore, Context, Result};

/// A page of control entries.
pub(crate) struct ControlPage {
    /// Those that the directory is computed from.
    pub(crate) entries: Vec<VerifiedEntry>,
    /// Where the next page begins.
    pub(crate) cursor: Cursor,
    /// Whether this is the last.
    pub(crate) end: bool,
}

/// Reads the control entries that lie after a cursor, a page at a time. Frontiers are left out: they give no rights.
pub(crate) async fn page(
    cx: &Context,
    store: &dyn ContentAddressedStore,
    after: Option<Cursor>,
) -> Result<ControlPage> {
    // Control entries match every filter (FLT-1), and nothing else matches this one.
    let range = KindRange { first: Kind::GENESIS, last: Kind(Kind::FIRST_APPLICATION.0 - 1) };
    let filter = Filter { kinds: vec![range], ..Filter::all() };
    let request = ScanRequest { after, filter, ..ScanRequest::everything() };
    let page = store.scan(cx, request).await?;
    let entries = page.items.into_iter().filter_map(|item| match item.body {
        ScanBody::Entry(entry) if is_graph(entry.header().kind) => Some(entry),
        _ => None,
    });
    Ok(ControlPage { entries: entries.collect(), cursor: page.cursor, end: page.end })
}

/// The directory of what a store holds now.
pub(crate) async fn directory(
    cx: &Context,
    store: &dyn ContentAddressedStore,
) -> Result<Directory> {
    let mut directory = Directory::new(store.space());
    let mut after = None;
    loop {
        let page = page(cx, store, after).await?;
        directory.extend(&page.entries);
        if page.end {
            return Ok(directory);
        }
        after = Some(page.cursor);
    }
}

/// Whether a kind is part of what a directory is computed from.
pub(crate) fn is_graph(kind: Kind) -> bool {
    kind.is_control() && kind != Kind::FRONTIER
}
