//! How a run goes about it.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::cbor::{Encode, Writer};
use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_PAGE_BYTES};
use bulla_core::values::{Filter, KindRange, PageLimit};
use bulla_core::{Header, Kind, domain};
use bulla_store::{Clock, Context, StoreError, SystemClock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Attested, Progress};

/// Which side is far away. It decides what is asked of whom, never what is complete (SYN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The source is far away, the target is near.
    #[default]
    Pull,
    /// The target is far away, the source is near.
    Push,
}

/// What a run is to bring over (SYN-5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Every entry with its payload.
    #[default]
    Everything,
    /// Every header, and the payloads of the entries that match. Completeness can be proven.
    PayloadsOf(Filter),
    /// The entries that match and nothing else. The source hides the other headers, so that a run ends at best
    /// *complete as the source tells it*.
    Filtered(Filter),
}

impl Scope {
    /// Every header, and no payload but those of control entries, which always come along.
    #[must_use]
    pub fn headers_only() -> Self {
        let last = Kind(Kind::FIRST_APPLICATION.0.saturating_sub(1));
        Self::PayloadsOf(Filter {
            kinds: vec![KindRange { first: Kind(0), last }],
            ..Filter::all()
        })
    }

    /// The filter that the source is asked to apply.
    pub(crate) fn asked(&self) -> Filter {
        match self {
            Self::Everything | Self::PayloadsOf(_) => Filter::all(),
            Self::Filtered(filter) => filter.clone(),
        }
    }

    /// Whether headers are hidden by it.
    pub(crate) fn hides_headers(&self) -> bool {
        !self.asked().is_all()
    }

    /// Whether the payload of this entry is wanted.
    pub(crate) fn wants_payload(&self, header: &Header) -> bool {
        match self {
            Self::Everything => true,
            Self::PayloadsOf(filter) | Self::Filtered(filter) => filter.matches(header),
        }
    }

    /// Whether every payload that comes by is wanted.
    pub(crate) fn wants_all_payloads(&self) -> bool {
        match self {
            Self::Everything | Self::Filtered(_) => true,
            Self::PayloadsOf(filter) => filter.is_all(),
        }
    }

    /// What names this scope in the keys of checkpoints (SYN-22): BLAKE3 under its own context over `[sort, filter]`,
    /// sort being 0 for everything, 1 for payloads of a filter, 2 for a filter.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let all = Filter::all();
        let (sort, filter) = match self {
            Self::Everything => (0, &all),
            Self::PayloadsOf(filter) | Self::Filtered(filter) if filter.is_all() => (0, &all),
            Self::PayloadsOf(filter) => (1, filter),
            Self::Filtered(filter) => (2, filter),
        };
        let mut writer = Writer::new();
        writer.array(2).uint(sort);
        filter.encode(&mut writer);
        blake3::derive_key(domain::SYNC_SCOPE, writer.as_bytes())
    }
}

/// Whether what frontiers prove is to be reached, by what the caller knows of the authors (SYN-50).
///
/// Where a directory admits entries, a frontier counts if its author may read (DIR-24), and an entry that no store of the
/// space would take, such as one of a removed author beyond its cuts, is not to be waited for.
#[async_trait]
pub trait FrontierJudge: Debug + Send + Sync {
    /// Whether each of these entries, by its frontier, is to be reached: one answer each, in order; what is not answered is.
    /// They come without evidence. Asked at the end of every run, so that the answer may change.
    ///
    /// # Errors
    ///
    /// Those of the store that is asked; they end the run as an error of its target.
    async fn counts(&self, cx: &Context, attested: &[Attested]) -> Result<Vec<bool>, StoreError>;
}

/// How a run goes about it. The default pulls everything.
///
/// Numbers outside their bounds are taken as the nearest one inside.
#[derive(Debug, Clone)]
pub struct Options {
    /// What travels with every call of the run; its deadline ends the run too, by [`clock`](Self::clock).
    pub context: Context,
    /// Which side is far away.
    pub direction: Direction,
    /// What to bring over.
    pub scope: Scope,
    /// Bytes of a page and of a batch: 1 to 16 MiB, by default 2 MiB. A run holds at most
    /// `pages_ahead + puts_in_flight + 2` times as much.
    pub page_bytes: u32,
    /// Items of a page and entries of a batch: 1 to 4,096, by default 4,096.
    pub page_items: u32,
    /// Pages read ahead of the writer: 1 to 16, by default 2.
    pub pages_ahead: usize,
    /// Batches given to the target at one time: 1 to 4, by default 2.
    pub puts_in_flight: usize,
    /// What of the frontiers is to be reached; `None` for all that those held by the target prove.
    pub frontier_judge: Option<Arc<dyn FrontierJudge>>,
    /// Ends the run early; what was acknowledged is kept and the next run goes on from there.
    pub cancel: CancellationToken,
    /// Where to show progress; the first value comes before the first page and has the totals.
    pub progress: Option<watch::Sender<Progress>>,
    /// Where durations come from. No decision but the deadline rests on it.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// Pulls everything: the source is far away.
    #[must_use]
    pub fn pull() -> Self {
        Self {
            context: Context::new(),
            direction: Direction::Pull,
            scope: Scope::Everything,
            page_bytes: 2 * 1024 * 1024,
            page_items: 4096,
            pages_ahead: 2,
            puts_in_flight: 2,
            frontier_judge: None,
            cancel: CancellationToken::new(),
            progress: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Pushes everything: the target is far away.
    #[must_use]
    pub fn push() -> Self {
        Self { direction: Direction::Push, ..Self::pull() }
    }

    /// The same with this context.
    #[must_use]
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// The same with this scope.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The same with pages of these bounds, in bytes and items.
    #[must_use]
    pub const fn with_pages(mut self, bytes: u32, items: u32) -> Self {
        self.page_bytes = bytes;
        self.page_items = items;
        self
    }

    /// The same with this judge of frontiers.
    #[must_use]
    pub fn with_frontier_judge(mut self, judge: Arc<dyn FrontierJudge>) -> Self {
        self.frontier_judge = Some(judge);
        self
    }

    /// The same with this token to cancel it by.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same with a place to show progress.
    #[must_use]
    pub fn with_progress(mut self, progress: watch::Sender<Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// The same with this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn page_limit(&self) -> PageLimit {
        let most = u32::try_from(MAX_ENTRIES_PER_PUT).unwrap_or(u32::MAX);
        PageLimit {
            max_bytes: self.page_bytes.clamp(1, MAX_PAGE_BYTES),
            max_items: self.page_items.clamp(1, most),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::pull()
    }
}
