//! Messages through the mailbox of a node: left and fetched without a login, again after every connection that broke.

use std::time::Duration;

use bulla::Device;
use bulla_client::Client;
use bulla_core::Signature;
use bulla_core::values::MailboxRequest;
use bulla_pairing::{Invitation, MailboxKey, Message, PairingError};
use bulla_store::{Clock as _, Context, StoreError, SystemClock};
use bytes::Bytes;

use super::{ended, late};
use crate::args::LinkArgs;
use crate::commands::sync;
use crate::exit::{Exit, Failure, Result};
use crate::home::Remote;
use crate::output::Output;

/// Longest pause after a connection that broke.
const MOST_PAUSE: Duration = Duration::from_secs(10);
/// How long this side waits until the other one is told.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// One side of a mailbox.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) client: Client,
    pub(super) key: MailboxKey,
    pub(super) output: Output,
    /// Between two looks.
    pub(super) look_every: Duration,
    /// How long to wait for a message, in milliseconds; as long as the invitation serves if `None`.
    pub(super) wait_ms: Option<u64>,
    /// When the invitation expires, in milliseconds since 1970.
    pub(super) expires_ms: u64,
    /// The number of the message fetched last. It lies there still.
    pub(super) fetched: u8,
}

/// A client of the node, to which nothing will be put.
pub(crate) fn client(device: &Device, node: &Remote, link: &LinkArgs) -> Result<Client> {
    sync::reading_client(device, node, link.dangerous_plain_http)
}

/// Says so when the node has no mailboxes, or is another one.
pub(crate) async fn check(client: &Client) -> Result<()> {
    if client.has_mailboxes(&Context::new()).await? {
        return Ok(());
    }
    Err(failed(StoreError::Unsupported { what: "mailboxes at this node" }))
}

/// Makes the mailbox of an invitation. This takes a login; what follows does not.
pub(crate) async fn open(client: &Client, invitation: &Invitation) -> Result<()> {
    let (request, proof) = invitation.mailbox().open(client.node());
    client.ask_mailbox(&Context::new(), &request, &proof, &[]).await.map_err(failed)?;
    Ok(())
}

/// Ends a mailbox, if its node answers in time. It ends by itself too.
pub(crate) async fn close(client: &Client, key: &MailboxKey) {
    let (request, proof) = key.close(client.node());
    let cx = Context::new();
    let closing = client.ask_mailbox(&cx, &request, &proof, &[]);
    drop(tokio::time::timeout(CLOSE_WITHIN, closing).await);
}

impl Mailbox {
    /// Leaves a message.
    pub(super) async fn send(&self, message: &Message) -> Result<()> {
        let (request, proof) = self.key.leave(self.client.node(), message);
        let until_ms = self.until_ms();
        self.ask(&request, &proof, message.as_bytes(), until_ms).await.map(|_| ())
    }

    /// Waits for the message of this number.
    pub(super) async fn receive(&mut self, number: u8) -> Result<Vec<u8>> {
        if self.fetched == number {
            // What lies in a slot is never another message: this one does not open, and no other will come.
            return Err(ended(PairingError::Failed));
        }
        let (request, proof) = self.key.fetch(self.client.node(), number);
        let until_ms = self.until_ms();
        loop {
            if let Some(message) = self.ask(&request, &proof, &[], until_ms).await? {
                self.fetched = number;
                return Ok(message.to_vec());
            }
            self.check_time(until_ms)?;
            tokio::time::sleep(self.look_every).await;
        }
    }

    /// Ends the mailbox, so that the other side need not wait for what will not come.
    pub(super) async fn close(&self) {
        close(&self.client, &self.key).await;
    }

    fn until_ms(&self) -> u64 {
        let now = SystemClock::new().unix_ms();
        self.wait_ms.map_or(self.expires_ms, |wait| now.saturating_add(wait))
    }

    fn check_time(&self, until_ms: u64) -> Result<()> {
        let is_in_time = SystemClock::new().unix_ms() < until_ms;
        if is_in_time { Ok(()) } else { Err(late(self.wait_ms.is_some())) }
    }

    /// Asks until there is an answer: asking twice is as good as once (PAIR-43).
    async fn ask(
        &self,
        request: &MailboxRequest,
        proof: &Signature,
        message: &[u8],
        until_ms: u64,
    ) -> Result<Option<Bytes>> {
        let mut pause = self.look_every;
        let mut is_told = false;
        loop {
            let error =
                match self.client.ask_mailbox(&Context::new(), request, proof, message).await {
                    Ok(answer) => {
                        if is_told {
                            self.output.note("The node answers again.");
                        }
                        return Ok(answer);
                    }
                    Err(error) if error.is_retryable() => error,
                    Err(error) => return Err(failed(error)),
                };
            if !is_told {
                self.output.note(format!("No answer from the node: {error}. Trying again."));
                is_told = true;
            }
            if SystemClock::new().unix_ms() >= until_ms {
                return Err(failed(error));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(MOST_PAUSE);
        }
    }
}

/// What a mailbox refuses, with what to do next.
fn failed(error: StoreError) -> Failure {
    let (exit, help) = match error.code().as_str() {
        "store.unsupported" => (
            Exit::Usage,
            "ask its operator for `[mailbox] enabled = true`, or exchange lines: `bulla invite --no-mailbox`",
        ),
        "mailbox.full" => (
            Exit::Unavailable,
            "mailboxes are gone after 15 minutes: try again, or exchange lines: `bulla invite --no-mailbox`",
        ),
        "mailbox.unknown" => (
            Exit::NotFound,
            "the other device gave up, or was let in; its 15 minutes are over, or the node was restarted: make a new invitation with `bulla invite`",
        ),
        "mailbox.taken" => (
            Exit::Denied,
            "somebody else has this invitation, or this device tried it before; nobody was let in: make a new one with `bulla invite`, for one device alone",
        ),
        _ => return error.into(),
    };
    let message = match error.code().as_str() {
        "store.unsupported" => "the node has no mailboxes".to_owned(),
        "mailbox.unknown" => "the invitation has no mailbox, or none any more".to_owned(),
        "mailbox.taken" => "another message lies in the mailbox".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(exit, message).code(&error.code()).help(help)
}
