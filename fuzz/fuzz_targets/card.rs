//! A card that is accepted has one encoding and one text, and any label that a device may sign comes back.
#![no_main]

use bulla_identity::{Card, DeviceKeys};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(card) = Card::from_bytes(bytes) {
        assert_eq!(card.to_bytes(), bytes);
        assert_eq!(card.to_string().parse(), Ok(card));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(card) = text.parse::<Card>() {
        assert_eq!(card.to_string(), text.trim());
    }
    let device = DeviceKeys::dangerous_from_secrets(&[7; 32], &[8; 32]);
    if let Ok(card) = device.card(text) {
        assert_eq!((card.label(), card.author()), (text, device.author()));
        assert_eq!(Card::from_bytes(&card.to_bytes()), Ok(card));
    }
});
