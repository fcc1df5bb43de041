//! Reading what the source has and the target lacks, ahead of the writer.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::{Cursor, GetItem, Has, PageLimit, PayloadState, ScanBody};
use bulla_core::{Bloom, Code, EntryId, Verified, VerifiedHeader};
use tokio::sync::mpsc;

use crate::side::{Halt, Side};
use crate::walk::{Gaps, Walk};
use crate::{Exception, Options, ScanFault, Why};

/// Below this much, asking the target what it holds costs more than sending it twice.
const WORTH_ASKING_BYTES: usize = 64 * 1024;

/// How a page's entries come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Pages carry entries: one sequential pass.
    Inline {
        /// Ask the target first what it holds of a large page.
        confirm: bool,
    },
    /// Pages carry ids; what the target lacks is looked up.
    IdsFirst,
    /// Pages carry headers; the payloads wanted are looked up.
    HeadersFirst,
}

/// Something for the writer: one batch, and what is to be said of the page it ends.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// Entries to put.
    pub(crate) entries: Vec<Verified>,
    /// The page that ends with this batch.
    pub(crate) page: Option<PageDone>,
}

/// A page whose entries were all handed to the writer.
#[derive(Debug)]
pub(crate) struct PageDone {
    /// Every id it showed.
    pub(crate) ids: Vec<EntryId>,
    /// How many of them the target holds already.
    pub(crate) held: u64,
    /// Those that cannot be put.
    pub(crate) exceptions: Vec<Exception>,
    /// Where the next page starts.
    pub(crate) cursor: Cursor,
}

/// Reads what the source has and the target lacks.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) source: Arc<Side>,
    pub(crate) target: Arc<Side>,
    pub(crate) options: Arc<Options>,
    pub(crate) mode: Mode,
    /// Ids that are certainly not held by the target need not be asked about.
    pub(crate) prefilter: Option<Bloom>,
    pub(crate) walk: Walk,
}

