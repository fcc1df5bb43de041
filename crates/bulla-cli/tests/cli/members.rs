//! A space with members between processes: an owner, a reader, a relay that only carries, and a device that is revoked.

use serde_json::{Value, json};

use super::support::{Bench, Home, Relay, text};

async fn add(bench: &Bench, home: &Home, name: &str) -> Value {
    let folder = bench.files(&format!("folder of {name}"), &[(name, Some(name.as_bytes()))]);
    home.json(&["file", "add", text(&folder)]).await
}

/// The roles of all members by label, as one device knows them; `-` stands for no label.
async fn members(home: &Home) -> Vec<(String, String)> {
    let rows = home.json(&["space", "members"]).await;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut rows: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (word(&row["label"]), word(&row["role"])))
        .collect();
    rows.sort();
    rows
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(label, role)| ((*label).to_owned(), (*role).to_owned())).collect()
}

/// What the last row of a sync says was learned.
async fn learned(home: &Home, arguments: &[&str]) -> Value {
    let report = home.json(&[&["sync"], arguments].concat()).await;
    report.as_array().unwrap().last().unwrap()["learned"].clone()
}

/// The story of the README.
#[tokio::test]
async fn a_reader_reads_a_relay_carries_and_a_revoked_device_does_neither() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    let (tablet, stranger) = (bench.device("tablet").await, bench.device("stranger").await);
    let space = laptop.json(&["space", "create", "--name", "notes"]).await;
    let space = space["space"].as_str().unwrap();
    add(&bench, &laptop, "before").await;

    // The relay is told which space to serve, and nothing of who may use it.
    let relay = Relay::of_members(&bench, space).await;
    let at = [relay.url.as_str(), "--node", &relay.key];
    laptop.ok(&["space", "grant", &relay.key, "--role", "relay", "--label", "relay"]).await;
    for (home, label, role) in [(&phone, "phone", "reader"), (&tablet, "tablet", "writer")] {
        home.ok(&["space", "join", space, "--name", "notes"]).await;
        let card = home.folder.join("card of the space");
        std::fs::write(&card, home.ok(&["space", "card"]).await).unwrap();
        let grant = ["space", "grant", text(&card), "--role", role, "--label", label];
        assert_eq!(laptop.json(&grant).await["device"], home.key().await);
    }
    laptop.ok(&[&["sync"], &at[..]].concat()).await;

    // Who was granted reads, who was not is told nothing.
    let came = learned(&phone, &at).await;
    assert_eq!((&came["role"], &came["is_revoked"]), (&json!("reader"), &json!(false)), "{came}");
    assert_eq!(came["new_members"].as_array().unwrap().len(), 4, "{came}");
    assert!(came["new_keys"].as_u64().unwrap() > 0, "{came}");
    assert_eq!(phone.paths().await, ["before"]);
    stranger.ok(&["space", "join", space]).await;
    let error = stranger.fails(7, &[&["sync"], &at[..]].concat()).await;
    assert!(error["help"].as_str().unwrap().contains("no role in the space yet"), "{error}");
    let roles = [("-", "admin"), ("phone", "reader"), ("relay", "relay"), ("tablet", "writer")];
    assert_eq!(members(&phone).await, pairs(&roles));
    // A founder has no grant that names it. It knows what it calls itself, and the others may call it what they like.
    let [_, rest @ ..] = roles;
    assert_eq!(members(&laptop).await, pairs(&[&[("laptop", "admin")], &rest[..]].concat()));
    let table = laptop.ok(&["space", "members"]).await;
    assert!(table.contains(" this device, founder"), "{table}");
    let named = phone.json(&["space", "label", &laptop.key().await[..8], "the big one"]).await;
    assert_eq!(
        (&named["device"], &named["label"]),
        (&json!(laptop.key().await), &json!("the big one"))
    );
    assert_eq!(members(&phone).await, pairs(&[&rest[..], &[("the big one", "admin")]].concat()));
    let table = phone.ok(&["space", "members"]).await;
    for (label, is) in [("the big one", "founder"), ("phone", "this device"), ("relay", "no")] {
        let line = table.lines().find(|line| line.contains(label)).unwrap();
        assert!(line.trim_end().ends_with(is), "{table}");
    }
    phone.ok(&["space", "label", "the big one", ""]).await;
    phone.fails(2, &["space", "label", "tablet", "two\nlines"]).await;
    let listed = phone.json(&["space", "list"]).await;
    assert_eq!((&listed[0]["role"], &listed[0]["members"]), (&json!("reader"), &json!(4)));
    assert_eq!(phone.json(&["space", "show"]).await["role"], "reader");

    // A reader writes nothing, and says who belongs to the space no more than that.
    let folder = bench.files("of the phone", &[("mine", Some(b"mine"))]);
    phone.fails(7, &["file", "add", text(&folder)]).await;
    phone.fails(7, &["space", "revoke", "tablet"]).await;
    phone.fails(7, &["space", "rotate"]).await;

    // A writer writes. Then it is lost, and revoked.
    learned(&tablet, &at).await;
    add(&bench, &tablet, "by the tablet").await;
    tablet.ok(&["sync"]).await;
    laptop.ok(&["sync"]).await;
    let revoked = laptop.json(&["space", "revoke", "tablet"]).await;
    assert_eq!(revoked["revoked"], tablet.key().await);
    add(&bench, &laptop, "after").await;
    laptop.ok(&["sync"]).await;

    // It neither pushes nor fetches.
    add(&bench, &tablet, "late").await;
    for direction in ["--push", "--pull"] {
        // It cannot know why: a node tells strangers nothing. So it is told what may be, and how to find out.
        let error = tablet.fails(7, &["sync", direction]).await;
        assert!(error["error"].as_str().unwrap().contains("this device is writer"), "{error}");
        let help = error["help"].as_str().unwrap();
        assert!(help.contains("does not serve") && help.contains("was revoked"), "{error}");
        assert!(help.contains("bulla bundle export"), "{error}");
    }
    let shown = tablet.json(&["space", "show"]).await;
    assert_eq!((&shown["role"], &shown["is_revoked"]), (&json!("writer"), &json!(false)));
    let came = learned(&phone, &[]).await;
    assert_eq!(came["gone_members"], json!([tablet.key().await]));
    assert_eq!(phone.paths().await, ["after", "before", "by the tablet"]);

    // Not even a copy of everything opens for it, and what it wrote late counts nowhere.
    let (all, late) = (bench.path("all"), bench.path("late"));
    phone.ok(&["bundle", "export", text(&all)]).await;
    tablet.ok(&["bundle", "export", text(&late)]).await;
    tablet.ok(&["bundle", "import", text(&all)]).await;
    // By now it knows, and says so wherever it is asked.
    let error = tablet.fails(7, &["sync"]).await;
    assert!(error["error"].as_str().unwrap().contains("was revoked in this space"), "{error}");
    assert!(error["help"].as_str().unwrap().contains("new identity"), "{error}");
    for arguments in [&["space", "list"][..], &["space", "show"]] {
        let shown = tablet.json(arguments).await;
        let shown = if shown.is_array() { &shown[0] } else { &shown };
        assert_eq!((&shown["role"], &shown["is_revoked"]), (&Value::Null, &json!(true)), "{shown}");
        let table = tablet.ok(arguments).await;
        assert!(table.contains(" revoked "), "{table}");
    }
    for arguments in [&["space", "show"][..], &["space", "members"]] {
        let told = tablet.run(arguments).await;
        assert!(told.stderr.contains("This device was revoked"), "{told:?}");
    }
    let paths = tablet.paths().await;
    assert!(!paths.contains(&"after".to_owned()), "{paths:?}");
    assert!(paths.contains(&"before".to_owned()), "{paths:?}");
    let folder = bench.files("more", &[("more", Some(b"more"))]);
    let error = tablet.fails(7, &["file", "add", text(&folder)]).await;
    assert!(error["error"].as_str().unwrap().contains("revoked"), "{error}");
    let taken = laptop.json(&["bundle", "import", text(&late)]).await;
    assert_eq!((&taken["stored"], &taken["refused_count"]), (&json!(0), &json!(0)), "{taken}");
    assert_eq!(taken["not_counting_count"], 3, "a chunk, a manifest and a name: {taken}");
    let kept = laptop.json(&["quarantine", "list"]).await;
    assert_eq!(kept.as_array().unwrap().len(), 3, "{kept}");
    assert_eq!(kept[0]["author"], tablet.key().await);
    let retried = laptop.json(&["quarantine", "retry"]).await;
    assert_eq!((&retried["stored"], &retried["kept"]), (&json!(0), &json!(3)));
    assert_eq!(laptop.paths().await, ["after", "before", "by the tablet"]);
    relay.stop().await;
}

