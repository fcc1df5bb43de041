//! Whoever invites may have lost the right to by the time two people compared their codes.

use serde_json::json;

use super::device::Side;
use super::support::{Bench, Home, text};

/// Brings everything that one device holds to another.
async fn carry(bench: &Bench, from: &Home, to: &Home) {
    let bundle = bench.path("carried");
    from.ok(&["bundle", "export", text(&bundle)]).await;
    to.ok(&["bundle", "import", text(&bundle)]).await;
}

/// The roles and labels of all members, as a device knows them.
async fn members(home: &Home) -> Vec<(String, String)> {
    let rows = home.json(&["space", "members"]).await;
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = rows.as_array().unwrap().iter();
    let mut members: Vec<_> = rows.map(|row| (word(&row["role"]), word(&row["label"]))).collect();
    members.sort();
    members
}

#[tokio::test]
async fn who_lost_the_right_meanwhile_lets_nobody_in() {
    for is_lowered in [true, false] {
        let bench = Bench::new();
        let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
        let tablet = bench.device("tablet").await;
        laptop.ok(&["space", "create", "--name", "notes"]).await;
        laptop.share_with(&phone, "admin").await;
        carry(&bench, &laptop, &phone).await;

        let made = phone.json(&["invite", "--expires", "60"]).await;
        let file = bench.path("invitation");
        std::fs::write(&file, made["invitation"].as_str().unwrap()).unwrap();
        let (there, back) = (bench.path("there"), bench.path("back"));
        let (there, back) = (text(&there), text(&back));
        let mut adds = Side::start(&phone, &["device", "add", "--in", there, "--out", back]);
        let join = ["device", "join", text(&file), "--in", back, "--out", there];
        let mut joins = Side::start(&tablet, &join);
        let (one, other) = (adds.code().await, joins.code().await);
        assert_eq!(one, other);
        match is_lowered {
            true => laptop.ok(&["space", "role", "phone", "reader"]).await,
            false => laptop.ok(&["space", "revoke", "phone"]).await,
        };
        carry(&bench, &laptop, &phone).await;
        let expected = members(&phone).await;
        joins.types(&one).await;
        adds.types(&other).await;
        assert_eq!(adds.ended().await, Some(7), "lowered: {is_lowered}");

        assert_eq!(members(&phone).await, expected, "lowered: {is_lowered}");
        assert!(!expected.iter().any(|(role, label)| role == "admin" && label == "phone"));
        assert_eq!(phone.json(&["invite", "list"]).await[0]["state"], "cancelled");
        assert_eq!(tablet.json(&["space", "list"]).await, json!([]));
        // Nothing is in the log either that another admin could take for a grant.
        carry(&bench, &phone, &laptop).await;
        let log = laptop.json(&["entry", "log", "--limit", "100"]).await;
        let rows = log.as_array().unwrap().iter();
        let grants = rows.filter(|row| row["kind"].as_str().unwrap().starts_with("grant"));
        assert_eq!(grants.count(), 1, "the phone's own: {log}");
        drop(joins);
    }
}
