//! The one thread that writes: a queue in, whole commits out.
//!
//! Everything that waits goes into one batch and one sync (at most 4 MiB, spaces in turn), so that 64 callers pay for one
//! sync together. What a commit changed becomes visible to readers only after it is durable.

mod admin;
mod erase;
mod judge;
mod plan;
mod put;
mod quarantine;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use bulla_core::Lineage;
use bulla_core::values::Durability;
use bulla_store::{Result, StoreError};

use crate::database::Batch;
use crate::error::is_full;
use crate::layout::{Before, CommitRow, Family, Meta, UndoRow};
use crate::queue::{Alone, Keep, Next, Taken};
use crate::shared::{Counts, Shared};
use crate::space::Space;
use crate::watermark;
use plan::Plan;

/// Commits whose hashes are kept, so that a watermark can be checked against its own commit.
pub(crate) const COMMIT_SLOTS: u64 = 8_192;
/// Commits after which a watermark is written whatever the time: half of the slots.
const COMMITS_PER_WATERMARK: u64 = COMMIT_SLOTS / 2;
/// BLAKE3 derive-key context of the chain over commits.
const COMMIT_CHAIN: &str = "bulla 2026 store commit";

/// The slot of a commit's hash.
pub(crate) fn slot(commit: u64) -> Meta<'static> {
    Meta::CommitSlot(u16::try_from(commit % COMMIT_SLOTS).unwrap_or_default())
}

/// The commit after `last` with this content (DISK-8).
pub(crate) fn next_commit(last: CommitRow, content: &[u8]) -> CommitRow {
    let mut hasher = blake3::Hasher::new_derive_key(COMMIT_CHAIN);
    let number = last.number.saturating_add(1);
    hasher.update(&last.hash).update(&number.to_be_bytes()).update(content);
    CommitRow { number, hash: hasher.finalize().into() }
}

/// The writer's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// The newest durable commit.
    commit: CommitRow,
    /// The commit of the watermark.
    marked: u64,
    marked_at: Duration,
    committed_at: Duration,
    /// What the last commit took.
    commit_time: Duration,
    /// Changes whenever the engine switches to a new log or finishes moving data to table files.
    generation: u64,
}

