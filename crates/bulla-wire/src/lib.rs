//! What do nodes say to each other?
//!
//! Requests, responses, errors and streams of entries as values with one canonical encoding (chapter `wire.md`). This
//! crate knows no HTTP library, no socket and no store: bytes in, values out, so that vectors and fuzzers drive it.
//!
//! What it is not: it verifies nothing. [`Decode`](bulla_core::cbor::Decode) bounds and shapes what came in; entries
//! come out as [`RawEntry`](bulla_core::RawEntry), and `bulla_core::Verifier` decides whether they are genuine.
//!
//! The main types:
//!
//! - [`Route`]: which request a path names;
//! - one module a request: [`capabilities`], [`login`], [`spaces`], [`put`], [`get`], [`has`], [`scan`], [`summary`],
//!   [`status`], [`feed`], [`mailbox`]; the answer to `head` is [`bulla_core::Head`] itself;
//! - [`BodyEncoder`] and [`BodyDecoder`]: streams of entries, in the compact or the plain form;
//! - [`WireError`] and [`codes`]: what went wrong, and the table of every stable code;
//! - [`bundle`]: a space as one file.

pub mod bundle;
pub mod capabilities;
pub mod codes;
mod compact;
mod element;
pub mod error;
pub mod feed;
pub mod get;
pub mod has;
pub mod headers;
pub mod limits;
pub mod login;
pub mod mailbox;
pub mod put;
pub mod route;
pub mod scan;
pub mod spaces;
pub mod status;
pub mod stream;
pub mod summary;
pub mod version;

pub use capabilities::Capabilities;
pub use element::Form;
pub use error::{ErrorDetails, WireError};
pub use route::Route;
pub use stream::{BodyDecoder, BodyEncoder, StreamError};
pub use version::VersionRange;
