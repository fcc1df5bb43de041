//! What the entries themselves prove: every author's chain has no gap, every dependency is there (chapter `sync.md`,
//! SYN-14 to SYN-17). No peer's word counts here.

mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{GetItem, Has};
use bulla_core::{AuthorKey, EntryId, Header, VerifiedHeader};

use crate::Reference;
use crate::keep::Listed;
use crate::report::{MAX_LISTED, Unresolved, UnresolvedBy};
use crate::side::{Halt, Side};

use window::Window;

/// Most references of one author on the list, so that nobody can fill it alone.
const MOST_PER_AUTHOR: u32 = 2_048;
/// Entries whose sequence is looked up at one time.
const LOOKED_UP: usize = 1_000;
/// Bytes of one such answer.
const LOOKED_UP_BYTES: u32 = 4 * 1024 * 1024;

/// A reference that is not filled, and whose entry made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) author: AuthorKey,
    pub(crate) reference: Unresolved,
}

/// A reference that was not looked up yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    open: Open,
    /// Of the entry that makes it.
    sequence: u64,
}

/// The references of a target's entries that are not filled.
#[derive(Debug)]
pub(crate) struct References {
    window: Window,
    pending: Vec<Pending>,
    open: BTreeMap<(EntryId, EntryId), (AuthorKey, Reference)>,
    per_author: HashMap<AuthorKey, u32>,
    /// There are more than the list holds.
    pub(crate) is_cut: bool,
    /// The list is not what was loaded.
    pub(crate) is_changed: bool,
}

impl References {
    /// What an earlier run left open.
    pub(crate) fn new(records: Vec<Open>, is_cut: bool) -> Self {
        let mut references = Self {
            window: Window::default(),
            pending: Vec::new(),
            open: BTreeMap::new(),
            per_author: HashMap::new(),
            is_cut,
            is_changed: false,
        };
        for record in records {
            references.insert(record);
        }
        references.is_changed = false;
        references
    }

    /// Forgets everything: all entries are to be examined again.
    pub(crate) fn clear(&mut self) {
        *self = Self { is_changed: true, ..Self::new(Vec::new(), false) };
    }

    /// Takes note of an entry that the target holds.
    pub(crate) fn observe(&mut self, verified: &VerifiedHeader) {
        let (by, header) = (verified.id(), verified.header());
        if header.sequence > 1 {
            match self.window.find(&header.previous) {
                Some((author, sequence)) if follows(header, &author, sequence) => {}
                Some(_) => {
                    self.insert(open(header, by, header.previous, Reference::WrongPrevious));
                }
                None => {
                    let open = open(header, by, header.previous, Reference::Previous);
                    self.pending.push(Pending { open, sequence: header.sequence });
                }
            }
        }
        for &id in &header.dependencies {
            if self.window.find(&id).is_none() {
                let open = open(header, by, id, Reference::Dependency);
                self.pending.push(Pending { open, sequence: header.sequence });
            }
        }
        self.window.insert(by, header.author, header.sequence);
    }

    /// Whether so much waits to be looked up that it should be.
    pub(crate) const fn is_due(&self) -> bool {
        self.pending.len() >= MAX_IDS_PER_REQUEST
    }

