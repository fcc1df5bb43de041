//! How does a new device come in?
//!
//! A device that may grant roles makes an [`Invitation`], which travels as a QR code or a line of text. With it the new
//! device and the inviting one exchange six sealed messages over any channel: pasted text, files, or a node's mailbox. Both
//! commit to nonces before either is revealed, and both show a [`ShortCode`] that people compare: at the inviting device
//! they type the one that the new device shows. Only when both have confirmed does the inviting device get an
//! [`Approved`], the one thing that says: grant this card.
//!
//! What it is not: it signs no grant and knows no directory, no store and no network, and it reads no clock; whoever calls
//! moves the bytes and passes the time. It gives no right either: a right is a grant in the space's log.
//!
//! - [`Invitations`], [`Invitation`]: what was offered, kept by the device that offered it;
//! - [`Joiner`], [`Approver`]: the two sides; each step takes bytes and gives bytes or an error;
//! - [`KnownHeads`]: what the inviting device knew of the space, so that nobody shows the new one less;
//! - [`MailboxKey`]: proves to a node that one shares an invitation;
//! - [`RecoveryKey`]: the device on paper that brings everything back.
//!
//! ```
//! use bulla_core::{EntryId, SpaceId};
//! use bulla_identity::{DeviceKeys, OsRandomness};
//! use bulla_pairing::{Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep};
//!
//! let (laptop, phone) = (DeviceKeys::generate(&OsRandomness)?, DeviceKeys::generate(&OsRandomness)?);
//! let space = SpaceId([7; 32]);
//! let mut register = Invitations::new();
//! let offered = register.invite(laptop.author(), space, None, 900_000, 0, &OsRandomness)?;
//!
//! let scanned: Invitation = offered.to_text().parse()?;
//! let (mut joiner, first) = Joiner::begin(&scanned, &phone, "phone", &OsRandomness)?;
//! let (mut approver, second) =
//!     Approver::begin(&mut register, &offered.id(), &laptop, "laptop", first.as_bytes(), 1, &OsRandomness)?;
//! let JoinerStep::Send(third) = joiner.receive(second.as_bytes(), &OsRandomness)? else { panic!() };
//! let ApproverStep::Compare { message: fourth, code } =
//!     approver.receive(third.as_bytes(), &OsRandomness)? else { panic!() };
//! let JoinerStep::Compare { code: same, .. } = joiner.receive(fourth.as_bytes(), &OsRandomness)? else { panic!() };
//! assert_eq!(code.to_string(), same.to_string());
//!
//! let fifth = joiner.confirm(&phone, &OsRandomness)?;
//! approver.receive(fifth.as_bytes(), &OsRandomness)?;
//! let approved = approver.approve(&same.to_string(), &mut register, 2)?;
//! assert_eq!(approved.card().author(), phone.author());
//! let sixth = approved.approval(&laptop, EntryId([9; 32]), b"frontier", &OsRandomness)?;
//! let JoinerStep::Approved(approval) = joiner.receive(sixth.as_bytes(), &OsRandomness)? else { panic!() };
//! assert_eq!(approval.grant, EntryId([9; 32]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod approver;
mod channel;
mod code;
mod content;
mod error;
mod heads;
mod invitation;
mod joiner;
mod mailbox;
mod message;
mod recovery;
mod register;
mod root;

pub use approver::{Approved, Approver, ApproverStep};
pub use code::ShortCode;
pub use error::PairingError;
pub use heads::{KnownHeads, MAX_HEADS};
#[cfg(feature = "qr")]
pub use invitation::{Background, QrCode};
pub use invitation::{Invitation, InvitationError, MAX_NODE_BYTES, MailboxNode};
pub use joiner::{Approval, Joiner, JoinerStep};
pub use mailbox::MailboxKey;
pub use message::{MAX_FRONTIER_BYTES, MAX_MESSAGE_BYTES, Message};
pub use recovery::{RecoveryError, RecoveryKey};
pub use register::{
    DEFAULT_LIFETIME_MS, InvitationInfo, InvitationState, Invitations, MAX_INVITATIONS,
    MAX_LIFETIME_MS,
};
