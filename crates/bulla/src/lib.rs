//! Content-addressed, encrypted replication for applications.
//!
//! What an application writes becomes signed, sealed entries in a local store. Any node can carry them, none can read
//! them, and every device can prove that what it holds is genuine and complete.
//!
//! # Quick start
//!
//! Two devices, a space between them, everything in memory:
//!
//! ```
//! use bulla::{Device, Kind, MemorySpaces, Role, Space, Write};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (laptop, phone) = (Device::generate()?, Device::generate()?);
//!
//! // The laptop founds a space and lets the phone read it, by the card that the phone signed for this space.
//! let mine = Space::found(&laptop, &MemorySpaces::new()).await?;
//! let id = mine.write(Write::new(Kind::OPERATION, "milk, bread")).await?;
//! mine.grant(phone.joining_card(mine.id(), None), Role::Reader, "phone").await?;
//!
//! // The phone joins and fetches everything, here straight from the laptop's store; the keys come along, sealed to it.
//! let (copy, report) = Space::join(&phone, &MemorySpaces::new(), mine.id(), mine.outgoing()).await?;
//!
//! assert!(report.verdict.is_complete());
//! assert_eq!(copy.read(id).await?.as_slice(), b"milk, bread");
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `disk` the same runs over `DiskSpaces`, with `net` over a node: `Client::store` gives a store like any
//! other, and [`Space::join`], [`sync::pull`] and [`sync::push`] take it.
//!
//! # What is here
//!
//! - [`Device`]: this device's keys; [`Space`]: writing and reading one space;
//! - [`Space::grant`], [`Space::revoke`] and their kin: who may read, write, carry or administer a space, by its own signed
//!   history, which every replica and every relay judges for itself; key groups, erasing, and the [`RecoveryKey`] that
//!   brings everything back;
//! - [`files`]: files and folders as sealed entries;
//! - [`sync`]: moving entries between stores, with a proof that nothing is missing;
//! - the types of the crates below, where an application needs them.
//!
//! What is not: keys and values with conflict strategies. They come with a later version.

pub mod files;
pub mod space;
pub mod sync;

mod device;

pub use device::Device;
pub use space::{
    Erasing, Founding, LocalSpaces, LocalStore, Space, SpaceError, SpaceGroup, SpaceMember, Write,
};

pub use bulla_core::control::{GrantedDevice, Role};
pub use bulla_core::genesis::Policy;
pub use bulla_core::joining_card::JoiningCard;
pub use bulla_core::{AuthorKey, EntryId, InvitationId, Kind, NodeId, SpaceId, Topic};
pub use bulla_crypto::{EpochKey, KeyTransfer, Keyring, Padding};
pub use bulla_identity::{Card, Passphrase};
pub use bulla_pairing::RecoveryKey;
pub use bulla_store::{ContentAddressedStore, Context, MemorySpaces, Spaces};

#[cfg(feature = "net")]
pub use bulla_client as net;
#[cfg(feature = "disk")]
pub use bulla_store_rocksdb as disk;
