//! Starting unattended, and everything that keeps a node from it.

use std::process::Stdio;

use crate::support::{
    Bench, PASSPHRASE, cx, device, eventually, peer, pull, put, relay, secret_file, stderr, world,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_unattended_with_the_passphrase_from_a_file() {
    let (bench, laptop, world) = (Bench::new(), device(), world(1));
    let node = bench.relay("relay", world.space(), &[peer(&laptop)]).await;
    assert_eq!(node.ready.node, node.id.to_string());
    let store = node.store(&laptop, world.space());
    let entries = world.entries(0, 3).unwrap();
    put(&*store, &entries).await;
    assert_eq!(pull(&*store).await.len(), 3);
    node.stop().await;
}

/// NODE-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_unattended_with_the_passphrase_from_a_descriptor() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(&relay(world(1).space(), &[]));
    std::fs::remove_file(site.path("passphrase")).unwrap();
    // The shell gives the process descriptor 3, as a service manager would; no file holds the passphrase.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec 3<&0; exec \"$0\" \"$@\" 0</dev/null"]);
    let run = site.run_command();
    shell.arg(run.get_program()).args(run.get_args());
    shell.args(["--passphrase-file", "/dev/fd/3"]).stdin(Stdio::piped());
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, PASSPHRASE.as_bytes()).unwrap();
    drop(writer);
    shell.stdin(reader);
    site.start_by(shell).await.stop().await;
}

#[test]
fn a_wrong_passphrase_is_its_own_error() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(&relay(world(1).space(), &[]));
    std::fs::remove_file(site.path("passphrase")).unwrap();
    secret_file(&site.path("passphrase"), "correct horse battery stable");
    for command in [["run"].as_slice(), &["config", "check"], &["key", "show"]] {
        let (exit, error) = site.fail(command);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains("node.key") && error.contains("passphrase"), "{error}");
        assert!(!error.contains("stable"), "the passphrase is never printed: {error}");
    }
    assert!(!site.path("data").exists(), "nothing was touched");
}

#[test]
fn a_passphrase_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(&relay(world(1).space(), &[]));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(site.path("passphrase"), open).unwrap();
    let (exit, error) = site.fail(&["run"]);
    assert_eq!(exit, 2);
    assert!(error.contains("may read or change the passphrase file"), "{error}");
}

/// NODE-1.
#[test]
fn an_unknown_key_of_the_configuration_is_named_with_its_line() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure("[http]\nhead_timeout = 3\n");
    for command in [["run"].as_slice(), &["config", "check"]] {
        let (exit, error) = site.fail(command);
        assert_eq!(exit, 2);
        assert!(error.contains("node.toml, line 12: unknown field `head_timeout`"), "{error}");
    }
}

/// NODE-5.
#[test]
fn config_check_says_what_the_node_would_do() {
    let bench = Bench::new();
    let (site, laptop) = (bench.site("relay"), device());
    site.configure(&relay(world(1).space(), &[peer(&laptop)]));
    let said = site.say(&["config", "check"]);
    assert!(said.contains("listens on 127.0.0.1:0 (plain http)"), "{said}");
    assert!(said.contains("kept on disk, 1 peer is allowed"), "{said}");
    assert!(said.contains(&site.id.to_string()), "{said}");
    assert_eq!(site.say(&["key", "show"]).trim(), site.id.to_string());
    assert!(!site.path("data").exists(), "checking opens no database");
}

/// NODE-4.
#[test]
fn a_key_is_never_replaced() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure("");
    let before = std::fs::read(site.path("node.key")).unwrap();
    let (exit, error) = site.fail(&["key", "create"]);
    assert_eq!(exit, 2, "{error}");
    assert_eq!(std::fs::read(site.path("node.key")).unwrap(), before);
}

