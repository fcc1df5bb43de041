//! Which kept entries were asked for since they were kept: one bit each, in memory only.

use std::collections::VecDeque;

/// Most words of 64 bits: 8 MiB, 67 million entries. Beyond it entries count as not asked for.
const MOST_WORDS: usize = 1 << 20;

/// One bit per sequence number from the oldest one on.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Number of the first word.
    first: u64,
    words: VecDeque<u64>,
}

impl Touched {
    pub(super) fn set(&mut self, sequence: u64) {
        let Some(word) = self.place(sequence).filter(|word| *word < MOST_WORDS) else { return };
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        if let Some(bits) = self.words.get_mut(word) {
            *bits |= bit(sequence);
        }
    }

    pub(super) fn contains(&self, sequence: u64) -> bool {
        let word = self.place(sequence).and_then(|word| self.words.get(word));
        word.is_some_and(|bits| bits & bit(sequence) != 0)
    }

    /// Forgets what lies before a sequence number.
    pub(super) fn forget_before(&mut self, sequence: u64) {
        let first = sequence / 64;
        while self.first < first && self.words.pop_front().is_some() {
            self.first += 1;
        }
        self.first = self.first.max(first);
    }

    fn place(&self, sequence: u64) -> Option<usize> {
        usize::try_from((sequence / 64).checked_sub(self.first)?).ok()
    }
}

const fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stay_in_place_while_the_oldest_go() {
        let mut touched = Touched::default();
        for sequence in [0, 63, 64, 200, 1_000] {
            touched.set(sequence);
        }
        touched.forget_before(130);
        assert!(!touched.contains(0) && !touched.contains(64));
        assert!(touched.contains(200) && touched.contains(1_000));
        assert!(!touched.contains(201) && !touched.contains(5_000));
        touched.set(3);
        assert!(!touched.contains(3), "what is gone stays gone");
        touched.forget_before(1 << 40);
        touched.set((1 << 40) + 1);
        assert!(touched.contains((1 << 40) + 1));
        touched.set(u64::MAX);
        assert!(!touched.contains(u64::MAX) && touched.words.len() < 10, "memory is bounded");
    }
}
