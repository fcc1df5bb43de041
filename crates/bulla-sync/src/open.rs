//! The start of a run: what earlier ones left, and whether the source was rolled back.

use std::sync::Arc;

use bulla_core::cbor::Decode;
use bulla_core::values::{Cursor, Freshness, Head, ScanRequest, Want};
use bulla_core::{EntryId, Lineage};
use bulla_store::{Bookmarks, StoreError};
use tokio::sync::Mutex;

use crate::checkpointer::Keeper;
use crate::exceptions::Exceptions;
use crate::forks::Forks;
use crate::frontiers::Frontiers;
use crate::keep::{Checkpoint, Keys, Known, Ledger, List, Place, Seen, Sighting};
use crate::misbehaviour::RolledBack;
use crate::references::{Open, References};
use crate::side::{Halt, Side};
use crate::walk::Gaps;
use crate::wants::Wants;
use crate::work::{Position, Work};
use crate::{Counts, Direction, Fork, Misbehaviour, Options, Progress, Reason};

/// Ids that may be read once more so that a known state stays of use: 32 bytes each.
const WORTH_READING_AGAIN: u64 = 4_096;

/// What was kept before, so that nothing is written that is there already.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) ledger: Option<Ledger>,
    pub(crate) sighting: Option<Sighting>,
}

/// Where the lists lie that are read whole, of those that the ledger relies on.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) wants: List<EntryId>,
    pub(crate) unresolved: List<Open>,
    pub(crate) unreached: List<Known>,
    pub(crate) forks: List<Fork>,
}

/// The two stores of a run and where it keeps things.
#[derive(Debug, Clone)]
pub(crate) struct Sides {
    pub(crate) options: Arc<Options>,
    pub(crate) source: Arc<Side>,
    pub(crate) target: Arc<Side>,
    pub(crate) bookmarks: Arc<dyn Bookmarks>,
}

impl Sides {
    /// Reads what earlier runs left between two stores in this state.
    pub(crate) async fn open(&self, head: Head, target: Head) -> Result<(Work, Kept), Halt> {
        let keys = Keys {
            space: self.source.space(),
            source: head.lineage,
            target: target.lineage,
            scope: self.options.scope.digest(),
            is_target_near: self.options.direction == Direction::Pull,
        };
        let bookmarks = &*self.bookmarks;
        let (checkpoint, kept_ledger, sighting) = tokio::try_join!(
            read::<Checkpoint>(bookmarks, &keys, Place::Checkpoint),
            read::<Ledger>(bookmarks, &keys, Place::Ledger),
            read::<Sighting>(bookmarks, &keys, Place::Sighting),
        )?;
        let checkpoint =
            checkpoint.filter(|checkpoint| belongs(checkpoint, head.lineage, target.lineage));
        let sighting = sighting.filter(|sighting| sighting.0.lineage == head.lineage);
        let mut ledger = kept_ledger.unwrap_or_default();
        let foreign = |cursor: &Cursor| cursor.lineage != target.lineage;
        if ledger.examined.as_ref().is_some_and(foreign) {
            ledger = Ledger::default();
        }
        // A list that cannot be read is found out again: entries by reading the source anew, the others by examining the
        // target anew.
        let pages = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.exception_pages);
        let (exceptions, (lists, is_readable)) =
            tokio::try_join!(List::load(bookmarks, &keys, pages), load(bookmarks, &keys, &ledger))
                .map_err(Halt::Stop)?;
        let kept_checkpoint = checkpoint.clone();
        let is_checkpoint_readable = exceptions.is_some();
        let checkpoint = checkpoint.filter(|_| is_checkpoint_readable);
        let place = exceptions.unwrap_or_default();
        let exceptions = place.records();
        let bookmarks = Arc::clone(&self.bookmarks);
        let mut keeper = Keeper::new(bookmarks, keys.clone(), kept_checkpoint, place);
        if !is_checkpoint_readable {
            // Before anything is written over what it relies on.
            keeper.forget().await.map_err(Halt::Stop)?;
        }
        if !is_readable {
            ledger = Ledger::default();
        }
        let kept = Kept { ledger: kept_ledger, sighting };
        let cut = checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.exceptions_cut);
        let work = Work {
            options: Arc::clone(&self.options),
            source: Arc::clone(&self.source),
            target: Arc::clone(&self.target),
            bookmarks: Arc::clone(&self.bookmarks),
            keys,
            head,
            target_head: target,
            checkpoint,
            exceptions: Exceptions::new(exceptions, cut),
            keeper: Arc::new(Mutex::new(keeper)),
            offered: Arc::default(),
            offered_exceptions: 0,
            references: References::new(lists.unresolved.records(), ledger.unresolved_cut),
            frontiers: Frontiers::new(lists.unreached.records(), ledger.lists.reached),
            unreached: Vec::new(),
            forks: Forks::new(ledger.lists.tips, lists.forks.records()),
            verifier: None,
            wants: Wants::new(lists.wants.records(), ledger.wants_cut),
            ledger,
            lists,
            is_lost: false,
            is_anew: !is_readable,
            position: Position::at(target.cursor()),
            gaps: Gaps::default(),
            counts: Counts::default(),
            progress: Progress::default(),
            hashing_ns: 0,
        };
        Ok((work, kept))
    }
}

