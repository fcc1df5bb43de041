//! Who is logged in: opaque tokens, kept as hashes (LOGIN: the token; A46, A47).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_core::{PeerKey, SpaceId};
use bulla_store::Clock;
pub(crate) use bulla_wire::limits::TOKEN_BYTES;

/// Who asks, and for which spaces it proved to be who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The key that signed the login.
    pub(crate) peer: PeerKey,
    /// The spaces named in the transcript that was signed, ascending; none for all that the peer may use.
    pub(crate) spaces: Arc<[SpaceId]>,
    /// When it ends, by the clock of the node that never goes back.
    pub(crate) expires: Duration,
}

impl Session {
    /// Whether the token was given out for this space.
    pub(crate) fn covers(&self, space: &SpaceId) -> bool {
        self.spaces.is_empty() || self.spaces.binary_search(space).is_ok()
    }
}

/// No place for another session. *Retry later.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sessions")]
pub(crate) struct Crowded;

/// The tokens given out and not yet expired.
#[derive(Debug)]
pub(crate) struct Tokens {
    clock: Arc<dyn Clock>,
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<TokenHash, Session>,
    /// The tokens of each peer, oldest first.
    by_peer: HashMap<PeerKey, Vec<TokenHash>>,
    /// Tokens of keys that nobody knew when they logged in, oldest first; some may be over.
    guests: VecDeque<TokenHash>,
}

/// What is kept of a token. Looking up a hash tells by its time nothing about the token (A33).
type TokenHash = [u8; 32];

impl Tokens {
    pub(crate) fn new(clock: Arc<dyn Clock>, most: usize) -> Self {
        Self { clock, most, table: Mutex::default() }
    }

    /// Remembers a token under its session. A peer that has many already loses its oldest.
    pub(crate) fn insert(
        &self,
        token: &[u8; TOKEN_BYTES],
        session: Session,
    ) -> Result<(), Crowded> {
        let now = self.clock.monotonic();
        let mut table = self.lock();
        if table.sessions.len() >= self.most {
            table.forget_expired(now);
        }
        if table.by_peer.get(&session.peer).is_some_and(|held| held.len() >= MAX_PER_PEER) {
            table.forget_oldest(&session.peer);
        }
        if table.sessions.len() >= self.most {
            return Err(Crowded);
        }
        let hash = hash(token);
        table.by_peer.entry(session.peer).or_default().push(hash);
        table.sessions.insert(hash, session);
        Ok(())
    }

    /// As [`insert`](Self::insert), for a key that nobody knows. Of all such sessions together only so many are kept, the
    /// newest, so that whoever makes keys takes no place from members.
    pub(crate) fn insert_guest(
        &self,
        token: &[u8; TOKEN_BYTES],
        session: Session,
    ) -> Result<(), Crowded> {
        self.insert(token, session)?;
        let mut table = self.lock();
        table.guests.push_back(hash(token));
        if table.guests.len() > MAX_GUESTS
            && let Some(oldest) = table.guests.pop_front()
        {
            table.remove(&oldest);
        }
        Ok(())
    }

    /// The session of a token that came with a request; `None` for any other bytes.
    pub(crate) fn find(&self, token: &[u8; TOKEN_BYTES]) -> Option<Session> {
        let hash = hash(token);
        let now = self.clock.monotonic();
        let mut table = self.lock();
        let session = table.sessions.get(&hash)?;
        if now < session.expires {
            return Some(session.clone());
        }
        table.remove(&hash);
        None
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_expired(&mut self, now: Duration) {
        self.sessions.retain(|_, session| now < session.expires);
        let sessions = &self.sessions;
        self.by_peer.retain(|_, held| {
            held.retain(|hash| sessions.contains_key(hash));
            !held.is_empty()
        });
    }

    fn remove(&mut self, hash: &TokenHash) {
        if let Some(session) = self.sessions.remove(hash) {
            self.forget_of_peer(&session.peer, hash);
        }
    }

    fn forget_oldest(&mut self, peer: &PeerKey) {
        if let Some(held) = self.by_peer.get_mut(peer)
            && !held.is_empty()
        {
            self.sessions.remove(&held.remove(0));
        }
    }

    fn forget_of_peer(&mut self, peer: &PeerKey, hash: &TokenHash) {
        if let Some(held) = self.by_peer.get_mut(peer) {
            held.retain(|other| other != hash);
            if held.is_empty() {
                self.by_peer.remove(peer);
            }
        }
    }
}

fn hash(token: &[u8; TOKEN_BYTES]) -> TokenHash {
    blake3::derive_key(bulla_core::domain::TOKEN, token)
}

/// A device with several programs and a chain of nodes needs a few; more are forgotten, oldest first.
const MAX_PER_PEER: usize = 64;
/// Whoever brings a space needs a few moments for it.
const MAX_GUESTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct SetClock(Mutex<Duration>);

