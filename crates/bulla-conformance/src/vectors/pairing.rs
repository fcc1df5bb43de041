//! The formats of chapter `pairing.md`.

mod exchange;
mod heads;
mod invitation;
mod joining_card;
mod mailbox;
mod parts;
mod recovery;

pub(super) use exchange::Exchanges;
pub(super) use heads::Heads;
pub(super) use invitation::InvitationFormat;
pub(super) use joining_card::JoiningCards;
pub(super) use mailbox::Mailboxes;
pub(super) use recovery::RecoveryKeys;
