//! Coalescing: many who ask the same at once cause one question to the origin.
//!
//! Nobody may wait for himself. A request that came through other nodes waits, at each of them, for a request whose hop
//! path is at least as long as its own would be when it is sent on; so along any chain of waiting the paths grow, and a
//! ring of nodes, whose paths cannot grow for ever, is refused and never deadlocks (HOP-3).

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

/// A question under way. Any of those who wait drives it; when all of them are gone it is dropped.
type Flight<T> = Shared<BoxFuture<'static, T>>;

/// Questions under way, each for one or several keys.
#[derive(Debug)]
pub(super) struct Flights<K, T: Clone> {
    inner: Mutex<Inner<K, T>>,
}

#[derive(Debug)]
struct Inner<K, T: Clone> {
    by_key: HashMap<K, Vec<Slot<T>>>,
    next: u64,
}

#[derive(Debug)]
struct Slot<T: Clone> {
    number: u64,
    /// Length of the hop path it is asked with.
    hops: usize,
    flight: WeakShared<BoxFuture<'static, T>>,
}

impl<T: Clone> Slot<T> {
    /// The question, if it is still under way.
    fn under_way(&self) -> Option<Flight<T>> {
        self.flight.upgrade().filter(|flight| flight.peek().is_none())
    }
}

/// One question that somebody waits for.
pub(super) struct Boarded<'a, K: Eq + Hash, T: Clone> {
    flights: &'a Flights<K, T>,
    keys: Vec<K>,
    flight: Option<Flight<T>>,
    /// Whether it was asked for this caller and not joined.
    pub(super) is_own: bool,
}

impl<K: Eq + Hash, T: Clone> Boarded<'_, K, T> {
    /// Waits for the answer.
    pub(super) async fn answer(self) -> Option<T> {
        Some(self.flight.clone()?.await)
    }
}

impl<K: Eq + Hash, T: Clone> Drop for Boarded<'_, K, T> {
    fn drop(&mut self) {
        // The last to leave clears the table; while others wait the slot stays.
        self.flight = None;
        let mut inner = self.flights.lock();
        for key in &self.keys {
            inner.prune(key);
        }
    }
}

impl<K: Eq + Hash, T: Clone> Inner<K, T> {
    fn prune(&mut self, key: &K) {
        if let Some(slots) = self.by_key.get_mut(key) {
            slots.retain(|slot| slot.under_way().is_some());
            if slots.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}

impl<K: Eq + Hash + Clone, T: Clone + Send + Sync + 'static> Flights<K, T> {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::new(Inner { by_key: HashMap::new(), next: 0 }) }
    }

    /// Joins the questions under way for `keys` whose hop path has at least `hops` nodes, and starts one for the rest.
    pub(super) fn board(
        &self,
        keys: &[K],
        hops: usize,
        start: impl FnOnce(Vec<K>) -> BoxFuture<'static, T>,
    ) -> Vec<Boarded<'_, K, T>> {
        let mut inner = self.lock();
        let mut joined: BTreeMap<u64, (Vec<K>, Flight<T>)> = BTreeMap::new();
        let mut rest = Vec::new();
        for key in keys {
            inner.prune(key);
            let slots = inner.by_key.get(key).map_or(&[][..], Vec::as_slice);
            let found = slots.iter().find_map(|slot| {
                if slot.hops < hops {
                    None
                } else {
                    slot.under_way().map(|flight| (slot.number, flight))
                }
            });
            match found {
                Some((number, flight)) => {
                    joined
                        .entry(number)
                        .or_insert_with(|| (Vec::new(), flight))
                        .0
                        .push(key.clone());
                }
                None => rest.push(key.clone()),
            }
        }
        let mut boarded = Vec::with_capacity(joined.len() + 1);
        if !rest.is_empty() {
            let flight = start(rest.clone()).shared();
            if let Some(weak) = flight.downgrade() {
                inner.next += 1;
                for key in &rest {
                    let slot = Slot { number: inner.next, hops, flight: weak.clone() };
                    inner.by_key.entry(key.clone()).or_default().push(slot);
                }
            }
            boarded.push(Boarded { flights: self, keys: rest, flight: Some(flight), is_own: true });
        }
        boarded.extend(joined.into_values().map(|(keys, flight)| Boarded {
            flights: self,
            keys,
            flight: Some(flight),
            is_own: false,
        }));
        boarded
    }
}

impl<K, T: Clone> Flights<K, T> {
    fn lock(&self) -> MutexGuard<'_, Inner<K, T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Coalescing where an answer must be newer than the question: whoever asks waits for a question that was sent *after* he
/// asked. So at most one is under way and one waits behind it, however many ask.
#[derive(Debug)]
pub(super) struct Queue<T: Clone> {
    slots: Mutex<Vec<QueueSlot<T>>>,
}

#[derive(Debug)]
struct QueueSlot<T: Clone> {
    hops: usize,
    is_sent: Arc<AtomicBool>,
    flight: WeakShared<BoxFuture<'static, T>>,
}

impl<T: Clone + Send + Sync + 'static> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Mutex::new(Vec::new()) }
    }

    /// Asks by `send`, or waits for somebody else's question that has not been sent yet.
    pub(super) async fn ask(
        &self,
        hops: usize,
        send: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.join(hops, send).await
    }

    fn join(&self, hops: usize, send: impl Future<Output = T> + Send + 'static) -> Flight<T> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.flight.upgrade().is_some_and(|flight| flight.peek().is_none()));
        let mut before: Option<Flight<T>> = None;
        for slot in slots.iter().filter(|slot| slot.hops >= hops) {
            let Some(flight) = slot.flight.upgrade() else { continue };
            if !slot.is_sent.load(Ordering::SeqCst) {
                return flight;
            }
            before = Some(flight);
        }
        let is_sent = Arc::new(AtomicBool::new(false));
        let sent = Arc::clone(&is_sent);
        let flight: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(async move {
            if let Some(before) = before {
                before.await;
            }
            sent.store(true, Ordering::SeqCst);
            send.await
        });
        let flight = flight.shared();
        if let Some(weak) = flight.downgrade() {
            slots.push(QueueSlot { hops, is_sent, flight: weak });
        }
        flight
    }
}
