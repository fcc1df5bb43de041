//! The contents of messages, written by hand (PAIR-22).

use bulla_core::domain;
use ed25519_dalek::{Signer, SigningKey};

use super::super::super::keys::Secrets;
use super::super::parts::item;

pub(super) fn hello(card: &[u8], label: &str, commitment: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(3).bytes(card).text(label).bytes(commitment);
    })
}

pub(super) fn answer(card: &[u8], commitment: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(2).bytes(card).bytes(commitment);
    })
}

pub(super) fn reveal(nonce: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(1).bytes(nonce);
    })
}

/// Signed after these messages (PAIR-22).
pub(super) fn confirmation(by: &Secrets, history: &[u8; 32], confirmed: bool) -> Vec<u8> {
    let statement = item(|w| {
        w.array(1).bool(confirmed);
    });
    let signature = signature(by, domain::SIGN_PAIRING_CONFIRMATION, history, &statement);
    item(|w| {
        w.array(2).bool(confirmed).bytes(signature);
    })
}

/// Signed after these messages (PAIR-22).
pub(super) fn approval(
    by: &Secrets,
    history: &[u8; 32],
    space: &[u8],
    grant: &[u8],
    frontier: &[u8],
) -> Vec<u8> {
    let statement = item(|w| {
        w.array(3).bytes(space).bytes(grant).bytes(frontier);
    });
    let signature = signature(by, domain::SIGN_PAIRING_APPROVAL, history, &statement);
    item(|w| {
        w.array(4).bytes(space).bytes(grant).bytes(frontier).bytes(signature);
    })
}

fn signature(by: &Secrets, prefix: &[u8], history: &[u8; 32], statement: &[u8]) -> [u8; 64] {
    let message = [prefix, history.as_slice(), statement].concat();
    SigningKey::from_bytes(&by.signing).sign(&message).to_bytes()
}