impl Writer {
    /// Starts the writer after `commit`, which the watermark covers.
    pub(crate) fn start(shared: Arc<Shared>, commit: CommitRow) -> std::io::Result<JoinHandle<()>> {
        let now = shared.clock.monotonic();
        let mut writer = Self {
            commit,
            marked: commit.number,
            marked_at: now,
            committed_at: now,
            commit_time: Duration::ZERO,
            generation: 0,
            shared,
        };
        writer.generation = writer.generation();
        std::thread::Builder::new().name("bulla-writer".to_owned()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                tracing::error!("the writer panicked; nothing is written any more");
                writer.shared.health.stop("the writer panicked");
                // Whoever waits learns it by the end of its channel.
                writer.shared.queue.abandon();
            }
        })
    }

    fn run(&mut self) {
        loop {
            let (timeout, hold) = self.patience();
            match self.shared.queue.next(timeout, hold, self.commit_time) {
                Next::Admin(admin) => self.admin(admin),
                Next::Commit(taken) => self.commit(taken),
                Next::Idle => self.write_parked(),
                Next::Closed => {
                    if let Err(error) = self.settle() {
                        tracing::error!(%error, "could not write everything down at close");
                    }
                    return;
                }
            }
            self.mark_when_due();
        }
    }

    /// How long to wait for work, and whether to put commits off.
    fn patience(&self) -> (Option<Duration>, bool) {
        let now = self.shared.clock.monotonic();
        let mut timeout = None;
        if self.commit.number > self.marked {
            let due = self.marked_at + Duration::from_millis(self.shared.options.watermark_ms);
            timeout = Some(due.saturating_sub(now));
        }
        let mut hold = false;
        if let Durability::Interval(milliseconds) = self.shared.options.durability {
            let due = self.committed_at + Duration::from_millis(milliseconds);
            hold = now < due;
            if hold {
                let wait = due.saturating_sub(now);
                timeout = Some(timeout.map_or(wait, |timeout| timeout.min(wait)));
            }
        }
        (timeout.map(|timeout| timeout.max(Duration::from_millis(1))), hold)
    }

    /// One commit for everything taken.
    fn commit(&mut self, taken: Taken) {
        if let Err(error) = self.check_writable() {
            self.shared.queue.fail(&taken.slices, &error);
            taken.fail_rest(&error);
            return;
        }
        let shared = Arc::clone(&self.shared);
        let mut plan = Plan::new(&shared);
        let Taken { slices, alone, bookmarks, .. } = taken;

        let mut planned = Vec::with_capacity(slices.len());
        let room = self.check_room();
        for slice in slices {
            let outcome = room.clone().and_then(|()| plan.put(&slice));
            match outcome {
                Ok(outcomes) => planned.push((slice, outcomes)),
                Err(error) => shared.queue.fail(std::slice::from_ref(&slice), &error),
            }
        }
        let outcome = plan
            .bookmarks(&bookmarks)
            .and_then(|()| plan.seal())
            .and_then(|()| self.write_plan(&mut plan));
        match outcome {
            Ok(()) => {
                let lineages = plan.publish();
                let settled = planned.into_iter().map(|(slice, outcomes)| {
                    let lineage =
                        lineages.get(&slice.space.number).copied().unwrap_or(Lineage::ZERO);
                    (slice, lineage, outcomes)
                });
                shared.queue.settle(settled.collect());
                for bookmark in bookmarks {
                    let _ = bookmark.reply.send(Ok(()));
                }
            }
            Err(error) => {
                let slices: Vec<_> = planned.into_iter().map(|(slice, _)| slice).collect();
                shared.queue.fail(&slices, &error);
                for bookmark in bookmarks {
                    let _ = bookmark.reply.send(Err(error.clone()));
                }
            }
        }
        for (space, alone) in alone {
            self.commit_alone(&space, alone);
        }
    }

    /// A commit of its own. An asker who has gone does not stop what was asked.
    fn commit_alone(&mut self, space: &Arc<Space>, alone: Alone) {
        match alone {
            Alone::Erase(erasure, reply) => {
                drop(reply.send(self.change(|plan| plan.erase(space, &erasure))));
            }
            Alone::Restore(ids, reply) => {
                drop(reply.send(self.change(|plan| plan.restore(space, &ids))));
            }
            Alone::Rule(rule, reply) => {
                drop(reply.send(self.change(|plan| plan.set_rule(space, rule))));
            }
            Alone::Mark(judgement, reply) => {
                drop(reply.send(self.change(|plan| plan.mark(space, judgement))));
            }
            Alone::Keep(Keep { batch, reply, room }) => {
                let bounds = self.shared.options.quarantine;
                let outcome = self
                    .check_room()
                    .and_then(|()| self.change(|plan| plan.keep(space, &batch, &bounds)));
                drop(room);
                drop(reply.send(outcome));
            }
            Alone::Release(ids, reply) => {
                drop(reply.send(self.change(|plan| plan.release(space, &ids))));
            }
            Alone::DropKept(ids, reply) => {
                drop(reply.send(self.change(|plan| plan.drop_kept(space, &ids))));
            }
        }
    }

    /// A commit of its own, whole or not at all.
    fn change<T>(&mut self, work: impl FnOnce(&mut Plan<'_>) -> Result<T>) -> Result<T> {
        self.check_writable()?;
        let shared = Arc::clone(&self.shared);
        let mut plan = Plan::new(&shared);
        let outcome = work(&mut plan)?;
        plan.seal()?;
        self.write_plan(&mut plan)?;
        plan.publish();
        Ok(outcome)
    }

    fn write_plan(&mut self, plan: &mut Plan<'_>) -> Result<()> {
        let Some((batch, content, spaces)) = plan.take_batch() else { return Ok(()) };
        self.write(batch, &content, spaces)
    }

    /// Makes a batch one commit: chain, undo record, and the write itself.
    fn write(&mut self, mut batch: Batch<'_>, content: &[u8], spaces: Vec<Before>) -> Result<()> {
        let commit = next_commit(self.commit, content);
        batch.put(
            Family::Meta,
            Meta::Undo.key(),
            UndoRow { commit: commit.number, spaces }.to_bytes(),
        )?;
        batch.put(Family::Meta, Meta::Commit.key(), commit.to_bytes())?;
        batch.put(Family::Meta, slot(commit.number).key(), commit.to_bytes())?;
        let sync = self.shared.options.durability != Durability::None;
        let start = self.shared.clock.monotonic();
        if let Err(error) = self.shared.database.write(batch.into_inner(), sync) {
            return Err(self.stop(&error));
        }
        self.commit = commit;
        self.committed_at = self.shared.clock.monotonic();
        self.commit_time = self.committed_at.saturating_sub(start);
        Counts::add(&self.shared.counts.commits, 1);
        Counts::add(&self.shared.counts.fsyncs, u64::from(sync));
        Ok(())
    }

    /// After a failed write or sync nobody knows what the device holds, and asking it again may give a "yes" that means
    /// nothing: the pages are marked clean. So nothing is written until the store is opened anew. A mark beside the
    /// database says which commit was the last accepted, so that a refused one does not come back.
    fn stop(&self, error: &rocksdb::Error) -> StoreError {
        tracing::error!(%error, commit = self.commit.number, "write failed; nothing is written until the store is reopened");
        self.shared.health.stop(error.as_ref());
        if let Err(error) = watermark::write_accepted(&self.shared.folder, self.commit) {
            tracing::error!(%error, "could not note the last accepted commit");
        }
        if is_full(error) {
            StoreError::Full
        } else {
            StoreError::ReadOnly { reason: error.to_string() }
        }
    }

    fn check_writable(&self) -> Result<()> {
        self.shared.health.stopped().map_or(Ok(()), |reason| Err(StoreError::ReadOnly { reason }))
    }

    /// Refuses new entries while little room is left, before anything of them is written.
    fn check_room(&self) -> Result<()> {
        let is_full = self.shared.free_bytes()? < self.shared.options.low_water_bytes;
        if self.shared.health.is_full.swap(is_full, Ordering::Relaxed) != is_full {
            tracing::warn!(is_full, "room on the device changed");
        }
        if is_full { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Writes down digests of spaces that left the cache; they can always be computed again, so without a sync.
    fn write_parked(&mut self) {
        let parked = self.shared.active().take_parked();
        if parked.is_empty() || self.check_writable().is_err() {
            return;
        }
        let mut batch = Batch::new(&self.shared.database);
        let written =
            parked.iter().try_for_each(|(number, digests)| digests.write(&mut batch, *number));
        let written = written.map(|()| self.shared.database.write(batch.into_inner(), false));
        if let Ok(Err(error)) = written {
            self.stop(&error);
        }
    }

    /// Writes the watermark at each switch of the engine's log and when time or commits are up.
    fn mark_when_due(&mut self) {
        if self.commit.number == self.marked || self.check_writable().is_err() {
            return;
        }
        let now = self.shared.clock.monotonic();
        let due = self.marked_at + Duration::from_millis(self.shared.options.watermark_ms);
        let generation = self.generation();
        let switched = std::mem::replace(&mut self.generation, generation) != generation;
        if (switched || now >= due || self.commit.number - self.marked >= COMMITS_PER_WATERMARK)
            && let Err(error) = self.mark()
        {
            tracing::error!(%error, "could not write the watermark");
        }
    }

    fn mark(&mut self) -> Result<()> {
        self.marked_at = self.shared.clock.monotonic();
        watermark::write(&self.shared.folder, self.commit)
            .map_err(|error| StoreError::internal("cannot write the watermark", error))?;
        self.marked = self.commit.number;
        Counts::add(&self.shared.counts.fsyncs, 2);
        Ok(())
    }

    fn generation(&self) -> u64 {
        self.shared.database.property_sum("rocksdb.current-super-version-number")
    }
}
