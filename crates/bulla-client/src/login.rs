//! Proving who is who, and the token that follows from it (chapter `keys.md`, LOGIN-1 to LOGIN-9).

use std::time::Duration;

use bulla_core::LoginNonce;
use bulla_core::cbor::Decode;
use bulla_identity::{Initiator, LoginNonces, LoginTranscript, Origin, Randomness};
use bulla_store::{Context, Result, StoreError};
use bulla_wire::Route;
use bulla_wire::headers::{CONTENT_CBOR, format_token};
use bulla_wire::limits::MAX_MESSAGE_BYTES;
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use reqwest::header::HeaderValue;

use crate::error::{LOGIN, peer, unreadable};
use crate::transport::{Body, Failure, Transport};

/// A token and when to stop using it.
#[derive(Clone)]
pub(crate) struct Token {
    /// The value of the header; marked sensitive, so that it is not printed.
    pub(crate) header: HeaderValue,
    /// On the monotonic clock.
    pub(crate) good_until: Duration,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("good_until", &self.good_until).finish_non_exhaustive()
    }
}

/// Logs in. Nothing is signed before the node has proved the key expected of it.
pub(crate) async fn log_in(
    transport: &Transport,
    cx: &Context,
    initiator: &dyn Initiator,
    randomness: &dyn Randomness,
) -> Result<Token> {
    let expected = transport.upstream().node();
    let mut nonce = [0; 32];
    randomness.fill(&mut nonce).map_err(|error| StoreError::internal("logging in", error))?;
    let request = ChallengeRequest {
        client: initiator.peer_key(),
        nonce: LoginNonce(nonce),
        origin: transport.upstream().origin(),
        spaces: Vec::new(),
    };
    let challenge: ChallengeAnswer =
        ask(transport, cx, Route::LoginChallenge, Body::item(&request)).await?;
    if challenge.node != expected {
        return Err(StoreError::WrongNode { expected, actual: challenge.node });
    }
    let nonces = LoginNonces { initiator: request.nonce, responder: challenge.nonce };
    let transcript = LoginTranscript::new(
        request.client,
        expected,
        Origin::Address(request.origin.clone()),
        Vec::new(),
        nonces,
        challenge.challenge_ms,
    );
    let transcript = transcript.map_err(|error| StoreError::internal("logging in", error))?;
    transcript
        .verify_responder(&challenge.signature)
        .map_err(|error| peer(LOGIN, format!("node does not prove its key: {error}")))?;
    let signature = initiator
        .sign_login(&transcript)
        .map_err(|error| StoreError::internal("logging in", error))?;
    let login = LoginRequest {
        request,
        nonce: challenge.nonce,
        challenge_ms: challenge.challenge_ms,
        tag: challenge.tag,
        signature,
    };
    let asked = transport.clock().monotonic();
    let answer: LoginAnswer = ask(transport, cx, Route::Login, Body::item(&login)).await?;
    let mut header = HeaderValue::try_from(format_token(&answer.token))
        .map_err(|error| StoreError::internal("logging in", error))?;
    header.set_sensitive(true);
    // Renewed when a tenth of its life is left, counted from before the node gave it.
    let life = Duration::from_millis(answer.valid_ms / 10 * 9);
    Ok(Token { header, good_until: asked.saturating_add(life) })
}

async fn ask<T: Decode>(
    transport: &Transport,
    cx: &Context,
    route: Route,
    body: Body,
) -> Result<T> {
    let sent = transport.send(cx, &route, Some(body), None, CONTENT_CBOR).await;
    let answer = sent.map_err(|failure: Failure| failure.into_store_error(None))?;
    let bytes = answer.whole(MAX_MESSAGE_BYTES).await?;
    T::from_cbor(&bytes).map_err(|error| unreadable("login", &error))
}
