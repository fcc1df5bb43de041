//! Which rungs to take, and how entries come over on them (chapter `sync.md`, SYN-10, SYN-11).
//!
//! Costs are bytes between the two sides, estimated; they choose the way and never the verdict.

use bulla_core::EntryId;
use bulla_core::bloom::DEFAULT_BITS_PER_ID;
use bulla_store::rules::MAX_LEFT_OUT;

use crate::fetch::Mode;
use crate::{Direction, Rung, Scope};

/// Bytes of an entry as it travels, payload and all: a guess.
const ENTRY_BYTES: u64 = 1_280;
/// Bytes of an id as it travels.
const ID_BYTES: u64 = EntryId::LEN as u64;
/// Up to so many entries a second round trip costs more than sending some twice.
const FEW: u64 = 256;
/// Longest Bloom filter that travels with a scan, in bytes.
const MAX_FILTER_BYTES: u64 = 4 * 1024 * 1024;

/// What is known before a rung is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) direction: Direction,
    pub(crate) scope: &'a Scope,
    pub(crate) page_bytes: u64,
    /// Entries that the source announces.
    pub(crate) source_count: u64,
    /// Entries that the target announces.
    pub(crate) target_count: u64,
    /// Whether there is a checkpoint that both sides accept.
    pub(crate) has_checkpoint: bool,
    /// Symbols of the sketch that both sides keep; no store of this version keeps one.
    pub(crate) sketch_symbols: Option<u32>,
}

impl Situation<'_> {
    /// The rungs to try, cheapest first; the last one always works.
    pub(crate) fn rungs(&self) -> Vec<Rung> {
        [
            (Rung::Cursor, self.has_checkpoint),
            (Rung::Sketch, self.sketch_symbols.is_some()),
            (Rung::Bloom, self.bloom_pays()),
            (Rung::Full, true),
        ]
        .into_iter()
        .filter_map(|(rung, can_work)| can_work.then_some(rung))
        .collect()
    }

    /// How the entries of `unread` receipts come over, when the target holds `unaccounted` entries that the source has
    /// not shown: any of them may come up.
    pub(crate) fn mode(&self, unread: u64, unaccounted: u64) -> Mode {
        if !self.scope.wants_all_payloads() {
            return Mode::HeadersFirst;
        }
        let sent_twice = unaccounted.min(unread).saturating_mul(ENTRY_BYTES);
        let ids = unread.saturating_mul(ID_BYTES);
        if unread > FEW && sent_twice > ids {
            return Mode::IdsFirst;
        }
        Mode::Inline { confirm: self.direction == Direction::Push && unaccounted > 0 }
    }

    fn bloom_pays(&self) -> bool {
        let (source, target) = (self.source_count, self.target_count);
        let filter = target.saturating_mul(DEFAULT_BITS_PER_ID).div_ceil(8);
        let ids = source.saturating_mul(ID_BYTES);
        if self.scope.hides_headers() || source <= FEW || filter > MAX_FILTER_BYTES {
            // Where headers are hidden no digest can tell what a filter held back wrongly.
            return false;
        }
        match self.direction {
            // The target holds so little that one sequential pass costs less than being interrupted without checkpoints.
            Direction::Pull if target.saturating_mul(ENTRY_BYTES) < ids => false,
            Direction::Pull => {
                // The filter travels with every page, and a page leaves out only so many entries.
                let missing = source.saturating_sub(target).saturating_mul(ENTRY_BYTES);
                let full = missing.checked_div(self.page_bytes).unwrap_or(u64::MAX);
                let sparse = source / u64::from(MAX_LEFT_OUT);
                filter.saturating_mul(full.saturating_add(sparse).saturating_add(1)) < ids
            }
            // What may be held is asked for exactly.
            Direction::Push => {
                let asked = target.min(source).saturating_mul(ID_BYTES);
                target > 0 && filter.saturating_add(asked) < ids
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Situation<'static> = Situation {
        direction: Direction::Pull,
        scope: &Scope::Everything,
        page_bytes: 4 << 20,
        source_count: 100_000,
        target_count: 0,
        has_checkpoint: false,
        sketch_symbols: None,
    };

    #[test]
    fn a_first_pull_is_one_pass_that_carries_payloads() {
        assert_eq!(NEW.rungs(), [Rung::Full]);
        assert_eq!(NEW.mode(100_000, 0), Mode::Inline { confirm: false });
    }

    #[test]
    fn much_held_and_no_checkpoint_asks_for_a_filter() {
        let both = Situation { target_count: 90_000, ..NEW };
        assert_eq!(both.rungs(), [Rung::Bloom, Rung::Full]);
        assert_eq!(both.mode(100_000, 90_000), Mode::IdsFirst);
        let push = Situation { direction: Direction::Push, ..both };
        assert_eq!(push.rungs(), [Rung::Bloom, Rung::Full]);
    }

    #[test]
    fn a_filter_is_not_sent_where_it_costs_more_than_the_ids() {
        let huge = Situation { source_count: 2_000_000, target_count: 1_900_000, ..NEW };
        assert_eq!(huge.rungs(), [Rung::Full]);
        let hidden = Scope::Filtered(bulla_core::values::Filter {
            topics: vec![bulla_core::Topic([1; 16])],
            ..Default::default()
        });
        let filtered = Situation { scope: &hidden, target_count: 90_000, ..NEW };
        assert_eq!(filtered.rungs(), [Rung::Full]);
    }

    #[test]
    fn a_checkpoint_comes_first_and_little_news_comes_inline() {
        let known = Situation { target_count: 100_000, has_checkpoint: true, ..NEW };
        assert_eq!(known.rungs().first(), Some(&Rung::Cursor));
        assert_eq!(known.mode(100, 100_000), Mode::Inline { confirm: false });
        assert_eq!(known.mode(10_000, 0), Mode::Inline { confirm: false });
        assert_eq!(known.mode(10_000, 10_000), Mode::IdsFirst);
    }

    #[test]
    fn the_sketch_has_its_place() {
        let sketch = Situation { sketch_symbols: Some(64), has_checkpoint: true, ..NEW };
        assert_eq!(sketch.rungs(), [Rung::Cursor, Rung::Sketch, Rung::Full]);
    }
}
