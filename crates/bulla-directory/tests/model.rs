//! The directory against a model that is written straight from the spec: tens of thousands of small histories of devices
//! that know only a part of what the others did, honest and not. Every answer must be the model's, whatever the order in
//! which the entries come, and every difference between two answers must have been announced.
//!
//! A failure prints the seed of its history; `BULLA_DIRECTORY_SEED=17 cargo test -p bulla-directory --test model` runs
//! that one alone, and with `BULLA_DIRECTORY_MORE=10` there are ten times as many.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![expect(dead_code, reason = "helpers that several test programs share")]

#[path = "model/answers.rs"]
mod answers;
#[path = "model/brute.rs"]
mod brute;
#[path = "common/entries.rs"]
mod entries;
#[path = "model/history.rs"]
mod history;
#[path = "model/nasty.rs"]
mod nasty;
#[path = "common/random.rs"]
mod random;
#[path = "attacks/support.rs"]
mod support;

use answers::{Answers, Details, announced};
use bulla_core::VerifiedEntry;
use bulla_directory::Directory;
use history::{History, Worlds};
use random::Random;

/// Histories compared with the model; of them one in ten also entry by entry.
const HISTORIES: u64 = 12_000;

/// Clauses: DIR-1, DIR-13, DIR-27.
#[test]
fn every_answer_is_the_models() {
    let worlds = Worlds::keen();
    let mut counted = history::Tally::default();
    for seed in seeds(HISTORIES) {
        let history = worlds.history(seed, steps(seed, 5, 12));
        let directory = bulk(&history);
        let expected = Answers::of_model(&history);
        assert_eq!(Answers::of(&directory, &history), expected, "seed {seed}");
        counted.add(&expected);
        counted.add_needed(&directory, &history);

        let mut entries = history.entries.clone();
        let mut random = Random::new(seed ^ 0xff);
        random.shuffle(&mut entries);
        let mut other = Directory::new(history.space);
        let rest = entries.split_off(entries.len() / 2);
        for entry in &entries {
            other.insert(entry);
        }
        other.extend(&rest);
        assert_eq!(Answers::of(&other, &history), expected, "seed {seed}, another order");
    }
    // The histories are worth something only if they reach everything.
    counted.assert_full();
}

/// Entry by entry the directory says what a new one says, and announces every difference.
///
/// Clauses: DIR-1.
#[test]
fn every_difference_is_announced() {
    let worlds = Worlds::keen();
    for seed in seeds(HISTORIES / 6) {
        let mut history = worlds.history(seed, steps(seed, 8, 30));
        let mut random = Random::new(seed);
        if !seed.is_multiple_of(3) {
            // Mostly in the order of writing, as they arrive.
            let late = random.below(history.entries.len());
            history.entries[late..].reverse();
        }
        if seed.is_multiple_of(5) {
            random.shuffle(&mut history.entries);
        }
        let mut directory = Directory::new(history.space);
        let mut before = Answers::of(&directory, &history);
        for (index, entry) in history.entries.iter().enumerate() {
            let change = directory.insert(entry);
            let after = Answers::of(&directory, &history);
            let mut anew = Directory::new(history.space);
            anew.extend(&history.entries[..=index]);
            assert_eq!(after, Answers::of(&anew, &history), "seed {seed}, entry {index}");
            let details = Details::of(&directory, &history);
            assert_eq!(details, Details::of(&anew, &history), "seed {seed}, entry {index}");
            announced(&before, &after, &change, &history)
                .unwrap_or_else(|what| panic!("seed {seed}, entry {index}: {what} in {change:?}"));
            assert!(directory.insert(entry).is_empty(), "seed {seed}, entry {index} twice");
            before = after;
        }
    }
}

/// Every part of a small history, in every order, says what the model says of that part.
///
/// Clauses: DIR-1.
#[test]
fn every_permutation_gives_the_same() {
    let worlds = Worlds::keen();
    for seed in seeds(150) {
        let whole = worlds.history(seed, 4);
        for part in 0..1_usize << whole.entries.len() {
            let is_in = |(place, _): &(usize, &VerifiedEntry)| part >> place & 1 == 1;
            let entries = whole.entries.iter().enumerate().filter(is_in);
            let mut entries: Vec<VerifiedEntry> = entries.map(|(_, entry)| entry.clone()).collect();
            let (others, groups) = (whole.others.clone(), whole.groups.clone());
            let history = History { space: whole.space, entries: entries.clone(), others, groups };
            let expected = Answers::of_model(&history);
            let length = entries.len();
            permute(&mut entries, length, &mut |order| {
                let mut directory = Directory::new(history.space);
                for entry in order {
                    directory.insert(entry);
                }
                let answers = Answers::of(&directory, &history);
                assert_eq!(answers, expected, "seed {seed}, part {part:b}");
            });
        }
    }
}

/// A node shares one among its threads.
#[test]
fn threads_share_a_directory() {
    const fn shared<T: Send + Sync>() {}
    shared::<Directory>();
}

fn bulk(history: &History) -> Directory {
    let mut directory = Directory::new(history.space);
    directory.extend(&history.entries);
    directory
}

/// How long the history of a seed is.
fn steps(seed: u64, least: usize, spread: u64) -> usize {
    least + usize::try_from(seed % spread).unwrap()
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("BULLA_DIRECTORY_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => {
            let more =
                std::env::var("BULLA_DIRECTORY_MORE").map_or(1, |more| more.parse().unwrap());
            (0..count * more).collect()
        }
    }
}

/// Heap's algorithm.
fn permute(entries: &mut [VerifiedEntry], length: usize, visit: &mut impl FnMut(&[VerifiedEntry])) {
    if length < 2 {
        visit(entries);
        return;
    }
    for index in 0..length {
        permute(entries, length - 1, visit);
        entries.swap(if length.is_multiple_of(2) { index } else { 0 }, length - 1);
    }
}
