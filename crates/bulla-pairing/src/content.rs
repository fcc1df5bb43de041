//! What the messages say once opened (PAIR-22, PAIR-24).

use bulla_core::cbor::{self, CborError, Reader, Writer};
use bulla_core::joining_card::JOINING_CARD_BYTES;
use bulla_core::{AuthorKey, EntryId, JoiningCard, Signature, SpaceId, domain, verify_signature};
use bulla_identity::{Card, MAX_CARD_BYTES, label_fits};

use crate::PairingError;
use crate::message::{MAX_FRONTIER_BYTES, MAX_MESSAGE_BYTES};

/// Message 1.
pub(crate) struct JoinerHello {
    pub(crate) card: JoiningCard,
    pub(crate) label: String,
    pub(crate) commitment: [u8; 32],
}

impl JoinerHello {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3).bytes(self.card.to_bytes()).text(&self.label).bytes(self.commitment);
        writer.into_bytes()
    }

    /// Card and label are judged in this order, after the shape; that the card fits the invitation, the caller compares
    /// between the two.
    pub(crate) fn decode(
        content: &[u8],
        card_fits: impl FnOnce(&JoiningCard) -> bool,
    ) -> Result<Self, PairingError> {
        let mut reader = array(content, 3)?;
        let card = reader.bytes(JOINING_CARD_BYTES)?;
        // A label too long for its rule is refused by the rule.
        let label = reader.text(MAX_MESSAGE_BYTES)?;
        let commitment = reader.array_of()?;
        reader.finish()?;
        let card = JoiningCard::from_bytes(card)?;
        if !card_fits(&card) {
            return Err(PairingError::Card);
        }
        if !label_fits(label) {
            return Err(PairingError::Label);
        }
        Ok(Self { card, label: label.to_owned(), commitment })
    }
}

/// Message 2.
pub(crate) struct ApproverHello {
    pub(crate) card: Card,
    pub(crate) commitment: [u8; 32],
}

impl ApproverHello {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(2).bytes(self.card.to_bytes()).bytes(self.commitment);
        writer.into_bytes()
    }

    pub(crate) fn decode(content: &[u8]) -> Result<Self, PairingError> {
        let mut reader = array(content, 2)?;
        let card = reader.bytes(MAX_CARD_BYTES)?;
        let commitment = reader.array_of()?;
        reader.finish()?;
        Ok(Self { card: Card::from_bytes(card)?, commitment })
    }
}

/// Messages 3 and 4.
pub(crate) fn encode_nonce(nonce: &[u8; 32]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(1).bytes(nonce);
    writer.into_bytes()
}

pub(crate) fn decode_nonce(content: &[u8]) -> Result<[u8; 32], CborError> {
    let mut reader = array(content, 1)?;
    let nonce = reader.array_of()?;
    reader.finish()?;
    Ok(nonce)
}

/// Who signed a content, and after which messages.
///
/// The keys of messages come from the invitation alone, so whoever holds that can seal any of them. What decides is signed.
pub(crate) struct Signer<'a> {
    pub(crate) author: &'a AuthorKey,
    pub(crate) history: &'a [u8; 32],
}

impl Signer<'_> {
    fn check(
        &self,
        prefix: &[u8],
        statement: &[u8],
        signature: &Signature,
    ) -> Result<(), PairingError> {
        let message = [prefix, self.history, statement].concat();
        verify_signature(&self.author.0, &message, signature).map_err(|_| PairingError::Signature)
    }
}

/// Message 5: a boolean, signed by the joiner.
pub(crate) fn encode_confirmed(confirmed: bool, sign: impl FnOnce(&[u8]) -> Signature) -> Vec<u8> {
    let signature = sign(&confirmed_statement(confirmed));
    let mut writer = Writer::new();
    writer.array(2).bool(confirmed).bytes(signature);
    writer.into_bytes()
}

pub(crate) fn decode_confirmed(content: &[u8], by: &Signer<'_>) -> Result<bool, PairingError> {
    let mut reader = array(content, 2)?;
    let confirmed = reader.bool()?;
    let signature = Signature(reader.array_of()?);
    reader.finish()?;
    let statement = confirmed_statement(confirmed);
    by.check(domain::SIGN_PAIRING_CONFIRMATION, &statement, &signature)?;
    Ok(confirmed)
}

fn confirmed_statement(confirmed: bool) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(1).bool(confirmed);
    writer.into_bytes()
}

/// Message 6: what came of it, signed by the approver.
pub(crate) fn encode_approval(
    space: &SpaceId,
    grant: &EntryId,
    frontier: &[u8],
    sign: impl FnOnce(&[u8]) -> Signature,
) -> Vec<u8> {
    let signature = sign(&approval_statement(space, grant, frontier));
    let mut writer = Writer::new();
    writer.array(4).bytes(space).bytes(grant).bytes(frontier).bytes(signature);
    writer.into_bytes()
}

pub(crate) fn decode_approval(
    content: &[u8],
    by: &Signer<'_>,
) -> Result<(SpaceId, EntryId, Vec<u8>), PairingError> {
    let mut reader = array(content, 4)?;
    let space = SpaceId(reader.array_of()?);
    let grant = EntryId(reader.array_of()?);
    let frontier = reader.bytes(MAX_FRONTIER_BYTES)?.to_vec();
    let signature = Signature(reader.array_of()?);
    reader.finish()?;
    let statement = approval_statement(&space, &grant, &frontier);
    by.check(domain::SIGN_PAIRING_APPROVAL, &statement, &signature)?;
    Ok((space, grant, frontier))
}

fn approval_statement(space: &SpaceId, grant: &EntryId, frontier: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(3).bytes(space).bytes(grant).bytes(frontier);
    writer.into_bytes()
}

/// A reader behind the head of an array of `count` elements.
fn array(content: &[u8], count: usize) -> Result<Reader<'_>, CborError> {
    cbor::check(content)?;
    let mut reader = Reader::new(content);
    reader.array_exact(count)?;
    Ok(reader)
}
