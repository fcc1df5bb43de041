//! Does an implementation keep the promises?
//!
//! Two independent parts, each a cargo feature, neither of which links a client, a server or TLS:
//!
//! - `vectors`: the builder, generator and runner of the test vectors in `testvectors/`;
//! - `suite`: the cases that every store must pass.

#[cfg(feature = "suite")]
pub mod suite;
#[cfg(feature = "vectors")]
pub mod vectors;
