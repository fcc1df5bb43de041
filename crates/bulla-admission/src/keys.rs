//! Which keys the entries that are here were sealed with: an epoch of a key group concerns the entries under its key, and
//! those are few or none where they were written after it (DIR-30).

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::{PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, KeyId};
use bulla_store::{Context, Result};

use crate::admission::DirectoryAdmission;
use crate::state::Subject;

/// Keys and their users that are kept in memory, some 100 bytes each.
const MOST: usize = 65_536;

/// Who wrote application entries under which key; a key may be named that nothing is sealed with any more.
#[derive(Debug, Default)]
pub(crate) struct KeyUse {
    users: HashMap<KeyId, HashSet<AuthorKey>>,
    count: usize,
}

impl KeyUse {
    fn note(&mut self, key_id: KeyId, author: AuthorKey) {
        self.count += usize::from(self.users.entry(key_id).or_default().insert(author));
    }
}

impl DirectoryAdmission {
    /// Keeps in mind that an entry is here, held or in quarantine.
    pub(crate) fn note_key(&self, subject: &Subject) {
        if subject.kind.is_control() {
            return;
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &mut *keys {
            known.note(subject.key_id, subject.author);
            if known.count > MOST {
                // Who asks looks through everything.
                *keys = None;
            }
        }
    }

    /// Begins anew, for who goes through everything that is here and notes it.
    pub(crate) fn forget_keys(&self) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(KeyUse::default());
    }

    /// Who wrote something, held or in quarantine, under any of these keys. Takes a pass over the headers where nobody knows.
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
            let users = key_ids.iter().filter_map(|id| known.users.get(id));
            return Ok(users.flatten().copied().collect());
        }
        let asked: HashSet<&KeyId> = key_ids.iter().collect();
        let mut users = HashSet::new();
        let mut all = KeyUse::default();
        let mut see = |key_id: KeyId, author: AuthorKey| {
            if asked.contains(&key_id) {
                users.insert(author);
            }
            if all.count <= MOST {
                all.note(key_id, author);
            }
        };
        let mut after = None;
        loop {
            let limit = PageLimit { max_items: 16_384, ..PageLimit::MAX };
            let request =
                ScanRequest { after, want: Want::Headers, limit, ..ScanRequest::everything() };
            let page = self.engine.scan(cx, request).await?;
            for item in page.items {
                let ScanBody::Header(header, _) = item.body else { continue };
                let header = header.header();
                if !header.kind.is_control() {
                    see(header.key_id, header.author);
                }
            }
            after = Some(page.cursor);
            if page.end {
                break;
            }
        }
        let mut after = None;
        loop {
            let page = self.engine.kept(cx, after, MAX_ENTRIES_PER_PUT).await?;
            for facts in &page.facts {
                see(facts.key_id, facts.author);
            }
            match page.facts.last() {
                Some(last) if !page.end => after = Some(last.id),
                _ => break,
            }
        }
        let known = (all.count <= MOST).then_some(all);
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(users)
    }
}
