//! A commit in the making.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bulla_core::{AuthorKey, Code, ContentHash, EntryId, Lineage, LogHash};
use bulla_store::{KeptTotals, Result};

use crate::database::{Batch, Database};
use crate::digests::{Delta, Digests};
use crate::layout::{
    Before, Family, JudgedRow, Key, LeftRow, LiveRow, Meta, State, hash_key, kept_author_key,
    marker_key, totals_row,
};
use crate::queue::Bookmark;
use crate::shared::Shared;
use crate::space::Space;

/// Everything that goes into one commit.
pub(super) struct Plan<'d> {
    shared: &'d Shared,
    pub(super) database: &'d Database,
    pub(super) batch: Batch<'d>,
    touched: BTreeMap<u32, Touched>,
}

/// What a commit does to one space.
pub(super) struct Touched {
    space: Arc<Space>,
    lineage: Lineage,
    /// As durable and visible now.
    before: LiveRow,
    /// As it will be.
    pub(super) row: LiveRow,
    digests_at: u64,
    /// Header rows that this commit writes.
    pub(super) fresh: HashMap<EntryId, Fresh>,
    pub(super) changes: Vec<Change>,
    /// Long payloads that this commit writes.
    pub(super) large: HashSet<ContentHash>,
    /// What counts after the commit, and whether that is new.
    pub(super) judged: Option<Arc<JudgedRow>>,
    is_judged_anew: bool,
    /// How much is in quarantine after the commit, in all and by those authors for whom it is new.
    pub(super) kept: KeptTotals,
    pub(super) kept_of: HashMap<AuthorKey, KeptTotals>,
    /// What the commit takes out of quarantine by storing it: receipts and codes.
    pub(super) left: Vec<(u64, Code)>,
    /// Whether the quarantine has no room, where that is new.
    pub(super) is_quarantine_full: Option<bool>,
    /// The digests after the commit, where they are written down with it.
    digests: Option<Digests>,
}

/// A header row that this commit writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh {
    pub(super) receipt: u64,
    pub(super) log_hash: LogHash,
    pub(super) state: State,
}

/// What a commit changes in a space's digests.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Appended { id: EntryId, is_control: bool, has_payload: bool },
    PayloadAdded(EntryId),
    PayloadDropped(EntryId),
}

impl<'d> Plan<'d> {
    pub(super) fn new(shared: &'d Shared) -> Self {
        let database = &shared.database;
        Self { shared, database, batch: Batch::new(database), touched: BTreeMap::new() }
    }

    /// Takes what the commit does to a space out of the plan; [`put_back`](Self::put_back) returns it.
    pub(super) fn touch(&mut self, space: &Arc<Space>) -> Result<Touched> {
        if let Some(touched) = self.touched.remove(&space.number) {
            return Ok(touched);
        }
        let live = space.live()?;
        Ok(Touched {
            space: Arc::clone(space),
            lineage: live.lineage,
            before: live.row,
            row: live.row,
            digests_at: live.digests_at,
            fresh: HashMap::new(),
            changes: Vec::new(),
            large: HashSet::new(),
            judged: live.judged.clone(),
            is_judged_anew: false,
            kept: live.kept,
            kept_of: HashMap::new(),
            left: Vec::new(),
            is_quarantine_full: None,
            digests: None,
        })
    }

    pub(super) fn put_back(&mut self, touched: Touched) {
        self.touched.insert(touched.space.number, touched);
    }

    /// Adds bookmarks.
    pub(super) fn bookmarks(&mut self, bookmarks: &[Bookmark]) -> Result<()> {
        for bookmark in bookmarks {
            match &bookmark.value {
                Some(value) => self.batch.put(Family::Bookmarks, &bookmark.key, value)?,
                None => self.batch.delete(Family::Bookmarks, &bookmark.key)?,
            }
        }
        Ok(())
    }

    /// Adds what a commit writes once per space: its state and, now and then, its digests.
    pub(super) fn seal(&mut self) -> Result<()> {
        for (number, touched) in &mut self.touched {
            if touched.is_unchanged() {
                continue;
            }
            self.batch.put(Family::Meta, Meta::Live(*number).key(), touched.row.to_bytes())?;
            touched.seal_judged(&mut self.batch)?;
            let since = touched.row.last_receipt.saturating_sub(touched.digests_at);
            // Digests are rolled forward from the last ones written down by reading what was appended since. A payload
            // that comes or goes before that point would be overlooked, so then they are written down at once.
            if since < self.shared.options.checkpoint_every && !touched.moves_payloads() {
                continue;
            }
            let mut digests = touched.space.live()?.digests(self.database, *number)?.clone();
            digests.apply(&touched.delta(), touched.row.last_receipt);
            digests.write(&mut self.batch, *number)?;
            touched.digests = Some(digests);
        }
        Ok(())
    }

