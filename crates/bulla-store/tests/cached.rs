//! What a cache promises beyond the contract (CACHE-1 to CACHE-12): one question for many, reads while the origin is
//! away, room that is bounded. Time stands still unless a test moves it; questions wait at gates that a test opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/stage.rs"]
mod stage;

#[path = "cached/away.rs"]
mod away;
#[path = "cached/coalesce.rs"]
mod coalesce;
#[path = "cached/feed.rs"]
mod feed;
#[path = "cached/heads.rs"]
mod heads;
#[path = "cached/pages.rs"]
mod pages;
#[path = "cached/room.rs"]
mod room;
#[path = "cached/writes.rs"]
mod writes;
