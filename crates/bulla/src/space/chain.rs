//! Where this device's own chain ends, and whether it may be continued.

use std::pin::pin;

use bulla_core::values::{Filter, PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, EntryId, Kind};
use bulla_crypto::{ChainEnd, Hlc};
use bulla_store::{Context, kept_pages};
use futures_util::TryStreamExt as _;

use super::local::Guard;
use super::{Inner, Mark, SpaceError};

/// The end of this device's chain in one space.
#[derive(Debug)]
pub(super) struct Chain {
    /// After the last own entry held.
    pub(super) end: ChainEnd,
    /// The last frontier of this device that is held: its sequence and id.
    pub(super) frontier: Option<(u64, EntryId)>,
    /// The device's clock, at least as late as its own last entry.
    pub(super) clock: Hlc,
    /// What has left the device and is not held here: the log is short.
    short_of: Option<Mark>,
    /// Where two own entries share a sequence.
    fork: Option<u64>,
}

impl Chain {
    /// A chain of which nothing was read.
    pub(super) fn unread() -> Self {
        Self {
            end: ChainEnd::EMPTY,
            frontier: None,
            clock: Hlc::default(),
            short_of: None,
            fork: None,
        }
    }

    /// Reads the author's own entries of the store, those in quarantine too, and compares them with the mark.
    ///
    /// One pass over the headers by this author; a disk store answers a million entries in about half a second.
    pub(super) async fn read(inner: &Inner, author: AuthorKey) -> Result<Self, SpaceError> {
        let store = &*inner.store;
        let mut chain = Self::unread();
        let mark = inner.marks.read(store.space(), author)?;
        let mut mark_held = mark.is_none();
        let mut sequences = Vec::new();
        if let Some(guard) = inner.gate.guard() {
            for (sequence, id) in quarantined(guard, author).await? {
                mark_held |= mark.is_some_and(|mark| mark.id == id);
                sequences.push(sequence);
                if sequence > chain.end.sequence() {
                    chain.end = ChainEnd::after(sequence, id);
                }
            }
        }
        let mut request = ScanRequest {
            filter: Filter { authors: vec![author], ..Filter::all() },
            want: Want::Headers,
            limit: PageLimit::MAX,
            ..ScanRequest::everything()
        };
        let cx = Context::new();
        loop {
            let page = store.scan(&cx, request.clone()).await?;
            for item in page.items {
                let ScanBody::Header(header, _) = item.body else { continue };
                // Control entries pass every filter, also those of others.
                if header.header().author != author {
                    continue;
                }
                let sequence = header.header().sequence;
                mark_held |= mark.is_some_and(|mark| mark.id == item.id);
                sequences.push(sequence);
                // Own entries may come back out of order; the chain's end is the highest of them.
                if sequence > chain.end.sequence() {
                    chain.end = ChainEnd::after(sequence, item.id);
                }
                if header.header().kind == Kind::FRONTIER {
                    chain.frontier = chain.frontier.max(Some((sequence, item.id)));
                }
                let timestamp = header.header().timestamp;
                if let Err(error) = chain.clock.observe(timestamp, timestamp >> 16) {
                    tracing::warn!(%error, "own timestamp was not taken over");
                }
            }
            if page.end {
                break;
            }
            request.after = Some(page.cursor);
        }
        // An id is held or in quarantine, and once, so a sequence that occurs twice stands in two entries.
        sequences.sort_unstable();
        chain.fork = sequences
            .windows(2)
            .find(|pair| pair.first() == pair.last())
            .and_then(|pair| pair.first())
            .copied();
        if !mark_held || mark.is_some_and(|mark| mark.sequence > chain.end.sequence()) {
            chain.short_of = mark;
        }
        Ok(chain)
    }

    /// Reads the chain again if it was short: a sync may have brought the own entries back since.
    pub(super) async fn refresh(&mut self, inner: &Inner) -> Result<(), SpaceError> {
        if self.short_of.is_some() {
            *self = Self::read(inner, inner.keys.author()).await?;
        }
        Ok(())
    }

    /// Reads the chain again after it is not known whether an entry was stored.
    pub(super) async fn read_again(&mut self, inner: &Inner) {
        match Self::read(inner, inner.keys.author()).await {
            Ok(read) => *self = read,
            Err(error) => {
                tracing::warn!(%error, "own chain could not be read after a failed write");
            }
        }
    }

    /// Whether the next entry may be signed.
    pub(super) fn check(&self) -> Result<(), SpaceError> {
        if let Some(sequence) = self.fork {
            return Err(SpaceError::Forked { sequence });
        }
        match self.short_of {
            Some(mark) => {
                Err(SpaceError::ShortLog { found: self.end.sequence(), marked: mark.sequence })
            }
            None => Ok(()),
        }
    }

    /// What a mark written now says; `None` while nothing is signed, or while it would say less than the one there is.
    pub(super) const fn mark(&self) -> Option<Mark> {
        if self.end.sequence() == 0 || self.short_of.is_some() {
            return None;
        }
        Some(Mark { sequence: self.end.sequence(), id: self.end.id() })
    }
}

/// The author's entries that were refused here and are kept: they may have been given out elsewhere.
async fn quarantined(guard: &Guard, author: AuthorKey) -> Result<Vec<(u64, EntryId)>, SpaceError> {
    let (cx, mut own) = (Context::new(), Vec::new());
    let mut kept = pin!(kept_pages(|after, limit| guard.engine.kept(&cx, after, limit)));
    while let Some(page) = kept.try_next().await? {
        let facts = page.iter().filter(|facts| facts.author == author);
        own.extend(facts.map(|facts| (facts.sequence, facts.id)));
    }
    Ok(own)
}
