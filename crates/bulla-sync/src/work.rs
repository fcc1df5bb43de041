//! What one run knows and has done so far.

use std::sync::Arc;

use bulla_core::values::{Cursor, Head, PutOutcome, PutReport};
use bulla_core::{Code, EntryId, Verified, VerifiedHeader, Verifier};
use bulla_store::Bookmarks;
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::checkpointer::Keeper;
use crate::exceptions::Exceptions;
use crate::forks::Forks;
use crate::frontiers::{Attestation, Frontiers};
use crate::keep::{Checkpoint, Keys, Ledger};
use crate::open::Lists;
use crate::progress::Progress;
use crate::references::References;
use crate::side::{Halt, Side};
use crate::walk::Gaps;
use crate::wants::Wants;
use crate::{Counts, Direction, Exception, Options, Reason, Rung, Why};

/// What one run knows and has done so far.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) options: Arc<Options>,
    pub(crate) source: Arc<Side>,
    pub(crate) target: Arc<Side>,
    pub(crate) bookmarks: Arc<dyn Bookmarks>,
    pub(crate) keys: Keys,
    /// The source's head that the run is judged against.
    pub(crate) head: Head,
    /// The target's head at the start.
    pub(crate) target_head: Head,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) exceptions: Exceptions,
    /// The checkpoint and its exceptions, as they are kept.
    pub(crate) keeper: Arc<Mutex<Keeper>>,
    /// The exceptions as last given to be kept, and their version.
    pub(crate) offered: Arc<Vec<Exception>>,
    pub(crate) offered_exceptions: u64,
    pub(crate) references: References,
    pub(crate) frontiers: Frontiers,
    /// What frontiers that count prove and the target does not hold, at the end of the run.
    pub(crate) unreached: Vec<(EntryId, Attestation)>,
    pub(crate) forks: Forks,
    /// Made when the first header of a frontier is verified.
    pub(crate) verifier: Option<Arc<Verifier>>,
    pub(crate) wants: Wants,
    pub(crate) ledger: Ledger,
    /// Where the lists that the ledger relies on lie.
    pub(crate) lists: Lists,
    /// What was kept of some authors could not be read.
    pub(crate) is_lost: bool,
    /// The lists were begun anew, so that they lack what the ledger says was examined.
    pub(crate) is_anew: bool,
    pub(crate) position: Position,
    pub(crate) gaps: Gaps,
    pub(crate) counts: Counts,
    pub(crate) progress: Progress,
    pub(crate) hashing_ns: u64,
}

/// Where the target's log is, as far as the outcomes of puts tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    /// After the last entry put, if nobody else wrote in between.
    pub(crate) cursor: Option<Cursor>,
    /// Whether every entry since the run began is one that it put.
    pub(crate) is_alone: bool,
    /// How many of those have no payload.
    pub(crate) absent: u64,
}

impl Position {
    pub(crate) const fn at(cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), is_alone: true, absent: 0 }
    }

    /// Takes note of a new entry; nothing to do for one that the cursor passed already.
    fn stored(&mut self, receipt: u64, header: &VerifiedHeader, has_payload: bool) {
        let Some(cursor) = self.cursor else { return };
        if receipt <= cursor.receipt {
            return;
        }
        if cursor.receipt.checked_add(1) != Some(receipt) {
            (self.cursor, self.is_alone) = (None, false);
            return;
        }
        let log_hash = cursor.log_hash.next(&header.id());
        self.cursor = Some(Cursor { receipt, log_hash, ..cursor });
        if !has_payload {
            self.absent = self.absent.saturating_add(1);
        }
    }
}

/// An entry on its way into the target.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) header: VerifiedHeader,
    /// `None` when it goes without its payload.
    pub(crate) payload_bytes: Option<u64>,
}

