//! What the writer does between commits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_core::{LogHash, SpaceId};
use bulla_store::{Result, StoreError, random_lineage};
use rocksdb::checkpoint::Checkpoint;

use super::Writer;
use crate::database::Batch;
use crate::error::{damaged_row, read_error};
use crate::layout::{Family, HeaderRow, LiveRow, Meta, SpaceRow, receipt_key, space_range};
use crate::queue::Admin;
use crate::shared::Shared;

/// Bytes of a batch while a space takes a new lineage.
const RENEWAL_BYTES: usize = 1024 * 1024;

impl Writer {
    pub(super) fn admin(&mut self, admin: Admin) {
        // An asker who has gone does not stop what was asked.
        match admin {
            Admin::Create(space, reply) => drop(reply.send(self.create(&space))),
            Admin::Remove(space, reply) => drop(reply.send(self.remove(&space))),
            Admin::Renew(space, reply) => drop(reply.send(self.renew(&space))),
            Admin::Checkpoint(folder, reply) => drop(reply.send(self.checkpoint(&folder))),
            Admin::Quarantine(space, receipts, reply) => {
                drop(reply.send(self.change(|plan| plan.quarantine(&space, &receipts))));
            }
            Admin::AuditPassed(reply) => drop(reply.send(self.audit_passed())),
            Admin::Settle(reply) => drop(reply.send(self.settle())),
        }
    }

    fn create(&mut self, id: &SpaceId) -> Result<SpaceRow> {
        self.check_writable()?;
        let shared = Arc::clone(&self.shared);
        if let Some(row) = shared.space_row(id)? {
            return Ok(row);
        }
        self.check_room()?;
        let key = Meta::NextSpace.key();
        let number = match shared.database.get(Family::Meta, &key)? {
            Some(bytes) => {
                u32::from_be_bytes(bytes.as_ref().try_into().map_err(|_| damaged_row("meta"))?)
            }
            None => 0,
        };
        let next = number.checked_add(1).filter(|next| *next < u32::MAX).ok_or_else(|| {
            StoreError::Internal {
                context: "all space numbers were given out".to_owned(),
                source: None,
            }
        })?;
        let row = SpaceRow { number, epoch: shared.epoch, lineage: random_lineage()? };
        let mut batch = Batch::new(&shared.database);
        batch.put(Family::Meta, key, next.to_be_bytes())?;
        batch.put(Family::Meta, Meta::Space(id).key(), row.to_bytes())?;
        let live = LiveRow::empty(LogHash::start(id, &row.lineage));
        batch.put(Family::Meta, Meta::Live(number).key(), live.to_bytes())?;
        self.write(batch, &[b"create".as_slice(), &id.0, &row.to_bytes()].concat(), Vec::new())?;
        Ok(row)
    }

    fn remove(&mut self, id: &SpaceId) -> Result<bool> {
        self.check_writable()?;
        let shared = Arc::clone(&self.shared);
        // Nobody may take the space into use while it goes.
        let mut active = shared.active();
        let Some(row) = shared.space_row(id)? else { return Ok(false) };
        let mut batch = Batch::new(&shared.database);
        batch.delete(Family::Meta, Meta::Space(id).key())?;
        batch.delete(Family::Meta, Meta::Live(row.number).key())?;
        for of_space in [Meta::Digests, Meta::Judged, Meta::Kept, Meta::Left] {
            batch.delete(Family::Meta, of_space(row.number).key())?;
        }
        for family in Family::PER_SPACE {
            batch.delete_range(family, space_range(row.number))?;
        }
        self.write(batch, &[b"remove".as_slice(), &id.0].concat(), Vec::new())?;
        if let Some(space) = active.get(row.number) {
            space.lock().is_removed = true;
            space.end();
        }
        active.remove(row.number);
        Ok(true)
    }

