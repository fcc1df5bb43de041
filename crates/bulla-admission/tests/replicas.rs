//! Replicas under the directory: random histories in any order, faults at every call of the engine, and what single rules
//! promise. A failure prints the seed of its history.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![expect(dead_code, reason = "helpers that several test programs share")]

#[path = "replicas/agreement.rs"]
mod agreement;
#[path = "../../bulla-directory/tests/model/answers.rs"]
mod answers;
#[path = "support/backend.rs"]
mod backend;
#[path = "replicas/bounds.rs"]
mod bounds;
#[path = "../../bulla-directory/tests/model/brute.rs"]
mod brute;
#[path = "replicas/convergence.rs"]
mod convergence;
#[path = "replicas/crashes.rs"]
mod crashes;
#[path = "support/engine.rs"]
mod engine;
#[path = "../../bulla-directory/tests/common/entries.rs"]
mod entries;
#[path = "replicas/erasures.rs"]
mod erasures;
#[path = "../../bulla-directory/tests/model/history.rs"]
mod history;
#[path = "replicas/links.rs"]
mod links;
#[path = "replicas/names.rs"]
mod names;
#[path = "replicas/narrow.rs"]
mod narrow;
#[path = "replicas/quotas.rs"]
mod quotas;
#[path = "../../bulla-directory/tests/common/random.rs"]
mod random;
#[path = "support/replica.rs"]
mod replica;
#[path = "replicas/rules.rs"]
mod rules;
#[path = "support/scene.rs"]
mod scene;
#[path = "replicas/tending.rs"]
mod tending;
#[path = "replicas/walks.rs"]
mod walks;
#[path = "replicas/work.rs"]
mod work;
