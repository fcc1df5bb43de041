//! A person's day: two devices, a space, files, a relay, bundles, a backup.

use std::path::Path;

use serde_json::{Value, json};

use super::support::{Bench, Home, Relay, bytes, text};

const BOTH: &str = "['read', 'write']";

/// Files of every kind that a person has.
fn notes(bench: &Bench) -> std::path::PathBuf {
    let files: [(&str, Option<&[u8]>); 5] = [
        ("shopping.txt", Some(b"milk, bread, figs\n")),
        ("Überblick/封泥.bin", Some(&bytes(1, 1_300_000))),
        ("Überblick/empty", Some(b"")),
        ("later", None),
        ("run.sh", Some(b"#!/bin/sh\ntrue\n")),
    ];
    bench.files("notes", &files)
}

fn same(left: &Path, right: &Path, files: &[&str]) {
    for file in files {
        let read = |base: &Path| std::fs::read(base.join(file)).unwrap();
        assert!(read(left) == read(right), "{file} differs");
    }
}

/// Both directions of a sync, which must have ended complete: how many entries each stored.
async fn sync(home: &Home, arguments: &[&str]) -> [u64; 2] {
    let report = home.json(&[&["sync"], arguments].concat()).await;
    let rows = report.as_array().unwrap();
    let stored = ["pull", "push"].map(|direction| {
        let row = rows.iter().find(|row| row["direction"] == direction).unwrap();
        assert_eq!(row["verdict"], "complete", "{report}");
        row["stored"].as_u64().unwrap()
    });
    assert_eq!(rows.len(), 2, "{report}");
    stored
}

#[tokio::test]
async fn two_devices_share_a_folder_through_a_relay() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    let notes = notes(&bench);
    let made = laptop.json(&["space", "create", "--name", "notes"]).await;

    // What is stored once is not stored again.
    let added = laptop.json(&["file", "add", text(&notes)]).await;
    assert_eq!((&added["files"], &added["directories"]), (&json!(4), &json!(2)), "{added}");
    assert_eq!(added["bytes"], 1_300_000 + 18 + 15, "{added}");
    let again = laptop.json(&["file", "add", text(&notes)]).await;
    assert_eq!((&again["entries"], &again["unchanged"]), (&json!(0), &json!(6)), "{again}");
    let paths =
        ["later", "run.sh", "shopping.txt", "Überblick", "Überblick/empty", "Überblick/封泥.bin"];
    assert_eq!(laptop.paths().await, paths);

    // The phone joins, and may write.
    laptop.share_with(&phone, "writer").await;

    // A relay lets both in; after a sync of each, both hold the same.
    let relay = Relay::start(&bench, &[(&laptop, BOTH), (&phone, BOTH)]).await;
    let [_, pushed] = sync(&laptop, &[&relay.url, "--node", &relay.key]).await;
    let control = 4;
    assert_eq!(added["entries"].as_u64().unwrap() + control, pushed, "genesis, grant, two epochs");
    assert_eq!(sync(&phone, &[&relay.url, "--node", &relay.key]).await, [pushed, 0]);
    assert_eq!(laptop.digest().await, phone.digest().await);

    // The keys came along; both seal with the newest.
    let keys = [laptop.json(&["key", "list"]).await, phone.json(&["key", "list"]).await];
    assert_eq!(keys[0][0]["space"], made["space"]);
    for keys in &keys {
        let keys = keys.as_array().unwrap();
        let seals = keys.iter().filter(|key| key["use"] == "seals and opens");
        assert_eq!((keys.len(), seals.count()), (2, 1), "{keys:?}");
    }
    let seals = |keys: &Value| {
        keys.as_array().unwrap().iter().find(|key| key["use"] == "seals and opens").unwrap()["key_id"].clone()
    };
    assert_eq!(seals(&keys[0]), seals(&keys[1]));

    // On the phone the files come out as they went in, beside what is there, and never over it.
    let out = bench.path("restored");
    let restored = phone.json(&["file", "restore", text(&out)]).await;
    assert_eq!(
        (&restored["files"], &restored["bytes"]),
        (&json!(4), &added["bytes"]),
        "{restored}"
    );
    same(&notes, &out, &["shopping.txt", "Überblick/封泥.bin", "Überblick/empty", "run.sh"]);
    assert!(out.join("later").is_dir());
    std::fs::write(out.join("shopping.txt"), "mine").unwrap();
    phone.fails(2, &["file", "restore", text(&out)]).await;
    assert_eq!(std::fs::read(out.join("shopping.txt")).unwrap(), b"mine");
    phone.ok(&["file", "restore", text(&out), "shopping.txt", "--overwrite"]).await;
    same(&notes, &out, &["shopping.txt"]);
    phone.fails(3, &["file", "restore", text(&bench.path("elsewhere")), "no such file"]).await;

    // What the phone writes comes to the laptop. The node is remembered.
    let more = bench.files("more", &[("from the phone.txt", Some(b"figs are out"))]);
    phone.ok(&["file", "add", text(&more)]).await;
    let [pulled, pushed] = sync(&phone, &[]).await;
    assert_eq!(pulled, 0);
    assert_eq!(sync(&laptop, &[]).await, [pushed, 0]);
    assert!(laptop.paths().await.contains(&"from the phone.txt".to_owned()));
    assert_eq!(sync(&laptop, &[]).await, [0, 0]);

    for home in [&laptop, &phone] {
        let verified = home.json(&["verify"]).await;
        assert_eq!((&verified["spaces"], &verified["problem_count"]), (&json!(1), &json!(0)));
    }
    relay.stop().await;
}

