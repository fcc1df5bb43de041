//! Every device is lost; the words on paper bring the space back from a node that serves members alone.

use serde_json::json;

use super::support::{Bench, Home, Relay, secret_file, text};

async fn restore(
    home: &Home,
    relay: &Relay,
    space: &str,
    words: &std::path::Path,
    more: &[&str],
) -> serde_json::Value {
    let node = ["--from", &relay.url, "--node", &relay.key, "--space", space];
    home.json(&[&["recovery", "restore", "--words", text(words)], &node[..], more].concat()).await
}

/// Clauses: NODE-27.
#[tokio::test]
async fn the_words_bring_a_space_back_from_a_node_when_every_device_is_lost() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    let made = laptop.json(&["space", "create", "--name", "notes", "--recovery"]).await;
    let (space, words) =
        (made["space"].as_str().unwrap(), made["recovery_words"].as_str().unwrap());
    assert_eq!(words.split(' ').count(), 24);
    let paper = bench.path("paper");
    secret_file(&paper, words);
    let relay = Relay::granted(&bench, &laptop).await;
    laptop.share_with(&phone, "admin").await;
    laptop.add(&bench, "by the laptop", None).await;
    laptop.ok(&["space", "groups", "create", "few", "phone"]).await;
    laptop.add(&bench, "for few", Some("few")).await;
    laptop.ok(&relay.sync()).await;
    phone.ok(&relay.sync()).await;
    phone.add(&bench, "by the phone", None).await;
    phone.ok(&relay.sync()).await;

    // A new device alone is told nothing, and wrong words get no further.
    let new = bench.device("new").await;
    new.ok(&["space", "join", space]).await;
    assert!(new.run(&relay.sync()).await.code.unwrap() != 0);
    let other = laptop.json(&["space", "create", "--name", "other", "--recovery"]).await;
    let wrong = bench.path("wrong");
    secret_file(&wrong, other["recovery_words"].as_str().unwrap());
    let node = ["--from", &relay.url, "--node", &relay.key];
    let arguments = [&["recovery", "restore", "--words", text(&wrong)], &node[..]].concat();
    assert!(new.run(&arguments).await.code.unwrap() != 0);
    assert_eq!(new.json(&["space", "show"]).await["entries"], 0);

    let back = restore(&new, &relay, space, &paper, &["--revoke-all"]).await;
    let mut lost = [laptop.key().await, phone.key().await];
    lost.sort();
    assert_eq!(back["revoked"], json!(lost));
    let next = back["words"].as_str().unwrap();
    assert_eq!((next.split(' ').count(), next == words), (24, false));
    assert_eq!(new.paths().await, ["by the laptop", "by the phone", "for few"]);
    assert_eq!(new.json(&["space", "show"]).await["role"], "admin");
    let groups = new.json(&["space", "groups", "list"]).await;
    assert_eq!(groups[0]["members"], json!([new.key().await]), "nobody else was left in it");
    // The relay is a member still, and serves the new device.
    let members = new.json(&["space", "members"]).await;
    let labels: Vec<_> = members.as_array().unwrap().iter().map(|row| &row["role"]).collect();
    assert_eq!(labels.len(), 2, "{members}");
    new.add(&bench, "after", None).await;
    new.ok(&["sync"]).await;

    // The lost devices are out, and the old words are used up: on another device they bring nothing back.
    assert_eq!(phone.run(&relay.sync()).await.code, Some(7));
    let thief = bench.device("thief").await;
    let arguments =
        [&["recovery", "restore", "--words", text(&paper), "--space", space], &node[..]].concat();
    assert!(thief.run(&arguments).await.code.unwrap() != 0);

    // The same command once more only hands on what is signed.
    let again = restore(&new, &relay, space, &paper, &["--revoke-all"]).await;
    assert_eq!((&again["entry"], &again["words"]), (&json!(null), &json!(null)));
    // The new words work.
    let paper = bench.path("new paper");
    secret_file(&paper, next);
    let third = bench.device("third").await;
    restore(&third, &relay, space, &paper, &["--revoke", &new.key().await]).await;
    assert_eq!(third.paths().await, ["after", "by the laptop", "by the phone", "for few"]);
    relay.stop().await;
}

/// A space that was founded without words gets some from its founder.
#[tokio::test]
async fn words_made_later_work_as_well() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let space = laptop.space().await;
    let relay = Relay::granted(&bench, &laptop).await;
    laptop.share_with(&phone, "admin").await;
    laptop.add(&bench, "before", None).await;
    laptop.ok(&relay.sync()).await;
    phone.ok(&relay.sync()).await;
    phone.fails(7, &["recovery", "create"]).await;
    let made = laptop.json(&["recovery", "create"]).await;
    let paper = bench.path("paper");
    secret_file(&paper, made["words"].as_str().unwrap());
    laptop.ok(&["sync"]).await;
    let new = bench.device("new").await;
    let back = restore(&new, &relay, &space, &paper, &["--revoke-all"]).await;
    assert_eq!(back["revoked"].as_array().unwrap().len(), 2, "{back}");
    assert_eq!(new.paths().await, ["before"]);
    relay.stop().await;
}
