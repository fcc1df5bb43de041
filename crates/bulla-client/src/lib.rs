//! A store over the network.
//!
//! A [`Client`] is one node as seen from here: its address and the key it must prove, a pool of connections, a token and
//! what the node said it can do. [`Client::store`] gives the [`NetworkStore`] of a space, which is a
//! [`ContentAddressedStore`](bulla_store::ContentAddressedStore) like any other, so chains of nodes are stores over
//! stores.
//!
//! Everything that comes back is verified before it is returned, item by item: one entry that does not verify never
//! hides the others. What a node acknowledges is signed, checked and [kept](AcknowledgementSink).
//!
//! What it is not: it keeps no entries, opens no payloads and never repeats a failed request but for an expired token;
//! when to try again is the caller's affair.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use bulla_client::{Client, Upstream};
//! use bulla_core::NodeId;
//! use bulla_identity::{DeviceKeys, OsRandomness};
//! use bulla_store::{ContentAddressedStore, Context};
//!
//! # async fn example(node: NodeId, space: bulla_core::SpaceId) -> Result<(), Box<dyn std::error::Error>> {
//! let device = Arc::new(DeviceKeys::generate(&OsRandomness)?);
//! let upstream = Upstream::new("https://relay.example:7440", node)?;
//! let client = Client::builder(upstream, device).build()?;
//! let head = client.store(space).head(&Context::new()).await?;
//! # Ok(())
//! # }
//! ```

mod acknowledgements;
mod address;
mod client;
mod error;
mod feed;
mod login;
mod mailbox;
mod settings;
mod spaces;
mod store;
mod traffic;
mod transport;
mod verification;

pub use acknowledgements::{
    AcknowledgedBatch, AcknowledgementFile, AcknowledgementSink, MemoryAcknowledgements,
    NoAcknowledgements,
};
pub use address::{AddressRule, AnyAddress, PublicAddresses, Upstream, UpstreamError};
pub use client::{BuildError, Client, ClientBuilder};
pub use mailbox::MAILBOX_POLL_MS;
pub use settings::ClientSettings;
pub use store::NetworkStore;
pub use traffic::Traffic;
