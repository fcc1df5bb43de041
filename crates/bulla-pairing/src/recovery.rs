//! The device on paper: 24 words from which a device's keys are derived (PAIR-50 to PAIR-52).

use bip39::{Language, Mnemonic};
use bulla_core::{Code, domain};
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use zeroize::Zeroizing;

/// Words of a recovery key.
const WORDS: usize = 24;
/// Longest text that is looked at; 24 words of eight letters have 215 characters.
const MAX_TEXT_BYTES: usize = 1_024;

/// 32 bytes of entropy, shown once as words and kept by a person. Wiped on drop, and `Debug` shows nothing.
pub struct RecoveryKey(Zeroizing<[u8; 32]>);

/// Why words are not a recovery key. Whoever typed them can mend it; no word is repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// Not 24 words (PAIR-52).
    #[error("a recovery key has {WORDS} words, these are {0}")]
    Count(usize),
    /// The word at this place, counted from 1, is not in the list (PAIR-52).
    #[error("word {0} is not in the list of words")]
    Word(usize),
    /// All are words of the list, but not together: one is another word, or two changed places (PAIR-52).
    #[error(
        "the words do not belong together; one is another word of the list, or they are not in their order"
    )]
    Checksum,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl RecoveryError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Count(_) => "recovery.count",
            Self::Word(_) => "recovery.word",
            Self::Checksum => "recovery.checksum",
            Self::Randomness(_) => "recovery.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        match self {
            Self::Count(_) | Self::Word(_) | Self::Checksum => Some("PAIR-52"),
            Self::Randomness(_) => None,
        }
    }
}

impl RecoveryKey {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// [`RecoveryError::Randomness`].
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RecoveryError> {
        let mut entropy = Zeroizing::new([0; 32]);
        randomness.fill(entropy.as_mut())?;
        Ok(Self(entropy))
    }

    /// The recovery key of this entropy. For vectors and tests.
    #[must_use]
    pub fn dangerous_from_entropy(entropy: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*entropy))
    }

    /// The 24 words, in lower case, with one space between. Show them once; write them nowhere.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "32 bytes are one of the lengths that BIP-39 has"
    )]
    pub fn to_words(&self) -> Zeroizing<String> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, self.0.as_slice())
            .expect("BIP-39 has words for 32 bytes");
        let mut text = Zeroizing::new(String::with_capacity(WORDS * 9));
        for word in mnemonic.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// Reads the words, in any case, with white space around and between them.
    ///
    /// # Errors
    ///
    /// [`RecoveryError::Count`], [`RecoveryError::Word`] or [`RecoveryError::Checksum`], in this order.
    pub fn from_words(text: &str) -> Result<Self, RecoveryError> {
        let count = text.split_ascii_whitespace().take(MAX_TEXT_BYTES).count();
        if count != WORDS || text.len() > MAX_TEXT_BYTES {
            return Err(RecoveryError::Count(count));
        }
        let mut line = Zeroizing::new(String::with_capacity(MAX_TEXT_BYTES));
        for (index, word) in text.split_ascii_whitespace().enumerate() {
            let start = line.len();
            line.push_str(word);
            let is_listed = match line.get_mut(start..) {
                Some(word) => {
                    word.make_ascii_lowercase();
                    Language::English.find_word(word).is_some()
                }
                None => false,
            };
            if !is_listed {
                return Err(RecoveryError::Word(index + 1));
            }
            line.push(' ');
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, line.trim_end())
            .map_err(|_| RecoveryError::Checksum)?;
        let (entropy, _) = mnemonic.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let entropy = entropy.first_chunk::<32>().ok_or(RecoveryError::Checksum)?;
        Ok(Self(Zeroizing::new(*entropy)))
    }

    /// The keys of this device, derived from the entropy, each under its own domain string (PAIR-51).
    #[must_use]
    pub fn device_keys(&self) -> DeviceKeys {
        let signing =
            Zeroizing::new(blake3::derive_key(domain::RECOVERY_SIGNING, self.0.as_slice()));
        let sealing =
            Zeroizing::new(blake3::derive_key(domain::RECOVERY_SEALING, self.0.as_slice()));
        DeviceKeys::dangerous_from_secrets(&signing, &sealing)
    }
}

impl std::fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}
