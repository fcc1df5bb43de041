//! A store that counts what is asked of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanBody, ScanItem, ScanRequest,
    StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};

use crate::{ContentAddressedStore, Context, HeadStream, Result};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// How often each method was called, and how much went through.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)+
        }

        #[derive(Debug, Default)]
        struct Counters {
            $($name: AtomicU64,)+
        }

        impl Counters {
            fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::SeqCst),)+ }
            }

            fn reset(&self) {
                $(self.$name.store(0, Ordering::SeqCst);)+
            }
        }
    };
}

counters! {
    /// Calls of `head`.
    heads,
    /// Calls of `put`.
    puts,
    /// Entries given to `put`.
    put_entries,
    /// Bytes given to `put`: headers, signatures and payloads.
    put_bytes,
    /// Calls of `get`.
    gets,
    /// Ids asked by `get`.
    get_ids,
    /// Calls of `has`.
    hass,
    /// Ids asked by `has`.
    has_ids,
    /// Calls of `scan`.
    scans,
    /// Items on the pages given.
    scan_items,
    /// Bytes on the pages given, as page limits count them.
    scan_bytes,
    /// Calls of `summary`.
    summaries,
    /// Calls of `watch`.
    watches,
    /// Calls of `status`.
    statuses,
    /// Payload bytes given out by `get` and `scan`.
    payload_bytes,
}

impl Counts {
    /// Calls of every method together.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.heads
            + self.puts
            + self.gets
            + self.hass
            + self.scans
            + self.summaries
            + self.watches
            + self.statuses
    }
}

/// Counts calls and passes them on.
#[derive(Debug)]
pub struct CountingStore {
    store: Arc<dyn ContentAddressedStore>,
    counters: Counters,
}

impl CountingStore {
    /// Counts what is asked of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ContentAddressedStore>) -> Self {
        Self { store, counters: Counters::default() }
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Counts from nothing again.
    pub fn reset(&self) {
        self.counters.reset();
    }
}

fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(u64::try_from(amount).unwrap_or(u64::MAX), Ordering::SeqCst);
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for CountingStore {
    fn space(&self) -> SpaceId {
        self.store.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        add(&self.counters.heads, 1);
        self.store.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        add(&self.counters.puts, 1);
        add(&self.counters.put_entries, batch.len());
        add(&self.counters.put_bytes, batch.iter().map(Verified::size_bytes).sum());
        self.store.put(cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        add(&self.counters.gets, 1);
        add(&self.counters.get_ids, request.ids.len());
        let items = self.store.get(cx, request).await?;
        let payloads = items.iter().map(|item| match item {
            GetItem::Entry(entry) => entry.payload().len(),
            GetItem::Header(..) | GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => 0,
        });
        add(&self.counters.payload_bytes, payloads.sum());
        Ok(items)
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        add(&self.counters.hass, 1);
        add(&self.counters.has_ids, ids.len());
        self.store.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        add(&self.counters.scans, 1);
        let page = self.store.scan(cx, request).await?;
        add(&self.counters.scan_items, page.items.len());
        add(&self.counters.scan_bytes, page.items.iter().map(ScanItem::size_bytes).sum());
        let payloads = page.items.iter().map(|item| match &item.body {
            ScanBody::Entry(entry) => entry.payload().len(),
            ScanBody::Id(_) | ScanBody::Header(..) | ScanBody::Invalid(_) => 0,
        });
        add(&self.counters.payload_bytes, payloads.sum());
        Ok(page)
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        add(&self.counters.summaries, 1);
        self.store.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        add(&self.counters.watches, 1);
        self.store.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        add(&self.counters.statuses, 1);
        self.store.status(cx).await
    }
}
