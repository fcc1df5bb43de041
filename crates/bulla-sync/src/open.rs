//! The start and the end of a run: what earlier ones left, whether the source was rolled back, and what is kept for the
//! next.

use std::sync::Arc;

use bulla_core::cbor::{Decode, Encode};
use bulla_core::values::{Cursor, Freshness, Head, ScanRequest, Want};
use bulla_core::{EntryId, Lineage};
use bulla_store::{Bookmarks, StoreError};

use crate::exceptions::Exceptions;
use crate::forks::Forks;
use crate::frontiers::Frontiers;
use crate::keep::{Checkpoint, Keys, Known, Ledger, Place, Seen, Sighting, Tip, load, save};
use crate::misbehaviour::RolledBack;
use crate::references::{Open, References};
use crate::side::{Halt, Side};
use crate::walk::Gaps;
use crate::wants::Wants;
use crate::work::{Position, Work};
use crate::{Counts, Direction, Exception, Fork, Misbehaviour, Options, Progress, Reason};

/// Ids that may be read once more so that a known state stays of use: 32 bytes each.
const WORTH_READING_AGAIN: u64 = 4_096;

/// What was kept before, so that nothing is written that is there already.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) sighting: Option<Sighting>,
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
        let checkpoint: Option<Checkpoint> = read(bookmarks, &keys, Place::Checkpoint).await?;
        let checkpoint =
            checkpoint.filter(|checkpoint| belongs(checkpoint, head.lineage, target.lineage));
        let ledger: Option<Ledger> = read(bookmarks, &keys, Place::Ledger).await?;
        let sighting: Option<Sighting> = read(bookmarks, &keys, Place::Sighting).await?;
        let sighting = sighting.filter(|sighting| sighting.0.lineage == head.lineage);
        let kept = Kept { checkpoint: checkpoint.clone(), ledger, sighting };

        let exceptions = match &checkpoint {
            Some(_) => load::<Exception>(bookmarks, &keys).await.map_err(Halt::Stop)?,
            None => Some(Vec::new()),
        };
        // A list that cannot be read is found out again: entries by reading the source anew, the others by examining the
        // target anew.
        let (checkpoint, exceptions) = match exceptions {
            Some(exceptions) => (checkpoint, exceptions),
            None => (None, Vec::new()),
        };
        let mut ledger = ledger.unwrap_or_default();
        let foreign = |cursor: &Cursor| cursor.lineage != target.lineage;
        if ledger.examined.as_ref().is_some_and(foreign) {
            ledger = Ledger::default();
        }
        let wants = load::<EntryId>(bookmarks, &keys).await.map_err(Halt::Stop)?;
        let unresolved = load::<Open>(bookmarks, &keys).await.map_err(Halt::Stop)?;
        let frontiers = load::<Known>(bookmarks, &keys).await.map_err(Halt::Stop)?;
        let tips = load::<Tip>(bookmarks, &keys).await.map_err(Halt::Stop)?;
        let forks = load::<Fork>(bookmarks, &keys).await.map_err(Halt::Stop)?;
        let is_readable = wants.is_some()
            && unresolved.is_some()
            && frontiers.is_some()
            && tips.is_some()
            && forks.is_some();
        if !is_readable {
            ledger = Ledger::default();
        }
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
            kept_exceptions: 0,
            offered: Arc::default(),
            offered_exceptions: 0,
            references: References::new(unresolved.unwrap_or_default(), ledger.unresolved_cut),
            frontiers: Frontiers::new(frontiers.unwrap_or_default()),
            unreached: Vec::new(),
            forks: Forks::new(tips.unwrap_or_default(), forks.unwrap_or_default()),
            verifier: None,
            wants: Wants::new(wants.unwrap_or_default(), ledger.wants_cut),
            ledger,
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
            },
        });
    }

    /// Keeps what the next run needs, lists before what relies on them; writes only what changed.
    pub(crate) async fn close(&mut self, kept: &Kept) -> Result<(), Reason> {
        let bookmarks = &*self.bookmarks;
        if self.references.is_waiting() || self.frontiers.is_waiting() || self.forks.is_waiting() {
            // The run ended before it was known what these entries name: they are examined again.
            self.ledger = kept.ledger.unwrap_or_default();
        }
        if self.frontiers.has_room_again {
            self.ledger.examined = None;
        }
        if self.wants.is_changed {
            save(bookmarks, &self.keys, &self.wants.to_vec()).await?;
        }
        if self.references.is_changed {
            save(bookmarks, &self.keys, &self.references.records()).await?;
        }
        if self.frontiers.is_changed {
            save(bookmarks, &self.keys, &self.frontiers.records()).await?;
        }
        if self.forks.is_changed {
            save(bookmarks, &self.keys, &self.forks.found()).await?;
        }
        // Late entries are late by the tips of before as well.
        if self.forks.are_tips_changed && !self.forks.is_waiting() {
            save(bookmarks, &self.keys, &self.forks.tips()).await?;
        }
        self.ledger.wants_cut = self.wants.is_cut;
        self.ledger.unresolved_cut = self.references.is_cut;
        if kept.ledger != Some(self.ledger) {
            write(bookmarks, &self.keys, Place::Ledger, &self.ledger).await?;
        }
        if self.exceptions.version != self.kept_exceptions {
            save(bookmarks, &self.keys, &self.exceptions.to_vec()).await?;
        }
        match &mut self.checkpoint {
            Some(checkpoint) => {
                checkpoint.exceptions_cut = self.exceptions.is_cut;
                if kept.checkpoint.as_ref() != Some(checkpoint) {
                    write(bookmarks, &self.keys, Place::Checkpoint, checkpoint).await?;
                    self.counts.checkpoints += 1;
                }
            }
            None => {
                let key = self.keys.of(Place::Checkpoint);
                bookmarks.remove(&key).await.map_err(Reason::Bookmarks)?;
            }
        }
        let sighting = Sighting(self.head.cursor());
        if self.head.freshness == Freshness::Fresh && kept.sighting != Some(sighting) {
            write(bookmarks, &self.keys, Place::Sighting, &sighting).await?;
        }
        Ok(())
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

async fn write(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    place: Place,
    value: &impl Encode,
) -> Result<(), Reason> {
    bookmarks.write(&keys.of(place), &value.to_cbor()).await.map_err(Reason::Bookmarks)
}
