//! Aim: what fate, thieves and mistakes do to a disk does not lose, tear or forge anything in silence. Method: one module
//! a row; files are cut and changed behind the store's back, processes are killed, disks fill. And what attackers and faults
//! do to a store under a directory comes to the same on disk: the replicas of `bulla-admission`, which must not link the
//! engine, over engines on disk.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]
#![expect(dead_code, reason = "helpers that several test programs share")]

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

#[path = "../../bulla-directory/tests/model/answers.rs"]
mod answers;
#[path = "support/backend.rs"]
mod backend;
#[path = "../../bulla-directory/tests/model/brute.rs"]
mod brute;
#[path = "../../bulla-admission/tests/replicas/convergence.rs"]
mod convergence;
#[path = "../../bulla-admission/tests/replicas/crashes.rs"]
mod crashes;
#[path = "../../bulla-admission/tests/support/engine.rs"]
mod engine;
#[path = "../../bulla-directory/tests/common/entries.rs"]
mod entries;
#[path = "../../bulla-admission/tests/replicas/erasures.rs"]
mod erasures;
#[path = "../../bulla-directory/tests/model/history.rs"]
mod history;
#[path = "../../bulla-admission/tests/replicas/links.rs"]
mod links;
#[path = "../../bulla-admission/tests/replicas/names.rs"]
mod names;
#[path = "../../bulla-admission/tests/replicas/quotas.rs"]
mod quotas;
#[path = "../../bulla-directory/tests/common/random.rs"]
mod random;
#[path = "../../bulla-admission/tests/support/replica.rs"]
mod replica;
#[path = "../../bulla-admission/tests/replicas/rules.rs"]
mod rules;
#[path = "../../bulla-admission/tests/support/scene.rs"]
mod scene;
#[path = "../../bulla-admission/tests/replicas/walks.rs"]
mod walks;
#[path = "../../bulla-admission/tests/replicas/work.rs"]
mod work;