impl Work {
    /// Looks for a rollback of the source: a fresh state lower than, or other than, one that it showed before (SYN-31).
    /// Stale answers prove nothing.
    pub(crate) async fn find_rollback(
        &mut self,
        sighting: Option<Sighting>,
    ) -> Result<Option<Misbehaviour>, Halt> {
        if self.head.freshness != Freshness::Fresh {
            return Ok(None);
        }
        let reached = self.checkpoint.as_ref().map(|checkpoint| checkpoint.source);
        let seen = sighting.map(|sighting| sighting.0);
        for seen in [seen, reached].into_iter().flatten() {
            let answered = if self.head.last_receipt < seen.receipt {
                RolledBack::Lower(self.head.last_receipt)
            } else if self.head.last_receipt == seen.receipt && self.head.log_hash != seen.log_hash
            {
                RolledBack::LogHash(self.head.log_hash)
            } else {
                continue;
            };
            return Ok(Some(Misbehaviour::Rollback { seen, answered }));
        }
        // A history that grew again after it was cut off: asked for by cursor, unless the scan will do so anyway.
        let scanned_from = reached.map_or(0, |cursor| cursor.receipt);
        let Some(seen) = seen.filter(|seen| seen.receipt > scanned_from) else { return Ok(None) };
        if seen.receipt < self.head.last_receipt && !accepts(&self.source, seen).await? {
            let answered = RolledBack::Refused;
            return Ok(Some(Misbehaviour::Rollback { seen, answered }));
        }
        Ok(None)
    }

    /// Drops a checkpoint that the target has left behind: what it covers may be gone (SYN-23).
    pub(crate) async fn check_target_cursor(&mut self) -> Result<(), Halt> {
        let Some(cursor) = self.checkpoint.as_ref().map(|checkpoint| checkpoint.target) else {
            return Ok(());
        };
        let now = self.target_head.cursor();
        let holds = cursor == now
            || (cursor.receipt < now.receipt && accepts(&self.target, cursor).await?);
        if !holds {
            tracing::warn!("the target went back behind its checkpoint; reconciling from scratch");
            self.forget_checkpoint();
            // What was examined may be gone too, and other entries in its place.
            self.ledger.examined = None;
        }
        Ok(())
    }

    /// The checkpoint after heads that were equal. One whose state is known is better than a newer one whose state is
    /// computed from the whole store when it is needed, as long as little came since: what this device pushed itself is
    /// read again then, as ids.
    ///
    /// Where the same entries count and others are held besides, what was kept stays as it is: it speaks of what is held.
    pub(crate) fn note_equal(&mut self) {
        if self.head.held != self.target_head.held {
            return;
        }
        let known = self.checkpoint.take().filter(|checkpoint| {
            let since = self.head.last_receipt.saturating_sub(checkpoint.source.receipt);
            matches!(checkpoint.seen, Seen::Known(_)) && since <= WORTH_READING_AGAIN
        });
        // Nothing is excepted from what both hold.
        self.forget_checkpoint();
        self.checkpoint = Some(match known {
            Some(checkpoint) => Checkpoint { exceptions_cut: false, ..checkpoint },
            None => Checkpoint {
                source: self.head.cursor(),
                target: self.target_head.cursor(),
                seen: Seen::AsHeld(self.head.held),
                exceptions_cut: false,
                exception_pages: 0,
            },
        });
    }
}

/// Whether a store's history still has this cursor.
async fn accepts(side: &Arc<Side>, cursor: Cursor) -> Result<bool, Halt> {
    let request = ScanRequest {
        after: Some(cursor),
        until: Some(cursor.receipt),
        want: Want::Ids,
        ..ScanRequest::everything()
    };
    match side.scan(request).await {
        Ok(_) => Ok(true),
        Err(Halt::CursorRefused(_) | Halt::Stop(Reason::Target(StoreError::Cursor(_)))) => {
            Ok(false)
        }
        Err(halt) => Err(halt),
    }
}

fn belongs(checkpoint: &Checkpoint, source: Lineage, target: Lineage) -> bool {
    checkpoint.source.lineage == source && checkpoint.target.lineage == target
}

/// What lies in a place; what cannot be read counts as absent.
async fn read<T: Decode>(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    place: Place,
) -> Result<Option<T>, Halt> {
    let bytes = bookmarks.read(&keys.of(place)).await;
    let bytes = bytes.map_err(|error| Halt::Stop(Reason::Bookmarks(error)))?;
    Ok(bytes.and_then(|bytes| T::from_cbor(&bytes).ok()))
}

/// The lists that the ledger relies on, and whether all of them can be read. If not, of the others only forks are of use:
/// those that were found stay found.
async fn load(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    ledger: &Ledger,
) -> Result<(Lists, bool), Reason> {
    let pages = &ledger.lists;
    let (wants, unresolved, unreached, forks) = tokio::try_join!(
        List::load(bookmarks, keys, pages.wants),
        List::load(bookmarks, keys, pages.unresolved),
        List::load(bookmarks, keys, pages.unreached),
        List::load(bookmarks, keys, pages.forks),
    )?;
    let is_readable = forks.is_some();
    let forks = forks.unwrap_or_default();
    match (wants, unresolved, unreached) {
        (Some(wants), Some(unresolved), Some(unreached)) if is_readable => {
            Ok((Lists { wants, unresolved, unreached, forks }, true))
        }
        _ => Ok((Lists { forks, ..Lists::default() }, false)),
    }
}
