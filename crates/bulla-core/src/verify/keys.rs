//! Author keys that were decoded before: what is remembered between batches, and only to save work.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};

use super::is_small_order;

/// Keys remembered at most, as many as a table of 16,384 places takes: some 3 MiB.
pub(super) const MAX_KEYS: usize = 14_336;

/// A key that VER-4 allows: it decodes, and its point is not of small order. It says nothing of any signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsableKey(EdwardsPoint);

impl UsableKey {
    /// Judges a key by VER-4; the verdict depends on these 32 bytes alone.
    fn decode(key: &[u8; 32]) -> Option<Self> {
        if is_small_order(key) {
            return None;
        }
        CompressedEdwardsY(*key).decompress().map(Self)
    }

    pub(super) const fn point(&self) -> &EdwardsPoint {
        &self.0
    }
}

/// Usable keys by their exact bytes.
///
/// A verdict on a key follows from its 32 bytes for ever, so remembering it cannot change a later verdict (VER-1); keys
/// that are refused and everything about entries and signatures are forgotten at once. Only keys under which a batch
/// held are kept: whoever wants to push others out has to sign for it. A full table is emptied. The hash function of the
/// table is keyed, so that nobody can aim keys at one place of it.
#[derive(Default)]
pub(super) struct KeyCache {
    keys: Mutex<Option<HashMap<[u8; 32], UsableKey>>>,
}

impl KeyCache {
    pub(super) const fn new() -> Self {
        Self { keys: Mutex::new(None) }
    }

    /// The different keys among those given, judged, and for each of those given its place among the different ones.
    pub(super) fn judge<'k>(&self, keys: impl Iterator<Item = &'k [u8; 32]>) -> Judged<'k> {
        let mut places = HashMap::new();
        let mut judged =
            Judged { keys: Vec::new(), places: Vec::with_capacity(keys.size_hint().0) };
        for key in keys {
            let place = *places.entry(key).or_insert_with(|| {
                judged.keys.push((key, None));
                judged.keys.len() - 1
            });
            judged.places.push(place);
        }
        if let Some(known) = self.lock().as_ref() {
            for (key, usable) in &mut judged.keys {
                *usable = known.get(*key).copied();
            }
        }
        // Without the lock: decoding is what takes time.
        for (key, usable) in &mut judged.keys {
            *usable = usable.or_else(|| UsableKey::decode(key));
        }
        judged
    }

    /// Keeps the keys of a batch that held.
    pub(super) fn keep(&self, judged: &Judged<'_>) {
        let mut keys = self.lock();
        let keys = keys.get_or_insert_default();
        for (key, usable) in &judged.keys {
            let Some(usable) = usable else { continue };
            if keys.len() >= MAX_KEYS && !keys.contains_key(*key) {
                keys.clear();
            }
            keys.insert(**key, *usable);
        }
    }

    /// No code that may panic runs under the lock; were it poisoned all the same, the table would still be whole.
    fn lock(&self) -> MutexGuard<'_, Option<HashMap<[u8; 32], UsableKey>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().as_ref().map_or(0, HashMap::len)
    }
}

impl Clone for KeyCache {
    /// Empty: every verifier remembers for itself.
    fn clone(&self) -> Self {
        Self::new()
    }
}

/// Keys and the verdict of VER-4 on each.
#[derive(Debug)]
pub(super) struct Judged<'k> {
    /// The different keys; `None` for one that is not usable.
    pub(super) keys: Vec<(&'k [u8; 32], Option<UsableKey>)>,
    /// For each key that was given, its place in `keys`.
    pub(super) places: Vec<usize>,
}

impl Judged<'_> {
    /// Whether the key at a place is usable.
    pub(super) fn is_usable(&self, place: usize) -> bool {
        self.keys.get(place).is_some_and(|(_, usable)| usable.is_some())
    }
}

#[cfg(test)]
mod tests;
