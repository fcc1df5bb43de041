//! By how many ways the feeds of one peer may have come. A store that is a proxy asks on with the hop path of the request,
//! and opens a feed of its own for each: a peer that makes up paths would use up what the node behind allows this one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_core::{NodeId, PeerKey};
use bulla_store::HopPath;

use super::gate::Busy;

/// The hop paths of the feeds there are, by peer, with how many feeds came by each.
#[derive(Debug)]
pub(crate) struct Paths {
    per_peer: usize,
    held: Mutex<HashMap<PeerKey, HashMap<Vec<NodeId>, usize>>>,
}

/// A path in use; counted until it is dropped. Feeds that passed no other node are not counted.
#[derive(Debug)]
pub(crate) struct OnPath {
    paths: Arc<Paths>,
    peer: PeerKey,
    path: Vec<NodeId>,
}

impl Paths {
    pub(crate) fn new(per_peer: usize) -> Arc<Self> {
        Arc::new(Self { per_peer, held: Mutex::default() })
    }

    /// A feed more by this path.
    pub(crate) fn enter(self: &Arc<Self>, peer: PeerKey, path: &HopPath) -> Result<OnPath, Busy> {
        let path = path.nodes().to_vec();
        if !path.is_empty() {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let own = held.entry(peer).or_default();
            // One that is refused has others, so no empty map stays behind.
            if own.len() >= self.per_peer && !own.contains_key(&path) {
                return Err(Busy);
            }
            *own.entry(path.clone()).or_insert(0) += 1;
        }
        Ok(OnPath { paths: Arc::clone(self), peer, path })
    }
}

impl Drop for OnPath {
    fn drop(&mut self) {
        let mut held = self.paths.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = held.get_mut(&self.peer) else { return };
        if let Some(count) = own.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                own.remove(&self.path);
            }
        }
        if own.is_empty() {
            held.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(nodes: &[u8]) -> HopPath {
        HopPath::new(nodes.iter().map(|byte| NodeId([*byte; 32])).collect()).unwrap()
    }

    #[test]
    fn paths_are_counted_by_peer_and_forgotten_with_the_last_feed() {
        let paths = Paths::new(2);
        let (greedy, other) = (PeerKey([1; 32]), PeerKey([2; 32]));
        let first = paths.enter(greedy, &path(&[1])).unwrap();
        let again = paths.enter(greedy, &path(&[1])).unwrap();
        let second = paths.enter(greedy, &path(&[2, 1])).unwrap();
        assert_eq!(paths.enter(greedy, &path(&[3])).unwrap_err(), Busy);
        let direct = paths.enter(greedy, &HopPath::default()).unwrap();
        drop(paths.enter(other, &path(&[3])).unwrap());
        drop(first);
        assert_eq!(paths.enter(greedy, &path(&[3])).unwrap_err(), Busy, "one feed still has it");
        drop(again);
        drop(paths.enter(greedy, &path(&[3])).unwrap());
        drop((second, direct));
        assert!(paths.held.lock().unwrap().is_empty());
    }
}
