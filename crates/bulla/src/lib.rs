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
//! use bulla::{Device, Kind, MemorySpaces, Space, Write, sync};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (laptop, phone) = (Device::generate()?, Device::generate()?);
//!
//! // The laptop founds a space and seals its key to the phone, whose card the owner has copied over.
//! let mine = Space::found(&laptop, &MemorySpaces::new()).await?;
//! let id = mine.write(Write::new(Kind::OPERATION, "milk, bread")).await?;
//! let transfer = mine.export_key(&phone.card("phone")?)?;
//!
//! // The phone joins and fetches what it lacks, here straight from the laptop's store.
//! let copy = Space::join(&phone, &MemorySpaces::new(), &transfer, &laptop.author()).await?;
//! let report = sync::pull(&copy, mine.outgoing()).await;
//!
//! assert!(report.verdict.is_complete());
//! assert_eq!(copy.read(id).await?.as_slice(), b"milk, bread");
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `disk` the same runs over `DiskSpaces`, with `net` over a node: `Client::store` gives a store like any
//! other, and [`sync::pull`] and [`sync::push`] take it.
//!
//! # What is here
//!
//! - [`Device`]: this device's keys; [`Space`]: writing, reading, sharing one space;
//! - [`files`]: files and folders as sealed entries;
//! - [`sync`]: moving entries between stores, with a proof that nothing is missing;
//! - the types of the crates below, where an application needs them.
//!
//! What is not: keys and values with conflict strategies, and members with roles. They come with later versions; until
//! then every device that has a space's key may read and write it, and a node's configuration says whom it serves.

pub mod files;
pub mod space;
pub mod sync;

mod device;

pub use device::Device;
pub use space::{Space, SpaceError, Write};

pub use bulla_core::{AuthorKey, EntryId, Kind, NodeId, SpaceId, Topic};
pub use bulla_crypto::{EpochKey, KeyTransfer, Keyring, Padding};
pub use bulla_identity::{Card, Passphrase};
pub use bulla_store::{ContentAddressedStore, Context, MemorySpaces, Spaces};

#[cfg(feature = "net")]
pub use bulla_client as net;
#[cfg(feature = "disk")]
pub use bulla_store_rocksdb as disk;
