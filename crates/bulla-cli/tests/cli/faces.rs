//! A relay that withholds, goes back and shows two devices two histories is found out, between processes; and what proves
//! it convinces a stranger.

use serde_json::{Value, json};

use super::support::{Bench, Home, Relay, copy_folder, text};

/// A space of a laptop, with a phone and a tablet that write, all of them synced with a relay.
async fn shared(bench: &Bench) -> (Home, Home, Home, Relay) {
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    let tablet = bench.device("tablet").await;
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let relay = Relay::granted(bench, &laptop).await;
    for home in [&phone, &tablet] {
        laptop.share_with(home, "writer").await;
    }
    for home in [&laptop, &phone, &tablet] {
        home.ok(&relay.sync()).await;
    }
    (laptop, phone, tablet, relay)
}

/// The number that a sync ended with, what its first direction says, and its error.
async fn synced(home: &Home, relay: &Relay) -> (Option<i32>, Value, Value) {
    let (code, rows, error) = home.told(&relay.sync()).await;
    (code, rows[0].clone(), error)
}

fn fault(row: &Value) -> &str {
    row["misbehaviour"][0]["what"].as_str().unwrap_or("none")
}

/// Clauses: SYN-31, SYN-51, SYN-53, SYN-54, CTL-41.
#[tokio::test]
async fn a21_a_relay_with_two_faces_is_found_out_and_a_stranger_can_check_it() {
    let bench = Bench::new();
    let (laptop, phone, tablet, relay) = shared(&bench).await;
    // The relay keeps a second face as it is now: the same key, the same history so far.
    relay.stop().await;
    copy_folder(&bench.path("node"), &bench.path("other face"));
    let relay = Relay::of_folder(&bench.path("node")).await;
    let other = Relay::of_folder(&bench.path("other face")).await;
    assert_eq!(relay.key, other.key);

    // The tablet writes, the laptop sees it and says so; the phone is shown the other face, and cannot know.
    tablet.add(&bench, "plan", None).await;
    tablet.ok(&relay.sync()).await;
    laptop.ok(&relay.sync()).await;
    let word = bench.path("word");
    let before = laptop.json(&["bundle", "export", text(&word)]).await;
    let frontier = laptop.json(&["space", "frontier"]).await;
    assert_eq!((&frontier["proven"], &frontier["claimed"]), (&json!(1), &json!(0)), "{frontier}");
    let (code, row, _) = synced(&phone, &other).await;
    assert_eq!(
        (code, &row["verdict"], fault(&row)),
        (Some(0), &json!("complete"), "none"),
        "{row}"
    );

    // The laptop's word reaches it by another path, alone.
    let after = ["--after", before["cursor"].as_str().unwrap()];
    laptop.ok(&[&["bundle", "export", text(&word)], &after[..]].concat()).await;
    assert_eq!(phone.json(&["bundle", "import", text(&word)]).await["stored"], 1);
    let log = tablet.json(&["entry", "log", "--limit", "1"]).await;
    let newest = log[0]["entry"].as_str().unwrap();
    for round in 0..2 {
        let (code, row, error) = synced(&phone, &other).await;
        assert_eq!(code, Some(6), "{row} {error}");
        assert_eq!(error["code"], "sync.frontier_unreached");
        assert_eq!(row["unreached"]["count"], 1, "{row}");
        let missing = &row["unreached"]["entries"][0];
        assert_eq!(missing["entry"], newest);
        assert_eq!(
            (&missing["author"], &missing["sequence"]),
            (&json!(tablet.key().await), &log[0]["sequence"])
        );
        assert_eq!(
            (&missing["witness"], &missing["frontier"]),
            (&json!(laptop.key().await), &frontier["frontier"])
        );
        // Once it was given the frontier too, it has no excuse.
        assert_eq!(fault(&row), ["none", "withheld"][round], "{row}");
    }
    let people = phone.run(&other.sync()).await;
    assert_eq!(people.code, Some(6));
    let told = String::from_utf8(people.stdout).unwrap();
    for part in ["the other side misbehaved: ", "proven and not given: ", ".entry"] {
        assert!(told.contains(part), "{told}");
    }

    // Whoever is handed the file sees that the tablet's entry exists, and that the laptop had it.
    let (_, row, _) = synced(&phone, &other).await;
    let file = row["unreached"]["entries"][0]["evidence"].as_str().unwrap().to_owned();
    let stranger = bench.home("stranger");
    let shown = stranger.json(&["entry", "inspect", &file]).await;
    let says = |name: &str| {
        let fields = shown["fields"].as_array().unwrap();
        let found = fields.iter().rfind(|field| field["name"] == name).unwrap();
        found["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown["refusal"], Value::Null);
    assert_eq!(
        (says("entry id"), says("author")),
        (frontier["frontier"].as_str().unwrap().to_owned(), laptop.key().await)
    );
    assert!(says("proven").starts_with(&format!("entry {newest}, number ")), "{shown}");
    assert!(says("proven").ends_with(&tablet.key().await), "{shown}");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = bench.path("forged");
    std::fs::write(&forged, bytes).unwrap();
    stranger.fails(4, &["entry", "inspect", text(&forged)]).await;

    // The face that has everything gives it: nothing is missing, and that there are two shows in the history.
    let (code, row, _) = synced(&phone, &relay).await;
    assert_eq!(
        (code, &row["verdict"], &row["unreached"]["count"]),
        (Some(8), &json!("complete"), &json!(0)),
        "{row}"
    );
    assert_eq!(fault(&row), "rollback", "{row}");
    assert_eq!(phone.paths().await, ["plan"]);
    let (code, row, _) = synced(&phone, &relay).await;
    assert_eq!((code, fault(&row)), (Some(0), "none"), "{row}");
    other.stop().await;
    relay.stop().await;
}

/// Clauses: SYN-31.
#[tokio::test]
async fn a19_a_relay_that_was_set_back_is_reported_and_gets_everything_again() {
    let bench = Bench::new();
    let (_laptop, phone, tablet, relay) = shared(&bench).await;
    relay.stop().await;
    copy_folder(&bench.path("node"), &bench.path("backup"));
    let relay = Relay::of_folder(&bench.path("node")).await;
    phone.add(&bench, "mine", None).await;
    phone.ok(&relay.sync()).await;
    // What a node took shows in its head the next time.
    phone.ok(&relay.sync()).await;
    relay.stop().await;
    let relay = Relay::of_folder(&bench.path("backup")).await;
    let (code, row, error) = synced(&phone, &relay).await;
    assert_eq!((code, fault(&row)), (Some(8), "rollback"), "{row}");
    assert!(error["error"].as_str().unwrap().contains("rollback: "), "{error}");
    assert_eq!(error["exit"], 8);
    assert!(
        row["misbehaviour"][0]["message"].as_str().unwrap().contains("was at receipt"),
        "{row}"
    );
    // What it lost came from the phone again, in the same sync.
    tablet.ok(&relay.sync()).await;
    assert_eq!(tablet.paths().await, ["mine"]);
    relay.stop().await;
}

/// Clauses: SYN-54, SYN-55, ENT-41.
#[tokio::test]
async fn a18_a_copied_device_is_a_fork_that_everybody_sees_and_can_prove() {
    let bench = Bench::new();
    let (laptop, phone, tablet, relay) = shared(&bench).await;
    let copy = bench.copy_of(&tablet, "copy of the tablet");
    tablet.add(&bench, "one", None).await;
    copy.add(&bench, "other", None).await;
    tablet.ok(&relay.sync()).await;
    copy.run(&relay.sync()).await;
    for home in [&laptop, &phone] {
        let (code, row, error) = synced(home, &relay).await;
        assert_eq!(code, Some(8), "{row}");
        assert!(error["error"].as_str().unwrap().contains("3 new forks"), "{error}");
        // A chunk, a manifest and a name of each.
        let forks = row["forks"].as_array().unwrap();
        assert_eq!(forks.len(), 3, "{row}");
        let key = tablet.key().await;
        for fork in forks {
            assert_eq!((&fork["author"], &fork["new"]), (&json!(key), &json!(true)));
            let files = fork["evidence"].as_array().unwrap();
            let [first, second] = [0, 1].map(|place| files[place].as_str().unwrap());
            let stranger = bench.home("stranger");
            let shown = stranger.json(&["entry", "inspect", first, second]).await;
            assert_eq!(
                (&shown["fork"]["author"], &shown["fork"]["sequence"]),
                (&json!(key), &fork["sequence"]),
                "{shown}"
            );
            assert_eq!(shown["fork"]["entries"], fork["entries"]);
            assert_eq!(
                stranger.json(&["entry", "inspect", first, first]).await["fork"],
                Value::Null
            );
        }
        // It is told as long as it is so, and ends no further sync as if it were new.
        let (code, row, _) = synced(home, &relay).await;
        assert_eq!((code, row["forks"].as_array().unwrap().len()), (Some(0), 3), "{row}");
        assert_eq!(row["forks"][0]["new"], false, "{row}");
        // A proof that was lost is found again, and told as what was found.
        std::fs::remove_file(row["forks"][0]["evidence"][0].as_str().unwrap()).unwrap();
        let (code, row, error) = synced(home, &relay).await;
        assert_eq!((code, &row["forks"][0]["new"]), (Some(8), &json!(true)), "{row}");
        assert!(error["error"].as_str().unwrap().contains("1 new fork"), "{error}");
        let told = String::from_utf8(home.run(&relay.sync()).await.stdout).unwrap();
        assert!(told.contains("fork: "), "{told}");
        assert_eq!(home.paths().await, ["one", "other"], "both branches are kept");
    }
    // The device itself is told, and signs no more.
    assert_eq!(synced(&tablet, &relay).await.0, Some(8));
    let folder = bench.files("more", &[("more", Some(b"more"))]);
    let error = tablet.fails(4, &["file", "add", text(&folder)]).await;
    assert!(error["help"].as_str().unwrap().contains("identity"), "{error}");
    relay.stop().await;
}
