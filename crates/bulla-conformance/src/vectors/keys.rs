//! The formats of chapter `keys.md`.

mod acknowledgement;
mod card;
mod epoch_key;
mod hidden;
mod key_file;
mod key_transfer;
mod login;

use std::sync::Mutex;

use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use data_encoding::BASE32_NOPAD;

use super::Random;

pub(super) use acknowledgement::Acknowledgements;
pub(super) use card::Cards;
pub(super) use epoch_key::EpochKeys;
pub(super) use hidden::SOME_HIDDEN;
pub(super) use key_file::KeyFiles;
pub(super) use key_transfer::KeyTransfers;
pub(super) use login::Logins;

/// A device with both its secrets.
pub(super) struct Secrets {
    pub(super) signing: [u8; 32],
    pub(super) sealing: [u8; 32],
}

impl Secrets {
    pub(super) fn new(name: &str) -> Self {
        let mut random = Random::new(&format!("secrets {name}"));
        Self { signing: random.array(), sealing: random.array() }
    }

    pub(super) fn keys(&self) -> DeviceKeys {
        DeviceKeys::dangerous_from_secrets(&self.signing, &self.sealing)
    }
}

/// The randomness of the vectors in the place of the system's.
#[derive(Debug)]
pub(super) struct Replayed(Mutex<Random>);

impl Replayed {
    pub(super) fn new(label: &str) -> Self {
        Self(Mutex::new(Random::new(label)))
    }
}

impl Randomness for Replayed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let mut random = self.0.lock().map_err(|_| RandomnessError)?;
        bytes.copy_from_slice(&random.bytes(bytes.len()));
        Ok(())
    }
}

/// A line of text as CARD-4 asks for, around any bytes.
pub(super) fn line(prefix: &str, context: &str, bytes: &[u8]) -> String {
    let sum: [u8; 32] = blake3::derive_key(context, bytes);
    let data = [bytes, sum.get(..4).unwrap_or_default()].concat();
    format!("{prefix}{}", BASE32_NOPAD.encode(&data).to_ascii_lowercase())
}

/// The points with which every X25519 agreement gives zero (RFC 7748 and its errata on contributory behaviour), reduced
/// and not.
pub(super) const SMALL_ORDER: [(&str, &str); 7] = [
    ("0", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("1", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("of order 8", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    ("of order 8, the other", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ("p - 1", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

pub(super) fn hex(digits: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("the table holds hexadecimal digits")
}
