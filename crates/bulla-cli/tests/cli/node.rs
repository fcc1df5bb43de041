//! `bulla node` starts the other program, hands it everything, and ends as it does.

use rustix::process::{Pid, Signal, test_kill_process};

use super::support::{Bench, Relay, configure, text};

#[tokio::test]
async fn a_node_started_by_bulla_ends_when_bulla_is_told_to() {
    let bench = Bench::new();
    let laptop = bench.device("laptop").await;
    let config = configure(&bench, &[(&laptop, "['read', 'write']")]).await;
    let checked = laptop.ok(&["node", "config", "check", "--config", text(&config)]).await;
    assert!(checked.contains("1 peer"), "{checked}");

    let node = Relay::started(laptop.command(&["node", "run", "--config", text(&config)])).await;
    laptop.ok(&["space", "create"]).await;
    laptop.ok(&["sync", &node.url, "--node", &node.key]).await;
    let process = Pid::from_raw(node.process).unwrap();
    assert!(test_kill_process(process).is_ok());
    node.signal(Signal::TERM);
    assert_eq!(node.ended().await, Some(0));
    assert!(test_kill_process(process).is_err(), "the node outlives the one that started it");
}

#[tokio::test]
async fn the_way_a_node_ends_is_handed_on() {
    let bench = Bench::new();
    let home = bench.home("operator");
    let told = home.run(&["node", "run", "--config", text(&bench.path("none.toml"))]).await;
    assert!(told.code.is_some_and(|code| code != 0), "{told:?}");
    assert!(told.stderr.contains("none.toml"), "{told:?}");
    let told = home.run(&["node", "--help"]).await;
    assert_eq!(told.code, Some(0));
    assert!(String::from_utf8(told.stdout).unwrap().contains("Usage: bulla-node"));
    let mut lost = home.command(&["node", "run"]);
    lost.env("BULLA_NODE_PROGRAM", bench.path("no such program"));
    let told = super::support::ended(lost).await;
    assert_eq!(told.code, Some(3));
    assert!(told.stderr.contains("install bulla-node beside bulla"), "{told:?}");
}
