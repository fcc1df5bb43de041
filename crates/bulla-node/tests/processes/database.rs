//! Commands about the database of a node that is not running.

use std::sync::Arc;

use bulla_core::SpaceId;
use bulla_core::values::Freshness;
use bulla_store::{ContentAddressedStore, MemoryBookmarks, MemoryStore};
use bulla_sync::{Options, replicate};
use serde_json::Value;

use crate::support::{Bench, code, cx, device, peer, pull, put, relay, world};

/// NODE-80.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spaces_are_listed_measured_and_removed() {
    let (bench, laptop) = (Bench::new(), device());
    let (one, two) = (world(60), world(61));
    let site = bench.site("relay");
    let sections = |spaces: &[SpaceId]| {
        spaces.iter().map(|space| relay(*space, &[peer(&laptop)])).collect::<String>()
    };
    site.configure(&sections(&[one.space(), two.space()]));
    let node = site.start().await;
    put(&*node.store(&laptop, one.space()), &one.entries(0, 3).unwrap()).await;
    put(&*node.store(&laptop, two.space()), &two.entries(0, 5).unwrap()).await;
    let head = node.store(&laptop, one.space()).head(&cx()).await.unwrap();
    node.stop().await;

    let listed: Value = serde_json::from_str(&site.say(&["space", "list", "--json"])).unwrap();
    let mut rows: Vec<_> = listed.as_array().unwrap().iter().collect();
    rows.sort_by_key(|row| row["entries"].as_u64());
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["space"], &rows[0]["entries"]),
        (&one.space().to_string().into(), &3.into())
    );
    assert_eq!(rows[1]["payloads"], 5);
    let text = site.say(&["space", "list"]);
    assert!(text.contains(&format!("{}  5 entries, 5 payloads", two.space())), "{text}");

    let space = one.space().to_string();
    let usage = site.say(&["space", "usage", &space, "--json"]);
    let usage: Value = serde_json::from_str(&usage).unwrap();
    assert_eq!(usage["payload_bytes"], 3 * 64);
    assert_eq!(usage["digest"], head.held.digest.to_string());
    assert_eq!(usage["lineage"], head.lineage.to_string());

    let (exit, error) = site.fail(&["space", "remove", &space]);
    assert_eq!(exit, 2);
    assert!(error.contains("say --yes"), "{error}");
    assert!(site.say(&["space", "list"]).contains(&space), "nothing happened yet");
    site.say(&["space", "remove", &space, "--yes"]);
    assert!(!site.say(&["space", "list"]).contains(&space));
    let (exit, error) = site.fail(&["space", "usage", &space]);
    assert_eq!(exit, 2);
    assert!(error.contains(&format!("there is no space {space}")), "{error}");

    // Whoever followed the removed space reconciles; nobody is told that nothing is new.
    let node = site.start().await;
    let store = node.store(&laptop, one.space());
    let after = bulla_core::values::ScanRequest {
        after: Some(head.cursor()),
        ..bulla_core::values::ScanRequest::everything()
    };
    assert_eq!(code(store.scan(&cx(), after).await), "cursor.lineage");
    assert_eq!(pull(&*node.store(&laptop, two.space())).await.len(), 5);
    node.stop().await;
}

