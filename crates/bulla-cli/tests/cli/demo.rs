//! `bulla demo`, and that its search for leaks finds one: with a node that leaks 64 bytes of a file, it must fail.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::support::{Bench, Ended, bulla, bytes, ended, node_program, text};

/// A folder to send: text, something longer than one chunk of 64 bytes, nothing, and an empty directory.
fn folder(bench: &Bench) -> PathBuf {
    let files: [(&str, Option<&[u8]>); 4] = [
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

#[tokio::test]
async fn a_folder_comes_out_of_the_chain_as_it_went_in_and_leaves_no_trace() {
    let bench = Bench::new();
    let told = demo(&bench, &[], node_program()).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(said.contains("Found: nothing."), "{said}");
    let heads = said.split("Heads: ").nth(1).unwrap().split("\n\n").next().unwrap();
    let digests: Vec<&str> =
        heads.split_whitespace().filter(|word| word.len() == 64 && is_hex(word)).collect();
    assert_eq!(digests.len(), 5, "{heads}");
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{heads}");
    for step in ["push it to the relay", "restore it and compare", "search what they wrote"] {
        assert!(told.stderr.contains(step) && said.contains(step), "{step}");
    }
    assert!(said.contains("What the relay could see") && said.contains("bulla --help"));
}

#[tokio::test]
async fn a_demo_for_programs_is_one_json_value_and_keeps_what_was_written() {
    let bench = Bench::new();
    let keep = bench.path("kept");
    let told = demo(&bench, &["--json", "--keep", text(&keep)], node_program()).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let value: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&value["files"], &value["directories"]), (&3.into(), &2.into()));
    let heads = value["heads"].as_array().unwrap();
    assert_eq!(heads.len(), 5);
    assert!(heads.iter().all(|head| head["digest"] == heads[0]["digest"]), "{value}");
    assert!(heads[0]["entries"].as_u64().unwrap() > 5);
    assert!(value["wires"].as_array().unwrap().iter().all(|wire| {
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
