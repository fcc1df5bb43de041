//! `bulla demo`, and that it fails when a claim does not hold: its search for leaks must find 64 bytes of a file, or a label.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::support::{Bench, Ended, bulla, bytes, ended, node_program, text};

/// A folder to send: text, something longer than one chunk of 64 bytes, nothing, and an empty directory.
fn folder(bench: &Bench) -> PathBuf {
    // What every node is told stands in manuals, and is no leak.
    let manual = "key_file = \"node.age\"\npassphrase_file = \"passphrase\"\ndata_dir = \"data\"\n\n[listen]\n";
    let files: [(&str, Option<&[u8]>); 5] = [
        ("manual", Some(manual.as_bytes())),
        ("a letter.txt", Some(b"The tablets are in the third jar, below the counting tokens.")),
        ("größer/binary.dat", Some(&bytes(1, 300_000))),
        ("nothing at all", Some(b"")),
        ("an empty place", None),
    ];
    bench.files("to send", &files)
}

async fn demo(bench: &Bench, arguments: &[&str], node: &Path) -> Ended {
    let mut command = bulla(&["demo", text(&folder(bench))]);
    command.args(arguments).env("BULLA_NODE_PROGRAM", node);
    ended(command).await
}

/// What must be so, in the order of the story.
const CLAIMS: [&str; 10] =
    ["stranger", "codes", "folder", "heads", "writer", "revoked", "late", "keys", "labels", "leak"];

#[tokio::test]
async fn the_story_is_told_with_what_was_seen_of_each_claim() {
    let bench = Bench::new();
    let told = demo(&bench, &[], node_program()).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let said = String::from_utf8(told.stdout).unwrap();
    assert_eq!(said.matches("\n [ok] ").count(), CLAIMS.len(), "{said}");
    assert!(said.contains("All 10 claims hold.") && !said.contains("[FAILED]"), "{said}");
    let digests: Vec<&str> =
        said.split_whitespace().filter(|word| word.len() == 64 && is_hex(word)).collect();
    assert_eq!(digests.len(), 5, "{said}");
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{said}");
    let code = |device: &str| {
        let shown = said.split(&format!("the {device} shows ")).nth(1).unwrap();
        shown[.."01234 56789".len()].to_owned()
    };
    assert_eq!(code("laptop"), code("phone"), "{said}");
    assert!(code("laptop").chars().all(|c| c.is_ascii_digit() || c == ' '), "{said}");
    for heading in ["1. Who", "2. A folder", "3. A tablet", "4. What", "Bytes on", "Time for"] {
        assert!(said.contains(&format!("\n{heading}")), "{heading}: {said}");
    }
    for step in ["invite a phone", "push it to the relay", "revoke it", "search what they wrote"] {
        assert!(told.stderr.contains(step) && said.contains(step), "{step}");
    }
    // It reads well where lines have an end: no table is wider than this.
    let widest = said.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
    assert!(widest <= 140, "{widest}: {said}");
}

#[tokio::test]
async fn a_demo_for_programs_is_one_json_value_and_keeps_what_was_written() {
    let bench = Bench::new();
    let keep = bench.path("kept");
    let told = demo(&bench, &["--json", "--keep", text(&keep)], node_program()).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let value: Value = serde_json::from_slice(&told.stdout).unwrap();
    let rows = |key: &str| value[key].as_array().unwrap().clone();
    let claims: Vec<Value> = rows("claims").iter().map(|row| row["claim"].clone()).collect();
    assert_eq!(claims, CLAIMS.map(Value::from));
    assert!(rows("claims").iter().all(|row| row["holds"] == true), "{value}");
    assert_eq!((&value["files"], &value["directories"]), (&4.into(), &2.into()));
    let heads = rows("heads");
    assert_eq!(heads.len(), 5);
    assert!(heads.iter().all(|head| head["digest"] == heads[0]["digest"]), "{value}");
    assert!(heads[0]["entries"].as_u64().unwrap() > 5);

    let roles: Vec<String> = rows("members").iter().map(|row| row["role"].to_string()).collect();
    let count = |role: &str| roles.iter().filter(|one| one.contains(role)).count();
    assert_eq!((count("admin"), count("reader"), count("relay"), roles.len()), (1, 1, 3, 5));
    assert_eq!(value["codes"]["laptop"], value["codes"]["phone"]);
    let attempts = rows("attempts");
    assert_eq!(attempts.len(), 6);
    assert!(attempts.iter().all(|one| one["failed"] == true), "{value}");
    let answers: Vec<&str> = attempts.iter().map(|one| one["answered"].as_str().unwrap()).collect();
    let refusals = ["space.not_served", "login.refused"];
    assert!(answers[..4].iter().all(|answer| refusals.contains(answer)), "{answers:?}");
    assert_eq!(answers[4], "directory.cut");

    assert!(rows("wires").iter().all(|wire| {
        wire["asked_bytes"].as_u64().unwrap() > 0 && wire["answered_bytes"].as_u64().unwrap() > 0
    }));
    assert!(value["searched_bytes"].as_u64().unwrap() > 300_000, "{value}");
    assert!(value["needles"].as_u64().unwrap() > 300_000, "{value}");
    for kept in ["relay/log", "cache/log", "passthrough/log", "traffic/laptop-relay.asked"] {
        assert!(std::fs::metadata(keep.join(kept)).unwrap().len() > 0, "{kept}");
    }
    // A folder that something lies in already is left alone.
    let again = demo(&bench, &["--json", "--keep", text(&keep)], node_program()).await;
    assert_eq!(again.code, Some(2), "{}", again.stderr);
}

