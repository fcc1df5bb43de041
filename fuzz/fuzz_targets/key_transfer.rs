//! A key transfer that is accepted has one encoding, and a genuine one with anything changed never opens.
#![no_main]

use std::sync::{Arc, LazyLock};

use bulla_core::SpaceId;
use bulla_crypto::{EpochKey, KeyTransfer};
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};

/// The same bytes for ever, so that a finding can be repeated.
#[derive(Debug)]
struct Constant;

impl Randomness for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(5);
        Ok(())
    }
}

fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed + 100; 32])
}

static GENUINE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let keys = [1, 2].map(|seed| Arc::new(EpochKey::dangerous_from_bytes(&[seed; 32])));
    let card = device(2).card("fuzz").expect("a label");
    KeyTransfer::export(&device(1), &card, SpaceId([3; 32]), &keys, &Constant)
        .expect("two keys to a good card")
        .to_bytes()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(transfer) = KeyTransfer::from_bytes(bytes) {
        assert_eq!(transfer.to_bytes(), bytes);
        assert_eq!(transfer.to_string().parse::<KeyTransfer>().as_ref(), Ok(&transfer));
        let opens = transfer.open(&device(2), &device(1).author()).is_ok();
        assert!(!opens || bytes == *GENUINE);
    }
    if let Ok(transfer) = std::str::from_utf8(bytes).unwrap_or_default().parse::<KeyTransfer>() {
        assert_eq!(KeyTransfer::from_bytes(&transfer.to_bytes()), Ok(transfer));
    }
    let [high, low, rest @ ..] = bytes else { return };
    let mut changed = GENUINE.clone();
    let at = usize::from(u16::from_be_bytes([*high, *low])) % changed.len();
    let end = (at + rest.len()).min(changed.len());
    changed.splice(at..end, rest.iter().copied());
    if let Ok(transfer) = KeyTransfer::from_bytes(&changed) {
        let opened = transfer.open(&device(2), &device(1).author());
        assert_eq!(opened.is_ok(), changed == *GENUINE);
    }
});
