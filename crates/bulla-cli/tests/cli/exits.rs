//! Each way to fail has its number, its code where there is one, and a word on what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_store::SystemClock;
use bulla_store_rocksdb::{DiskOptions, DiskSpaces};

use super::support::{Bench, Home, Relay, bytes, secret_file, text};

async fn with_a_file(bench: &Bench) -> Home {
    let home = bench.device("laptop").await;
    home.ok(&["space", "create", "--name", "notes"]).await;
    let files: [(&str, Option<&[u8]>); 1] = [("large", Some(&bytes(7, 3_000_000)))];
    home.ok(&["file", "add", text(&bench.files("files", &files))]).await;
    home
}

#[tokio::test]
async fn what_is_not_there_is_3() {
    let bench = Bench::new();
    let home = bench.home("new");
    for words in [&["identity", "card"][..], &["identity", "show"], &["space", "create"]] {
        let error = home.fails(3, words).await;
        assert!(error["help"].as_str().unwrap().contains("bulla identity create"), "{error}");
    }
    home.ok(&["identity", "create"]).await;
    home.fails(3, &["file", "list"]).await;
    home.ok(&["space", "create", "--name", "notes"]).await;
    home.fails(3, &["file", "list", "--space", "letters"]).await;
    home.fails(3, &["file", "add", text(&bench.path("nothing"))]).await;
    home.fails(3, &["entry", "get", &"ab".repeat(32)]).await;
    home.fails(3, &["entry", "inspect", &"ab".repeat(32)]).await;
    home.fails(3, &["entry", "inspect", "no such file"]).await;
    home.fails(3, &["demo", text(&bench.path("nothing"))]).await;
}

#[tokio::test]
async fn a_wrong_command_line_is_2() {
    let bench = Bench::new();
    let home = bench.device("laptop").await;
    for words in
        [&["entry", "get", "zz"][..], &["identity", "create", "--colour"], &["nonsense"], &[]]
    {
        let told = home.run(words).await;
        assert_eq!(told.code, Some(2), "{words:?}: {}", told.stderr);
        assert!(told.stderr.contains("Usage") || told.stderr.contains("--help"), "{}", told.stderr);
    }
    // What is there is not replaced.
    let error = home.fails(2, &["identity", "create"]).await;
    assert_eq!(error["code"], "key_file.exists");
    home.ok(&["space", "create", "--name", "notes"]).await;
    home.fails(2, &["sync"]).await;
    home.fails(2, &["sync", "http://127.0.0.1:1"]).await;
    home.fails(2, &["key", "export", "--to", "no card"]).await;
    home.ok(&["space", "create", "--name", "letters"]).await;
    let error = home.fails(2, &["file", "list"]).await;
    assert!(error["help"].as_str().unwrap().contains("--space"), "{error}");
}

#[tokio::test]
async fn a_wrong_passphrase_is_7_and_a_missing_one_is_2() {
    let bench = Bench::new();
    let home = with_a_file(&bench).await;
    let other = bench.path("other passphrase");
    secret_file(&other, "not the passphrase");
    let words = ["file", "list", "--passphrase-file", text(&other)];
    assert_eq!(home.fails(7, &words).await["code"], "key_file.passphrase");
    home.fails(2, &["file", "list", "--passphrase-file", text(&bench.path("none"))]).await;
    assert_eq!(home.paths().await, ["large"]);
}

#[tokio::test]
async fn keys_made_for_another_device_or_by_another_are_7() {
    let bench = Bench::new();
    let laptop = with_a_file(&bench).await;
    let (phone, thief) = (bench.device("phone").await, bench.device("thief").await);
    let transfer = bench.path("transfer");
    let words = ["key", "export", "--to", &phone.card().await, "-o", text(&transfer)];
    laptop.ok(&words).await;
    let import = |card: String| {
        ["key", "import", text(&transfer), "--from"]
            .map(str::to_owned)
            .into_iter()
            .chain([card])
            .collect::<Vec<_>>()
    };
    let error = thief.fails(7, &import(laptop.card().await)).await;
    assert_eq!(error["code"], "transfer.recipient");
    let error = phone.fails(7, &import(thief.card().await)).await;
    assert_eq!(error["code"], "transfer.exporter");
    for home in [&phone, &thief] {
        assert_eq!(home.json(&["space", "list"]).await, serde_json::json!([]));
    }
    phone.ok(&import(laptop.card().await)).await;
}

