//! How much heavy work may be under way at once, in all and for one peer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_core::PeerKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// No place became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much work under way")]
pub(crate) struct Busy;

/// Counts places. Who finds none waits for a while; waiting costs a connection, and those are bounded.
#[derive(Debug)]
pub(crate) struct Gate {
    all: Arc<Semaphore>,
    per_peer: usize,
    patience: Duration,
    peers: Mutex<HashMap<PeerKey, PeerPlaces>>,
}

#[derive(Debug)]
struct PeerPlaces {
    places: Arc<Semaphore>,
    /// Those who hold or wait for a place; at zero the peer is forgotten.
    users: usize,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    _all: OwnedSemaphorePermit,
    _peer: PeerPass,
}

#[derive(Debug)]
struct PeerPass {
    gate: Arc<Gate>,
    peer: PeerKey,
    permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(crate) fn new(all: usize, per_peer: usize, patience: Duration) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(all));
        Arc::new(Self { all, per_peer, patience, peers: Mutex::default() })
    }

    /// A place, waited for if need be: first the peer's own, so that a greedy peer queues behind itself.
    pub(crate) async fn enter(self: &Arc<Self>, peer: PeerKey) -> Result<Pass, Busy> {
        let (mut pass, places) = self.join(peer);
        let entered = tokio::time::timeout(self.patience, async {
            let own = places.acquire_owned().await.map_err(|_| Busy)?;
            let all = Arc::clone(&self.all).acquire_owned().await.map_err(|_| Busy)?;
            Ok((own, all))
        });
        let (own, all) = entered.await.map_err(|_| Busy)??;
        pass.permit = Some(own);
        Ok(Pass { _all: all, _peer: pass })
    }

    /// A place if one is free now.
    pub(crate) fn try_enter(self: &Arc<Self>, peer: PeerKey) -> Result<Pass, Busy> {
        let (mut pass, places) = self.join(peer);
        pass.permit = Some(places.try_acquire_owned().map_err(|_| Busy)?);
        let all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Busy)?;
        Ok(Pass { _all: all, _peer: pass })
    }

    fn join(self: &Arc<Self>, peer: PeerKey) -> (PeerPass, Arc<Semaphore>) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = peers.entry(peer).or_insert_with(|| PeerPlaces {
            places: Arc::new(Semaphore::new(self.per_peer)),
            users: 0,
        });
        entry.users += 1;
        (PeerPass { gate: Arc::clone(self), peer, permit: None }, Arc::clone(&entry.places))
    }
}

impl Drop for PeerPass {
    fn drop(&mut self) {
        // The place goes back before the peer can be forgotten, or a new semaphore would hand it out twice.
        self.permit = None;
        let mut peers = self.gate.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = peers.get_mut(&self.peer) {
            entry.users -= 1;
            if entry.users == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_greedy_peer_waits_for_itself_and_not_others_for_it() {
        let gate = Gate::new(3, 2, PATIENCE);
        let (greedy, other) = (PeerKey([1; 32]), PeerKey([2; 32]));
        let _first = gate.enter(greedy).await.unwrap();
        let second = gate.enter(greedy).await.unwrap();
        assert_eq!(gate.enter(greedy).await.unwrap_err(), Busy);
        assert_eq!(gate.try_enter(greedy).unwrap_err(), Busy);
        gate.enter(other).await.unwrap();
        drop(second);
        gate.enter(greedy).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn peers_without_work_are_forgotten() {
        let gate = Gate::new(1, 1, PATIENCE);
        for n in 0..100 {
            drop(gate.enter(PeerKey([n; 32])).await.unwrap());
        }
        let held = gate.enter(PeerKey([0; 32])).await.unwrap();
        assert!(gate.enter(PeerKey([1; 32])).await.is_err());
        assert_eq!(gate.peers.lock().unwrap().len(), 1);
        drop(held);
        assert!(gate.peers.lock().unwrap().is_empty());
    }
}
