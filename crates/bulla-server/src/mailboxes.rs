//! Mailboxes in which two devices that share an invitation leave each other messages (chapter `pairing.md`, PAIR-40 to
//! PAIR-45). Nothing here knows a space: an address is a key, and a message is sealed.

use std::collections::{HashMap, VecDeque};

use bulla_core::ids::MailboxAddress;
use bulla_core::values::{
    MAILBOX_LIFETIME_MS, MAILBOX_SLOTS, MailboxError, MailboxOperation, MailboxRequest,
};
use bulla_core::{NodeId, PeerKey, Signature};
use bytes::Bytes;

/// How many mailboxes a node keeps at once unless its operator says otherwise: 8 MiB of messages (PAIR-45).
pub const DEFAULT_MAILBOXES: usize = 256;
/// How many of them one device may have opened, unless the operator says otherwise.
pub const DEFAULT_MAILBOXES_PER_PEER: usize = 16;

/// All mailboxes of one node, in memory only. Time comes with each call, in milliseconds by a clock that does not go back.
///
/// Whoever calls decides who may ask for a mailbox to be made (PAIR-44); everything else is proved by the request itself.
#[derive(Debug)]
pub struct Mailboxes {
    node: NodeId,
    most: usize,
    most_per_peer: usize,
    boxes: HashMap<MailboxAddress, Mailbox>,
    /// Mailboxes that were closed before their time, and when they were opened; the first closed first, never more than
    /// `most`. Whoever saw a request to open one, and may log in, does not bring it back (PAIR-43).
    closed: VecDeque<(MailboxAddress, u64)>,
}

/// What a node answers to a request that it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxAnswer {
    /// Made, left or closed.
    Done,
    /// What lies in the slot.
    Message(Bytes),
    /// Nothing lies in the slot yet.
    Empty,
}

struct Mailbox {
    opened_ms: u64,
    /// Who asked for it, so that one device does not take the places of all; nobody learns it.
    opener: Option<PeerKey>,
    slots: [Option<Bytes>; MAILBOX_SLOTS as usize],
}

/// Whether a mailbox that was opened then would still be there.
const fn is_alive(opened_ms: u64, now_ms: u64) -> bool {
    // Before it was opened only a clock that went back can be: then nothing is known of its age.
    match now_ms.checked_sub(opened_ms) {
        Some(age_ms) => age_ms < MAILBOX_LIFETIME_MS,
        None => false,
    }
}

impl Mailbox {
    /// Slots are counted from 1.
    fn slot(&mut self, slot: u8) -> Result<&mut Option<Bytes>, MailboxError> {
        let place = usize::from(slot).checked_sub(1);
        place.and_then(|place| self.slots.get_mut(place)).ok_or(MailboxError::Slot)
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailboxes {
    /// No mailboxes yet, and never more than `most`.
    #[must_use]
    pub fn new(node: NodeId, most: usize) -> Self {
        Self { node, most, most_per_peer: most, boxes: HashMap::new(), closed: VecDeque::new() }
    }

    /// As [`new`](Self::new), and never more than `most_per_peer` that the same device has [opened](Self::open).
    #[must_use]
    pub fn with_most_per_peer(mut self, most_per_peer: usize) -> Self {
        self.most_per_peer = most_per_peer;
        self
    }

    /// Makes a mailbox for a device that has proved who it is. Its own bound counts those that it opened and that are
    /// still there, whoever shares them.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Proof`]; [`MailboxError::Unknown`] for one that was closed before; [`MailboxError::Full`] by either
    /// bound.
    pub fn open(
        &mut self,
        opener: PeerKey,
        address: MailboxAddress,
        proof: &Signature,
        now_ms: u64,
    ) -> Result<(), MailboxError> {
        let request =
            MailboxRequest { node: self.node, address, operation: MailboxOperation::Open };
        request.judge(&self.node, &[], proof)?;
        self.forget_expired(now_ms);
        self.make(Some(opener), address, now_ms)
    }

    /// Answers one request. `message` is what came with [`Leave`](MailboxOperation::Leave), and nothing with the others.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Slot`], [`MailboxError::TooLarge`] and [`MailboxError::Proof`] before anything is looked at; then
    /// [`MailboxError::Unknown`], [`MailboxError::Taken`], or for [`Open`](MailboxOperation::Open) those of
    /// [`open`](Self::open).
    pub fn ask(
        &mut self,
        request: &MailboxRequest,
        message: &[u8],
        proof: &Signature,
        now_ms: u64,
    ) -> Result<MailboxAnswer, MailboxError> {
        request.judge(&self.node, message, proof)?;
        self.forget_expired(now_ms);
        match request.operation {
            MailboxOperation::Open => {
                self.make(None, request.address, now_ms).map(|()| MailboxAnswer::Done)
            }
            MailboxOperation::Leave { slot, .. } => {
                let held = self.find(&request.address)?.slot(slot)?;
                match held {
                    Some(held) if held != message => return Err(MailboxError::Taken),
                    Some(_) => {}
                    // A copy of its own, so that a slot keeps no more alive than its message.
                    None => *held = Some(Bytes::copy_from_slice(message)),
                }
                Ok(MailboxAnswer::Done)
            }
            MailboxOperation::Fetch { slot } => {
                let held = self.find(&request.address)?.slot(slot)?;
                Ok(held.clone().map_or(MailboxAnswer::Empty, MailboxAnswer::Message))
            }
            MailboxOperation::Close => {
                let closed = self.boxes.remove(&request.address).ok_or(MailboxError::Unknown)?;
                self.closed.push_back((request.address, closed.opened_ms));
                if self.closed.len() > self.most {
                    self.closed.pop_front();
                }
                Ok(MailboxAnswer::Done)
            }
        }
    }

    /// Forgets what has expired. Every request does that too; a timer makes it happen where none comes (PAIR-45).
    pub fn forget_expired(&mut self, now_ms: u64) {
        self.boxes.retain(|_, mailbox| is_alive(mailbox.opened_ms, now_ms));
        self.closed.retain(|(_, opened_ms)| is_alive(*opened_ms, now_ms));
    }

    /// How many there are, expired ones included until they are forgotten, and closed ones not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Whether nothing is left to [forget](Self::forget_expired), not even which ones were closed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.boxes.is_empty() && self.closed.is_empty()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    fn make(
        &mut self,
        opener: Option<PeerKey>,
        address: MailboxAddress,
        now_ms: u64,
    ) -> Result<(), MailboxError> {
        if self.boxes.contains_key(&address) {
            return Ok(());
        }
        if self.closed.iter().any(|(closed, _)| *closed == address) {
            return Err(MailboxError::Unknown);
        }
        let is_own = |mailbox: &&Mailbox| opener.is_some() && mailbox.opener == opener;
        if self.boxes.len() >= self.most
            || self.boxes.values().filter(is_own).count() >= self.most_per_peer && opener.is_some()
        {
            return Err(MailboxError::Full);
        }
        let mailbox = Mailbox { opened_ms: now_ms, opener, slots: Default::default() };
        self.boxes.insert(address, mailbox);
        Ok(())
    }

    fn find(&mut self, address: &MailboxAddress) -> Result<&mut Mailbox, MailboxError> {
        self.boxes.get_mut(address).ok_or(MailboxError::Unknown)
    }
}

#[cfg(test)]
mod tests;
