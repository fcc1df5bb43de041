//! Bringing a space to a node that does not serve it yet.

use std::collections::HashSet;

use bulla::{AuthorKey, Space};
use bulla_core::control::{Control, Role};
use bulla_core::values::{Filter, KindRange, ScanBody, ScanRequest};
use bulla_core::{Kind, Verified, VerifiedEntry};
use bulla_store::{ContentAddressedStore, Context, StoreError};

use crate::exit::Result;

/// Gives a node the genesis of a space, and the control entries by which this device is an admin of it; whether the node took
/// it. It answers others, and those it does not want the space from, as if it did not serve it.
pub(crate) async fn bring(
    space: &Space,
    node: &dyn ContentAddressedStore,
    me: AuthorKey,
) -> Result<bool> {
    // In a space of the old kind the founder's genesis is all there is.
    if space.role().is_some_and(|role| role != Role::Admin) {
        return Ok(false);
    }
    let opening = opening(space, me).await?;
    if opening.is_empty() {
        return Ok(false);
    }
    let batch = opening.into_iter().map(Verified::from).collect();
    match node.put(&Context::new(), batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotServed(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The genesis, and the grants, raises and recovery entries that lead from it to this device; nothing if they do not.
async fn opening(space: &Space, me: AuthorKey) -> Result<Vec<VerifiedEntry>> {
    // From what may leave this device, so that its mark covers them.
    let outgoing = space.outgoing();
    let range = KindRange { first: Kind::GENESIS, last: Kind(Kind::FIRST_APPLICATION.0 - 1) };
    let filter = Filter { kinds: vec![range], ..Filter::all() };
    let mut request = ScanRequest { filter, ..ScanRequest::everything() };
    let mut giving: Vec<(VerifiedEntry, Gives)> = Vec::new();
    loop {
        let page = outgoing.scan(&Context::new(), request.clone()).await?;
        for item in page.items {
            if let ScanBody::Entry(entry) = item.body
                && let Some(gives) = gives(&entry)
            {
                giving.push((entry, gives));
            }
        }
        if page.end {
            break;
        }
        request.after = Some(page.cursor);
    }
    Ok(leading_to(giving, me))
}

/// To whom an entry gives something.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gives {
    /// Founders, and what a recovery key brought in.
    Root(Vec<AuthorKey>),
    To(AuthorKey),
}

fn gives(entry: &VerifiedEntry) -> Option<Gives> {
    Some(match entry.control()? {
        Control::Genesis(genesis) => {
            Gives::Root(genesis.founders.iter().map(|founder| founder.author).collect())
        }
        Control::Recovery(recovery) => {
            Gives::Root(recovery.device.iter().map(|card| card.author()).collect())
        }
        Control::Grant(grant) => Gives::To(grant.device.author()),
        Control::Role(change) => Gives::To(change.device),
        _ => return None,
    })
}

/// Those on a way from the roots to the device, in their order; nothing where there is no way.
fn leading_to(giving: Vec<(VerifiedEntry, Gives)>, me: AuthorKey) -> Vec<VerifiedEntry> {
    let mut wanted = HashSet::from([me]);
    let mut is_rooted = false;
    loop {
        let before = wanted.len();
        for (entry, gives) in &giving {
            match gives {
                Gives::Root(devices) => {
                    is_rooted |= devices.iter().any(|device| wanted.contains(device));
                }
                Gives::To(device) if wanted.contains(device) => {
                    wanted.insert(entry.header().author);
                }
                Gives::To(_) => {}
            }
        }
        if wanted.len() == before {
            break;
        }
    }
    let leads = |gives: &Gives| match gives {
        Gives::Root(_) => true,
        Gives::To(device) => wanted.contains(device),
    };
    let kept = giving.into_iter().filter(|(_, gives)| is_rooted && leads(gives));
    kept.map(|(entry, _)| entry).collect()
}
