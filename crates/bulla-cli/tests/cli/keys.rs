//! What the keys of a space are for: epochs, groups, the recovery key; and erasing.

use serde_json::json;

use super::support::{Bench, Home, text};

/// Brings everything that one device holds to another.
async fn carry(bench: &Bench, from: &Home, to: &Home) {
    let bundle = bench.path("carried");
    from.ok(&["bundle", "export", text(&bundle)]).await;
    to.ok(&["bundle", "import", text(&bundle)]).await;
}

fn words_of(made: &serde_json::Value, key: &str) -> String {
    made[key].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_lost_space_comes_back_by_words_on_paper() {
    let bench = Bench::new();
    let (lost, new) = (bench.device("lost").await, bench.device("new").await);
    let made = lost.json(&["space", "create", "--recovery", "--no-history"]).await;
    let words = words_of(&made, "recovery_words");
    assert_eq!(words.split(' ').count(), 24);
    let files = bench.files("files", &[("a letter", Some(b"a letter"))]);
    lost.ok(&["file", "add", text(&files)]).await;
    // It has a recovery key already.
    lost.fails(7, &["recovery", "create"]).await;

    new.ok(&["space", "join", made["space"].as_str().unwrap()]).await;
    carry(&bench, &lost, &new).await;
    assert!(new.paths().await.is_empty());
    let paper = bench.path("paper");
    std::fs::write(&paper, words.replacen(' ', "  ", 1).to_uppercase()).unwrap();
    let device = lost.key().await;
    let restore = ["recovery", "restore", "--words", text(&paper), "--revoke", &device[..8]];
    let back = new.json(&restore).await;
    assert_eq!(back["revoked"], json!([device]));
    let next = words_of(&back, "words");
    assert_ne!(next, words);

    // Everything opens, now and in the next run, and this device is the admin.
    assert_eq!(new.paths().await, ["a letter"]);
    assert_eq!(new.json(&["space", "status"]).await["role"], "admin");
    carry(&bench, &new, &lost).await;
    let error = lost.fails(7, &["file", "add", text(&files)]).await;
    assert!(error["error"].as_str().unwrap().contains("revoked"), "{error}");

    // The words served once; three words are none.
    new.fails(7, &["recovery", "restore", "--words", text(&paper)]).await;
    std::fs::write(&paper, "abandon abandon abandon").unwrap();
    new.fails(2, &["recovery", "restore", "--words", text(&paper)]).await;
}

#[tokio::test]
async fn a_space_without_a_recovery_key_gets_one_and_no_words_are_kept() {
    let bench = Bench::new();
    let laptop = bench.device("laptop").await;
    laptop.ok(&["space", "create"]).await;
    let made = laptop.json(&["recovery", "create"]).await;
    let words = words_of(&made, "words");
    assert_eq!(words.split(' ').count(), 24);
    for file in std::fs::read_dir(&laptop.folder).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            let kept = std::fs::read(file.path()).unwrap();
            let is_there = kept.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!is_there, "{:?}", file.path());
        }
    }
}

#[tokio::test]
async fn groups_have_members_of_their_own() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create"]).await;
    laptop.share_with(&phone, "reader").await;
    let (mine, other) = (laptop.key().await, phone.key().await);
    let made = laptop.json(&["space", "groups", "create", "family", &other]).await;
    let list = laptop.json(&["space", "groups", "list"]).await;
    assert_eq!((&list[0]["group"], &list[0]["label"]), (&made["group"], &json!("family")));
    let mut both = [mine.clone(), other.clone()];
    both.sort();
    assert_eq!(list[0]["members"], json!(both));
    laptop.ok(&["space", "groups", "remove", "family", &other]).await;
    assert_eq!(laptop.json(&["space", "groups", "list"]).await[0]["members"], json!([mine]));
    laptop.ok(&["space", "groups", "add", "family", &other[..8]]).await;
    assert_eq!(laptop.json(&["space", "groups", "list"]).await[0]["members"], json!(both));
    laptop.fails(3, &["space", "groups", "add", "friends", &other]).await;

    // The newest key of each seals, and no other.
    let keys = laptop.json(&["key", "list"]).await;
    let keys = keys.as_array().unwrap();
    for group in [&json!(null), &made["group"]] {
        let of_group = keys.iter().filter(|key| key["group"] == *group);
        let seals = of_group.clone().filter(|key| key["use"] == "seals and opens");
        assert_eq!(seals.count(), 1, "{keys:?}");
        assert!(of_group.count() > 1, "{keys:?}");
    }
    carry(&bench, &laptop, &phone).await;
    assert_eq!(phone.json(&["space", "groups", "list"]).await[0]["label"], "family");
}

#[tokio::test]
async fn what_is_erased_is_gone_wherever_it_is_heard_of() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create"]).await;
    laptop.share_with(&phone, "writer").await;
    let files = bench.files("files", &[("a letter", Some(b"a letter"))]);
    laptop.ok(&["file", "add", text(&files)]).await;
    carry(&bench, &laptop, &phone).await;
    let record = laptop.json(&["file", "list"]).await[0]["record"].as_str().unwrap().to_owned();

    // Not without a word that it is meant, and not by another who is no admin.
    laptop.fails(2, &["erase", &record]).await;
    laptop.fails(3, &["erase", "--topic", "nothing has this topic", "--yes"]).await;
    phone.fails(7, &["erase", &record, "--yes"]).await;
    assert_eq!(laptop.paths().await, ["a letter"]);
    let erased = laptop.json(&["erase", &record, "--yes"]).await;
    assert_eq!(erased["erasures"].as_array().unwrap().len(), 1);
    carry(&bench, &laptop, &phone).await;
    for home in [&laptop, &phone] {
        assert!(home.paths().await.is_empty());
        let error = home.fails(3, &["entry", "get", &record]).await;
        assert!(error["error"].as_str().unwrap().contains("erased"), "{error}");
    }

    // All of a device.
    laptop.ok(&["erase", "--author", &laptop.key().await, "--yes"]).await;
    let log = laptop.json(&["entry", "log"]).await;
    let log = log.as_array().unwrap();
    let is_kept = |row: &&serde_json::Value| row["payload"] == "present";
    assert!(log.iter().any(|row| !is_kept(&row)) && log.iter().any(|row| is_kept(&row)));
    assert_eq!(laptop.json(&["verify"]).await["problem_count"], 0);
}
