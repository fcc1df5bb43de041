//! One module for each command.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod bundle;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod entry;
pub(crate) mod erase;
pub(crate) mod file;
pub(crate) mod identity;
pub(crate) mod invite;
pub(crate) mod key;
pub(crate) mod node;
pub(crate) mod quarantine;
pub(crate) mod recovery;
pub(crate) mod register;
pub(crate) mod space;
pub(crate) mod sync;
pub(crate) mod verify;
