//! Keys as they are written in a configuration.

use bulla_core::{NodeId, PeerKey};
use bulla_identity::Card;
use serde::Deserialize;

/// A peer's key: 64 hexadecimal digits, or the card of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PeerText(pub PeerKey);

/// A node's key: 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeText(pub NodeId);

impl TryFrom<String> for PeerText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(key) = text.parse() {
            return Ok(Self(key));
        }
        let card: Card = text
            .parse()
            .map_err(|_| "expected a key of 64 hexadecimal digits or a device's card")?;
        Ok(Self(card.author().into()))
    }
}

impl TryFrom<String> for NodeText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: bulla_core::ids::ParseIdError| error.to_string())
    }
}
