//! Where this device's own chain ends, and whether it may be continued.

use bulla_core::AuthorKey;
use bulla_core::values::{Filter, PageLimit, ScanBody, ScanRequest, Want};
use bulla_crypto::{ChainEnd, Hlc};
use bulla_store::{ContentAddressedStore, Context};

use super::{Mark, Marks, SpaceError};

/// The end of this device's chain in one space.
#[derive(Debug)]
pub(super) struct Chain {
    /// After the last own entry held.
    pub(super) end: ChainEnd,
    /// The device's clock, at least as late as its own last entry.
    pub(super) clock: Hlc,
    /// What has left the device and is not held here: the log is short.
    short_of: Option<Mark>,
    /// Where two own entries share a sequence.
    fork: Option<u64>,
}

impl Chain {
    /// Reads the own entries of the store and compares them with the mark.
    ///
    /// One pass over the headers by this author; a disk store answers a million entries in about half a second.
    pub(super) async fn read(
        store: &dyn ContentAddressedStore,
        author: AuthorKey,
        marks: &dyn Marks,
    ) -> Result<Self, SpaceError> {
        let mut chain =
            Self { end: ChainEnd::EMPTY, clock: Hlc::default(), short_of: None, fork: None };
        let mark = marks.read(store.space(), author)?;
        let mut mark_held = mark.is_none();
        let mut sequences = Vec::new();
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
        // A store holds an id once, so a sequence that occurs twice stands in two entries.
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

    /// Whether entries that this device has given out are missing here.
    pub(super) const fn is_short(&self) -> bool {
        self.short_of.is_some()
    }

    /// What a mark written now says; `None` while nothing is signed, or while it would say less than the one there is.
    pub(super) const fn mark(&self) -> Option<Mark> {
        if self.end.sequence() == 0 || self.short_of.is_some() {
            return None;
        }
        Some(Mark { sequence: self.end.sequence(), id: self.end.id() })
    }
}