/// NODE-81.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_node_has_another_lineage_and_clients_come_to_hold_everything() {
    let (bench, laptop, world) = (Bench::new(), device(), world(62));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let entries = world.entries(0, 30).unwrap();
    let node = site.start().await;
    put(&*node.store(&laptop, world.space()), &entries[..10]).await;
    node.stop().await;
    assert!(site.say(&["verify"]).contains("1 spaces, 10 entries, 10 payloads: 0 problems"));
    let backup = bench.path().join("backup");
    let said = site.say(&["backup", backup.to_str().unwrap()]);
    assert!(said.contains("backup in"), "{said}");
    let (_, error) = site.fail(&["backup", backup.to_str().unwrap()]);
    assert!(error.contains("exists already"), "{error}");

    // After the backup ten more, which one device pulls: it has a cursor beyond what the backup holds.
    let node = site.start().await;
    put(&*node.store(&laptop, world.space()), &entries[10..20]).await;
    let mine: Arc<dyn ContentAddressedStore> = Arc::new(MemoryStore::new(world.space()).unwrap());
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let theirs = node.store(&laptop, world.space());
    let report =
        replicate(theirs, Arc::clone(&mine), Arc::clone(&bookmarks) as _, Options::pull()).await;
    assert!(report.verdict.is_complete(), "{report:?}");
    let before = mine.head(&cx()).await.unwrap();
    let lost = node.store(&laptop, world.space()).head(&cx()).await.unwrap();
    node.stop().await;

    // The machine is lost, the backup is not.
    std::fs::remove_dir_all(site.path("data")).unwrap();
    let said = site.say(&["restore", backup.to_str().unwrap()]);
    assert!(said.contains("every space takes a new lineage"), "{said}");
    let (_, error) = site.fail(&["restore", backup.to_str().unwrap()]);
    assert!(error.contains("exists already"), "never over a database: {error}");
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    let head = store.head(&cx()).await.unwrap();
    assert_ne!(head.lineage, lost.lineage);
    assert_eq!((head.last_receipt, head.freshness), (10, Freshness::Fresh));
    // Other entries take the receipts that the device has seen others at.
    put(&*store, &entries[20..]).await;

    let (pull_options, push_options) = (Options::pull(), Options::push());
    let pulled =
        replicate(Arc::clone(&store), Arc::clone(&mine), Arc::clone(&bookmarks) as _, pull_options)
            .await;
    assert!(pulled.verdict.is_complete(), "{pulled:?}");
    assert_eq!(mine.head(&cx()).await.unwrap().held.count, 30, "0 skipped");
    assert_eq!(before.held.count, 20);
    let pushed =
        replicate(Arc::clone(&mine), Arc::clone(&store), Arc::clone(&bookmarks) as _, push_options)
            .await;
    assert!(pushed.verdict.is_complete(), "{pushed:?}");
    let digest = |head: bulla_core::values::Head| head.held;
    assert_eq!(
        digest(store.head(&cx()).await.unwrap()),
        digest(mine.head(&cx()).await.unwrap()),
        "one set"
    );
    node.stop().await;
    assert!(site.say(&["verify"]).contains("30 entries, 30 payloads: 0 problems"));
    assert!(site.say(&["compact"]).contains("bytes after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_found_by_verify_and_refused_by_name() {
    let (bench, laptop, world) = (Bench::new(), device(), world(63));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let node = site.start().await;
    put(&*node.store(&laptop, world.space()), &world.entries(0, 50).unwrap()).await;
    node.stop().await;
    // Into table files, where every block has a checksum.
    site.say(&["compact"]);
    let tables = |ending: &str| {
        let files = std::fs::read_dir(site.path("data/store/db")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|found| found == ending));
        files.sort();
        files
    };
    let largest = tables("sst").into_iter().max_by_key(|path| path.metadata().unwrap().len());
    let largest = largest.expect("a table file");
    let good = std::fs::read(&largest).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 3] ^= 0x40;
    std::fs::write(&largest, &bad).unwrap();
    let output = site.run(&["verify"]);
    let said = crate::support::stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("damaged") || said.contains("problems found"), "{said}");
    std::fs::write(&largest, &good).unwrap();
    assert!(site.say(&["verify"]).contains("50 entries, 50 payloads: 0 problems"));

    let manifest = std::fs::read_dir(site.path("data/store/db")).unwrap();
    let manifest = manifest.map(|file| file.unwrap().path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST"))
    });
    let manifest = manifest.expect("a manifest");
    let good = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, b"not a manifest").unwrap();
    let (exit, error) = site.fail(&["run"]);
    assert_eq!(exit, 1);
    assert!(error.contains("is damaged"), "{error}");
    std::fs::write(&manifest, good).unwrap();
    let node = site.start().await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 50, "nothing was touched");
    node.stop().await;
}

#[test]
fn commands_make_no_database() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(&relay(world(64).space(), &[]));
    for command in [["space", "list"].as_slice(), &["verify"], &["compact"]] {
        let (exit, error) = site.fail(command);
        assert_eq!(exit, 1, "{error}");
        assert!(error.contains("is not a store"), "{error}");
    }
    assert!(!site.path("data").exists());
}
