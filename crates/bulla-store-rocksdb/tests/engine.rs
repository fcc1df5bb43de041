//! Aim: the disk store keeps the store contract. Method: the conformance suite, every table, over stores in temporary
//! folders; a property test of random operations and restarts against a naive model; many writers at once.

#[path = "engine/suite.rs"]
mod suite;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let trials: Vec<Trial> = suite::trials();
    libtest_mimic::run(&arguments, trials).exit();
}
