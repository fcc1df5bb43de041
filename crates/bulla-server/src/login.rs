//! Logins: a challenge that costs no memory, good once (LOGIN-1 to LOGIN-9, WIRE-20 to WIRE-24).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bulla_core::{ChallengeTag, LoginNonce, PeerKey};
use bulla_identity::{
    CHALLENGE_LIFETIME_MS, ChallengeKey, LoginError, LoginNonces, LoginTranscript, NodeKeys,
    Origin, Randomness,
};
use bulla_store::Clock;
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::{WireError, codes};

use crate::access::Access;
use crate::errors;
use crate::tokens::{Crowded, Session, TOKEN_BYTES, Tokens};

/// Everything that decides whether somebody is who they say.
#[derive(Debug)]
pub(crate) struct Logins {
    keys: Arc<NodeKeys>,
    challenges: ChallengeKey,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    /// The addresses under which clients reach this node. A challenge passed on from another node names another one.
    origins: ArcSwap<Vec<String>>,
    tokens: Tokens,
    lifetime: Duration,
    used: Mutex<HashMap<PeerKey, Vec<Used>>>,
    start: Start,
}

/// When this process began, by both clocks. Challenge times are counted from here by the clock that never goes back, so a
/// wall clock that is set back makes no old challenge new (invariant 8).
#[derive(Debug, Clone, Copy)]
struct Start {
    unix_ms: u64,
    monotonic: Duration,
}

#[derive(Debug)]
struct Used {
    tag: ChallengeTag,
    forget_at: Duration,
}

impl Logins {
    pub(crate) fn new(
        keys: Arc<NodeKeys>,
        access: Arc<dyn Access>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        lifetime: Duration,
        max_sessions: usize,
    ) -> Self {
        let start = Start { unix_ms: clock.unix_ms(), monotonic: clock.monotonic() };
        Self {
            challenges: keys.challenge_key(),
            keys,
            access,
            tokens: Tokens::new(Arc::clone(&clock), max_sessions),
            clock,
            randomness,
            origins: ArcSwap::default(),
            lifetime,
            used: Mutex::default(),
            start,
        }
    }

    pub(crate) fn set_origins(&self, origins: Vec<String>) {
        self.origins.store(Arc::new(origins));
    }

    /// Gives out a challenge. Nothing is remembered of it.
    pub(crate) fn challenge(
        &self,
        request: ChallengeRequest,
    ) -> Result<ChallengeAnswer, WireError> {
        self.check_origin(&request.origin)?;
        let node = self.keys.node_id();
        let nonce = LoginNonce(self.random()?);
        let challenge_ms = self.now_ms();
        let transcript = self.transcript(request, nonce, challenge_ms)?;
        let tag = self.challenges.tag(&transcript);
        let signature = self.keys.answer_login(&transcript).map_err(refused)?;
        Ok(ChallengeAnswer { node, nonce, challenge_ms, tag, signature })
    }

    /// Checks a signed login and gives out a token.
    pub(crate) fn login(&self, login: LoginRequest) -> Result<LoginAnswer, WireError> {
        let LoginRequest { request, nonce, challenge_ms, tag, signature } = login;
        self.check_origin(&request.origin)?;
        let peer = request.client;
        let spaces: Arc<[_]> = request.spaces.as_slice().into();
        let transcript = self.transcript(request, nonce, challenge_ms)?;
        self.challenges.check(&transcript, &tag, self.now_ms()).map_err(refused)?;
        if challenge_ms < self.start.unix_ms {
            // Which tags were used before this process began is not known any more.
            return Err(refused(LoginError::Expired));
        }
        transcript.verify_initiator(&signature).map_err(refused)?;
        // Only now: nobody learns whether a key is known without holding it.
        let is_guest = !self.access.is_known(&peer);
        if is_guest && !self.access.may_found(&peer) {
            return Err(errors::of_code(codes::LOGIN_REFUSED));
        }
        self.use_up(peer, tag, is_guest)?;
        let token: [u8; TOKEN_BYTES] = self.random()?;
        let session = Session { peer, spaces, expires: self.clock.monotonic() + self.lifetime };
        let inserted = match is_guest {
            true => self.tokens.insert_guest(&token, session),
            false => self.tokens.insert(&token, session),
        };
        inserted.map_err(|Crowded| errors::of_code(codes::BUSY))?;
        let valid_ms = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        Ok(LoginAnswer { token, valid_ms })
    }

    /// The session of a token, if it is one and has not expired.
    pub(crate) fn session(&self, token: &[u8; TOKEN_BYTES]) -> Option<Session> {
        self.tokens.find(token)
    }

    fn check_origin(&self, origin: &str) -> Result<(), WireError> {
        if self.origins.load().iter().any(|known| known == origin) {
            return Ok(());
        }
        Err(errors::of_code(codes::LOGIN_ORIGIN))
    }

    fn transcript(
        &self,
        request: ChallengeRequest,
        nonce: LoginNonce,
        challenge_ms: u64,
    ) -> Result<LoginTranscript, WireError> {
        let nonces = LoginNonces { initiator: request.nonce, responder: nonce };
        let origin = Origin::Address(request.origin);
        let node = self.keys.node_id();
        LoginTranscript::new(request.client, node, origin, request.spaces, nonces, challenge_ms)
            .map_err(refused)
    }

    /// A tag serves once (LOGIN-7). Members come this far, and each fills only its own place; and guests, for all of whom
    /// together there is a bound.
    fn use_up(&self, peer: PeerKey, tag: ChallengeTag, is_guest: bool) -> Result<(), WireError> {
        let now = self.clock.monotonic();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= SWEEP_AT {
            used.retain(|_, tags| tags.iter().any(|used| now < used.forget_at));
        }
        if is_guest && used.len() >= SWEEP_AT {
            return Err(errors::of_code(codes::BUSY));
        }
        let tags = used.entry(peer).or_default();
        tags.retain(|used| now < used.forget_at);
        if tags.iter().any(|used| used.tag == tag) {
            return Err(errors::of_code(codes::CHALLENGE_USED));
        }
        if tags.len() >= MAX_USED_PER_PEER {
            return Err(errors::of_code(codes::BUSY));
        }
        tags.push(Used { tag, forget_at: now + TAG_MEMORY });
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_sub(self.start.monotonic);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.start.unix_ms.saturating_add(elapsed_ms)
    }

    fn random(&self) -> Result<[u8; 32], WireError> {
        let mut bytes = [0; 32];
        self.randomness.fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "no login is possible");
            errors::of_code(bulla_core::Code::new("store.internal"))
        })?;
        Ok(bytes)
    }
}

fn refused(error: LoginError) -> WireError {
    WireError::new(error.code(), error.to_string())
}

/// How long a used tag is kept: as long as its challenge is good, and a little more.
const TAG_MEMORY: Duration = Duration::from_millis(CHALLENGE_LIFETIME_MS + 10_000);
/// Logins of one peer within that time.
const MAX_USED_PER_PEER: usize = 256;
/// Peers with used tags before those whose tags have all expired are looked for, and guests are sent away.
const SWEEP_AT: usize = 4_096;