/// What a node does that leaks, in the language of the shell. `leak` names a file that it writes, and the run of bytes
/// comes from `$RUN`, in the form of the test.
fn leaking(bench: &Bench, node: &str, leak: &str) -> PathBuf {
    let program = bench.path("leaking-node");
    let real = node_program().display();
    let script = format!(
        "#!/bin/sh\n\
         folder=$(dirname \"$BULLA_NODE_CONFIG\")\n\
         case \"$folder $1\" in\n\
         */{node}\\ run) {leak} ;;\n\
         esac\n\
         exec '{real}' \"$@\"\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    program
}

/// Runs the demo with such a node; the error it must end with.
async fn caught(bench: &Bench, node: &Path) -> String {
    let told = demo(bench, &["--json"], node).await;
    assert_eq!(told.code, Some(4), "{}", told.stderr);
    // All of it was told before; one claim does not hold.
    let value: Value = serde_json::from_slice(&told.stdout).unwrap();
    let mut failed = value["claims"].as_array().unwrap().iter().filter(|row| row["holds"] == false);
    assert_eq!((&failed.next().unwrap()["claim"], failed.next()), (&"leak".into(), None));
    let error: Value = serde_json::from_str(&told.stderr).unwrap();
    assert_eq!((&error["code"], &error["exit"]), (&"demo.leak".into(), &4.into()), "{error}");
    error["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_node_that_writes_64_bytes_of_a_file_is_caught() {
    let bench = Bench::new();
    let run = bench.path("run of bytes");
    std::fs::write(&run, &bytes(1, 300_000)[123_457..][..64]).unwrap();
    let leak = format!("cat '{}' > \"$folder/cache.bin\"", run.display());
    let error = caught(&bench, &leaking(&bench, "relay", &leak)).await;
    assert!(
        error.contains("1 leak, such as 64 bytes of the content of größer/binary.dat"),
        "{error}"
    );
    assert!(error.contains("relay/cache.bin (raw)"), "{error}");
}

#[tokio::test]
async fn a_node_that_logs_64_bytes_of_a_file_in_hexadecimal_is_caught() {
    let bench = Bench::new();
    let digits = HEXLOWER.encode(&bytes(1, 300_000)[98_765..][..64]);
    // An odd number of digits before it: the search must not depend on how they are paired.
    let leak = format!("echo 'debug: chunk=0{digits}' >&2");
    let error = caught(&bench, &leaking(&bench, "passthrough", &leak)).await;
    assert!(
        error.contains("1 leak, such as 64 bytes of the content of größer/binary.dat"),
        "{error}"
    );
    assert!(error.contains("passthrough/log (hex)"), "{error}");
}

/// A label is sealed to the members. That it is said from the very start makes it no word that nodes know anyway.
#[tokio::test]
async fn a_node_that_knows_what_members_call_it_is_caught() {
    let bench = Bench::new();
    let leak = "echo 'info: i am the cache in the office' >&2";
    let error = caught(&bench, &leaking(&bench, "cache", leak)).await;
    assert!(error.contains("1 leak, such as the label 'cache in the office'"), "{error}");
    assert!(error.contains("cache/log (raw)"), "{error}");
}

#[tokio::test]
async fn a_node_that_writes_63_bytes_says_too_little_to_be_sure() {
    let bench = Bench::new();
    let run = bench.path("run of bytes");
    std::fs::write(&run, &bytes(1, 300_000)[123_457..][..63]).unwrap();
    let leak = format!("cat '{}' > \"$folder/cache.bin\"", run.display());
    let told = demo(&bench, &["--json"], &leaking(&bench, "relay", &leak)).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit())
}
