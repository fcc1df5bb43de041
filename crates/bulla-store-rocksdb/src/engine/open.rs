//! What happens before a store serves anybody: format, recovery, watermark.

mod judged;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_core::values::Durability;
use bulla_core::{ContentHash, Header};
use bulla_store::{Clock, StoreError};

use crate::DiskOptions;
use crate::database::{Batch, Database};
use crate::error::{OpenError, damaged_row};
use crate::folder;
use crate::layout::{
    Before, CommitRow, FORMAT, Family, HeaderRow, LiveRow, Meta, State, UndoRow, author_key,
    hash_key, id_key, marker_key, receipt_key,
};
use crate::shared::Shared;
use crate::watermark::{self, Watermark};
use crate::writer::{COMMIT_SLOTS, next_commit, slot};
use judged::{undo_leaving, undo_marks};

/// Opens the store in a folder, up to the moment when its writer may start; and its newest commit.
pub(super) fn open(
    path: &Path,
    options: DiskOptions,
    clock: Arc<dyn Clock>,
) -> Result<(Shared, CommitRow), OpenError> {
    if options.durability == Durability::Upstream {
        return Err(OpenError::Options {
            option: "durability",
            reason: "a disk has nothing upstream".to_owned(),
        });
    }
    let lock = folder::lock(path, options.create)?;
    let is_new = folder::check_format(path, folder::STORE, options.create)?;
    folder::raise_format(path, folder::STORE)
        .map_err(OpenError::io(format!("cannot write the format of {}", path.display())))?;
    let database = Database::open(&path.join(folder::DATABASE), &options)?;
    let recovery = Recovery { path, database: &database, is_new };
    let recovered = recovery.run().map_err(|error| match error {
        Failure::Open(error) => error,
        Failure::Store(StoreError::Corrupt { reason, .. }) => {
            OpenError::Damaged { path: path.to_owned(), reason }
        }
        Failure::Store(error) => OpenError::io(format!("cannot recover {}", path.display()))(
            std::io::Error::other(error),
        ),
    })?;
    let shared = Shared::new(database, path.to_owned(), options, clock, recovered.epoch, lock);
    shared.health.needs_audit.store(recovered.needs_audit, Ordering::Relaxed);
    Ok((shared, recovered.commit))
}

struct Recovered {
    commit: CommitRow,
    epoch: u64,
    needs_audit: bool,
}

enum Failure {
    Open(OpenError),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

struct Recovery<'a> {
    path: &'a Path,
    database: &'a Database,
    is_new: bool,
}

