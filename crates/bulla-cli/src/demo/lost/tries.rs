//! What a revoked device tries, and what comes of it.

use std::collections::HashSet;
use std::sync::Arc;

use bulla::{EntryId, Space, SpaceError};
use bulla_store::ContentAddressedStore;

use super::{AFTER, BEFORE, LATE, Tablet};
use crate::demo::claims::{Act, Claims};
use crate::demo::replica::{Replica, answer, asked, is_refusal, sealed_entries, until_refused};
use crate::exit::Result;
use crate::output::count;

/// Something that the revoked device tried.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) tried: &'static str,
    pub(crate) by: &'static str,
    pub(crate) answered: String,
    /// Whether it came to nothing.
    pub(crate) failed: bool,
}

/// Where it tries to get in.
pub(crate) struct Door {
    pub(crate) tries: &'static str,
    pub(crate) by: &'static str,
    pub(crate) way: Way,
    pub(crate) store: Arc<dyn ContentAddressedStore>,
}

/// What it tries there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Push,
    Pull,
    /// To be let in at all.
    Login,
}

impl Tablet {
    /// Tries every door. What it wrote late must not be at the relay afterwards, and what is new not here.
    pub(crate) async fn tries(
        &self,
        doors: &[Door],
        relay: &dyn ContentAddressedStore,
        claims: &mut Claims,
    ) -> Result<Vec<Attempt>> {
        let mut attempts = Vec::with_capacity(doors.len());
        for Door { tries, by, way, store } in doors {
            let answered = match way {
                Way::Push => answer(&self.replica.try_push(store).await),
                Way::Pull => {
                    // A node in front hears of the revocation from the one behind it.
                    until_refused(&**store).await;
                    answer(&self.replica.try_pull(store, &[]).await)
                }
                Way::Login => asked(&**store).await,
            };
            let failed = is_refusal(&answered);
            attempts.push(Attempt { tried: tries, by, answered, failed });
        }
        let refused = attempts.iter().filter(|attempt| attempt.failed).count();
        let pushed = among(&self.late, relay).await?;
        let fetched = among(&self.after, &**self.replica.space.store()).await?;
        claims.note(
            Act::Revoked,
            "revoked",
            "The revoked tablet can neither push nor fetch",
            refused == attempts.len() && pushed == 0 && fetched == 0 && self.is_of_use(),
            format!(
                "{refused} of {} attempts were refused; {pushed} of {} arrived at the relay, {fetched} of {} at the tablet",
                attempts.len(),
                count(self.late.len() as u64, "late entry", "late entries"),
                count(self.after.len() as u64, "new one", "new ones"),
            ),
        );
        Ok(attempts)
    }

    /// Hands another device what it wrote late, without any node.
    pub(crate) async fn hands_over(&self, phone: &Replica, claims: &mut Claims) -> Result<Attempt> {
        let own: Arc<dyn ContentAddressedStore> = self.replica.space.outgoing();
        phone.try_pull(&own, &[]).await;
        let taken = among(&self.late, &**phone.space.store()).await?;
        let kept = phone.space.quarantined(None, self.late.len().max(1)).await?;
        let code = kept.facts.iter().find(|kept| self.late.contains(&kept.id));
        let code = code.map_or_else(|| "taken".to_owned(), |kept| kept.code.to_string());
        let paths = phone.paths().await?;
        let lists = |name| if paths.contains(name) { "lists" } else { "does not list" };
        let holds = paths.contains(BEFORE.name) && paths.contains(AFTER.name);
        claims.note(
            Act::Revoked,
            "late",
            "What it wrote in time counts, what it writes late does not",
            holds && !paths.contains(LATE.name) && taken == 0 && self.is_of_use(),
            format!(
                "the phone {} '{}' and {} '{}'",
                lists(BEFORE.name),
                BEFORE.name,
                lists(LATE.name),
                LATE.name
            ),
        );
        let tried = "hand the note to the phone itself";
        Ok(Attempt { tried, by: "no node", answered: code, failed: taken == 0 })
    }

    /// Opens what the relay has on disk, all of it: `copy` is opened with the tablet's keys. Another device, which may read,
    /// opens the same entries to show that they can be opened.
    pub(crate) async fn opens(
        &self,
        copy: &Space,
        reader: &Space,
        claims: &mut Claims,
    ) -> Result<Attempt> {
        let (old, new) = (opened(copy, &self.before).await?, opened(copy, &self.after).await?);
        let reads = opened(reader, &self.after).await?;
        let (before, after) = (self.before.len(), self.after.len());
        claims.note(
            Act::Revoked,
            "keys",
            "All that the relay has on disk opens nothing new for it",
            old == before && new == 0 && reads == after && self.is_of_use(),
            format!(
                "it opens {old} of {before} sealed entries from before, and {new} of {after} from after; the phone opens \
                 {reads} of these"
            ),
        );
        let answered = format!("{new} of {}", count(after as u64, "new entry", "new entries"));
        let tried = "open what the relay has on disk";
        Ok(Attempt { tried, by: "its keys", answered, failed: new == 0 })
    }

    /// Whether there is something of each sort: without it nothing is proven.
    fn is_of_use(&self) -> bool {
        [&self.before, &self.after, &self.late].iter().all(|ids| !ids.is_empty())
    }
}

/// How many of these entries a store holds.
async fn among(ids: &HashSet<EntryId>, store: &dyn ContentAddressedStore) -> Result<usize> {
    Ok(ids.intersection(&sealed_entries(store).await?).count())
}

/// How many of these entries a device opens. All of them must be there: what is not proves nothing.
async fn opened(space: &Space, ids: &HashSet<EntryId>) -> Result<usize> {
    let mut opened = 0;
    for id in ids {
        match space.read(*id).await {
            Ok(_) => opened += 1,
            Err(SpaceError::Open(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(opened)
}
