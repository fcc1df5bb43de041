//! How long a peer may keep us waiting, and how slowly it may move bytes.

use std::time::Duration;

use tokio::time::Instant;

/// The peer moves bytes more slowly than the settings allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("peer is too slow")]
pub(crate) struct TooSlow;

/// Watches one direction of a transfer. Only time spent waiting for the peer counts, so a store that is slow is not
/// held against the client.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Longest single wait, and the length of the windows over which the rate is judged.
    window: Duration,
    bytes_per_second: u64,
    waiting_since: Option<Instant>,
    waited: Duration,
    moved: u64,
}

impl Pace {
    pub(crate) fn new(window: Duration, bytes_per_second: u64) -> Self {
        Self { window, bytes_per_second, waiting_since: None, waited: Duration::ZERO, moved: 0 }
    }

    /// The peer has nothing for us, or takes nothing; gives the moment at which the wait is too long.
    pub(crate) fn wait(&mut self) -> Instant {
        *self.waiting_since.get_or_insert_with(Instant::now) + self.window
    }

    /// `bytes` moved.
    pub(crate) fn moved(&mut self, bytes: usize) -> Result<(), TooSlow> {
        self.moved = self.moved.saturating_add(bytes as u64);
        let Some(since) = self.waiting_since.take() else { return Ok(()) };
        self.waited += since.elapsed();
        if self.waited < self.window {
            return Ok(());
        }
        let least = u128::from(self.bytes_per_second) * self.waited.as_millis() / 1000;
        let is_too_slow = u128::from(self.moved) < least;
        self.waited = Duration::ZERO;
        self.moved = 0;
        if is_too_slow { Err(TooSlow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_too_slow_although_no_single_wait_is_too_long() {
        let mut pace = Pace::new(WINDOW, 1024);
        let mut verdict = Ok(());
        for second in 0..12 {
            let deadline = pace.wait();
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(Instant::now() < deadline, "second {second}");
            verdict = pace.moved(1);
            if verdict.is_err() {
                assert_eq!(second, 9, "judged when the window is full");
                break;
            }
        }
        assert_eq!(verdict, Err(TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn time_not_spent_waiting_for_the_peer_is_free() {
        let mut pace = Pace::new(WINDOW, 1024);
        for _ in 0..20 {
            tokio::time::advance(Duration::from_secs(60)).await;
            assert_eq!(pace.moved(1), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_rate_allowed_passes_for_ever() {
        let mut pace = Pace::new(WINDOW, 1024);
        for _ in 0..100 {
            pace.wait();
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(pace.moved(1024), Ok(()));
        }
    }
}
