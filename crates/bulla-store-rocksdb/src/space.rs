//! The state of one space while it is in use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_core::values::{Counted, Counting, Freshness, Head, Rule};
use bulla_core::{Lineage, SetDigest, SpaceId};
use bulla_store::{KeptTotals, Result, StoreError};
use tokio::sync::watch;

use crate::database::Database;
use crate::digests::Digests;
use crate::layout::{JudgedRow, LiveRow};

/// One space in use. Shared by readers and the writer; at most one exists per space at any time.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) id: SpaceId,
    pub(crate) number: u32,
    live: Mutex<Live>,
    changes: watch::Sender<Change>,
}

/// What watchers are woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The head may be another; a count, so that each is seen as a change.
    Head(u64),
    /// The store was closed or the space removed.
    Ended,
}

/// What is durable and visible of a space.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) lineage: Lineage,
    pub(crate) row: LiveRow,
    /// The digests at `row.last_receipt`; read from disk on first use.
    pub(crate) digests: Option<Digests>,
    /// The receipt of the digests written down last.
    pub(crate) digests_at: u64,
    /// The answer to `head`, until something changes.
    pub(crate) head: Option<Head>,
    /// What counts; `None` under the rule *all*.
    pub(crate) judged: Option<Arc<JudgedRow>>,
    /// How much is in quarantine.
    pub(crate) kept: KeptTotals,
    /// Whether something found no room in quarantine since something left it last.
    pub(crate) is_quarantine_full: bool,
    pub(crate) is_removed: bool,
}

impl Space {
    /// Memory of a space in use, in bytes: its digests, what does not count, its places in maps, the allocator's share.
    pub(crate) const SIZE_BYTES: usize =
        Digests::SIZE_BYTES + bulla_core::SetHash::STATE_BYTES + 1024;

    pub(crate) fn new(
        id: SpaceId,
        number: u32,
        lineage: Lineage,
        row: LiveRow,
        digests_at: u64,
        judged: Option<Arc<JudgedRow>>,
        kept: KeptTotals,
    ) -> Arc<Self> {
        let live = Live {
            lineage,
            row,
            digests: None,
            digests_at,
            head: None,
            judged,
            kept,
            is_quarantine_full: false,
            is_removed: false,
        };
        Arc::new(Self {
            id,
            number,
            live: Mutex::new(live),
            changes: watch::Sender::new(Change::Head(0)),
        })
    }

    /// The state, locked.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] when the space was removed.
    pub(crate) fn live(&self) -> Result<MutexGuard<'_, Live>> {
        let live = self.lock();
        if live.is_removed { Err(StoreError::NotServed(self.id)) } else { Ok(live) }
    }

    /// The state, removed or not.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Live> {
        // Every change of the state is a plain assignment, so a panic elsewhere cannot leave it half done.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Wakes the watchers after the state changed.
    pub(crate) fn notify(&self) {
        self.changes.send_if_modified(|change| match change {
            Change::Head(count) => {
                *count = count.wrapping_add(1);
                true
            }
            Change::Ended => false,
        });
    }

    /// Ends every watcher's stream.
    pub(crate) fn end(&self) {
        self.changes.send_replace(Change::Ended);
    }
}

impl Live {
    /// The digests, read from disk unless they are in memory.
    pub(crate) fn digests(&mut self, database: &Database, number: u32) -> Result<&mut Digests> {
        if self.digests.is_none() {
            self.digests = Some(Digests::load(database, number, self.row.last_receipt)?);
        }
        self.digests
            .as_mut()
            .ok_or_else(|| StoreError::Internal { context: "digests".to_owned(), source: None })
    }

    /// The head.
    pub(crate) fn head(&mut self, database: &Database, number: u32) -> Result<Head> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        self.digests(database, number)?;
        let head = self.digests.as_ref().map(|digests| self.head_of(digests));
        self.head = head;
        head.ok_or_else(|| StoreError::Internal { context: "head".to_owned(), source: None })
    }

    /// The rule that the space counts by.
    pub(crate) fn rule(&self) -> Rule {
        self.judged.as_ref().map_or(Rule::All, |judged| judged.rule)
    }

    /// The control entries that its marks are made from.
    pub(crate) fn judged_by(&self) -> Option<SetDigest> {
        self.judged.as_ref().and_then(|judged| judged.by)
    }

    fn head_of(&self, digests: &Digests) -> Head {
        let counted = |count, set: &bulla_core::SetHash| Counted { count, digest: set.digest() };
        Head {
            lineage: self.lineage,
            last_receipt: self.row.last_receipt,
            log_hash: self.row.log_hash,
            control: counted(self.row.control, &digests.control),
            held: counted(self.row.last_receipt, &digests.held),
            counting: match self.judged.as_deref() {
                Some(JudgedRow { rule: Rule::Directory, marked, .. }) => {
                    // What is marked was held before, so the set state of the rest is the difference.
                    let mut rest = digests.held.clone();
                    rest.subtract(&marked.hash);
                    let count = self.row.last_receipt.saturating_sub(marked.count);
                    Counting::Directory(counted(count, &rest))
                }
                Some(_) | None => Counting::All,
            },
            present: counted(self.row.present, &digests.present),
            freshness: Freshness::Fresh,
        }
    }
}