impl Fetch {
    /// Reads to the end of the walk.
    pub(crate) async fn run(mut self, units: mpsc::Sender<Unit>) -> Result<Gaps, Halt> {
        loop {
            let before = self.walk.after();
            let page = match self.walk.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(self.walk.into_gaps()),
                Err(Halt::CursorRefused(_)) => return Err(Halt::CursorRefused(Some(before))),
                Err(halt) => return Err(halt),
            };
            let mut done = PageDone {
                ids: page.items.iter().map(|item| item.id).collect(),
                held: 0,
                exceptions: Vec::new(),
                cursor: page.cursor,
            };
            let mut entries = Vec::with_capacity(page.items.len());
            let mut wanted = Vec::new();
            for item in page.items {
                match item.body {
                    ScanBody::Entry(entry) => entries.push(entry.into()),
                    ScanBody::Header(header, state) => {
                        if state == PayloadState::Present
                            && self.options.scope.wants_payload(header.header())
                        {
                            wanted.push((item.id, Some(header)));
                        } else {
                            entries.push(header.into());
                        }
                    }
                    ScanBody::Id(_) => wanted.push((item.id, None)),
                    ScanBody::Invalid(code) => {
                        let why = Why::Invalid;
                        done.exceptions.push(Exception { id: item.id, why, code });
                    }
                }
            }
            self.drop_held(&mut entries, &mut wanted, &mut done.held).await?;
            let sent = self.look_up(&units, &mut entries, wanted, &mut done.exceptions).await?;
            let last = Unit { entries, page: Some(done) };
            if !sent || units.send(last).await.is_err() {
                // The writer is gone, and says why.
                return Ok(Gaps::default());
            }
        }
    }

    /// Drops what the target says it holds.
    async fn drop_held(
        &self,
        entries: &mut Vec<Verified>,
        wanted: &mut Vec<(EntryId, Option<VerifiedHeader>)>,
        held: &mut u64,
    ) -> Result<(), Halt> {
        let bytes =
            entries.iter().fold(0_usize, |sum, entry| sum.saturating_add(entry.size_bytes()));
        let asks = match self.mode {
            Mode::Inline { confirm } => confirm && bytes >= WORTH_ASKING_BYTES,
            Mode::IdsFirst | Mode::HeadersFirst => true,
        };
        if !asks {
            return Ok(());
        }
        let may_hold =
            |id: &EntryId| self.prefilter.as_ref().is_none_or(|bloom| bloom.may_hold(id));
        let ids: Vec<_> = entries
            .iter()
            .map(Verified::id)
            .chain(wanted.iter().map(|(id, _)| *id))
            .filter(may_hold)
            .collect();
        let mut presence = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(bulla_core::limits::MAX_IDS_PER_REQUEST) {
            presence.extend(ids.iter().copied().zip(self.target.has(ids).await?));
        }
        let before = entries.len().saturating_add(wanted.len());
        entries.retain(|entry| match presence.get(&entry.id()) {
            Some(Has::Yes) => false,
            // A header adds nothing to a header.
            Some(Has::PayloadMissing) => entry.payload().is_some(),
            Some(Has::No | Has::Unknown) | None => true,
        });
        wanted.retain(|(id, _)| presence.get(id) != Some(&Has::Yes));
        let left = entries.len().saturating_add(wanted.len());
        let dropped = u64::try_from(before.saturating_sub(left)).unwrap_or(u64::MAX);
        *held = held.saturating_add(dropped);
        Ok(())
    }

    /// Looks entries up and sends full batches; what is left of the last one stays in `entries`. `false` when the writer
    /// is gone.
    async fn look_up(
        &self,
        units: &mpsc::Sender<Unit>,
        entries: &mut Vec<Verified>,
        mut wanted: Vec<(EntryId, Option<VerifiedHeader>)>,
        exceptions: &mut Vec<Exception>,
    ) -> Result<bool, Halt> {
        let PageLimit { max_bytes, max_items } = self.options.page_limit();
        let most = usize::try_from(max_items).unwrap_or(MAX_ENTRIES_PER_PUT);
        wanted.reverse();
        while !wanted.is_empty() {
            if !entries.is_empty() {
                let batch = Unit { entries: std::mem::take(entries), page: None };
                if units.send(batch).await.is_err() {
                    return Ok(false);
                }
            }
            let ids: Vec<_> = wanted.iter().rev().take(most).map(|(id, _)| *id).collect();
            for item in self.source.get(ids, max_bytes).await? {
                let Some((id, header)) = wanted.pop() else { break };
                match take(id, item)? {
                    Taken::Entry(entry) => entries.push(entry),
                    Taken::Not(exception) => match header {
                        // The header came with the page; the payload goes on the want-list.
                        Some(header) => entries.push(header.into()),
                        None => exceptions.push(exception),
                    },
                }
            }
        }
        Ok(true)
    }
}

/// What became of an id that was looked up.
pub(crate) enum Taken {
    /// Something to put.
    Entry(Verified),
    /// Nothing.
    Not(Exception),
}

/// Judges the answer for an id.
pub(crate) fn take(id: EntryId, item: GetItem) -> Result<Taken, Halt> {
    let entry: Verified = match item {
        GetItem::Entry(entry) => entry.into(),
        GetItem::Header(header, _) => header.into(),
        GetItem::Absent => return Ok(Taken::Not(withheld(id, "sync.absent_at_source"))),
        GetItem::Unavailable => return Ok(Taken::Not(withheld(id, "sync.unavailable_at_source"))),
        GetItem::Corrupt => {
            let code = Code::new("sync.corrupt_at_source");
            return Ok(Taken::Not(Exception { id, why: Why::Invalid, code }));
        }
    };
    if entry.id() == id { Ok(Taken::Entry(entry)) } else { Err(Halt::Fault(ScanFault::Get)) }
}

fn withheld(id: EntryId, code: &'static str) -> Exception {
    Exception { id, why: Why::Withheld, code: Code::new(code) }
}
