//! A new device comes in through the mailbox of a node: nothing is passed on but the invitation, and the codes.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use bulla_client::{Client, Upstream};
use bulla_identity::{DeviceKeys, OsRandomness};
use bulla_pairing::{Invitation, Joiner};
use bulla_store::Context;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::device::{Side, another};
use super::support::{Bench, Home, PATIENCE, Relay, text};
use super::wire::Wire;

/// A laptop with a space that a node with mailboxes serves, a phone, and an invitation by the one for the other.
struct Stage {
    bench: Bench,
    laptop: Home,
    phone: Home,
    relay: Relay,
}

impl Stage {
    async fn new(settings: &str) -> Self {
        let bench = Bench::new();
        let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
        laptop.ok(&["space", "create", "--name", "notes"]).await;
        let files = bench.files("files", &[("a letter", Some(b"a letter"))]);
        laptop.ok(&["file", "add", text(&files)]).await;
        let relay = Relay::with_mailboxes(&bench, &laptop.space().await, settings, None).await;
        laptop.ok(&["sync", &relay.url, "--node", &relay.key]).await;
        Self { bench, laptop, phone, relay }
    }

    /// A file with a new invitation, and what was said of it.
    async fn invited(&self, options: &[&str]) -> (PathBuf, Value) {
        let made = self.laptop.json(&[&["invite"], options].concat()).await;
        let file = self.bench.path(made["id"].as_str().unwrap());
        std::fs::write(&file, made["invitation"].as_str().unwrap()).unwrap();
        (file, made)
    }

    /// Both programs, until they show their codes.
    async fn paired(&self, add: &[&str]) -> (Side, Side, String, Value) {
        let (file, made) = self.invited(&[]).await;
        let mut adds =
            Side::start(&self.laptop, &[&["device", "add", QUICK[0], QUICK[1]], add].concat());
        let mut joins =
            Side::start(&self.phone, &["device", "join", text(&file), QUICK[0], QUICK[1]]);
        let (one, other) = (adds.code().await, joins.code().await);
        assert_eq!(one, other);
        (adds, joins, one, made)
    }

    /// The state of the only invitation.
    async fn state(&self) -> String {
        let list = self.laptop.json(&["invite", "list"]).await;
        assert_eq!(list.as_array().unwrap().len(), 1);
        list[0]["state"].as_str().unwrap().to_owned()
    }

    async fn nobody_came_in(self) {
        assert_eq!(self.laptop.json(&["space", "members"]).await.as_array().unwrap().len(), 1);
        assert_eq!(self.phone.json(&["space", "list"]).await, json!([]));
        self.relay.stop().await;
    }
}

/// The node is on this machine.
const QUICK: [&str; 2] = ["--look-every", "10ms"];

/// Clauses: PAIR-10, PAIR-36, PAIR-40.
#[tokio::test]
async fn two_devices_find_each_other_through_a_node() {
    let stage = Stage::new("").await;
    let Stage { laptop, phone, relay, .. } = &stage;
    let (mut adds, mut joins, code, made) = stage.paired(&["--role", "reader"]).await;
    assert_eq!((&made["node"], &made["node_key"]), (&json!(relay.url), &json!(relay.key)));
    assert_eq!(stage.state().await, "in progress");
    joins.types(&code).await;
    adds.types(&code.replace(' ', "")).await;
    assert_eq!((adds.ended().await, joins.ended().await), (Some(0), Some(0)));

    // The space has a name, and a node: the one of the invitation. What it shows holds against what the laptop knew.
    let list = phone.json(&["space", "list"]).await;
    assert_eq!((&list[0]["name"], &list[0]["node"]), (&json!("laptop"), &json!(relay.url)));
    let local = || std::fs::read_to_string(phone.folder.join("spaces.toml")).unwrap();
    assert!(local().contains("expected = ["), "{}", local());
    let synced = phone.json(&["sync"]).await;
    assert_eq!(synced[0]["verdict"], "complete", "{synced}");
    assert!(!local().contains("expected"), "{}", local());
    assert_eq!(phone.paths().await, ["a letter"]);
    let members = phone.json(&["space", "members"]).await;
    let row = members.as_array().unwrap().iter().find(|row| row["here"] == true).unwrap();
    assert_eq!((&row["label"], &row["role"]), (&json!("phone"), &json!("reader")));

    let row = members.as_array().unwrap().iter().find(|row| row["here"] == false).unwrap();
    assert_eq!((&row["label"], &row["device"]), (&json!("laptop"), &json!(laptop.key().await)));

    // It served once, whoever asks again.
    assert_eq!(stage.state().await, "used");
    let id = made["id"].as_str().unwrap();
    assert_eq!(laptop.fails(7, &["invite", "cancel", id]).await["code"], "invitation.used");
    let again = ["device", "add", "--invitation", &id[..8]];
    assert_eq!(laptop.fails(7, &again).await["code"], "invitation.used");
    laptop.fails(3, &["device", "add"]).await;
    let thief = stage.bench.device("thief").await;
    let join = ["device", "join", made["invitation"].as_str().unwrap()];
    assert_eq!(thief.fails(3, &join).await["code"], "mailbox.unknown");
    stage.relay.stop().await;
}

