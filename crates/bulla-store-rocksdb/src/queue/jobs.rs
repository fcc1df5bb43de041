//! What may be asked of the writer.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_core::values::{PutOutcome, PutReport, Rule};
use bulla_core::{Code, EntryId, SpaceId, Verified};
use bulla_store::{Erasure, ErasureReport, Judgement, Kept, Mark, MarkReport, Result, StoreError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::layout::SpaceRow;
use crate::space::Space;

/// Where the answer goes. The asker may have gone.
pub(crate) type Reply<T> = oneshot::Sender<Result<T>>;

/// A `put` under way; it may take several commits.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) entries: VecDeque<Verified>,
    /// What an admission said of each of them; `None` where none was asked.
    pub(crate) marks: Option<VecDeque<Mark>>,
    pub(crate) outcomes: Vec<PutOutcome>,
    pub(crate) reply: Reply<PutReport>,
    /// Its share of the queue's memory, given back when it is done.
    pub(crate) room: OwnedSemaphorePermit,
}

/// What is one commit of its own for its space.
#[derive(Debug)]
pub(crate) enum Alone {
    /// Drop payloads.
    Erase(Erasure, Reply<ErasureReport>),
    /// Make payloads that were erased wanted again.
    Restore(Vec<EntryId>, Reply<u64>),
    /// Count by a rule.
    Rule(Rule, Reply<()>),
    /// Say anew what counts.
    Mark(Judgement, Reply<MarkReport>),
    /// Keep entries that were refused.
    Keep(Keep),
    /// Forget entries that were kept.
    Release(Vec<EntryId>, Reply<u64>),
    /// Leave the headers of entries that were kept.
    DropKept(Vec<EntryId>, Reply<u64>),
}

/// Entries to be kept in quarantine.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) batch: Vec<(Verified, Code)>,
    pub(crate) reply: Reply<Vec<Kept>>,
    /// Its share of the queue's memory, given back when it is done.
    pub(crate) room: OwnedSemaphorePermit,
}

impl Alone {
    /// Answers with a failure.
    pub(crate) fn fail(self, error: &StoreError) {
        // An asker who has gone need not hear it.
        match self {
            Self::Erase(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Rule(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Mark(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Keep(keep) => drop(keep.reply.send(Err(error.clone()))),
            Self::Restore(_, reply) | Self::Release(_, reply) | Self::DropKept(_, reply) => {
                drop(reply.send(Err(error.clone())));
            }
        }
    }
}

/// A bookmark to write, or to remove.
#[derive(Debug)]
pub(crate) struct Bookmark {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) reply: Reply<()>,
}

/// What is done between commits.
#[derive(Debug)]
pub(crate) enum Admin {
    /// Make a space unless there is one.
    Create(SpaceId, Reply<SpaceRow>),
    /// Remove a space.
    Remove(SpaceId, Reply<bool>),
    /// Give a space the lineage it is due.
    Renew(SpaceId, Reply<()>),
    /// Make a checkpoint of the database in a folder that does not exist.
    Checkpoint(PathBuf, Reply<()>),
    /// Make payloads that were found damaged missing.
    Quarantine(Arc<Space>, Vec<u64>, Reply<u64>),
    /// The audit found nothing wrong.
    AuditPassed(Reply<()>),
    /// Write everything down: digests, watermark.
    Settle(Reply<()>),
}