/// NODE-9, NODE-80.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_on_the_same_database_is_refused_and_the_first_goes_on() {
    let (bench, laptop, world) = (Bench::new(), device(), world(2));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let first = site.start().await;
    let store = first.store(&laptop, world.space());
    let entries = world.entries(0, 4).unwrap();
    put(&*store, &entries[..2]).await;

    let (exit, error) = site.fail(&["run"]);
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("is open in another process"), "{error}");
    // What works on the database says what to do instead.
    for command in [["space", "list"].as_slice(), &["verify"], &["compact"], &["backup", "x"]] {
        let (exit, error) = site.fail(command);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains("stop it first"), "{error}");
        assert!(error.contains("/metrics") && error.contains("/spaces"), "{error}");
    }
    assert!(!site.path("x").exists());

    put(&*store, &entries[2..]).await;
    assert_eq!(pull(&*store).await.len(), 4, "the first goes on");
    first.stop().await;
    assert!(site.say(&["space", "list"]).contains("4 entries"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_is_named_and_the_database_is_not_touched() {
    let (bench, world) = (Bench::new(), world(3));
    let first = bench.relay("first", world.space(), &[]).await;
    let second = bench.site("second");
    let listen = format!("address = '{}'", first.ready.listen);
    second.configure_listen(&listen, &relay(world.space(), &[]));
    let (exit, error) = second.fail(&["run"]);
    assert_eq!(exit, 1);
    assert!(error.contains(&format!("cannot listen on {}", first.ready.listen)), "{error}");
    assert!(!second.path("data").exists());
}

/// NODE-60, NODE-62, NODE-64.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_pages_are_on_the_admin_address_only() {
    let (bench, laptop, world) = (Bench::new(), device(), world(4));
    let node = bench.relay("relay", world.space(), &[peer(&laptop)]).await;
    let store = node.store(&laptop, world.space());
    put(&*store, &world.entries(0, 2).unwrap()).await;
    assert_eq!(node.page("/live").await, (200, "live\n".to_owned()));
    assert_eq!(node.page("/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(node.figure("bulla_ready").await, 1);
    assert_eq!(node.figure("bulla_answers_total{route=\"put\",status=\"2xx\"}").await, 1);
    assert!(node.figure("bulla_commits_total").await >= 1);
    assert_eq!(node.page("/v1/capabilities").await.0, 404, "no clients here");
    let (status, spaces) = node.page("/spaces").await;
    assert_eq!(status, 200);
    let spaces: serde_json::Value = serde_json::from_str(&spaces).unwrap();
    assert_eq!(spaces["spaces"][0]["space"], world.space().to_string());
    assert_eq!(spaces["spaces"][0]["entries"], 2);
    assert_eq!(spaces["spaces"][0]["payload_bytes"], 128);
    assert_eq!(spaces["end"], true);
    assert_eq!(node.page("/spaces?after=x").await.0, 400);
    for path in ["/live", "/ready", "/metrics", "/spaces"] {
        let reply = crate::raw::get(node.ready.listen, path, &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "request.route"), "{path}");
    }
    node.stop().await;
}

/// `Type=notify`: the service manager hears when the node serves, when it reloads and when it stops (NODE-56).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(&relay(world(5).space(), &[]));
    let socket = std::os::unix::net::UnixDatagram::bind(bench.path().join("notify")).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut run = site.run_command();
    run.env("NOTIFY_SOCKET", bench.path().join("notify"));
    let node = site.start_by(run).await;
    let heard = async || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    };
    assert_eq!(eventually("it says it is ready", heard).await, "READY=1");
    node.reload().await;
    let reloading = eventually("it says it reloads", heard).await;
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(eventually("it says it has", heard).await, "READY=1");
    node.stop().await;
    assert_eq!(eventually("it says it stops", heard).await, "STOPPING=1");
}

#[test]
fn help_names_every_command() {
    let bench = Bench::new();
    let output = bench.site("relay").program().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout.clone()).unwrap();
    for command in ["run", "config", "key", "space", "verify", "backup", "restore", "compact"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}{}", stderr(&output));
    }
}

/// NODE-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_newer_format_is_refused_by_name() {
    let (bench, laptop, world) = (Bench::new(), device(), world(6));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let node = site.start().await;
    put(&*node.store(&laptop, world.space()), &world.entries(0, 2).unwrap()).await;
    node.stop().await;
    let format = site.path("data/store/format");
    let before = std::fs::read_to_string(&format).unwrap();
    let newer = "bulla store 99\n";
    assert!(before.starts_with("bulla store "));
    std::fs::write(&format, newer).unwrap();
    let (exit, error) = site.fail(&["run"]);
    assert_eq!(exit, 1);
    assert!(error.contains("has store format 99, this program knows"), "{error}");
    assert_eq!(std::fs::read_to_string(&format).unwrap(), newer, "left alone");
    std::fs::write(&format, before).unwrap();
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    assert_eq!(store.head(&cx()).await.unwrap().last_receipt, 2, "nothing was lost");
    node.stop().await;
}