#[tokio::test]
async fn nodes_that_cannot_be_used_are_told_apart() {
    let bench = Bench::new();
    let laptop = with_a_file(&bench).await;
    let (reader, stranger) = (bench.device("reader").await, bench.device("stranger").await);
    let relay =
        Relay::start(&bench, &[(&laptop, "['read', 'write']"), (&reader, "['read']")]).await;
    let node = ["--node", &relay.key];
    let at = |url: &str| {
        [&["sync", url][..], &node].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };

    // Nobody answers: 5, and it may work later.
    let error = laptop.fails(5, &at("http://127.0.0.1:1")).await;
    assert_eq!(error["code"], "upstream.unavailable");
    // Another node answers: 7.
    let wrong = "ab".repeat(32);
    let error = laptop.fails(7, &["sync", &relay.url, "--node", &wrong]).await;
    assert_eq!(error["code"], "peer.wrong_node");
    // Plain HTTP to another machine takes an option that says so.
    laptop.fails(2, &at("http://relay.example")).await;
    // None of that is remembered.
    laptop.fails(2, &["sync"]).await;
    laptop.ok(&at(&relay.url)).await;

    // A device that the node does not know: 7. One that may only read pulls, and its push is refused: 7.
    for home in [&reader, &stranger] {
        laptop.share_with(home, "writer").await;
    }
    laptop.ok(&["sync"]).await;
    let error = stranger.fails(7, &at(&relay.url)).await;
    assert_eq!(error["code"], "login.refused");
    let pull = [at(&relay.url), vec!["--pull".to_owned()]].concat();
    reader.ok(&pull).await;
    assert_eq!(reader.digest().await, laptop.digest().await);
    let more = bench.files("more", &[("mine.txt", Some(b"mine"))]);
    reader.ok(&["file", "add", text(&more)]).await;
    let error = reader.fails(7, &at(&relay.url)).await;
    assert_eq!(error["code"], "space.forbidden");
    relay.stop().await;
    laptop.fails(5, &["sync"]).await;
}

#[tokio::test]
async fn a_damaged_bundle_is_4_and_what_was_whole_is_kept() {
    let bench = Bench::new();
    let laptop = with_a_file(&bench).await;
    let bundle = bench.path("whole");
    laptop.ok(&["bundle", "export", text(&bundle)]).await;
    let whole = std::fs::read(&bundle).unwrap();
    let held = laptop.digest().await;

    // A flipped bit in a payload, the end cut off, something else altogether.
    let mut flipped = whole.clone();
    flipped[1_000_000] ^= 1;
    let cut = whole[..whole.len() - 1].to_vec();
    let half = whole[..whole.len() / 2].to_vec();
    let damaged =
        [("flipped", flipped), ("cut", cut), ("half", half), ("other", b"PK\x03\x04".to_vec())];
    for (name, bytes) in damaged {
        let file = bench.path(&format!("{name}.bundle"));
        std::fs::write(&file, bytes).unwrap();
        let home = bench.device(name).await;
        home.fails(4, &["bundle", "import", text(&file)]).await;
        assert_eq!(home.json(&["verify"]).await["problem_count"], 0);
        if name == "other" {
            continue;
        }
        assert!(home.json(&["space", "status"]).await["entries"].as_u64().unwrap() > 0, "{name}");
        // The undamaged file brings the rest.
        home.ok(&["bundle", "import", text(&bundle)]).await;
        assert_eq!(home.digest().await, held, "{name}");
    }
    let other = bench.device("guest").await;
    let words = ["bundle", "import", text(&bundle), "--space", &"ab".repeat(32)];
    other.fails(2, &words).await;
    assert_eq!(other.json(&["space", "list"]).await, serde_json::json!([]));
    laptop.fails(2, &["bundle", "export", text(&bundle), "--after", "nonsense"]).await;
}

