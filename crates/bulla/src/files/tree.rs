//! The files of a space as its records tell.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulla_core::values::{Filter, KindRange, PayloadState, ScanBody, ScanRequest};
use bulla_core::{AuthorKey, EntryId, Header, Kind};
use bulla_crypto::manifest::{FileRecord, FileType};
use bulla_store::Context;

use super::FileError;
use crate::{Space, SpaceError};

/// One name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The record that counts.
    pub id: EntryId,
    /// What it says.
    pub record: FileRecord,
    /// Who wrote it.
    pub author: AuthorKey,
    /// The key group that reads it; zero for all readers of the space.
    pub group: EntryId,
    /// When, by its author's clock; a hint.
    pub timestamp: u64,
}

/// A name that was written by several devices, none of which had seen the other's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path, its components joined by `/`.
    pub path: String,
    /// The records that do not count, newest first.
    pub losers: Vec<Node>,
}

/// All names of a space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// By path.
    pub nodes: BTreeMap<Vec<String>, Node>,
    /// Names with more than one record that none replaces. The one in `nodes` has the highest timestamp, author and id.
    pub conflicts: Vec<Conflict>,
    /// Records that do not open or do not parse, or whose payload is missing.
    pub unreadable: Vec<EntryId>,
    /// Records for key groups that this device is not in.
    pub of_others: Vec<EntryId>,
    /// Records that were erased; what they named nobody knows any more.
    pub erased: Vec<EntryId>,
}

impl Tree {
    /// Reads every record of the space.
    ///
    /// A record replaces those it depends on. Of several that none replaces, the one with the highest (timestamp, author,
    /// id) counts, the same on every device that holds the same entries.
    ///
    /// # Errors
    ///
    /// [`FileError::Space`] when the store fails. A bad record is listed and stops nothing.
    pub async fn read(space: &Space) -> Result<Self, FileError> {
        let mut records: BTreeMap<Vec<String>, Vec<(Node, Header)>> = BTreeMap::new();
        let mut tree = Self::default();
        let files = KindRange { first: Kind::FILE, last: Kind::FILE };
        let filter = Filter { kinds: vec![files], ..Filter::all() };
        let mut request = ScanRequest { filter, ..ScanRequest::everything() };
        loop {
            let page = space
                .store()
                .scan(&Context::new(), request.clone())
                .await
                .map_err(SpaceError::from)?;
            for item in page.items {
                let entry = match item.body {
                    ScanBody::Entry(entry) if entry.header().kind == Kind::FILE => entry,
                    ScanBody::Header(header, state) if header.header().kind == Kind::FILE => {
                        match state {
                            PayloadState::Erased(_) | PayloadState::Pruned(_) => &mut tree.erased,
                            PayloadState::Present | PayloadState::Missing => &mut tree.unreadable,
                        }
                        .push(item.id);
                        continue;
                    }
                    _ => continue,
                };
                let header = entry.header();
                let group = space.group_of(&header.key_id);
                let record =
                    space.open_entry(&entry).ok().and_then(|plain| FileRecord::decode(&plain).ok());
                let Some(record) = record else {
                    let is_foreign = !group.is_zero() && !space.reads_group(&group);
                    if is_foreign { &mut tree.of_others } else { &mut tree.unreadable }
                        .push(item.id);
                    continue;
                };
                let node = Node {
                    id: item.id,
                    author: header.author,
                    group,
                    timestamp: header.timestamp,
                    record,
                };
                records
                    .entry(node.record.path().to_vec())
                    .or_default()
                    .push((node, header.clone()));
            }
            if page.end {
                break;
            }
            request.after = Some(page.cursor);
        }
        for (path, written) in records {
            let mut nodes = not_replaced(written);
            nodes.sort_by_key(|node| std::cmp::Reverse((node.timestamp, node.author, node.id)));
            let mut nodes = nodes.into_iter();
            let Some(first) = nodes.next() else { continue };
            let losers: Vec<Node> = nodes.collect();
            if !losers.is_empty() {
                tree.conflicts.push(Conflict { path: path.join("/"), losers });
            }
            tree.nodes.insert(path, first);
        }
        Ok(tree)
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.nodes.values().map(|node| match node.record.file_type() {
            FileType::File { size, .. } => size,
            FileType::Directory => 0,
        });
        sizes.fold(0, u64::saturating_add)
    }
}

/// The records of one path that no other of this path replaces: by naming it as a dependency, or by following it in its
/// author's own chain.
fn not_replaced(written: Vec<(Node, Header)>) -> Vec<Node> {
    let named: HashSet<EntryId> =
        written.iter().flat_map(|(_, header)| header.dependencies.iter().copied()).collect();
    let mut last: HashMap<AuthorKey, u64> = HashMap::new();
    for (_, header) in &written {
        let last = last.entry(header.author).or_default();
        *last = header.sequence.max(*last);
    }
    let counts = |(node, header): &(Node, Header)| {
        !named.contains(&node.id) && last.get(&header.author) == Some(&header.sequence)
    };
    written.into_iter().filter(counts).map(|(node, _)| node).collect()
}
