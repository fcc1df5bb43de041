//! Which keys the entries that are here were sealed with: an epoch of a key group concerns the entries under its key, and
//! those are few or none where they were written after it (DIR-30).

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::PoisonError;

use bulla_core::values::{PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, KeyId};
use bulla_store::{Context, Result, StoreExt as _, kept_pages};
use futures_util::TryStreamExt as _;

use crate::admission::DirectoryAdmission;
use crate::state::Subject;

/// Keys and their users that are kept in memory, some 300 bytes each at most.
const MOST: usize = 65_536;
/// Keys of one author that are: who makes up keys fills no other's room.
const MOST_OF_AUTHOR: usize = 1_024;

/// Who wrote application entries under which key; a key may be named that nothing is sealed with any more.
#[derive(Debug, Default)]
pub(crate) struct KeyUse {
    users: HashMap<KeyId, HashSet<AuthorKey>>,
    /// How many keys of each author are known.
    authors: HashMap<AuthorKey, usize>,
    count: usize,
    /// Those who may have used any key: there was no room for more of theirs.
    others: HashSet<AuthorKey>,
}

impl KeyUse {
    fn note(&mut self, key_id: KeyId, author: AuthorKey) {
        if self.users.get(&key_id).is_some_and(|users| users.contains(&author)) {
            return;
        }
        let of_author = self.authors.entry(author).or_default();
        if *of_author >= MOST_OF_AUTHOR || self.count >= MOST {
            self.others.insert(author);
            return;
        }
        *of_author += 1;
        self.count += 1;
        self.users.entry(key_id).or_default().insert(author);
    }

    /// Who may have used any of these.
    fn users_of(&self, key_ids: &[KeyId]) -> HashSet<AuthorKey> {
        let known = key_ids.iter().filter_map(|id| self.users.get(id)).flatten();
        known.chain(&self.others).copied().collect()
    }
}

impl DirectoryAdmission {
    /// Keeps in mind that an entry is here, held or in quarantine.
    pub(crate) fn note_key(&self, subject: &Subject) {
        if subject.kind.is_control() {
            return;
        }
        if let Some(known) = &mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner) {
            known.note(subject.key_id, subject.author);
        }
    }

    /// Begins anew, for who goes through everything that is here and notes it.
    pub(crate) fn forget_keys(&self) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(KeyUse::default());
    }

    /// Who wrote something, held or in quarantine, under any of these keys, and perhaps somebody who did not. Takes a pass over the headers where nobody knows.
    /// The gate is held.
    pub(crate) async fn users_of(
        &self,
        cx: &Context,
        key_ids: &[KeyId],
    ) -> Result<HashSet<AuthorKey>> {
        if key_ids.is_empty() {
            return Ok(HashSet::new());
        }
        if let Some(known) = &*self.keys.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(known.users_of(key_ids));
        }
        let mut known = KeyUse::default();
        let limit = PageLimit { max_items: 16_384, ..PageLimit::MAX };
        let request = ScanRequest { want: Want::Headers, limit, ..ScanRequest::everything() };
        let mut held = pin!(self.engine.scan_all(cx, request));
        while let Some(item) = held.try_next().await? {
            let ScanBody::Header(header, _) = item.body else { continue };
            let header = header.header();
            if !header.kind.is_control() {
                known.note(header.key_id, header.author);
            }
        }
        let mut kept = pin!(kept_pages(|after, limit| self.engine.kept(cx, after, limit)));
        while let Some(page) = kept.try_next().await? {
            for facts in page {
                known.note(facts.key_id, facts.author);
            }
        }
        let users = known.users_of(key_ids);
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> KeyId {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        KeyId(key)
    }

    #[test]
    fn who_makes_up_keys_fills_no_room_and_is_not_forgotten() {
        let (liar, honest) = (AuthorKey([1; 32]), AuthorKey([2; 32]));
        let mut known = KeyUse::default();
        for number in 0..3 * MOST_OF_AUTHOR {
            known.note(key(number), liar);
        }
        known.note(key(5), honest);
        assert_eq!(known.count, MOST_OF_AUTHOR + 1);
        assert_eq!(known.users_of(&[key(5)]), HashSet::from([liar, honest]));
        assert_eq!(known.users_of(&[key(3 * MOST_OF_AUTHOR - 1)]), HashSet::from([liar]));
        // The bound of all authors together.
        for number in 0..2 * MOST {
            let mut author = [3; 32];
            author[..8].copy_from_slice(&(number / MOST_OF_AUTHOR).to_be_bytes());
            known.note(key(number), AuthorKey(author));
        }
        assert_eq!(known.count, MOST);
        let late = AuthorKey([4; 32]);
        known.note(key(9), late);
        assert!(known.users_of(&[key(9)]).contains(&late));
    }
}