/// What is wrong with the file as a whole counts before what is wrong with an entry in it, and what was good is stored
/// whichever it is.
///
/// Clauses: BUN-6, BUN-7.
#[tokio::test]
async fn a_bundle_with_several_faults_is_refused_for_the_first_in_order() {
    let bench = Bench::new();
    let laptop = with_a_file(&bench).await;
    let bundle = bench.path("whole");
    laptop.ok(&["bundle", "export", text(&bundle)]).await;
    let mut flipped = std::fs::read(&bundle).unwrap();
    flipped[1_000_000] ^= 1;
    let cut = flipped[..flipped.len() - 1].to_vec();
    let trailing = [&flipped[..], &[0x80]].concat();
    let mut kept = None;
    for (name, bytes, first) in [
        ("bad entry", flipped, "entries of the file are not genuine"),
        ("bad entry and no end", cut, "bundle: body ends before its end item"),
        ("bad entry and more behind the end", trailing, "bundle: bytes follow the end item"),
    ] {
        let file = bench.path(name);
        std::fs::write(&file, bytes).unwrap();
        let home = bench.device(&format!("device for {name}")).await;
        let error = home.fails(4, &["bundle", "import", text(&file)]).await;
        let said = error["error"].as_str().unwrap();
        assert!(said.contains(first), "{name}: {said}");
        let held = home.json(&["space", "status"]).await["entries"].as_u64().unwrap();
        assert!(held > 0, "{name}");
        assert_eq!(*kept.get_or_insert(held), held, "{name}: what came before the fault is stored");
    }
}

#[tokio::test]
async fn a_home_in_use_by_another_process_is_5() {
    let bench = Bench::new();
    let laptop = with_a_file(&bench).await;
    let clock = Arc::new(SystemClock::new());
    let store = laptop.folder.join("store");
    let held = DiskSpaces::open(&store, DiskOptions::default(), clock).unwrap();
    laptop.fails(5, &["file", "list"]).await;
    held.close().await;
    drop(held);
    assert_eq!(laptop.paths().await, ["large"]);
}

#[tokio::test]
async fn a_damaged_payload_is_4_then_6_and_comes_back_from_whoever_has_it() {
    let bench = Bench::new();
    let (laptop, phone) = (with_a_file(&bench).await, bench.device("phone").await);
    let whole = bench.path("whole");
    laptop.ok(&["bundle", "export", text(&whole)]).await;
    phone.ok(&["bundle", "import", text(&whole)]).await;
    flip_a_bit_of_the_largest_payload(&laptop).await;

    // It is found and never given out; marked missing, it can be fetched again.
    laptop.fails(4, &["verify"]).await;
    laptop.fails(4, &["file", "restore", text(&bench.path("damaged"))]).await;
    let repaired = laptop.run(&["verify", "--repair", "--json"]).await;
    assert_eq!(repaired.code, Some(4));
    let repaired: serde_json::Value = serde_json::from_slice(&repaired.stdout).unwrap();
    assert_eq!(repaired["made_missing"], 1, "{repaired}");
    assert_eq!(laptop.json(&["verify"]).await["problem_count"], 0);
    laptop.fails(3, &["file", "restore", text(&bench.path("missing"))]).await;

    // A relay that has it from nobody cannot make it whole, and nobody calls that complete: 6.
    let both = "['read', 'write']";
    let relay = Relay::start(&bench, &[(&laptop, both), (&phone, both)]).await;
    let sync = ["sync", &relay.url, "--node", &relay.key];
    let error = laptop.fails(6, &sync).await;
    assert!(error["error"].as_str().unwrap().contains("incomplete"), "{error}");
    phone.ok(&sync).await;
    laptop.ok(&sync).await;
    laptop.ok(&["file", "restore", text(&bench.path("restored"))]).await;
    assert!(std::fs::read(bench.path("restored/large")).unwrap() == bytes(7, 3_000_000));
    relay.stop().await;
}

/// Changes the payload wherever the database keeps it.
async fn flip_a_bit_of_the_largest_payload(home: &Home) {
    let log = home.json(&["entry", "log"]).await;
    let log = log.as_array().unwrap();
    let largest = log.iter().max_by_key(|entry| entry["bytes"].as_u64()).unwrap();
    let words = ["entry", "get", largest["entry"].as_str().unwrap(), "--sealed"];
    let sealed = home.run(&words).await.stdout;
    let needle = &sealed[sealed.len() / 2..][..64];
    let mut hits = 0;
    for file in files_below(&home.folder.join("store")) {
        let mut bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(64).position(|window| window == needle);
        if let Some(at) = found {
            bytes[at] ^= 1;
            std::fs::write(&file, bytes).unwrap();
            hits += 1;
        }
    }
    assert!(hits > 0, "the payload lies in none of the files of the database");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
