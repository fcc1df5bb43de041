//! How long an answer may keep its caller waiting in all: a node that sends a byte now and then never falls silent.

use std::time::Duration;

use tokio::time::Instant;

/// The waiting that is left for one answer, or for one page of it. Only time spent waiting for the node counts.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Longest single silence, and what all of them together may come to beyond what the bytes take.
    idle: Duration,
    bytes_per_second: u64,
    waited: Duration,
    received: u64,
}

impl Pace {
    pub(crate) const fn new(idle: Duration, bytes_per_second: u64) -> Self {
        Self { idle, bytes_per_second, waited: Duration::ZERO, received: 0 }
    }

    /// What was asked for came: what follows has its own time.
    pub(crate) const fn begin(&mut self) {
        self.waited = Duration::ZERO;
        self.received = 0;
    }

    /// How long the next bytes may be waited for; zero when the node has had its time.
    pub(crate) fn left(&self) -> Duration {
        let milliseconds = self.received.saturating_mul(1000) / self.bytes_per_second.max(1);
        let all = self.idle.saturating_add(Duration::from_millis(milliseconds));
        all.saturating_sub(self.waited).min(self.idle)
    }

    /// `bytes` came that were waited for since then.
    pub(crate) fn received(&mut self, since: Instant, bytes: usize) {
        self.waited = self.waited.saturating_add(since.elapsed());
        self.received = self.received.saturating_add(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    async fn drip(pace: &mut Pace, every: Duration, bytes: usize) {
        let since = Instant::now();
        tokio::time::advance(every).await;
        pace.received(since, bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn a55_a_trickle_uses_up_its_time_although_no_single_silence_is_too_long() {
        let mut pace = Pace::new(IDLE, 1_000);
        for second in 0..30 {
            assert!(!pace.left().is_zero(), "second {second}");
            drip(&mut pace, Duration::from_secs(1), 1).await;
        }
        assert!(pace.left() <= Duration::from_millis(30), "a byte is worth a millisecond");
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_rate_allowed_is_waited_for_as_long_as_it_takes() {
        let mut pace = Pace::new(IDLE, 1_000);
        for _ in 0..10_000 {
            drip(&mut pace, Duration::from_secs(1), 1_000).await;
        }
        assert_eq!(pace.left(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn every_page_has_its_own_time_and_time_of_our_own_is_free() {
        let mut pace = Pace::new(IDLE, 1_000);
        for _ in 0..100 {
            drip(&mut pace, IDLE / 2, 1).await;
            tokio::time::advance(10 * IDLE).await;
            assert!(pace.left() > IDLE / 4);
            pace.begin();
            assert_eq!(pace.left(), IDLE);
        }
    }
}
