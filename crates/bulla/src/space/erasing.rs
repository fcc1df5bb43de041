//! Erasing: payloads go, on every store that hears of it, and headers stay (CTL-60, CTL-61).

use std::collections::BTreeMap;

use bulla_core::control::{Erase, ErasedRange, Role};
use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_ERASED};
use bulla_core::values::{Filter, PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, EntryId, Topic};
use bulla_store::Context;

use super::cuts::authored;
use super::pen::Pen;
use super::{Space, SpaceError};

/// What is to be erased. Control entries never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasing {
    /// These entries, held here or not.
    Ids(Vec<EntryId>),
    /// What is held here under a topic. What its authors write later, or wrote and is not held, stays.
    Topic(Topic),
    /// What is held here of a device.
    Author(AuthorKey),
}

impl Space {
    /// Erases: every store that hears of it drops the payloads, keeps the headers and never takes the payloads back. A
    /// writer erases its own entries; an admin everybody's.
    ///
    /// There is no way back. Devices that keep copies outside of the space keep them.
    ///
    /// Returns the erasures' entries, in order; one says at most 4,096 ids or ranges.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is writer, and unless it is admin for entries of others or of authors that are
    /// not known here; [`SpaceError::NothingHeld`]. After any other error some of it may be erased.
    pub async fn erase(&self, what: Erasing) -> Result<Vec<EntryId>, SpaceError> {
        self.act(move |mut pen| Box::pin(async move { pen.erase(what).await })).await
    }
}

impl Pen<'_> {
    async fn erase(&mut self, what: Erasing) -> Result<Vec<EntryId>, SpaceError> {
        let role = self.need(Role::Writer)?;
        let erasures = match what {
            Erasing::Ids(ids) => self.by_ids(ids, role).await?,
            Erasing::Topic(topic) => self.by_topic(topic, role).await?,
            Erasing::Author(author) => self.by_author(author, role).await?,
        };
        if erasures.is_empty() {
            return Err(SpaceError::NothingHeld);
        }
        let mut written = Vec::with_capacity(erasures.len());
        for erasure in erasures {
            written.push(self.write(erasure).await?);
        }
        Ok(written)
    }

    async fn by_ids(&self, mut ids: Vec<EntryId>, role: Role) -> Result<Vec<Erase>, SpaceError> {
        ids.sort_unstable();
        ids.dedup();
        for part in ids.chunks(MAX_ENTRIES_PER_PUT) {
            let facts = self.guard.engine.facts(&Context::new(), part).await?;
            let is_own = |author| Some(author) == Some(self.me());
            // Of what is not held nobody knows whose it is.
            if !facts.iter().all(|facts| facts.as_ref().is_some_and(|facts| is_own(facts.author))) {
                self.need_admin(role)?;
            }
        }
        let parts = ids.chunks(MAX_ERASED);
        Ok(parts.map(|ids| Erase { ids: ids.to_vec(), ranges: Vec::new() }).collect())
    }

    async fn by_topic(&self, topic: Topic, role: Role) -> Result<Vec<Erase>, SpaceError> {
        let mut last: BTreeMap<AuthorKey, u64> = BTreeMap::new();
        let mut request = ScanRequest {
            filter: Filter { topics: vec![topic], ..Filter::all() },
            want: Want::Headers,
            limit: PageLimit::MAX,
            ..ScanRequest::everything()
        };
        loop {
            let page = self.guard.engine.scan(&Context::new(), request.clone()).await?;
            for item in page.items {
                let ScanBody::Header(header, _) = item.body else { continue };
                let header = header.header();
                // Control entries pass every filter.
                if !header.kind.is_control() && header.topic == topic {
                    let sequence = last.entry(header.author).or_default();
                    *sequence = header.sequence.max(*sequence);
                }
            }
            if page.end {
                break;
            }
            request.after = Some(page.cursor);
        }
        if last.keys().any(|author| *author != self.me()) {
            self.need_admin(role)?;
        }
        let ranges: Vec<ErasedRange> = last
            .into_iter()
            .map(|(author, sequence)| ErasedRange { author, sequence, topic: Some(topic) })
            .collect();
        let parts = ranges.chunks(MAX_ERASED);
        Ok(parts.map(|ranges| Erase { ids: Vec::new(), ranges: ranges.to_vec() }).collect())
    }

    async fn by_author(&self, author: AuthorKey, role: Role) -> Result<Vec<Erase>, SpaceError> {
        if author != self.me() {
            self.need_admin(role)?;
        }
        let held = authored(&*self.guard.engine, author).await?;
        let last = held.iter().filter(|facts| !facts.kind.is_control());
        let last = last.map(|facts| facts.sequence).max();
        let range = last.map(|sequence| ErasedRange { author, sequence, topic: None });
        Ok(range.map(|range| Erase { ids: Vec::new(), ranges: vec![range] }).into_iter().collect())
    }

    fn need_admin(&self, role: Role) -> Result<(), SpaceError> {
        match role {
            Role::Admin => Ok(()),
            role => Err(SpaceError::Role { needed: Role::Admin, role }),
        }
    }
}
