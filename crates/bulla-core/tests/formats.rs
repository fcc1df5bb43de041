//! Every format of the crate: known rules broken one by one, and random input against naive models.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

#[path = "formats/bloom.rs"]
mod bloom;
#[path = "formats/cbor.rs"]
mod cbor;
#[path = "formats/control.rs"]
mod control;
#[path = "formats/domain.rs"]
mod domain;
#[path = "formats/genesis.rs"]
mod genesis;
#[path = "formats/header.rs"]
mod header;
#[path = "formats/ids.rs"]
mod ids;
#[path = "formats/log_hash.rs"]
mod log_hash;
#[path = "formats/set_hash.rs"]
mod set_hash;
#[path = "formats/values.rs"]
mod values;
#[path = "formats/verify.rs"]
mod verify;

#[path = "formats/support.rs"]
mod support;
