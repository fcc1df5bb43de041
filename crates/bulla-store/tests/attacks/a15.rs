//! A source answers for an id with another entry.

use bulla_conformance::suite::author::{ids, whole};
use bulla_core::values::{GetItem, Has};
use bulla_store::{ContentAddressedStore as _, StoreExt as _};

use crate::stage::Stage;

#[tokio::test]
async fn a15_another_entry_under_the_id_is_refused_and_not_kept() {
    let stage = Stage::new(15).await;
    let entries = stage.world.entries(0, 2).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let (wanted, other) = (entries[0].clone(), entries[1].clone());
    stage.faults.rewrite_get(move |_, _| Ok(vec![GetItem::Entry(other.clone())]));

    let error = stage.cache.get_one(&stage.cx, wanted.id()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.wrong_entry");

    // Nothing of it was kept: with the origin gone, neither id is known.
    stage.set_away(true);
    let has = stage.cache.has(&stage.cx, &ids(&entries)).await.unwrap();
    assert_eq!(has, vec![Has::Unknown; 2]);

    // From an honest source the entry comes as it is.
    stage.set_away(false);
    stage.faults.heal();
    assert_eq!(stage.cache.get_one(&stage.cx, wanted.id()).await.unwrap(), GetItem::Entry(wanted));
}