#[tokio::test]
async fn everything_that_lists_lists_for_programs_too() {
    let bench = Bench::new();
    let home = bench.device("laptop").await;
    for empty in [["space", "list"], ["key", "list"]] {
        assert_eq!(home.json(&empty).await, json!([]), "{empty:?}");
    }
    let space = home.json(&["space", "create", "--name", "notes"]).await["space"].clone();
    home.ok(&["file", "add", text(&notes(&bench))]).await;

    let spaces = home.json(&["space", "list"]).await;
    assert_eq!((&spaces[0]["space"], &spaces[0]["name"]), (&space, &json!("notes")));
    assert_eq!(home.json(&["key", "list"]).await[0]["use"], "seals and opens");
    let files = home.json(&["file", "list"]).await;
    let file = |path: &str| {
        files.as_array().unwrap().iter().find(|file| file["path"] == path).unwrap().clone()
    };
    assert_eq!(
        (&file("later")["type"], &file("later")["bytes"]),
        (&json!("directory"), &json!(null))
    );
    assert_eq!((&file("run.sh")["type"], &file("run.sh")["bytes"]), (&json!("file"), &json!(15)));
    let author = home.json(&["identity", "show"]).await["device"].clone();
    assert_eq!(file("run.sh")["author"], author);
    assert_eq!(home.json(&["identity", "card"]).await["card"], home.card().await);

    // The log names every entry; each can be read and explained.
    let log = home.json(&["entry", "log"]).await;
    let log = log.as_array().unwrap();
    assert_eq!((&log[0]["entry"], &log[0]["kind"]), (&space, &json!("genesis (0)")));
    for (entry, receipt) in log.iter().zip(1..) {
        assert_eq!((&entry["receipt"], &entry["payload"]), (&json!(receipt), &json!("present")));
        let id = entry["entry"].as_str().unwrap();
        let explained = home.json(&["entry", "inspect", id]).await;
        assert_eq!(
            (&explained["object"], &explained["refusal"]),
            (&json!("signed entry"), &json!(null))
        );
        let payload = home.run(&["entry", "get", id, "--sealed"]).await;
        assert_eq!(json!(payload.stdout.len()), entry["bytes"]);
        let header = home.run(&["entry", "get", id, "--header"]).await;
        let kept = bench.path("header");
        std::fs::write(&kept, header.stdout).unwrap();
        let explained = home.json(&["entry", "inspect", text(&kept)]).await;
        assert_eq!(explained["object"], "entry header");
    }
    let last = home.json(&["entry", "log", "--limit", "1"]).await;
    assert_eq!(last[0], log[log.len() - 1]);
    let after = home.json(&["entry", "log", "--after", "1", "--limit", "2"]).await;
    assert_eq!(after, json!(log[1..3]));

    // What a file says is told to whoever has the key.
    let record = file("run.sh")["record"].as_str().unwrap().to_owned();
    let opened = home.run(&["entry", "get", &record]).await.stdout;
    assert!(opened.windows(6).any(|window| window == b"run.sh"));
    let sealed = home.run(&["entry", "get", &record, "--sealed"]).await.stdout;
    assert!(!sealed.windows(6).any(|window| window == b"run.sh"));

    home.ok(&["space", "rename", "papers"]).await;
    assert_eq!(home.json(&["space", "status", "--space", "papers"]).await["name"], "papers");
    home.fails(2, &["space", "remove"]).await;
    home.ok(&["space", "remove", "--yes"]).await;
    assert_eq!(home.json(&["space", "list"]).await, json!([]));
}

