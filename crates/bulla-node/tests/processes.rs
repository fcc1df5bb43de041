//! Aim: what an operator and a client may rely on holds for the program as it is run. Method: real `bulla-node`
//! processes with configuration files, signals and databases in temporary folders, real clients over loopback, and
//! upstreams that misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "processes/attacks.rs"]
mod attacks;
#[path = "processes/caches.rs"]
mod caches;
#[path = "processes/crashes.rs"]
mod crashes;
#[path = "processes/database.rs"]
mod database;
#[path = "processes/fronts.rs"]
mod fronts;
#[path = "processes/logs.rs"]
mod logs;
#[path = "processes/members.rs"]
mod members;
#[path = "processes/pairing.rs"]
mod pairing;
#[path = "processes/paths.rs"]
mod paths;
#[path = "processes/raw.rs"]
mod raw;
#[path = "processes/reload.rs"]
mod reload;
#[path = "processes/spaces.rs"]
mod spaces;
#[path = "processes/start.rs"]
mod start;
#[path = "processes/stop.rs"]
mod stop;
#[path = "processes/support.rs"]
mod support;
#[path = "processes/upstreams.rs"]
mod upstreams;
