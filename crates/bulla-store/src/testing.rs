//! Wrappers and a clock for tests: they count, fail, lie and wait on command.

mod clock;
mod counting;
mod faulty;

pub use clock::ManualClock;
pub use counting::{CountingStore, Counts};
pub use faulty::{FaultyStore, Gate, Method};
