//! How is a node configured, watched and run?
//!
//! A node is a server over stacks of stores, and its configuration says which: *relay* (entries lie here, on disk),
//! *passthrough* (everything is asked of an upstream, nothing is held) or *cache* (what was seen is held and given again).
//! Chains of any length work because the proxy of a store is a store.
//!
//! What it is not: it cannot open a payload. This crate has no path to the one that can, and CI checks that.
//!
//! The program is [`Program`](commands::Program); `bulla-node --help` says what it does, chapter `node.md` what an operator
//! may rely on.

pub mod access;
pub mod admin;
pub mod commands;
pub mod config;
mod control;
pub mod error;
mod fronts;
pub mod judged;
pub mod keys;
pub mod log;
mod members;
#[cfg(test)]
mod owner;
pub mod passthrough;
pub mod ready;
mod relays;
pub mod run;
pub mod stacks;
mod systemd;
