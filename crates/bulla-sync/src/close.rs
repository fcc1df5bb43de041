//! The end of a run: what is kept for the next, and in which order (chapter `sync.md`, SYN-20 to SYN-27).

use bulla_core::cbor::Encode;
use bulla_core::values::Freshness;
use bulla_store::Bookmarks;

use crate::Reason;
use crate::keep::{Keys, Ledger, List, ListPages, Listed, Place, Sighting};
use crate::open::Kept;
use crate::work::Work;

impl Work {
    /// Keeps what the next run needs, lists before what relies on them; writes only what changed.
    pub(crate) async fn close(&mut self, kept: &Kept) -> Result<(), Reason> {
        let is_withdrawn = self.judge_ledger(kept.ledger).await?;
        self.save_lists().await?;
        self.ledger.wants_cut = self.wants.is_cut;
        self.ledger.unresolved_cut = self.references.is_cut;
        self.ledger.lists = ListPages {
            wants: self.lists.wants.pages(),
            unresolved: self.lists.unresolved.pages(),
            unreached: self.lists.unreached.pages(),
            forks: self.lists.forks.pages(),
            tips: self.forks.tips.pages(),
            reached: self.frontiers.reached.pages(),
        };
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.exceptions_cut = self.exceptions.is_cut;
        }
        let snapshot = self.checkpoint.clone().map(|checkpoint| self.snapshot(checkpoint));
        let checkpoint = async {
            let mut keeper = self.keeper.lock().await;
            match &snapshot {
                Some(snapshot) => keeper.keep(snapshot).await,
                None => keeper.forget().await.map(|()| false),
            }
        };
        let sighting = Sighting(self.head.cursor());
        let is_sighted = self.head.freshness == Freshness::Fresh;
        let sighting = Some(sighting).filter(|now| is_sighted && kept.sighting != Some(*now));
        let ledger = Some(self.ledger).filter(|now| is_withdrawn || kept.ledger != Some(*now));
        // None of the three relies on another.
        let (is_written, ledger, sighting) = tokio::join!(
            checkpoint,
            self.write(Place::Ledger, ledger),
            self.write(Place::Sighting, sighting),
        );
        self.counts.checkpoints += u64::from(is_written?);
        ledger.and(sighting)
    }

    /// Says how far the target's entries were examined. Whether what was kept of that does not hold any longer.
    async fn judge_ledger(&mut self, kept: Option<Ledger>) -> Result<bool, Reason> {
        let is_waiting =
            self.references.is_waiting() || self.frontiers.is_waiting() || self.forks.is_waiting();
        if is_waiting {
            // The run ended before it was known what these entries name: they are examined again.
            self.ledger = kept.unwrap_or_default();
        }
        if is_waiting && self.is_anew {
            // So are the others, which lists that were begun anew lack as well.
            self.ledger.examined = None;
        }
        if self.frontiers.has_room_again || self.is_lost {
            self.ledger.examined = None;
        }
        let is_refuted = self.is_anew || self.ledger.examined.is_none();
        let relied_on = kept.filter(|kept| is_refuted && kept.examined.is_some());
        let Some(ledger) = relied_on else { return Ok(false) };
        // The lists are about to become such that this is not true of them: begun anew, or with room for what had none.
        let withdrawn = Ledger { examined: None, ..ledger };
        self.write(Place::Ledger, Some(withdrawn)).await?;
        Ok(true)
    }

    /// Keeps the lists of the target, as far as they changed.
    async fn save_lists(&mut self) -> Result<(), Reason> {
        let wants = self.wants.is_changed.then(|| self.wants.to_vec());
        let references = self.references.is_changed.then(|| self.references.records());
        let unreached = self.frontiers.is_changed.then(|| self.frontiers.records());
        let found = self.forks.is_changed.then(|| self.forks.found());
        let (bookmarks, keys, lists) = (&*self.bookmarks, &self.keys, &mut self.lists);
        let reached = &mut self.frontiers.reached;
        // Late entries are late by the tips of before as well.
        let are_tips_kept = !self.forks.is_waiting();
        let tips = Some(&mut self.forks.tips).filter(|_| are_tips_kept);
        let tips = async {
            match tips {
                Some(tips) => tips.save(bookmarks, keys).await,
                None => Ok(()),
            }
        };
        let saved = tokio::try_join!(
            save(&mut lists.wants, bookmarks, keys, wants),
            save(&mut lists.unresolved, bookmarks, keys, references),
            save(&mut lists.unreached, bookmarks, keys, unreached),
            save(&mut lists.forks, bookmarks, keys, found),
            reached.save(bookmarks, keys),
            tips,
        );
        saved.map(drop)
    }

    async fn write(&self, place: Place, value: Option<impl Encode>) -> Result<(), Reason> {
        let Some(value) = value else { return Ok(()) };
        let key = self.keys.of(place);
        self.bookmarks.write(&key, &value.to_cbor()).await.map_err(Reason::Bookmarks)
    }
}

async fn save<T: Listed + Clone + PartialEq>(
    list: &mut List<T>,
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    records: Option<Vec<T>>,
) -> Result<(), Reason> {
    match records {
        Some(records) => list.save(bookmarks, keys, records).await,
        None => Ok(()),
    }
}
