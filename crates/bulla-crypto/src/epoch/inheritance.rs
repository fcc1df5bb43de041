//! What comes along from before, under the new key: the topic secret, and the parents' keys where policy gives newcomers
//! the history, or, in a first epoch, those that the space had before (CTL-33).

use bulla_core::KeyId;
use bulla_core::cbor::{self, Reader, Writer};
use bulla_core::limits::{MAX_EPOCH_PARENTS, MAX_INHERITED_BYTES};
use zeroize::Zeroizing;

use super::Inheritance;
use super::place::Place;
use crate::{EpochKey, TAG_BYTES, TopicSecret, once};

// The longest that is ever sealed fits the field.
const _: () = assert!(3 + 34 + MAX_EPOCH_PARENTS * 35 + TAG_BYTES <= MAX_INHERITED_BYTES);

/// Seals the topic secret and one list for each parent or, without parents, for each older key; `None` when the cipher
/// refuses, which its bounds rule out.
pub(super) fn seal<'a>(
    place: &Place<'_>,
    key: &EpochKey,
    topics: &TopicSecret,
    keys: impl ExactSizeIterator<Item = Option<&'a EpochKey>>,
) -> Option<Vec<u8>> {
    // Room for everything at once, so that no grown buffer leaves a copy behind.
    let mut writer = Writer::with_capacity(40 + keys.len() * 35 + TAG_BYTES);
    writer.array(2).bytes(topics.expose_secret()).array(keys.len());
    for key in keys {
        match key {
            Some(key) => writer.array(1).bytes(key.expose_secret()),
            None => writer.array(0),
        };
    }
    once::seal(&place.inheritance_key(key), &[], writer.into_bytes())
}

/// Opens what [`seal`] made; `None` for everything else.
pub(super) fn open(
    place: &Place<'_>,
    key: &EpochKey,
    parent_key_ids: &[KeyId],
    inherited: &[u8],
) -> Option<Inheritance> {
    let plaintext = once::open(&place.inheritance_key(key), &[], inherited)?;
    read(&plaintext, place, parent_key_ids)
}

/// Reads `[topic secret, [[epoch key, …], …]]`. A key that is not the one its parent's entry names is refused: it would be
/// taken for the parent's and open other plaintexts.
fn read(plaintext: &[u8], place: &Place<'_>, parent_key_ids: &[KeyId]) -> Option<Inheritance> {
    cbor::check(plaintext).ok()?;
    let mut reader = Reader::new(plaintext);
    reader.array_exact(2).ok()?;
    let topics = TopicSecret::dangerous_from_bytes(&Zeroizing::new(reader.array_of().ok()?));
    let most = if place.is_first_of_space() { MAX_EPOCH_PARENTS } else { parent_key_ids.len() };
    let older = reader.array(most).ok()?.checked_sub(parent_key_ids.len())?;
    let mut parents = Vec::new();
    for (parent, key_id) in place.parents().iter().zip(parent_key_ids) {
        if reader.array(1).ok()? == 1 {
            let secret = Zeroizing::new(reader.array_of().ok()?);
            let key = EpochKey::dangerous_from_bytes(&secret);
            if !key.has_id(key_id) {
                return None;
            }
            parents.push((*parent, key));
        }
    }
    let older = read_older(&mut reader, older, place.key_id())?;
    reader.finish().ok()?;
    Some(Inheritance { topics, parents, older })
}

/// Reads the lists of that many keys from before the first epoch: none twice, and none the new one.
fn read_older(reader: &mut Reader<'_>, count: usize, new: &KeyId) -> Option<Vec<EpochKey>> {
    let mut older: Vec<EpochKey> = Vec::new();
    for _ in 0..count {
        reader.array_exact(1).ok()?;
        let secret = Zeroizing::new(reader.array_of().ok()?);
        let key = EpochKey::dangerous_from_bytes(&secret);
        if key.has_id(new) || older.iter().any(|other| other.has_id(&key.id())) {
            return None;
        }
        older.push(key);
    }
    Some(older)
}
