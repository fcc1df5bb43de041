//! Mailboxes of a node, as two devices that pair use them (chapter `pairing.md`, PAIR-40 to PAIR-45; WIRE-42 to WIRE-46).
//!
//! Requests and proofs are made by whoever holds the key of the mailbox. To open one takes a login; everything else is
//! asked without, so that a device that nobody knows yet can be invited.

use std::time::Duration;

use bulla_core::Signature;
use bulla_core::cbor::Decode;
use bulla_core::values::{MailboxOperation, MailboxRequest};
use bulla_store::{Context, Result, StoreError};
use bulla_wire::Route;
use bulla_wire::headers::CONTENT_CBOR;
use bulla_wire::limits::MAX_MAILBOX_BODY_BYTES;
use bulla_wire::mailbox::{self, MailboxCall, MailboxOpen, MailboxReply};
use bytes::Bytes;

use crate::Client;
use crate::error::{ANSWER, peer, unreadable};
use crate::transport::{Answer, Body, Failure, until_deadline};

/// How often to look for a message when there is no reason for another interval, in milliseconds.
pub const MAILBOX_POLL_MS: u64 = 1_000;

impl Client {
    /// Whether the node offers mailboxes.
    ///
    /// # Errors
    ///
    /// Those of [`capabilities`](Self::capabilities).
    pub async fn has_mailboxes(&self, cx: &Context) -> Result<bool> {
        Ok(self.known_capabilities(cx).await?.has(&mailbox::FEATURE))
    }

    /// Asks something of a mailbox; `message` is what is left with [`Leave`](MailboxOperation::Leave), and nothing with
    /// the others. The answer is the message that a [`Fetch`](MailboxOperation::Fetch) found, otherwise none.
    /// [`Open`](MailboxOperation::Open) logs in, the others do not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] where the node offers no mailboxes; [`StoreError::Request`] with `mailbox.unknown` where
    /// there is no such mailbox (any more), `mailbox.taken` where another message lies in the slot, `mailbox.slot`,
    /// `mailbox.proof` (also for the name of another node) or `login.refused`; [`StoreError::Unavailable`] with
    /// `mailbox.full` where too many are open; those of every request.
    pub async fn ask_mailbox(
        &self,
        cx: &Context,
        request: &MailboxRequest,
        proof: &Signature,
        message: &[u8],
    ) -> Result<Option<Bytes>> {
        if !self.has_mailboxes(cx).await? {
            return Err(StoreError::Unsupported { what: "mailboxes at this node" });
        }
        let (route, answer) = match MailboxCall::new(request, *proof, message) {
            Some(call) => (Route::Mailbox, self.ask_unknown(cx, &call).await?),
            None => {
                let open = MailboxOpen { address: request.address, proof: *proof };
                let route = Route::MailboxOpen;
                let body = Some(Body::item(&open));
                (route, self.request(cx, route, body, CONTENT_CBOR).await?)
            }
        };
        let bytes = answer.whole(MAX_MAILBOX_BODY_BYTES).await?;
        let MailboxReply(found) =
            MailboxReply::from_cbor(&bytes).map_err(|error| unreadable(&route.path(), &error))?;
        if found.is_some() && !matches!(request.operation, MailboxOperation::Fetch { .. }) {
            return Err(peer(ANSWER, "a message that was not asked for"));
        }
        Ok(found.map(Bytes::from))
    }

    /// Asks for a message until it is there, every so many milliseconds (at least 1). The deadline of the call ends it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Deadline`], and those of [`ask_mailbox`](Self::ask_mailbox): `mailbox.unknown` when the mailbox has
    /// expired or was closed.
    pub async fn await_mailbox(
        &self,
        cx: &Context,
        request: &MailboxRequest,
        proof: &Signature,
        every_ms: u64,
    ) -> Result<Bytes> {
        let every = Duration::from_millis(every_ms.max(1));
        loop {
            if let Some(message) = self.ask_mailbox(cx, request, proof, &[]).await? {
                return Ok(message);
            }
            let clock = self.inner.transport.clock();
            until_deadline(clock, cx.deadline, tokio::time::sleep(every)).await?;
        }
    }

    /// Sends a request that shows no token: the node shall not learn which device asks.
    async fn ask_unknown(&self, cx: &Context, call: &MailboxCall) -> Result<Answer> {
        let (transport, body) = (&self.inner.transport, Some(Body::item(call)));
        let sent = transport.send(cx, &Route::Mailbox, body, None, CONTENT_CBOR).await;
        sent.map_err(|failure: Failure| failure.into_store_error(None))
    }
}