    /// Looks up what waits: in what was seen of late, then in the target. `reads` lets it read the target's entries to
    /// check that a previous entry is the one before; a distant target is only asked what it holds.
    pub(crate) async fn look_up(&mut self, target: &Arc<Side>, reads: bool) -> Result<(), Halt> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|pending| !self.is_filled(pending));
        let looked_up = self.look_up_all(&pending, target, reads).await;
        if looked_up.is_err() {
            // Until it is known what they name, the entries do not count as examined.
            self.pending = pending;
        }
        looked_up
    }

    /// Whether references wait to be looked up.
    pub(crate) const fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    async fn look_up_all(
        &mut self,
        pending: &[Pending],
        target: &Arc<Side>,
        reads: bool,
    ) -> Result<(), Halt> {
        let mut held = Vec::new();
        for chunk in pending.chunks(MAX_IDS_PER_REQUEST) {
            let ids: Vec<_> = chunk.iter().map(|pending| pending.open.reference.id).collect();
            for (pending, has) in chunk.iter().zip(target.has(&ids).await?) {
                match has {
                    Has::Yes | Has::PayloadMissing => held.push(*pending),
                    Has::No | Has::Unknown => self.insert(pending.open),
                }
            }
        }
        held.retain(|pending| pending.open.reference.reference == Reference::Previous);
        if reads {
            self.check_sequences(target, &held).await?;
        }
        Ok(())
    }

    /// Asks the target again about every open reference.
    pub(crate) async fn recheck(&mut self, target: &Arc<Side>) -> Result<(), Halt> {
        let asked: Vec<_> = self
            .open
            .iter()
            .filter(|(_, (_, reference))| *reference != Reference::WrongPrevious)
            .map(|(&key, _)| key)
            .collect();
        for keys in asked.chunks(MAX_IDS_PER_REQUEST) {
            let ids: Vec<_> = keys.iter().map(|(id, _)| *id).collect();
            for (key, has) in keys.iter().zip(target.has(&ids).await?) {
                if matches!(has, Has::Yes | Has::PayloadMissing) {
                    self.remove(key);
                }
            }
        }
        Ok(())
    }

    /// Whether the list was cut and has room again, so that examining everything anew would find more.
    pub(crate) fn has_room_again(&self) -> bool {
        self.is_cut && self.open.len() < Open::MOST / 2
    }

    /// The open references, for keeping.
    pub(crate) fn records(&self) -> Vec<Open> {
        let record = |(&(id, by), &(author, reference)): (&_, &(AuthorKey, Reference))| Open {
            author,
            reference: Unresolved { id, by, reference },
        };
        self.open.iter().map(record).collect()
    }

    /// Ids that are named and not held.
    pub(crate) fn missing(&self) -> impl Iterator<Item = EntryId> {
        let not_held =
            |&(_, (_, reference)): &(_, &(_, Reference))| *reference != Reference::WrongPrevious;
        self.open.iter().filter(not_held).map(|((id, _), _)| *id)
    }

    /// Whether anything is open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_cut || !self.open.is_empty()
    }

    /// The open references by author.
    pub(crate) fn by_author(&self) -> Vec<UnresolvedBy> {
        let mut authors: BTreeMap<AuthorKey, UnresolvedBy> = BTreeMap::new();
        let mut listed = 0;
        for (&(id, by), &(author, reference)) in &self.open {
            let of = authors.entry(author).or_insert_with(|| UnresolvedBy {
                author,
                count: 0,
                references: Vec::new(),
            });
            of.count = of.count.saturating_add(1);
            if listed < MAX_LISTED {
                listed += 1;
                of.references.push(Unresolved { id, by, reference });
            }
        }
        authors.into_values().collect()
    }

    fn is_filled(&mut self, pending: &Pending) -> bool {
        let Open { author, reference } = pending.open;
        let Some((found, sequence)) = self.window.find(&reference.id) else { return false };
        let in_order = found == author && sequence.checked_add(1) == Some(pending.sequence);
        if reference.reference == Reference::Previous && !in_order {
            self.insert_wrong(pending.open);
        }
        true
    }

    async fn check_sequences(&mut self, target: &Arc<Side>, held: &[Pending]) -> Result<(), Halt> {
        for chunk in held.chunks(LOOKED_UP) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let ids = rest.iter().map(|pending| pending.open.reference.id).collect();
                let items = target.get(ids, LOOKED_UP_BYTES).await?;
                let (answered, unanswered) = rest.split_at(items.len().min(rest.len()));
                for (pending, item) in answered.iter().zip(items) {
                    let before = match &item {
                        GetItem::Entry(entry) => entry.header(),
                        GetItem::Header(header, _) => header.header(),
                        GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => continue,
                    };
                    let in_order = before.author == pending.open.author
                        && before.sequence.checked_add(1) == Some(pending.sequence);
                    if !in_order {
                        self.insert_wrong(pending.open);
                    }
                }
                rest = unanswered;
            }
        }
        Ok(())
    }

    fn insert_wrong(&mut self, mut open: Open) {
        open.reference.reference = Reference::WrongPrevious;
        self.insert(open);
    }

    fn insert(&mut self, record: Open) {
        let Unresolved { id, by, reference } = record.reference;
        if self.open.contains_key(&(id, by)) {
            return;
        }
        let of_author = self.per_author.entry(record.author).or_insert(0);
        if *of_author >= MOST_PER_AUTHOR || self.open.len() >= Open::MOST {
            self.is_cut = true;
            return;
        }
        *of_author += 1;
        self.open.insert((id, by), (record.author, reference));
        self.is_changed = true;
    }

    fn remove(&mut self, key: &(EntryId, EntryId)) {
        let Some((author, _)) = self.open.remove(key) else { return };
        if let Some(count) = self.per_author.get_mut(&author) {
            *count = count.saturating_sub(1);
        }
        self.is_changed = true;
    }
}

fn open(header: &Header, by: EntryId, id: EntryId, reference: Reference) -> Open {
    Open { author: header.author, reference: Unresolved { id, by, reference } }
}

fn follows(header: &Header, author: &AuthorKey, sequence: u64) -> bool {
    *author == header.author && sequence.checked_add(1) == Some(header.sequence)
}
