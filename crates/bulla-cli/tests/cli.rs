//! Aim: what `bulla --help` and the README promise a person holds for the program as it is run. Method: real `bulla` and
//! `bulla-node` processes with homes in temporary folders, over loopback; what they print and the numbers they end with.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "cli/day.rs"]
mod day;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/demoted.rs"]
mod demoted;
#[path = "cli/device.rs"]
mod device;
#[path = "cli/erased.rs"]
mod erased;
#[path = "cli/exits.rs"]
mod exits;
#[path = "cli/faces.rs"]
mod faces;
#[path = "cli/groups.rs"]
mod groups;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/mailbox.rs"]
mod mailbox;
#[path = "cli/members.rs"]
mod members;
#[path = "cli/node.rs"]
mod node;
#[path = "cli/recovered.rs"]
mod recovered;
#[path = "cli/relays.rs"]
mod relays;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/wire.rs"]
mod wire;
#[path = "cli/words.rs"]
mod words;
