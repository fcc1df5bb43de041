//! What lies in key files: a device, a node, a keyring, a register. Each that is accepted has one encoding.
#![no_main]

use bulla_crypto::Keyring;
use bulla_identity::{DeviceKeys, NodeKeys};
use bulla_pairing::Invitations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (device, node) = (DeviceKeys::from_secret(bytes), NodeKeys::from_secret(bytes));
    let keyring = Keyring::from_secret(bytes);
    let register = Invitations::from_secret(bytes);
    let kinds = [device.is_ok(), node.is_ok(), keyring.is_ok(), register.is_ok()];
    let accepted = kinds.iter().filter(|is_ok| **is_ok).count();
    assert!(accepted <= 1, "one content is of one kind");
    if let Ok(device) = device {
        assert_eq!(device.to_secret().as_slice(), bytes);
    }
    if let Ok(node) = node {
        assert_eq!(node.to_secret().as_slice(), bytes);
    }
    if let Ok(register) = register {
        assert_eq!(register.to_secret().as_slice(), bytes);
    }
    if let Ok(keyring) = keyring {
        assert_eq!(keyring.to_secret().as_slice(), bytes);
    }
});
