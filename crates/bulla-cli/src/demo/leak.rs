//! Searches what nodes kept and sent for anything a node must not know.
//!
//! A *secret* is the content or the name of a file. It counts as leaked when the haystack holds, raw, in hexadecimal, in
//! base64 or in UTF-16: a name, a short content, any 64 bytes that stand together in a longer content, or the BLAKE3 or
//! SHA-256 of any of these. Haystacks are decoded instead of needles encoded, so that every alignment is covered.

mod known;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use sha2::{Digest as _, Sha256};

use known::Known;
use views::{View, views};

/// Bytes of a run that count as leaked.
const WINDOW: usize = 64;
/// Names and contents shorter than this are in every pile of random bytes; they are searched for as part of a path.
const SHORTEST: usize = 6;
/// Windows whose hashes are kept at most; larger inputs are sampled evenly.
const MAX_WINDOWS: usize = 2_000_000;
/// A window of fewer distinct bytes (padding, rulers) says nothing.
const MIN_DISTINCT: usize = 8;
/// Base of the rolling hash; odd, so that multiplication by it permutes 64-bit numbers.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Something that must not appear.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    /// What it is, for the report.
    pub(crate) label: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether it is a word that others may use too.
    pub(crate) is_word: bool,
}

impl Secret {
    /// Bytes that nobody has by chance.
    pub(crate) const fn bytes(label: String, bytes: Vec<u8>) -> Self {
        Self { label, bytes, is_word: false }
    }

    /// A word that others may use too, such as the name of a file.
    pub(crate) fn word(label: String, word: &str) -> Self {
        Self { label, bytes: word.as_bytes().to_vec(), is_word: true }
    }
}

/// A leak found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Which haystack.
    pub(crate) place: String,
    /// The form it was found in: `raw`, `hex`, `base64`, `utf-16`.
    pub(crate) form: &'static str,
    /// What was found.
    pub(crate) what: String,
}

/// Everything to look for, prepared once.
#[derive(Debug)]
pub(crate) struct Scanner {
    labels: Vec<String>,
    short: Vec<Short>,
    matcher: AhoCorasick,
    /// Rolling hash of a window, and the secret and offset it is from.
    windows: Known<(usize, usize)>,
    texts: Vec<Vec<u8>>,
    /// First eight bytes of a digest, the rest of it and the secret.
    digests: Known<([u8; 24], usize)>,
    /// Short needles that a node without any data shows too.
    common: BTreeSet<usize>,
}

#[derive(Debug)]
struct Short {
    bytes: Vec<u8>,
    what: String,
    is_word: bool,
}

impl Scanner {
    /// Prepares a search for `secrets`.
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, aho_corasick::BuildError> {
        let mut texts = Vec::new();
        let mut labels = Vec::new();
        let mut short: BTreeMap<Vec<u8>, (String, bool)> = BTreeMap::new();
        for secret in secrets {
            let mut forms = vec![secret.bytes.clone()];
            if let Ok(text) = std::str::from_utf8(&secret.bytes)
                && !text.is_ascii()
            {
                // What is ASCII is found by reading every second byte.
                forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
                forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
            }
            for form in forms {
                if form.len() >= WINDOW {
                    texts.push(form);
                    labels.push(secret.label.clone());
                } else if form.len() >= SHORTEST && distinct(&form) > 2 {
                    let (_, is_word) =
                        short.entry(form).or_insert_with(|| (secret.label.clone(), true));
                    *is_word &= secret.is_word;
                }
            }
        }
        let total: usize = texts.iter().map(Vec::len).sum();
        let stride = total.div_ceil(MAX_WINDOWS).max(1);
        let mut windows = Known::with_capacity(total / stride);
        let mut digests = Known::with_capacity(2 * total / stride);
        for (index, text) in texts.iter().enumerate() {
            for (offset, window) in text.windows(WINDOW).enumerate().step_by(stride) {
                if distinct(window) >= MIN_DISTINCT {
                    windows.insert(rolling(window), (index, offset));
                    add_digests(&mut digests, window, index);
                }
            }
            add_digests(&mut digests, text, index);
        }
        for (bytes, (label, _)) in &short {
            labels.push(label.clone());
            texts.push(bytes.clone());
            add_digests(&mut digests, bytes, texts.len() - 1);
        }
        let short =
            short.into_iter().map(|(bytes, (what, is_word))| Short { bytes, what, is_word });
        let short: Vec<Short> = short.collect();
        let matcher = AhoCorasick::new(short.iter().map(|needle| &needle.bytes))?;
        Ok(Self { labels, short, matcher, windows, texts, digests, common: BTreeSet::new() })
    }