    /// The batch, what the commit chain covers of it, and the spaces with their last receipts before; `None` when there
    /// is nothing to write.
    pub(super) fn take_batch(&mut self) -> Option<(Batch<'d>, Vec<u8>, Vec<Before>)> {
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.database));
        if batch.is_empty() {
            return None;
        }
        let mut content = Vec::new();
        let mut spaces = Vec::new();
        for (number, touched) in self.touched.iter().filter(|(_, touched)| !touched.is_unchanged())
        {
            content.extend_from_slice(&number.to_be_bytes());
            content.extend_from_slice(&touched.row.to_bytes());
            let LiveRow { last_receipt, log_hash, .. } = touched.before;
            spaces.push(Before { space: *number, last_receipt, log_hash });
        }
        Some((batch, content, spaces))
    }

    /// Makes the commit visible after it became durable; gives the lineages for reports.
    pub(super) fn publish(self) -> BTreeMap<u32, Lineage> {
        let mut lineages = BTreeMap::new();
        for (number, touched) in self.touched {
            lineages.insert(number, touched.lineage);
            if let Some(is_full) = touched.is_quarantine_full {
                touched.space.lock().is_quarantine_full = is_full;
            }
            if !touched.is_unchanged() {
                touched.publish();
            }
        }
        lineages
    }

    /// Adds a long payload for the entry at `receipt`: its marker, and the bytes unless they are held.
    pub(super) fn put_large(
        &mut self,
        touched: &mut Touched,
        hash: &ContentHash,
        receipt: u64,
        payload: &[u8],
    ) -> Result<()> {
        let number = touched.number();
        if !touched.large.contains(hash) && !self.database.has_marker(number, hash, |_| false)? {
            self.batch.put(Family::Large, hash_key(number, hash), payload)?;
        }
        touched.large.insert(*hash);
        self.batch.put(Family::Markers, marker_key(number, hash, receipt), [])
    }

    /// The rows under many keys, in order.
    pub(super) fn look_up<'k>(
        &self,
        family: Family,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Result<Vec<Result<Option<rocksdb::DBPinnableSlice<'d>>>>> {
        self.database.get_many(family, keys, &rocksdb::ReadOptions::default())
    }
}

impl Touched {
    pub(super) fn number(&self) -> u32 {
        self.space.number
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    fn is_unchanged(&self) -> bool {
        self.row == self.before
            && self.changes.is_empty()
            && !self.is_judged_anew
            && self.kept_of.is_empty()
    }

    /// What counts after the commit, to be changed.
    pub(super) fn judged_mut(&mut self) -> &mut JudgedRow {
        self.is_judged_anew = true;
        Arc::make_mut(self.judged.get_or_insert_default())
    }

    /// How much an author has in quarantine as far as this commit goes.
    pub(super) fn kept_of(&self, database: &Database, author: &AuthorKey) -> Result<KeptTotals> {
        if let Some(totals) = self.kept_of.get(author) {
            return Ok(*totals);
        }
        let key = kept_author_key(self.number(), author);
        Ok(database.row(Family::Quarantine, &key)?.unwrap_or_default())
    }

    /// Adds what says what counts and how much is kept, where that is new.
    fn seal_judged(&self, batch: &mut Batch<'_>) -> Result<()> {
        let number = self.number();
        if let Some(judged) = self.judged.as_ref().filter(|_| self.is_judged_anew) {
            batch.put(Family::Meta, Meta::Judged(number).key(), judged.to_bytes())?;
        }
        if !self.kept_of.is_empty() {
            batch.put(Family::Meta, Meta::Kept(number).key(), totals_row(self.kept))?;
        }
        for (author, totals) in &self.kept_of {
            let key = kept_author_key(number, author);
            if totals.entries == 0 {
                batch.delete(Family::Quarantine, key)?;
            } else {
                batch.put(Family::Quarantine, key, totals_row(*totals))?;
            }
        }
        if !self.left.is_empty() {
            let row = LeftRow(self.left.clone());
            batch.put(Family::Meta, Meta::Left(number).key(), row.to_bytes())?;
        }
        Ok(())
    }

    fn moves_payloads(&self) -> bool {
        self.changes.iter().any(|change| !matches!(change, Change::Appended { .. }))
    }

    fn delta(&self) -> Delta {
        let mut delta = Delta::default();
        for change in &self.changes {
            match change {
                Change::Appended { id, is_control, has_payload } => {
                    delta.append(id, *is_control, *has_payload);
                }
                Change::PayloadAdded(id) => delta.payload_added(id),
                Change::PayloadDropped(id) => delta.payload_dropped(id),
            }
        }
        delta
    }

    fn publish(self) {
        let mut live = self.space.lock();
        if let Some(digests) = self.digests {
            live.digests_at = digests.at;
            live.digests = Some(digests);
        } else if let Some(mut digests) = live.digests.take() {
            digests.apply(&self.delta(), self.row.last_receipt);
            live.digests = Some(digests);
        }
        live.row = self.row;
        live.judged = self.judged;
        live.kept = self.kept;
        live.head = None;
        drop(live);
        self.space.notify();
    }
}
