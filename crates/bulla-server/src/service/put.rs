//! Taking entries in: decoded as they arrive, verified in batches beside that, stored, acknowledged (PUT, ACK).

use std::collections::VecDeque;
use std::sync::Arc;

use bulla_core::values::{PutOutcome, PutReport, Refusal};
use bulla_core::{Code, EntryId, Lineage, RawEntry, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, StoreError};
use bulla_wire::put::PutAnswer;
use bulla_wire::stream::{BodyDecoder, BodyItem, BodyLimits};
use bulla_wire::{WireError, codes};
use tokio_util::task::AbortOnDropHandle;

use super::verify::{PoolError, Verdicts};
use super::{Answer, Asker, BodySource, Service, message};
use crate::errors;

/// A `put` under way.
struct Intake<'a> {
    service: &'a Service,
    asker: &'a Asker,
    space: SpaceId,
    store: Arc<dyn ContentAddressedStore>,
    /// Entries decoded and not yet given to a verifier, and their size.
    group: Vec<RawEntry>,
    group_bytes: usize,
    judging: VecDeque<AbortOnDropHandle<Result<Verdicts, PoolError>>>,
    /// Entries that hold, and where their outcome belongs.
    batch: Vec<Verified>,
    batch_bytes: usize,
    places: Vec<usize>,
    outcomes: Vec<PutOutcome>,
    /// Of each entry that is genuine.
    ids: Vec<Option<EntryId>>,
    lineage: Option<Lineage>,
}

impl Service {
    pub(super) async fn put(
        &self,
        asker: &Asker,
        space: SpaceId,
        store: Arc<dyn ContentAddressedStore>,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        let _pass = self.enter(asker).await?;
        let mut intake = Intake {
            service: self,
            asker,
            space,
            store,
            group: Vec::new(),
            group_bytes: 0,
            judging: VecDeque::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            places: Vec::new(),
            outcomes: Vec::new(),
            ids: Vec::new(),
            lineage: None,
        };
        intake.read(body).await?;
        intake.finish().await
    }
}

impl Intake<'_> {
    async fn read(&mut self, body: &mut dyn BodySource) -> Result<(), WireError> {
        let narrow = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let limits = &self.service.limits;
        let limits =
            BodyLimits { items: narrow(limits.put_entries), bytes: narrow(limits.put_bytes) };
        let mut decoder = BodyDecoder::put(self.space).with_limits(limits);
        loop {
            match decoder.next_item().map_err(|error| errors::of_stream(&error))? {
                Some(BodyItem::Entry(item)) => self.take(item.raw).await?,
                // Nothing else occurs in a `put` but its end, after which there is nothing.
                Some(_) => {}
                None => match body.piece().await? {
                    Some(piece) => decoder.push(&piece),
                    None => return decoder.finish().map_err(|error| errors::of_stream(&error)),
                },
            }
        }
    }

    async fn take(&mut self, raw: RawEntry) -> Result<(), WireError> {
        self.group_bytes += raw.header.len() + raw.payload.as_ref().map_or(0, bytes::Bytes::len);
        self.group.push(raw);
        if self.group.len() >= GROUP_ENTRIES || self.group_bytes >= GROUP_BYTES {
            self.judge_group();
            // One group is verified while the next arrives; more would only take memory.
            while self.judging.len() > GROUPS_AHEAD {
                self.collect().await?;
            }
        }
        Ok(())
    }

    fn judge_group(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let group = std::mem::take(&mut self.group);
        self.group_bytes = 0;
        let (pool, space) = (self.service.verify.clone(), self.space);
        let judging = tokio::spawn(async move { pool.judge(space, group).await });
        self.judging.push_back(AbortOnDropHandle::new(judging));
    }

    /// Takes the verdicts of the oldest group.
    async fn collect(&mut self) -> Result<(), WireError> {
        let Some(judging) = self.judging.pop_front() else { return Ok(()) };
        let verdicts = judging.await.map_err(PoolError::from).and_then(|verdicts| verdicts);
        let verdicts = verdicts.map_err(|error| {
            errors::of_store(&StoreError::internal("cannot verify a batch", error))
        })?;
        for verdict in verdicts {
            match verdict {
                Ok(verified) => {
                    self.places.push(self.outcomes.len());
                    self.outcomes.push(PutOutcome::Pending);
                    self.ids.push(Some(verified.id()));
                    self.batch_bytes += verified.size_bytes();
                    self.batch.push(verified);
                }
                Err(error) => {
                    tracing::debug!(code = %error.code(), "entry refused");
                    let refusal = Refusal { code: error.code(), is_retryable: false };
                    self.outcomes.push(PutOutcome::Refused(refusal));
                    self.ids.push(None);
                }
            }
        }
        if self.batch_bytes >= COMMIT_BYTES { self.commit().await } else { Ok(()) }
    }

    async fn commit(&mut self) -> Result<(), WireError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        // Rights may have gone while the body was on its way.
        self.service.may(self.asker, self.space, super::rights::Right::Write)?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let report = self.store.put(&self.asker.cx, batch).await;
        let report = report.map_err(|error| errors::of_store(&error))?;
        if report.outcomes.len() != self.places.len() {
            let reason = "the store gave another number of outcomes than entries";
            return Err(errors::of_store(&StoreError::peer(Code::new("peer.answer"), reason)));
        }
        match self.lineage {
            Some(lineage) if lineage != report.lineage => {
                // Receipts of two histories cannot be told in one answer; asking again finds the new one only.
                let reason = "the store's history was replaced during the request".to_owned();
                let code = codes::UPSTREAM;
                let error = StoreError::Unavailable { code, reason, retry_after: None };
                return Err(errors::of_store(&error));
            }
            _ => self.lineage = Some(report.lineage),
        }
        for (place, outcome) in self.places.drain(..).zip(report.outcomes) {
            if let Some(slot) = self.outcomes.get_mut(place) {
                *slot = outcome;
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Answer, WireError> {
        self.judge_group();
        while !self.judging.is_empty() {
            self.collect().await?;
        }
        self.commit().await?;
        let lineage = match self.lineage {
            Some(lineage) => lineage,
            None => {
                let head = self.store.head(&self.asker.cx).await;
                head.map_err(|error| errors::of_store(&error))?.lineage
            }
        };
        let stored = self.outcomes.iter().zip(&self.ids);
        let stored = stored.filter_map(|(outcome, id)| Some((outcome.receipt()?, (*id)?)));
        let acknowledgement = self.service.keys.acknowledge(self.space, lineage, stored);
        let report = PutReport { lineage, outcomes: self.outcomes };
        Ok(message(&PutAnswer { report, acknowledgement }))
    }
}

/// Entries verified together at most: a batch gains nothing beyond it.
const GROUP_ENTRIES: usize = 256;
/// A group of large entries is cut earlier.
const GROUP_BYTES: usize = 1024 * 1024;
/// Groups being verified while another is collected.
const GROUPS_AHEAD: usize = 2;
/// What is given to the store at once. A usual request is one commit; a large one does not lie in memory whole.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;