    /// Learns which words occur in what a node shows without any data ("notes", "target"): they prove nothing. Returns
    /// them, to be named in the report.
    pub(crate) fn learn_common(&mut self, haystack: &[u8]) -> Vec<String> {
        for found in self.matcher.find_overlapping_iter(haystack) {
            let index = found.pattern().as_usize();
            if self.short.get(index).is_some_and(|needle| needle.is_word) {
                self.common.insert(index);
            }
        }
        self.common
            .iter()
            .filter_map(|index| self.short.get(*index))
            .map(|needle| needle.what.clone())
            .collect()
    }

    /// How many needles are searched for: names, windows and digests.
    pub(crate) fn needles(&self) -> usize {
        self.short.len() - self.common.len() + self.windows.len() + self.digests.len()
    }

    /// Everything found in `haystack`, each thing once.
    pub(crate) fn scan(&self, place: &str, haystack: &[u8]) -> BTreeSet<Finding> {
        let mut findings = BTreeSet::new();
        for View { form, bytes } in views(haystack) {
            let mut found =
                |what: String| findings.insert(Finding { place: place.to_owned(), form, what });
            for hit in self.matcher.find_overlapping_iter(bytes.as_ref()) {
                let index = hit.pattern().as_usize();
                if let Some(needle) = self.short.get(index)
                    && !self.common.contains(&index)
                {
                    found(needle.what.clone());
                }
            }
            self.scan_windows(&bytes, &mut found);
            for window in bytes.windows(32) {
                let (first, rest) = window.split_at(8);
                if let Ok(first) = first.try_into()
                    && let Some((digest, index)) = self.digests.get(u64::from_le_bytes(first))
                    && rest == digest
                {
                    found(format!("a hash of {}", self.label(*index)));
                }
            }
        }
        findings
    }

    fn scan_windows(&self, bytes: &[u8], found: &mut impl FnMut(String) -> bool) {
        let Some(first) = bytes.get(..WINDOW) else { return };
        // BASE to the power of WINDOW: what the byte that leaves the window was multiplied by.
        let leaving = (0..WINDOW).fold(1_u64, |power, _| power.wrapping_mul(BASE));
        let mut hash = rolling(first);
        let mut entering = bytes.iter().skip(WINDOW);
        for window in bytes.windows(WINDOW) {
            if let Some((index, offset)) = self.windows.get(hash)
                && self.texts.get(*index).and_then(|text| text.get(*offset..offset + WINDOW))
                    == Some(window)
            {
                found(format!("64 bytes of {}", self.label(*index)));
            }
            let (Some(out), Some(next)) = (window.first(), entering.next()) else { break };
            hash = hash.wrapping_mul(BASE).wrapping_add(u64::from(*next) + 1);
            hash = hash.wrapping_sub(leaving.wrapping_mul(u64::from(*out) + 1));
        }
    }

    fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("a secret", String::as_str)
    }
}

fn rolling(window: &[u8]) -> u64 {
    window
        .iter()
        .fold(0, |hash: u64, byte| hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1))
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

fn add_digests(digests: &mut Known<([u8; 24], usize)>, bytes: &[u8], index: usize) {
    let hashes: [[u8; 32]; 2] = [blake3::hash(bytes).into(), Sha256::digest(bytes).into()];
    for hash in hashes {
        let (first, rest) = hash.split_at(8);
        if let (Ok(key), Ok(rest)) = (first.try_into(), rest.try_into()) {
            digests.insert(u64::from_le_bytes(key), (rest, index));
        }
    }
}

#[cfg(test)]
mod tests;
