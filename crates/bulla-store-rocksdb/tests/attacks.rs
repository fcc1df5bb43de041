//! Aim: what fate, thieves and mistakes do to a disk does not lose, tear or forge anything in silence. Method: one module
//! a row; files are cut and changed behind the store's back, processes are killed, disks fill.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "attacks/child.rs"]
mod child;
mod support;

#[path = "attacks/a23.rs"]
mod a23;
#[path = "attacks/a24.rs"]
mod a24;
#[path = "attacks/a42.rs"]
mod a42;
#[path = "attacks/a60.rs"]
mod a60;
#[path = "attacks/a61.rs"]
mod a61;
#[path = "attacks/damaged_file.rs"]
mod damaged_file;
#[path = "attacks/failed_write.rs"]
mod failed_write;
#[path = "attacks/killed_writer.rs"]
mod killed_writer;
#[path = "attacks/lost_suffix.rs"]
mod lost_suffix;
#[path = "attacks/second_process.rs"]
mod second_process;
#[path = "attacks/strange_folder.rs"]
mod strange_folder;