impl Recovery<'_> {
    fn run(&self) -> Result<Recovered, Failure> {
        self.check_format_row()?;
        let mut commit = self
            .database
            .row::<CommitRow>(Family::Meta, &Meta::Commit.key())?
            .unwrap_or(CommitRow { number: 0, hash: [0; 32] });
        let loss = self.loss(commit)?;
        commit = self.take_back_refused(commit)?;

        let mut epoch = self.number(&Meta::Epoch.key())?.unwrap_or(0);
        let mut needs_audit = self.database.get(Family::Meta, &Meta::Audit.key())?.is_some();
        let is_restored = folder::is_restored(self.path);
        if let Some(loss) = &loss {
            tracing::error!(
                path = %self.path.display(), commit = commit.number,
                "the database lost writes that were durable: {loss}; every space takes a new lineage"
            );
            needs_audit = true;
        }
        if is_restored {
            tracing::warn!(path = %self.path.display(), "store was restored; every space takes a new lineage");
        }
        if loss.is_some() || is_restored {
            epoch = epoch.saturating_add(1);
            let mut batch = Batch::new(self.database);
            batch.put(Family::Meta, Meta::Epoch.key(), epoch.to_be_bytes())?;
            if needs_audit {
                batch.put(Family::Meta, Meta::Audit.key(), [])?;
            }
            commit = self.write(batch, commit, b"epoch")?;
        }
        watermark::write(self.path, commit).map_err(OpenError::io("cannot write the watermark"))?;
        // Only now: had we crashed before, the same would have been done again.
        if is_restored {
            folder::remove_restored(self.path)
                .map_err(OpenError::io("cannot remove the mark of a restored store"))?;
        }
        Ok(Recovered { commit, epoch, needs_audit })
    }

    fn check_format_row(&self) -> Result<(), Failure> {
        let key = Meta::Format.key();
        match self.number(&key)? {
            Some(found) if found > FORMAT => Err(OpenError::NewerFormat {
                path: self.path.to_owned(),
                what: "store",
                found,
                known: FORMAT,
            }
            .into()),
            Some(FORMAT) => Ok(()),
            Some(_) | None => {
                let mut batch = Batch::new(self.database);
                batch.put(Family::Meta, key, FORMAT.to_be_bytes())?;
                self.database.write(batch.into_inner(), true).map_err(|source| {
                    OpenError::Engine {
                        context: format!("cannot write to {}", self.path.display()),
                        source,
                    }
                    .into()
                })
            }
        }
    }

    /// What is known to be lost: the watermark names a commit that the database does not have, or has otherwise.
    fn loss(&self, commit: CommitRow) -> Result<Option<String>, Failure> {
        let mark =
            watermark::read(self.path).map_err(OpenError::io("cannot read the watermark"))?;
        let mark = match mark {
            // Before the first commit there may be none; afterwards somebody removed it.
            Watermark::Absent if self.is_new || commit.number == 0 => return Ok(None),
            Watermark::Absent => return Ok(Some("its watermark is gone".to_owned())),
            Watermark::Damaged => return Ok(Some("its watermark is damaged".to_owned())),
            Watermark::Commit(mark) => mark,
        };
        if mark.number > commit.number {
            return Ok(Some(format!(
                "watermark at commit {}, database at {}",
                mark.number, commit.number
            )));
        }
        // At most half of the slots lie between two watermarks, so its own commit is still there.
        let kept = commit.number.saturating_sub(mark.number) < COMMIT_SLOTS;
        let found: Option<CommitRow> = match mark.number {
            0 => Some(CommitRow { number: 0, hash: [0; 32] }),
            number if kept => self.database.row(Family::Meta, &slot(number).key())?,
            _ => None,
        };
        if found == Some(mark) {
            return Ok(None);
        }
        Ok(Some(format!("commit {} is not the one of the watermark", mark.number)))
    }

    /// Takes back the commit whose write was refused, if it came back nevertheless: what was not accepted must not
    /// appear later (invariant 4).
    fn take_back_refused(&self, commit: CommitRow) -> Result<CommitRow, Failure> {
        let accepted = watermark::read_accepted(self.path)
            .map_err(OpenError::io("cannot read the last accepted commit"))?;
        let accepted = match accepted {
            Watermark::Absent => return Ok(commit),
            Watermark::Damaged => None,
            Watermark::Commit(accepted) => Some(accepted.number),
        };
        let undo: Option<UndoRow> = self.database.row(Family::Meta, &Meta::Undo.key())?;
        let undo = undo.filter(|undo| {
            undo.commit == commit.number && accepted.is_some_and(|last| last < undo.commit)
        });
        let mut commit = commit;
        if let Some(undo) = undo {
            tracing::warn!(commit = undo.commit, "taking back a commit whose write had failed");
            let mut batch = Batch::new(self.database);
            self.undo(&undo, &mut batch)?;
            commit = self.write(batch, commit, b"undo")?;
        }
        watermark::remove_accepted(self.path)
            .map_err(OpenError::io("cannot remove the last accepted commit"))?;
        Ok(commit)
    }

    fn undo(&self, undo: &UndoRow, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        for before in &undo.spaces {
            let key = Meta::Live(before.space).key();
            let Some(live) = self.database.row::<LiveRow>(Family::Meta, &key)? else { continue };
            let mut claims = HashSet::new();
            undo_leaving(self.database, before, live.last_receipt, batch)?;
            for receipt in before.last_receipt.saturating_add(1)..=live.last_receipt {
                self.undo_entry(before.space, receipt, &mut claims, batch)?;
            }
            for (hash, _) in &claims {
                if !self
                    .database
                    .has_marker(before.space, hash, |receipt| claims.contains(&(*hash, receipt)))?
                {
                    batch.delete(Family::Large, hash_key(before.space, hash))?;
                }
            }
            let row = recount(self.database, before, live.removals)?;
            batch.put(Family::Meta, key, row.to_bytes())?;
            batch.delete(Family::Meta, Meta::Digests(before.space).key())?;
            undo_marks(self.database, before, batch)?;
        }
        Ok(())
    }

    fn undo_entry(
        &self,
        number: u32,
        receipt: u64,
        claims: &mut HashSet<(ContentHash, u64)>,
        batch: &mut Batch<'_>,
    ) -> Result<(), StoreError> {
        let key = receipt_key(number, receipt);
        let Some(bytes) = self.database.get(Family::Headers, &key)? else { return Ok(()) };
        let row = HeaderRow::parse(&bytes).ok_or_else(|| damaged_row("headers"))?;
        let header = Header::decode(row.header).map_err(|_| damaged_row("headers"))?;
        batch.delete(Family::Headers, key)?;
        batch.delete(Family::Payloads, key)?;
        batch.delete(Family::Ids, id_key(number, &row.id))?;
        batch.delete(
            Family::Authors,
            author_key(number, &header.author, header.sequence, receipt),
        )?;
        if row.state == State::Large {
            batch.delete(Family::Markers, marker_key(number, &header.content_hash, receipt))?;
            claims.insert((header.content_hash, receipt));
        }
        Ok(())
    }

    fn number(&self, key: &crate::layout::Key) -> Result<Option<u64>, StoreError> {
        let bytes = self.database.get(Family::Meta, key)?;
        bytes
            .map(|bytes| {
                bytes.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| damaged_row("meta"))
            })
            .transpose()
    }

    fn write(
        &self,
        mut batch: Batch<'_>,
        last: CommitRow,
        content: &[u8],
    ) -> Result<CommitRow, Failure> {
        let commit = next_commit(last, content);
        batch.put(Family::Meta, Meta::Commit.key(), commit.to_bytes())?;
        batch.put(Family::Meta, slot(commit.number).key(), commit.to_bytes())?;
        self.database.write(batch.into_inner(), true).map_err(|source| OpenError::Engine {
            context: format!("cannot write to {}", self.path.display()),
            source,
        })?;
        Ok(commit)
    }
}

/// The state of a space up to where it was, counted anew from its header rows.
fn recount(database: &Database, before: &Before, removals: u64) -> Result<LiveRow, StoreError> {
    let mut live =
        LiveRow { last_receipt: before.last_receipt, removals, ..LiveRow::empty(before.log_hash) };
    for receipt in 1..=before.last_receipt {
        let bytes = database.get(Family::Headers, &receipt_key(before.space, receipt))?;
        let row =
            bytes.as_deref().and_then(HeaderRow::parse).ok_or_else(|| damaged_row("headers"))?;
        live.control = live.control.saturating_add(u64::from(row.is_control));
        if row.state.is_present() {
            let header = Header::decode(row.header).map_err(|_| damaged_row("headers"))?;
            live.present = live.present.saturating_add(1);
            live.payload_bytes =
                live.payload_bytes.saturating_add(u64::from(header.payload_length));
        }
    }
    Ok(live)
}

#[cfg(test)]
mod tests;