    /// Gives a space of an older epoch a new lineage: its log hashes begin with the lineage, so all of them change. A
    /// crash on the way leaves the old epoch in the space's row, and the work is done again.
    fn renew(&mut self, id: &SpaceId) -> Result<()> {
        self.check_writable()?;
        let shared = Arc::clone(&self.shared);
        let Some(row) = shared.space_row(id)? else { return Err(StoreError::NotServed(*id)) };
        if row.epoch == shared.epoch {
            return Ok(());
        }
        let row = SpaceRow { epoch: shared.epoch, lineage: random_lineage()?, ..row };
        tracing::warn!(space = %id.short(), lineage = %row.lineage.short(), "space takes a new lineage");
        let key = Meta::Live(row.number).key();
        let mut live: LiveRow =
            shared.database.row(Family::Meta, &key)?.ok_or_else(|| damaged_row("space"))?;
        let (log_hash, mut batch) = self.rehash(&shared, id, &row, live.last_receipt)?;
        live.log_hash = log_hash;
        batch.put(Family::Meta, key, live.to_bytes())?;
        batch.put(Family::Meta, Meta::Space(id).key(), row.to_bytes())?;
        self.write(batch, &[b"renew".as_slice(), &id.0, &row.to_bytes()].concat(), Vec::new())
    }

    /// Writes every log hash of a space anew; the last batch is returned unwritten.
    fn rehash<'d>(
        &self,
        shared: &'d Shared,
        id: &SpaceId,
        row: &SpaceRow,
        last_receipt: u64,
    ) -> Result<(LogHash, Batch<'d>)> {
        let mut log_hash = LogHash::start(id, &row.lineage);
        let mut batch = Batch::new(&shared.database);
        let mut rows =
            shared.database.raw().raw_iterator_cf(shared.database.family(Family::Headers)?);
        rows.seek(receipt_key(row.number, 1));
        for receipt in 1..=last_receipt {
            let key = receipt_key(row.number, receipt);
            let header = match rows.item() {
                Some((found, value)) if found == key.as_ref() => HeaderRow::parse(value),
                _ => None,
            };
            rows.status().map_err(read_error("headers"))?;
            let header = header.ok_or_else(|| damaged_row("headers"))?;
            log_hash = log_hash.next(&header.id);
            batch.put(Family::Headers, key, header.with_log_hash(&log_hash))?;
            rows.next();
            if batch.size_bytes() >= RENEWAL_BYTES {
                let full = std::mem::replace(&mut batch, Batch::new(&shared.database));
                shared
                    .database
                    .write(full.into_inner(), false)
                    .map_err(|error| self.stop(&error))?;
            }
        }
        Ok((log_hash, batch))
    }

    /// Everything written down: digests of the spaces in use, then the watermark.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.check_writable()?;
        self.write_parked();
        let shared = Arc::clone(&self.shared);
        let mut batch = Batch::new(&shared.database);
        for space in shared.active().spaces() {
            let mut live = space.lock();
            if let Some(digests) = &live.digests
                && digests.at > live.digests_at
            {
                digests.write(&mut batch, space.number)?;
                live.digests_at = digests.at;
            }
        }
        if !batch.is_empty() {
            self.write(batch, b"settle", Vec::new())?;
        }
        if self.commit.number > self.marked {
            self.mark()?;
        }
        Ok(())
    }

    /// A checkpoint exactly at the newest commit: no other can be made meanwhile.
    fn checkpoint(&mut self, folder: &std::path::Path) -> Result<()> {
        self.settle()?;
        let checkpoint =
            Checkpoint::new(self.shared.database.raw()).map_err(read_error("checkpoint"))?;
        checkpoint
            .create_checkpoint(folder.join(crate::folder::DATABASE))
            .map_err(|error| StoreError::internal("cannot make a checkpoint", error))?;
        crate::watermark::write(folder, self.commit)
            .map_err(|error| StoreError::internal("cannot write the watermark", error))
    }

    fn audit_passed(&mut self) -> Result<()> {
        self.check_writable()?;
        if !self.shared.health.needs_audit.load(Ordering::Relaxed) {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let mut batch = Batch::new(&shared.database);
        batch.delete(Family::Meta, Meta::Audit.key())?;
        self.write(batch, b"audited", Vec::new())?;
        self.shared.health.needs_audit.store(false, Ordering::Relaxed);
        Ok(())
    }
}