    impl Clock for SetClock {
        fn unix_ms(&self) -> u64 {
            panic!("no safety decision reads the wall clock")
        }
        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn session(peer: u8) -> Session {
        session_until(peer, Duration::from_secs(900))
    }

    fn session_until(peer: u8, expires: Duration) -> Session {
        Session { peer: PeerKey([peer; 32]), spaces: Arc::from([SpaceId([9; 32])]), expires }
    }

    fn tokens(most: usize) -> (Arc<SetClock>, Tokens) {
        let clock = Arc::new(SetClock::default());
        let tokens = Tokens::new(Arc::clone(&clock) as Arc<dyn Clock>, most);
        (clock, tokens)
    }

    #[test]
    fn a_token_serves_until_its_time_is_over_and_not_a_moment_longer() {
        let (clock, tokens) = tokens(10);
        tokens.insert(&[1; 32], session(1)).unwrap();
        *clock.0.lock().unwrap() = Duration::from_millis(899_999);
        assert_eq!(tokens.find(&[1; 32]), Some(session(1)));
        *clock.0.lock().unwrap() = Duration::from_secs(900);
        assert_eq!(tokens.find(&[1; 32]), None);
        assert!(tokens.lock().by_peer.is_empty());
    }

    #[test]
    fn other_bytes_are_no_token() {
        let (_clock, tokens) = tokens(10);
        tokens.insert(&[1; 32], session(1)).unwrap();
        let mut near = [1; 32];
        near[31] = 0;
        for other in [[0; 32], [2; 32], near] {
            assert_eq!(tokens.find(&other), None);
        }
    }

    #[test]
    fn guests_have_few_places_and_take_none_from_members() {
        let (_clock, tokens) = tokens(MAX_GUESTS + 2);
        tokens.insert(&[1; 32], session(1)).unwrap();
        let token = |n: usize| {
            let mut token = [7; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            token
        };
        let of_key = |n: usize| {
            let mut key = [8; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            Session { peer: PeerKey(key), ..session(8) }
        };
        for n in 0..=MAX_GUESTS {
            tokens.insert_guest(&token(n), of_key(n)).unwrap();
        }
        assert_eq!(tokens.find(&token(0)), None, "the oldest guest went");
        assert_eq!(tokens.find(&token(1)), Some(of_key(1)));
        assert_eq!(tokens.find(&[1; 32]), Some(session(1)));
        assert_eq!(tokens.lock().sessions.len(), MAX_GUESTS + 1);
        assert_eq!(tokens.lock().by_peer.len(), MAX_GUESTS + 1);
    }

    #[test]
    fn the_table_is_bounded_and_one_peer_cannot_fill_it() {
        let (clock, tokens) = tokens(MAX_PER_PEER + 1);
        let token = |peer: u8, n: usize| {
            let mut token = [peer; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            token
        };
        for n in 0..1_000 {
            tokens.insert(&token(1, n), session(1)).unwrap();
        }
        assert_eq!(tokens.lock().sessions.len(), MAX_PER_PEER);
        assert_eq!(tokens.find(&token(1, 0)), None, "its oldest went");
        assert!(tokens.find(&token(1, 999)).is_some());
        tokens.insert(&token(2, 0), session(2)).unwrap();
        assert_eq!(tokens.insert(&token(3, 0), session(3)), Err(Crowded));
        *clock.0.lock().unwrap() = Duration::from_secs(901);
        tokens.insert(&token(3, 0), session_until(3, Duration::from_secs(1_801))).unwrap();
        assert_eq!(tokens.lock().sessions.len(), 1, "expired ones make room");
    }
}