#[tokio::test]
async fn bundles_carry_a_space_and_then_what_is_new() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    laptop.ok(&["file", "add", text(&notes(&bench))]).await;
    let whole = bench.path("whole.bundle");
    let first = laptop.json(&["bundle", "export", text(&whole)]).await;
    let cursor = first["cursor"].as_str().unwrap();

    // A device without the key holds and verifies everything, and opens nothing.
    let taken = phone.json(&["bundle", "import", text(&whole)]).await;
    assert_eq!((&taken["stored"], &taken["refused"]), (&first["entries"], &json!([])));
    assert_eq!(phone.digest().await, laptop.digest().await);
    assert_eq!(phone.json(&["verify"]).await["problem_count"], 0);
    assert_eq!(phone.json(&["file", "list"]).await, json!([]));
    laptop.share_with(&phone, "reader").await;

    // What follows a cursor is little, and taking it in twice changes nothing.
    let more = bench.files("more", &[("one more.txt", Some(b"one more"))]);
    laptop.ok(&["file", "add", text(&more)]).await;
    let rest = bench.path("rest.bundle");
    let second = laptop.json(&["bundle", "export", text(&rest), "--after", cursor]).await;
    assert_eq!(second["entries"], 5, "a grant, an epoch, a chunk, a manifest and a name");
    for stored in [5, 0] {
        let taken = phone.json(&["bundle", "import", text(&rest)]).await;
        assert_eq!((&taken["stored"], &taken["held_before"]), (&json!(stored), &json!(5 - stored)));
    }
    assert_eq!(phone.paths().await.len(), 7, "the grant came with it, and the keys");
    assert_eq!(phone.digest().await, laptop.digest().await);
    let explained = phone.json(&["entry", "inspect", text(&rest)]).await;
    assert!(explained["object"].as_str().unwrap().contains("bundle"), "{explained}");
}

#[tokio::test]
async fn a_restored_backup_fetches_its_own_entries_back_before_it_signs() {
    let bench = Bench::new();
    let laptop = bench.device("laptop").await;
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    laptop.ok(&["file", "add", text(&notes(&bench))]).await;
    let lineage = |status: &Value| status["lineage"].as_str().unwrap().to_owned();
    let before = lineage(&laptop.json(&["space", "status"]).await);

    let copy = bench.path("backup");
    laptop.ok(&["backup", "create", text(&copy)]).await;
    laptop.fails(2, &["backup", "create", text(&copy)]).await;
    laptop.fails(2, &["backup", "restore", text(&copy)]).await;

    // More is written and leaves the device; then the disk dies.
    let more = bench.files("more", &[("after the backup.txt", Some(b"after"))]);
    laptop.ok(&["file", "add", text(&more)]).await;
    let relay = Relay::start(&bench, &[(&laptop, BOTH)]).await;
    sync(&laptop, &[&relay.url, "--node", &relay.key]).await;
    let digest = laptop.digest().await;
    std::fs::remove_dir_all(laptop.folder.join("store")).unwrap();
    laptop.ok(&["backup", "restore", text(&copy)]).await;
    assert_ne!(lineage(&laptop.json(&["space", "status"]).await), before);
    assert_eq!(laptop.paths().await.len(), 6);

    // Signing now would make two entries of one sequence.
    let last = bench.files("last", &[("last.txt", Some(b"last"))]);
    let error = laptop.fails(5, &["file", "add", text(&last)]).await;
    assert!(error["help"].as_str().unwrap().contains("bulla sync"), "{error}");
    sync(&laptop, &[]).await;
    assert_eq!(laptop.digest().await, digest);
    laptop.ok(&["file", "add", text(&last)]).await;
    assert_eq!(laptop.paths().await.len(), 8);
    relay.stop().await;
}
