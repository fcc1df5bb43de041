//! The clock of entries: milliseconds, and a counter where milliseconds do not tell two apart (ENT-6, ENT-14).

use bulla_core::limits::MAX_COUNTER;

/// How far ahead of the own clock a timestamp may be and still be merged, in milliseconds: 24 hours (ENT-14).
pub const MAX_LEAD_MS: u64 = 24 * 60 * 60 * 1000;
/// Bits of the counter.
const COUNTER_BITS: u32 = 16;

/// A hybrid logical clock. A timestamp is a hint: it orders concurrent writes for people and decides nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hlc {
    last: u64,
}

/// A timestamp more than 24 hours ahead of the own clock. It was not merged; its entry is valid all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timestamp lies {lead_ms} ms ahead of this clock")]
pub struct HlcError {
    /// How far ahead, in milliseconds.
    pub lead_ms: u64,
}

impl Hlc {
    /// A clock that continues after the timestamp `last`; 0 for a new one.
    #[must_use]
    pub const fn after(last: u64) -> Self {
        Self { last }
    }

    /// The timestamp for the next entry: later than every one given out or merged, also where the own clock went back.
    /// `now_ms` is in milliseconds since 1970. At the end of time (the year 6429) it stands still.
    pub fn next(&mut self, now_ms: u64) -> u64 {
        self.last = from_ms(now_ms).max(self.last.saturating_add(1)).min(MAX_COUNTER);
        self.last
    }

    /// Merges a timestamp seen in an entry, so that what is written next is later.
    ///
    /// # Errors
    ///
    /// [`HlcError`], without any effect, when it is more than [`MAX_LEAD_MS`] ahead of `now_ms`: one wrong clock must not
    /// drag all others along.
    pub fn observe(&mut self, timestamp: u64, now_ms: u64) -> Result<(), HlcError> {
        let lead_ms = (timestamp >> COUNTER_BITS).saturating_sub(now_ms);
        if lead_ms > MAX_LEAD_MS {
            return Err(HlcError { lead_ms });
        }
        self.last = self.last.max(timestamp.min(MAX_COUNTER));
        Ok(())
    }

    /// The last timestamp given out or merged.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }
}

fn from_ms(ms: u64) -> u64 {
    ms.min(MAX_COUNTER >> COUNTER_BITS) << COUNTER_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_rise_also_when_the_clock_goes_back() {
        let mut clock = Hlc::default();
        let mut last = 0;
        for now in [1000, 1000, 999, 0, 1001, u64::MAX >> 20, 5] {
            let next = clock.next(now);
            assert!(next > last, "{now}");
            last = next;
        }
        assert_eq!(Hlc::after(MAX_COUNTER).next(u64::MAX), MAX_COUNTER);
    }

    #[test]
    fn a_timestamp_more_than_a_day_ahead_is_not_merged() {
        let mut clock = Hlc::after(from_ms(1000));
        let day = from_ms(1000 + MAX_LEAD_MS);
        assert_eq!(
            clock.observe(from_ms(1001 + MAX_LEAD_MS), 1000),
            Err(HlcError { lead_ms: MAX_LEAD_MS + 1 })
        );
        assert_eq!(clock.observe(u64::MAX, 1000).unwrap_err().lead_ms, (u64::MAX >> 16) - 1000);
        assert_eq!(clock.last(), from_ms(1000));
        assert_eq!(clock.observe(day, 1000), Ok(()));
        assert_eq!(clock.next(1000), day + 1);
        assert_eq!(clock.observe(0, 1000), Ok(()));
        assert_eq!(clock.last(), day + 1);
    }
}
