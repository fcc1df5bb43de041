//! Mailboxes as a service offers them (WIRE-42 to WIRE-46): who may open one, the time, and that what has expired is
//! forgotten also when nobody asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_core::values::MailboxError;
use bulla_core::{NodeId, PeerKey};
use bulla_store::Clock;
use bulla_wire::WireError;
use bulla_wire::mailbox::{MailboxCall, MailboxOpen, MailboxReply};
use serde::{Deserialize, Serialize};

use crate::errors;
use crate::mailboxes::{DEFAULT_MAILBOXES, DEFAULT_MAILBOXES_PER_PEER, MailboxAnswer, Mailboxes};
use crate::settings::SettingError;

/// Whether a node offers mailboxes, and how many (NODE-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailboxSettings {
    /// Whether it offers any. Default `false`.
    pub enabled: bool,
    /// Most mailboxes at once, each with up to 32 KiB of messages. Default 256.
    pub max_mailboxes: usize,
    /// Most of them that one device has opened. Default 16.
    pub max_per_peer: usize,
}

impl Default for MailboxSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            max_mailboxes: DEFAULT_MAILBOXES,
            max_per_peer: DEFAULT_MAILBOXES_PER_PEER,
        }
    }
}

impl MailboxSettings {
    /// Checks that the values can work together.
    ///
    /// # Errors
    ///
    /// [`SettingError`] naming the first setting that cannot.
    pub fn check(&self) -> Result<(), SettingError> {
        for (name, value) in
            [("max_mailboxes", self.max_mailboxes), ("max_per_peer", self.max_per_peer)]
        {
            if !(1..=MAX_MAILBOXES).contains(&value) {
                return Err(SettingError { name, rule: "between 1 and 4,096" });
            }
        }
        Ok(())
    }
}

/// The mailboxes of a node that offers some.
#[derive(Debug)]
pub(crate) struct Post {
    held: Arc<Mutex<Held>>,
    clock: Arc<dyn Clock>,
    node: NodeId,
}

#[derive(Debug)]
struct Held {
    boxes: Mailboxes,
    /// Whether a task is there that forgets what has expired. One does for all, and it ends with the last mailbox.
    is_swept: bool,
}

impl Post {
    /// The mailboxes of these settings; none where they are off.
    pub(crate) fn new(
        settings: MailboxSettings,
        node: NodeId,
        clock: Arc<dyn Clock>,
    ) -> Option<Self> {
        let MailboxSettings { enabled, max_mailboxes, max_per_peer } = settings;
        let boxes = Mailboxes::new(node, max_mailboxes).with_most_per_peer(max_per_peer);
        let held = Arc::new(Mutex::new(Held { boxes, is_swept: false }));
        enabled.then_some(Self { held, clock, node })
    }

    /// Makes a mailbox for somebody who may have one.
    pub(crate) fn open(
        &self,
        opener: PeerKey,
        open: &MailboxOpen,
    ) -> Result<MailboxReply, WireError> {
        let now_ms = milliseconds(self.clock.as_ref());
        let mut held = lock(&self.held);
        let opened = held.boxes.open(opener, open.address, &open.proof, now_ms);
        if !held.boxes.is_idle() && !held.is_swept {
            held.is_swept = true;
            tokio::spawn(sweep(Arc::clone(&self.held), Arc::clone(&self.clock)));
        }
        opened.map_err(refused)?;
        Ok(MailboxReply(None))
    }

    /// Answers whoever holds the key of a mailbox.
    pub(crate) fn ask(&self, call: &MailboxCall) -> Result<MailboxReply, WireError> {
        let now_ms = milliseconds(self.clock.as_ref());
        let request = call.request(self.node);
        let answer = lock(&self.held).boxes.ask(&request, call.message(), &call.proof, now_ms);
        Ok(MailboxReply(match answer.map_err(refused)? {
            MailboxAnswer::Message(message) => Some(message.to_vec()),
            MailboxAnswer::Done | MailboxAnswer::Empty => None,
        }))
    }

    /// How many are held.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        lock(&self.held).boxes.len()
    }
}

/// Forgets what has expired until there is nothing left, and never lives longer than that (PAIR-45).
async fn sweep(held: Arc<Mutex<Held>>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let mut held = lock(&held);
        held.boxes.forget_expired(milliseconds(clock.as_ref()));
        if held.boxes.is_idle() {
            held.is_swept = false;
            return;
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By the clock that never goes back: a wall clock that jumps makes no mailbox older or younger.
fn milliseconds(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX)
}

/// Nothing of the mailbox is said but the code.
fn refused(error: MailboxError) -> WireError {
    errors::of_code(error.code())
}

/// Between two looks for what has expired.
const SWEEP: Duration = Duration::from_secs(10);
/// 128 MiB of messages; also what one request may look through for the expired.
const MAX_MAILBOXES: usize = 4_096;

#[cfg(test)]
mod tests;
