//! Erased, missing and not held are three answers, and what is erased comes back from nobody who was away.

use std::path::Path;
use std::sync::Arc;

use bulla_core::Verified;
use bulla_core::values::{ScanBody, ScanRequest};
use bulla_store::{ContentAddressedStore as _, Context, SystemClock};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces};
use serde_json::Value;

use super::support::{Bench, Home, Relay, text};

/// What `entry get` says of an entry that cannot be given: always the same number, and its own words.
async fn answer(home: &Home, id: &str) -> String {
    let error = home.fails(3, &["entry", "get", id]).await;
    error["error"].as_str().unwrap().to_owned()
}

/// The ids of the entries of one kind, as `entry log` tells them.
async fn of_kind(home: &Home, kind: &str) -> Vec<String> {
    let log = home.json(&["entry", "log", "--limit", "1000"]).await;
    let rows = log.as_array().unwrap().iter();
    let rows = rows.filter(|row| row["kind"].as_str().unwrap().starts_with(kind));
    rows.map(|row| row["entry"].as_str().unwrap().to_owned()).collect()
}

/// Puts the headers that one home holds into another, without payloads: what a device has whose sync brought no more.
async fn headers_alone(from: &Home, to: &Home, space: &str) {
    let open = |home: &Path| {
        let clock = Arc::new(SystemClock::new());
        DiskSpaces::open(home.join("store"), DiskOptions::default(), clock).unwrap()
    };
    let (cx, space) = (Context::new(), space.parse().unwrap());
    let source = open(&from.folder);
    let request = ScanRequest::everything();
    let page = source.disk_store(space).await.unwrap().scan(&cx, request).await.unwrap();
    assert!(page.end);
    // Control entries always come whole.
    let headers = page.items.into_iter().map(|item| match item.body {
        ScanBody::Entry(entry) if entry.header().kind.is_control() => Verified::from(entry),
        ScanBody::Entry(entry) => entry.verified_header().clone().into(),
        ScanBody::Header(header, _) => header.into(),
        other => panic!("{other:?}"),
    });
    let target = open(&to.folder);
    let store = target.create_disk_store(space).await.unwrap();
    store.put(&cx, headers.collect()).await.unwrap();
}

#[tokio::test]
async fn what_is_erased_comes_back_from_nobody_and_is_not_what_is_missing() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let space = laptop.space().await;
    let relay = Relay::granted(&bench, &laptop).await;
    laptop.share_with(&phone, "writer").await;
    laptop.add(&bench, "secret", None).await;
    laptop.add(&bench, "kept", None).await;
    let same = bench.files("same", &[("copy of kept", Some(b"kept"))]);
    laptop.ok(&["file", "add", text(&same)]).await;
    laptop.ok(&relay.sync()).await;
    phone.ok(&relay.sync()).await;
    let chunks = of_kind(&laptop, "chunk").await;
    assert_eq!(chunks.len(), 2, "one content is stored once");

    // The phone is away meanwhile. Without --yes nothing is done.
    laptop.fails(2, &["erase", "--file", "secret"]).await;
    laptop.fails(3, &["erase", "--file", "nothing", "--yes"]).await;
    laptop.ok(&["erase", "--file", "secret", "--yes"]).await;
    assert_eq!(laptop.paths().await, ["copy of kept", "kept"]);
    let by = of_kind(&laptop, "erase").await;
    assert_eq!(
        answer(&laptop, &chunks[0]).await,
        format!("entry {}: payload erased by {}", chunks[0], by[0])
    );
    // What another file needs stays.
    laptop.ok(&["erase", "--file", "copy of kept", "--yes"]).await;
    assert_eq!(laptop.ok(&["entry", "get", &chunks[1]]).await, "kept");
    let restored = laptop.json(&["file", "restore", text(&bench.path("out"))]).await;
    let figures = [&restored["files"], &restored["erased_records"]].map(Value::as_u64);
    assert_eq!(figures, [Some(1), Some(2)], "{restored}");
    laptop.ok(&["sync"]).await;

    // It comes back with everything, and everything is gone there too; nor does it bring anything back.
    assert!(phone.paths().await.contains(&"secret".to_owned()));
    phone.add(&bench, "by the phone", None).await;
    phone.ok(&["sync"]).await;
    assert_eq!(phone.paths().await, ["by the phone", "kept"]);
    assert!(answer(&phone, &chunks[0]).await.contains("payload erased by"));
    laptop.ok(&["sync"]).await;
    assert!(answer(&laptop, &chunks[0]).await.contains("payload erased by"));
    assert_eq!(laptop.digest().await, phone.digest().await, "headers stay, and digests agree");

    // A device with nothing, then with headers alone, then with everything that there is.
    let tablet = bench.device("tablet").await;
    laptop.share_with(&tablet, "reader").await;
    laptop.ok(&["sync"]).await;
    assert_eq!(answer(&tablet, &chunks[1]).await, format!("entry {} is not held here", chunks[1]));
    headers_alone(&laptop, &tablet, &space).await;
    assert_eq!(answer(&tablet, &chunks[1]).await, format!("entry {}: payload missing", chunks[1]));
    tablet.ok(&relay.sync()).await;
    assert_eq!(tablet.ok(&["entry", "get", &chunks[1]]).await, "kept");
    assert!(answer(&tablet, &chunks[0]).await.contains("payload erased by"));
    assert_eq!(tablet.paths().await, ["by the phone", "kept"]);

    // A writer erases what it wrote and nothing else; a reader nothing.
    phone.fails(7, &["erase", "--file", "kept", "--yes"]).await;
    tablet.fails(7, &["erase", "--file", "kept", "--yes"]).await;
    phone.ok(&["erase", "--file", "by the phone", "--yes"]).await;
    phone.ok(&["sync"]).await;
    laptop.ok(&["sync"]).await;
    assert_eq!(laptop.paths().await, ["kept"]);
    relay.stop().await;
}
