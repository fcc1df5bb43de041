//! Reading the frontiers that the target holds, each once (chapter `sync.md`, SYN-50).

use std::collections::HashSet;
use std::sync::Arc;

use bulla_core::control::Control;
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{GetItem, Has};
use bulla_core::{EntryId, Header, RawEntry, VerifiedEntry, Verifier};

use super::{Attestation, MOST_HINTS};
use crate::Reason;
use crate::proof::Ascending;
use crate::side::Halt;
use crate::work::Work;

/// Frontiers read at one time.
const READ_IDS: usize = 256;
/// Bytes of frontiers read at one time; each may be 1 MiB long.
const READ_BYTES: u32 = 4 * 1024 * 1024;
/// From this many headers on they are verified on another thread.
const WORTH_A_THREAD: usize = 16;

/// A header that a frontier says it proves.
struct Said {
    id: EntryId,
    header: Header,
    raw: RawEntry,
    /// The frontier, by its place among those read.
    place: usize,
}

impl Work {
    /// Reads the frontiers that wait.
    pub(crate) async fn read_frontiers(&mut self) -> Result<(), Halt> {
        while self.frontiers.is_waiting() {
            let ids: Vec<_> = self.frontiers.waiting.iter().take(READ_IDS).copied().collect();
            let items = self.target.get(ids.clone(), READ_BYTES).await?;
            let read: Vec<_> = ids.into_iter().zip(items).collect();
            let entries: Vec<_> = read.iter().filter_map(|(_, item)| entry(item)).collect();
            self.read_all(&entries).await?;
            for (id, _) in read {
                // One whose payload is absent is wanted, and read when that has come.
                self.frontiers.waiting.remove(&id);
            }
        }
        Ok(())
    }

    async fn read_all(&mut self, entries: &[&VerifiedEntry]) -> Result<(), Halt> {
        let mut said = Vec::new();
        let mut claimed = HashSet::new();
        for (place, entry) in entries.iter().enumerate() {
            let Some(Control::Frontier(frontier)) = entry.control() else { continue };
            for proven in frontier.proven {
                let Ok(header) = Header::decode(&proven.header) else { continue };
                let digest = Header::digest_of(&proven.header);
                let id = EntryId::compute(&digest, &proven.signature);
                said.push(Said { id, header, raw: proven.to_raw(), place });
            }
            claimed.extend(frontier.claimed.into_iter().map(|claimed| claimed.id));
        }
        let mut asked: HashSet<_> = said.iter().map(|said| said.id).collect();
        asked.extend(claimed.iter().copied());
        let held = self.held_of(asked.into_iter().collect()).await?;
        for id in claimed.difference(&held) {
            if self.frontiers.hints.len() < MOST_HINTS {
                self.frontiers.hints.insert(*id);
            }
        }
        let valid = self.valid(&said, &held).await?;
        let of_held = said.iter().filter(|said| held.contains(&said.id));
        self.read_reached_of(of_held.map(|said| said.header.author).collect()).await?;
        let mut order = (0, Ascending::default());
        for said in said.iter().filter(|said| valid.contains(&said.id)) {
            if order.0 != said.place {
                order = (said.place, Ascending::default());
            }
            let Some(frontier) = entries.get(said.place) else { continue };
            if !order.1.takes(&said.header) {
                continue;
            }
            let attestation = Attestation {
                author: said.header.author,
                sequence: said.header.sequence,
                by: frontier.id(),
                witness: frontier.header().author,
            };
            if held.contains(&said.id) {
                let _ = self.frontiers.reached(said.id, attestation);
            } else {
                self.frontiers.unreached(said.id, attestation);
            }
        }
        Ok(())
    }

    /// Those of these ids that the target holds.
    pub(super) async fn held_of(&self, ids: Vec<EntryId>) -> Result<HashSet<EntryId>, Halt> {
        let mut held = HashSet::new();
        for ids in ids.chunks(MAX_IDS_PER_REQUEST) {
            let presence = self.target.has(ids).await?;
            let is_held = |has: &Has| matches!(has, Has::Yes | Has::PayloadMissing);
            held.extend(
                ids.iter().zip(presence).filter(|(_, has)| is_held(has)).map(|(id, _)| *id),
            );
        }
        Ok(held)
    }

    /// The ids of the headers that hold. An id names one run of bytes (ENT-32): what is held or known under it was verified.
    async fn valid(
        &mut self,
        said: &[Said],
        held: &HashSet<EntryId>,
    ) -> Result<HashSet<EntryId>, Halt> {
        let mut valid = HashSet::new();
        let mut new = HashSet::new();
        let mut raw = Vec::new();
        for said in said {
            if held.contains(&said.id) || self.frontiers.knows(&said.id) {
                valid.insert(said.id);
            } else if new.insert(said.id) {
                raw.push(said.raw.clone());
            }
        }
        let verifier = self.verifier()?;
        let space = self.keys.space;
        let verify = move || {
            let verdicts = verifier.verify_batch(&space, raw).into_iter();
            verdicts.flatten().map(|verified| verified.id()).collect::<Vec<_>>()
        };
        valid.extend(if new.len() < WORTH_A_THREAD {
            verify()
        } else {
            tokio::task::spawn_blocking(verify).await.map_err(|error| {
                let error = bulla_store::StoreError::internal("verifying headers", error);
                Halt::Stop(Reason::Target(error))
            })?
        });
        Ok(valid)
    }

    /// The verifier of this run, with a seed that no signer can foresee (VER-9).
    fn verifier(&mut self) -> Result<Arc<Verifier>, Halt> {
        if let Some(verifier) = &self.verifier {
            return Ok(Arc::clone(verifier));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Halt::Stop(Reason::Randomness(error.to_string())))?;
        Ok(Arc::clone(self.verifier.insert(Arc::new(Verifier::new(seed)))))
    }
}

fn entry(item: &GetItem) -> Option<&VerifiedEntry> {
    match item {
        GetItem::Entry(entry) => Some(entry),
        GetItem::Header(..) | GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => None,
    }
}