impl Sent {
    pub(crate) fn of(entry: &Verified) -> Self {
        let bytes = |payload: &Bytes| u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let payload_bytes = entry.payload().map(bytes);
        Self { header: entry.verified_header().clone(), payload_bytes }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settled {
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    pub(crate) payloads_added: u64,
}

impl Work {
    /// Takes note of the outcomes of a batch.
    pub(crate) async fn settle(
        &mut self,
        sent: &[Sent],
        report: &PutReport,
    ) -> Result<Settled, Halt> {
        if report.lineage != self.keys.target {
            return Err(Halt::Stop(Reason::TargetChanged));
        }
        let outcomes = sent.iter().zip(&report.outcomes);
        let stored = outcomes.filter(|(_, outcome)| matches!(outcome, PutOutcome::Stored(_)));
        self.read_tips_of(stored.map(|(sent, _)| sent.header.header().author).collect()).await?;
        let mut settled = Settled::default();
        for (sent, outcome) in sent.iter().zip(&report.outcomes) {
            let (header, id) = (&sent.header, sent.header.id());
            self.counts.offered += 1;
            match outcome {
                PutOutcome::Stored(receipt) => {
                    settled.stored += 1;
                    let header_bytes = header.bytes().len() + bulla_core::Signature::LEN;
                    self.counts.header_bytes += u64::try_from(header_bytes).unwrap_or(0);
                    self.counts.payload_bytes += sent.payload_bytes.unwrap_or(0);
                    self.position.stored(*receipt, header, sent.payload_bytes.is_some());
                    self.observe(header);
                }
                PutOutcome::PayloadAdded(receipt) => {
                    settled.payloads_added += 1;
                    self.counts.payload_bytes += sent.payload_bytes.unwrap_or(0);
                    self.payload_added(*receipt);
                    if self.reads_frontiers() {
                        self.frontiers.observe(header);
                    }
                    self.wants.remove(&id);
                }
                PutOutcome::Duplicate(_) => settled.duplicates += 1,
                PutOutcome::Refused(refusal) => {
                    self.counts.refused += 1;
                    let why = if refusal.is_retryable { Why::RefusedForNow } else { Why::Refused };
                    self.exceptions.insert(Exception { id, why, code: refusal.code.clone() });
                }
                PutOutcome::Pending => {
                    let code = Code::new("sync.pending");
                    self.failed(Exception { id, why: Why::Pending, code });
                }
            }
            if outcome.receipt().is_some() {
                self.exceptions.remove(&id);
                // Whether its payload is absent the target will say: it may hold it, or know of an erasure.
                let is_wanted = self.options.scope.wants_payload(header.header());
                if sent.payload_bytes.is_none() && is_wanted {
                    self.wants.insert(id);
                }
            }
        }
        self.counts.stored += settled.stored;
        self.counts.payloads_added += settled.payloads_added;
        self.counts.duplicates += settled.duplicates;
        Ok(settled)
    }

    /// Records an entry that the source showed and that could not be stored.
    pub(crate) fn failed(&mut self, exception: Exception) {
        self.counts.failed += 1;
        self.exceptions.insert(exception);
    }

    /// Takes note of an entry that the target holds.
    pub(crate) fn observe(&mut self, header: &VerifiedHeader) {
        if self.judges_references() {
            self.references.observe(header);
        }
        if self.reads_frontiers() {
            self.frontiers.observe(header);
            self.forks.observe(header);
        }
    }

    /// Whether so much waits to be looked up that it should be.
    pub(crate) fn is_look_up_due(&self) -> bool {
        self.references.is_due() || self.frontiers.is_due()
    }

    /// Whether references are judged: not where the source hides what they name.
    pub(crate) fn judges_references(&self) -> bool {
        !self.options.scope.hides_headers()
    }

    /// Whether the target is near, so that its entries may be read freely.
    pub(crate) fn is_target_near(&self) -> bool {
        self.options.direction == Direction::Pull
    }

    /// The target's cursor now that everything put is acknowledged.
    pub(crate) async fn target_cursor(&mut self) -> Result<Cursor, Halt> {
        if let Some(cursor) = self.position.cursor {
            return Ok(cursor);
        }
        let head = self.target_head_now().await?;
        self.position.cursor = Some(head.cursor());
        Ok(head.cursor())
    }

    /// The target's head now.
    pub(crate) async fn target_head_now(&self) -> Result<Head, Halt> {
        let head = self.target.head().await?;
        if head.lineage == self.keys.target {
            Ok(head)
        } else {
            Err(Halt::Stop(Reason::TargetChanged))
        }
    }

    /// Begins a rung: shows its totals.
    pub(crate) fn begin(&mut self, rung: Rung, from: u64) {
        self.progress.rung = Some(rung);
        self.progress.receipts_total = self.head.last_receipt.saturating_sub(from);
        self.progress.receipts_done = 0;
        self.show_progress();
    }

    pub(crate) fn show_progress(&mut self) {
        self.progress.entries_stored = self.counts.stored;
        self.progress.payload_bytes = self.counts.payload_bytes;
        if let Some(progress) = &self.options.progress {
            progress.send_replace(self.progress);
        }
    }

    fn payload_added(&mut self, receipt: u64) {
        let examined = self.ledger.examined.map_or(0, |cursor| cursor.receipt);
        let absent =
            if receipt <= examined { &mut self.ledger.absent } else { &mut self.position.absent };
        *absent = absent.saturating_sub(1);
    }
}