#[tokio::test]
async fn what_cannot_be_granted_says_why() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let space = laptop.space().await;
    let grant = |card: &str, role: &str| {
        ["space", "grant", card, "--space", "notes", "--role", role].map(str::to_owned)
    };
    // The card of a device for no space, a node's key with a role that reads, a flipped digit.
    let error = laptop.fails(2, &grant(&phone.card().await, "reader")).await;
    assert!(error["help"].as_str().unwrap().contains("bulla space card"), "{error}");
    laptop.fails(2, &grant(&"ab".repeat(32), "reader")).await;
    let card = phone.ok(&["space", "card", &space]).await.trim().to_owned();
    let mut flipped = card.clone().into_bytes();
    let last = flipped.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(flipped).unwrap();
    let error = laptop.fails(2, &grant(&flipped, "reader")).await;
    assert_eq!(error["code"], "joining_card.signature");
    // A card for another space.
    laptop.ok(&["space", "create", "--name", "letters"]).await;
    let spaces = laptop.json(&["space", "list"]).await;
    let letters = spaces.as_array().unwrap().iter().find(|row| row["name"] == "letters").unwrap();
    let other = phone.ok(&["space", "card", letters["space"].as_str().unwrap()]).await;
    laptop.fails(2, &grant(other.trim(), "reader")).await;

    // By card alone the space is known. Roles change; members are found by label and by the beginning of their key.
    laptop.ok(&["space", "grant", &card, "--role", "reader", "--label", "phone"]).await;
    let notes = ["--space", "notes"];
    let key = phone.key().await;
    for (device, role) in [("phone", "writer"), (&key[..8], "reader"), (key.as_str(), "admin")] {
        let changed = laptop.json(&[&["space", "role", device, role], &notes[..]].concat()).await;
        assert_eq!((&changed["device"], &changed["role"]), (&json!(key), &json!(role)));
    }
    laptop.fails(3, &[&["space", "role", "nobody", "reader"], &notes[..]].concat()).await;
    laptop.fails(3, &[&["space", "revoke", &"ab".repeat(32)], &notes[..]].concat()).await;
    laptop.ok(&[&["space", "revoke", "phone"], &notes[..]].concat()).await;
    // A revoked key never comes back.
    let error = laptop.fails(7, &grant(&card, "reader")).await;
    assert!(error["error"].as_str().unwrap().contains("revoked"), "{error}");
}
