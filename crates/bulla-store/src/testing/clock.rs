//! A clock that stands still until it is moved.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Clock;

/// A clock that a test moves.
#[derive(Debug)]
pub struct ManualClock {
    unix_ms: AtomicU64,
    elapsed_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that shows this many milliseconds since 1970, and no time passed.
    #[must_use]
    pub const fn new(unix_ms: u64) -> Self {
        Self { unix_ms: AtomicU64::new(unix_ms), elapsed_ms: AtomicU64::new(0) }
    }

    /// Lets so many milliseconds pass.
    pub fn advance_ms(&self, milliseconds: u64) {
        self.unix_ms.fetch_add(milliseconds, Ordering::SeqCst);
        self.elapsed_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Sets the wall clock, as an administrator or a bad clock does. The time that passed is not touched.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        self.unix_ms.store(unix_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }
}