/// A program that answers for a person: codes are read from its output, and written to files.
#[tokio::test]
async fn two_scripts_compare_codes_by_files() {
    let stage = Stage::new("").await;
    let (file, _) = stage.invited(&[]).await;
    let start = |home: &Home, words: &[&str], codes: &PathBuf| {
        let options = ["--json", QUICK[0], QUICK[1], "--code-file", text(codes)];
        let mut command = home.command(&[words, &options[..]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    };
    let codes = [stage.bench.path("for the laptop"), stage.bench.path("for the phone")];
    let (adds, mut said) = start(&stage.laptop, &["device", "add"], &codes[0]);
    let (joins, mut told) =
        start(&stage.phone, &["device", "join", text(&file), "--name", "theirs"], &codes[1]);
    let next = async |lines: &mut tokio::io::Lines<_>| -> Value {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    };
    let (here, there) = (next(&mut said).await, next(&mut told).await);
    assert_eq!(there["other"], "laptop");
    for (code, file) in [(&there, &codes[0]), (&here, &codes[1])] {
        std::fs::write(file, code["code"].as_str().unwrap().to_owned() + "\n").unwrap();
    }
    let (here, there) = (next(&mut said).await, next(&mut told).await);
    assert_eq!((&here["label"], &here["role"]), (&json!("phone"), &json!("writer")));
    assert_eq!((&here["grant"], &here["told"]), (&there["grant"], &json!(true)));
    assert_eq!((&there["name"], &there["node"]), (&json!("theirs"), &json!(stage.relay.url)));
    for child in [adds, joins] {
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap();
        let output = output.unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    }
    stage.phone.ok(&["sync"]).await;
    stage.relay.stop().await;
}

/// Clauses: PAIR-28.
#[tokio::test]
async fn a_wrong_code_in_a_file_is_refused_at_once() {
    let stage = Stage::new("").await;
    let (file, _) = stage.invited(&[]).await;
    let codes = stage.bench.path("codes");
    std::fs::write(&codes, "12345 6789\n").unwrap();
    let code_file = ["--code-file", text(&codes)];
    let mut adds = Side::start(&stage.laptop, &["device", "add", QUICK[0], QUICK[1]]);
    let join = ["device", "join", text(&file), QUICK[0], QUICK[1]];
    let mut joins = Side::start(&stage.phone, &[&join[..], &code_file].concat());
    let code = joins.code().await;
    adds.types(&code).await;
    assert_eq!(joins.ended().await, Some(7));
    adds.fails(7, "pairing.declined").await;
    stage.nobody_came_in().await;
}

#[tokio::test]
async fn a_wrong_code_lets_nobody_in_and_the_other_device_is_told() {
    let stage = Stage::new("").await;
    let (mut adds, mut joins, code, _) = stage.paired(&[]).await;
    joins.types(&code).await;
    for _ in 0..3 {
        adds.types(another(&code)).await;
    }
    adds.fails(7, "pairing.code").await;
    joins.fails(3, "mailbox.unknown").await;
    assert_eq!(stage.state().await, "cancelled");
    stage.nobody_came_in().await;
}

#[tokio::test]
async fn a_person_who_types_nothing_refuses_for_both() {
    let stage = Stage::new("").await;
    let (mut adds, mut joins, code, _) = stage.paired(&[]).await;
    joins.types("").await;
    adds.types(&code).await;
    assert_eq!(joins.ended().await, Some(7));
    adds.fails(7, "pairing.declined").await;
    stage.nobody_came_in().await;
}

/// The register that is judged before anything is signed is the one on disk, not the one that the program began with.
///
/// Clauses: PAIR-33, PAIR-34.
#[tokio::test]
async fn an_invitation_cancelled_meanwhile_is_refused_at_the_approval() {
    let stage = Stage::new("").await;
    let (mut adds, mut joins, code, made) = stage.paired(&[]).await;
    joins.types(&code).await;
    let id = &made["id"].as_str().unwrap()[..12];
    let cancelled = stage.laptop.json(&["invite", "cancel", id]).await;
    assert_eq!(cancelled["cancelled"], made["id"]);
    adds.types(&code).await;
    adds.fails(7, "invitation.cancelled").await;
    assert_eq!(joins.ended().await, Some(3));
    assert_eq!(stage.state().await, "cancelled");
    let add = ["device", "add", "--invitation", id];
    assert_eq!(stage.laptop.fails(7, &add).await["code"], "invitation.cancelled");
    let unknown = ["invite", "cancel", "0000000000"];
    assert_eq!(stage.laptop.fails(3, &unknown).await["code"], "invitation.unknown");
    stage.nobody_came_in().await;
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let stage = Stage::new("").await;
    let (_, made) = stage.invited(&["--expires", "1ms"]).await;
    let id = made["id"].as_str().unwrap();
    let add = ["device", "add", "--invitation", id];
    assert_eq!(stage.laptop.fails(7, &add).await["code"], "invitation.expired");
    assert_eq!(stage.state().await, "expired");
    stage.laptop.fails(3, &["device", "add"]).await;

    // The other device does not come: neither here nor there.
    let (file, _) = stage.invited(&[]).await;
    let wait = [QUICK[0], QUICK[1], "--wait", "30ms"];
    stage.laptop.fails(5, &[&["device", "add"][..], &wait].concat()).await;
    let told = stage.phone.run(&[&["device", "join", text(&file)][..], &wait].concat()).await;
    assert_eq!(told.code, Some(5), "{}", told.stderr);
    // It had begun, and does so once (PAIR-29).
    let error = stage.phone.fails(7, &["device", "join", text(&file)]).await;
    assert_eq!(error["code"], "mailbox.taken");
    stage.nobody_came_in().await;
}

/// Clauses: PAIR-40, PAIR-43, PAIR-45.
#[tokio::test]
async fn a_node_that_has_no_mailbox_to_give_is_told_and_gone_without() {
    let stage = Stage::new("max_mailboxes = 1").await;
    let via = ["--via", &stage.relay.url, "--node", &stage.relay.key];
    let (file, made) = stage.invited(&via).await;
    assert_eq!(made["node"], json!(stage.relay.url));
    let explicit = |words: &[&str]| {
        let words = [&["invite"], words].concat();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(stage.laptop.fails(5, &explicit(&via)).await["code"], "mailbox.full");
    // Nobody asked for a mailbox: the devices can do without.
    let (_, made) = stage.invited(&[]).await;
    assert_eq!((&made["node"], &made["node_key"]), (&Value::Null, &Value::Null));
    let told = stage.laptop.run(&["invite"]).await;
    assert!(told.stderr.contains("[mailbox.full]"), "{}", told.stderr);
    // Nor where it takes longer than a mailbox lives.
    let (_, made) = stage.invited(&["--expires", "2h"]).await;
    assert_eq!(made["node"], Value::Null);
    stage.laptop.fails(2, &explicit(&[&via[..], &["--expires", "2h"]].concat())).await;
    stage.laptop.fails(2, &explicit(&["--via", "http://127.0.0.1:1"])).await;

    // Whoever comes second with the same invitation is told so.
    let join = ["device", "join", text(&file), QUICK[0], QUICK[1]];
    let mut joins = Side::start(&stage.phone, &join);
    joins.says("Waiting for the device that invited").await;
    let thief = stage.bench.device("thief").await;
    assert_eq!(thief.fails(7, &join).await["code"], "mailbox.taken");

    let other = Bench::new();
    let plain = Relay::of_members(&other, &stage.laptop.space().await).await;
    let via = ["--via", &plain.url, "--node", &plain.key];
    assert_eq!(stage.laptop.fails(2, &explicit(&via)).await["code"], "store.unsupported");
    plain.stop().await;
    stage.relay.stop().await;
}

/// Whoever answers at the address in the invitation with another key gets nothing of either device; and a connection that
/// breaks in between ends nothing.
///
/// Clauses: PAIR-10, WIRE-44.
#[tokio::test]
async fn a_middle_with_another_key_gets_nothing_and_a_broken_line_ends_nothing() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let (wire, elsewhere) = (Wire::new().await, Bench::new());
    let space = laptop.space().await;
    let relay = Relay::with_mailboxes(&bench, &space, "", Some(&wire.url)).await;
    let middle = Relay::with_mailboxes(&elsewhere, &space, "", Some(&wire.url)).await;
    wire.lead_to(&relay.url);
    laptop.ok(&["sync", &wire.url, "--node", &relay.key]).await;
    let made = laptop.json(&["invite"]).await;
    assert_eq!((&made["node"], &made["node_key"]), (&json!(wire.url), &json!(relay.key)));
    let join = ["device", "join", made["invitation"].as_str().unwrap(), QUICK[0], QUICK[1]];

    wire.lead_to(&middle.url);
    assert_eq!(phone.fails(7, &join).await["code"], "peer.wrong_node");
    assert_eq!(laptop.fails(7, &["device", "add"]).await["code"], "peer.wrong_node");
    let other = ["invite", "--via", &wire.url, "--node", &relay.key];
    assert_eq!(laptop.fails(7, &other).await["code"], "peer.wrong_node");

    // Nothing was left with it, so that the invitation serves still.
    wire.lead_to(&relay.url);
    let mut joins = Side::start(&phone, &join);
    joins.says("Waiting for the device that invited").await;
    wire.cut();
    joins.says("No answer from the node").await;
    wire.lead_to(&relay.url);
    joins.says("The node answers again").await;
    let id = made["id"].as_str().unwrap();
    let mut adds = Side::start(&laptop, &["device", "add", "--invitation", id, QUICK[0], QUICK[1]]);
    let (code, same) = (adds.code().await, joins.code().await);
    assert_eq!(code, same);
    joins.types(&code).await;
    joins.says("Waiting to be let in").await;
    wire.cut();
    joins.says("No answer from the node").await;
    adds.types(&code).await;
    adds.says("No answer from the node").await;
    wire.lead_to(&relay.url);
    assert_eq!((adds.ended().await, joins.ended().await), (Some(0), Some(0)));
    phone.ok(&["sync"]).await;
    middle.stop().await;
    relay.stop().await;
}

/// Clauses: PAIR-36.
#[tokio::test]
async fn a_sync_that_lacks_what_the_inviting_device_knew_is_6() {
    let stage = Stage::new("").await;
    let path = stage.laptop.folder.join("spaces.toml");
    let local = std::fs::read_to_string(&path).unwrap();
    let log = stage.laptop.json(&["entry", "log"]).await;
    let (missing, held) = ("ab".repeat(32), log[1]["entry"].as_str().unwrap());
    let with =
        local.replacen("name =", &format!("expected = [\"{missing}\", \"{held}\"]\nname ="), 1);
    std::fs::write(&path, with).unwrap();
    let error = stage.laptop.fails(6, &["sync"]).await;
    assert_eq!(error["code"], "sync.frontier_unreached");
    assert!(error["error"].as_str().unwrap().contains(&missing), "{error}");
    // It goes on being expected, and what is held does not.
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(after.contains(&missing) && !after.contains(held), "{after}");
    std::fs::write(&path, local).unwrap();
    stage.laptop.ok(&["sync"]).await;
    stage.relay.stop().await;
}

/// What is left first is left once: a device that cannot be let in spends the mailbox, and is told at once.
#[tokio::test]
async fn a_device_that_invites_itself_is_told() {
    let stage = Stage::new("").await;
    let (file, _) = stage.invited(&[]).await;
    let join = ["device", "join", text(&file)];
    assert_eq!(stage.laptop.fails(2, &join).await["code"], "pairing.card");
    assert_eq!(stage.state().await, "open");
    stage.nobody_came_in().await;
}

/// Whoever has the invitation can leave anything, once. Nobody waits for what can no longer come.
///
/// Clauses: PAIR-23, PAIR-43.
#[tokio::test]
async fn a_message_of_something_else_in_the_mailbox_ends_the_invitation() {
    let stage = Stage::new("").await;
    let (file, made) = stage.invited(&[]).await;
    let other = stage.laptop.json(&["invite", "--no-mailbox"]).await;
    let invitation =
        |made: &Value| made["invitation"].as_str().unwrap().parse::<Invitation>().unwrap();
    let thief = Arc::new(DeviceKeys::generate(&OsRandomness).unwrap());
    let (_, message) = Joiner::begin(&invitation(&other), &thief, "thief", &OsRandomness).unwrap();
    let invited = invitation(&made);
    let node = invited.node().unwrap();
    let upstream = Upstream::new(&node.url, node.key).unwrap();
    let client = Client::builder(upstream, thief).build().unwrap();
    let (request, proof) = invited.mailbox().leave(node.key, &message);
    client.ask_mailbox(&Context::new(), &request, &proof, message.as_bytes()).await.unwrap();

    let id = made["id"].as_str().unwrap();
    let join = ["device", "join", text(&file)];
    assert_eq!(stage.phone.fails(7, &join).await["code"], "mailbox.taken");
    let (code, _, error) = stage.laptop.told(&["device", "add", "--invitation", id]).await;
    assert_eq!((code, &error["code"]), (Some(7), &json!("pairing.failed")));
    assert_eq!(stage.phone.fails(3, &join).await["code"], "mailbox.unknown");
    let add = ["device", "add", "--invitation", id];
    assert_eq!(stage.laptop.fails(7, &add).await["code"], "invitation.cancelled");
    stage.nobody_came_in().await;
}

/// Whoever is asked to end tells the other side first, wherever the two have come: it does not wait for its quarter of an hour.
#[tokio::test]
async fn a_side_that_is_interrupted_tells_the_other() {
    for signal in [Signal::INT, Signal::TERM] {
        let number = if signal == Signal::INT { 130 } else { 143 };
        // Nobody came yet: whoever comes is told that it is too late.
        let stage = Stage::new("").await;
        let (file, _) = stage.invited(&[]).await;
        let mut adds = Side::start(&stage.laptop, &["device", "add"]);
        adds.says("Waiting for the new device").await;
        assert_eq!(adds.interrupted(signal).await, Some(number));
        assert_eq!(stage.state().await, "cancelled");
        let join = ["device", "join", text(&file), QUICK[0], QUICK[1], "--wait", "60s"];
        assert_eq!(stage.phone.fails(3, &join).await["code"], "mailbox.unknown");
        stage.nobody_came_in().await;

        // The new device waits: for the other one, and for its person.
        let stage = Stage::new("").await;
        let (adds, mut joins, code, _) = stage.paired(&[]).await;
        joins.types(&code).await;
        joins.says("Waiting to be let in").await;
        assert_eq!(adds.interrupted(signal).await, Some(number));
        joins.fails(3, "mailbox.unknown").await;
        assert_eq!(stage.state().await, "cancelled");
        stage.nobody_came_in().await;

        // The other way round, while somebody is to type at both.
        let stage = Stage::new("").await;
        let (mut adds, joins, code, _) = stage.paired(&[]).await;
        adds.types(&code).await;
        assert_eq!(joins.interrupted(signal).await, Some(number));
        adds.fails(3, "mailbox.unknown").await;
        assert_eq!(stage.state().await, "cancelled");
        stage.nobody_came_in().await;
    }
}

/// A node that does not answer keeps nobody who was asked to end.
#[tokio::test]
async fn an_interrupted_side_waits_for_no_node() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let wire = Wire::new().await;
    let relay = Relay::with_mailboxes(&bench, &laptop.space().await, "", Some(&wire.url)).await;
    wire.lead_to(&relay.url);
    laptop.ok(&["sync", &wire.url, "--node", &relay.key]).await;
    let made = laptop.json(&["invite"]).await;
    let join = ["device", "join", made["invitation"].as_str().unwrap(), QUICK[0], QUICK[1]];
    let mut joins = Side::start(&phone, &join);
    joins.says("Waiting for the device that invited").await;
    wire.cut();
    joins.says("No answer from the node").await;
    assert_eq!(joins.interrupted(Signal::INT).await, Some(130));
    relay.stop().await;
}
