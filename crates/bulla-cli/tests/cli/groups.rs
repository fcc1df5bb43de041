//! Key groups between processes: who is in one reads what all others carry.

use serde_json::{Value, json};

use super::support::{Bench, Home, Relay, text};

/// The labels and answers of `space groups list`.
async fn reads(home: &Home) -> Value {
    let groups = home.json(&["space", "groups", "list"]).await;
    json!([groups[0]["label"], groups[0]["reads"], groups[0]["members"].as_array().unwrap().len()])
}

/// Clauses: CTL-51.
#[tokio::test]
async fn a_group_reads_what_others_carry_from_when_to_when_it_is_in() {
    // Who comes later reads what was written before if the policy of the space gives newcomers the history.
    for history in [true, false] {
        let bench = Bench::new();
        let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
        let tablet = bench.device("tablet").await;
        let mut create = vec!["space", "create", "--name", "notes"];
        if !history {
            create.push("--no-history");
        }
        laptop.ok(&create).await;
        let relay = Relay::granted(&bench, &laptop).await;
        laptop.share_with(&phone, "writer").await;
        laptop.share_with(&tablet, "writer").await;
        let everybody = async || {
            for home in [&laptop, &phone, &tablet, &laptop, &phone, &tablet] {
                home.ok(&relay.sync()).await;
            }
        };

        let made = laptop.json(&["space", "groups", "create", "few", "phone"]).await;
        let group = made["group"].as_str().unwrap();
        assert_eq!(laptop.add(&bench, "plan", Some("few")).await["group"], group);
        laptop.add(&bench, "all", None).await;
        everybody().await;
        assert_eq!(reads(&phone).await, json!(["few", true, 2]));
        assert_eq!(reads(&tablet).await, json!(["few", false, 2]));
        assert_eq!(phone.paths().await, ["all", "plan"]);
        let listed = phone.json(&["file", "list"]).await;
        let groups: Vec<_> = listed.as_array().unwrap().iter().map(|file| &file["group"]).collect();
        assert_eq!(groups, [&json!(null), &json!("few")]);
        assert_eq!(listed[1]["group_id"], group);

        // The other carries it all, sealed.
        assert_eq!(tablet.paths().await, ["all"]);
        assert_eq!(tablet.digest().await, phone.digest().await);
        let record = listed[1]["record"].as_str().unwrap();
        let error = tablet.fails(7, &["entry", "get", record]).await;
        assert!(error["help"].as_str().unwrap().contains("key group"), "{error}");
        let log = tablet.json(&["entry", "log"]).await;
        let row = log.as_array().unwrap().iter().find(|row| row["entry"] == record).unwrap();
        assert_eq!((&row["group"], &row["payload"]), (&json!(group), &json!("present")));
        let restored = tablet.json(&["file", "restore", text(&bench.path("out"))]).await;
        let (others, unreadable) = (&restored["of_other_groups"], &restored["unreadable"]);
        assert_eq!((others, unreadable), (&json!(1), &json!(0)), "{restored}");
        let folder = bench.files("mine", &[("mine", Some(b"mine"))]);
        tablet.fails(3, &["file", "add", "--group", "few", text(&folder)]).await;
        tablet.fails(7, &["space", "groups", "add", "few", "tablet"]).await;
        tablet.fails(7, &["space", "rotate", "--group", "few"]).await;
        laptop.fails(3, &["space", "rotate", "--group", "nobody's"]).await;
        laptop.fails(2, &["space", "groups", "create", "few"]).await;

        // It comes in later, and then writes to it too.
        let changed = laptop.json(&["space", "groups", "add", "few", "tablet"]).await;
        assert_eq!(
            (&changed["added"], &changed["has_new_key"]),
            (&json!([tablet.key().await]), &json!(true))
        );
        everybody().await;
        let expected: &[&str] = if history { &["all", "plan"] } else { &["all"] };
        assert_eq!(tablet.paths().await, expected);
        tablet.add(&bench, "by the tablet", Some("few")).await;
        everybody().await;
        assert_eq!(phone.paths().await, ["all", "by the tablet", "plan"]);

        // One leaves: it keeps what it has, and reads nothing of what comes.
        let changed = laptop.json(&["space", "groups", "remove", "few", "phone"]).await;
        assert_eq!(changed["removed"], json!([phone.key().await]));
        laptop.add(&bench, "after", Some("few")).await;
        everybody().await;
        assert_eq!(reads(&phone).await, json!(["few", false, 2]));
        assert_eq!(phone.paths().await, ["all", "by the tablet", "plan"]);
        let mut expected = [expected, &["after", "by the tablet"]].concat();
        expected.sort_unstable();
        assert_eq!(tablet.paths().await, expected);

        // A new key by command, of the group alone.
        let rotated = laptop.json(&["space", "rotate", "--group", group]).await;
        assert_eq!(rotated["group"], group);
        laptop.add(&bench, "later", Some(group)).await;
        everybody().await;
        assert!(tablet.paths().await.contains(&"later".to_owned()));
        assert!(!phone.paths().await.contains(&"later".to_owned()));
        relay.stop().await;
    }
}

/// A setting of this device, which the next sync keeps to.
#[tokio::test]
async fn keys_are_changed_after_so_many_entries_before_a_sync() {
    let bench = Bench::new();
    let laptop = bench.device("laptop").await;
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let relay = Relay::granted(&bench, &laptop).await;
    laptop.ok(&relay.sync()).await;
    let epochs = async || {
        let entries = laptop.json(&["entry", "log", "--limit", "100"]).await;
        entries
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["kind"].as_str().unwrap().starts_with("epoch"))
            .count()
    };
    let before = epochs().await;
    let every = laptop.json(&["space", "rotate", "--every", "1"]).await;
    assert_eq!(every["rotate_after"], 1);
    assert_eq!(epochs().await, before, "not at once");
    let files = bench.files("files", &[("a letter", Some(b"a letter"))]);
    laptop.ok(&["file", "add", text(&files)]).await;
    laptop.ok(&["sync"]).await;
    assert_eq!(epochs().await, before + 1);
    let every = laptop.json(&["space", "rotate", "--every", "0"]).await;
    assert_eq!(every["rotate_after"], Value::Null);
    let files = bench.files("more", &[("another", Some(b"another"))]);
    laptop.ok(&["file", "add", text(&files)]).await;
    laptop.ok(&["sync"]).await;
    assert_eq!(epochs().await, before + 1);
    relay.stop().await;
}
