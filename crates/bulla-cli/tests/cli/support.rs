//! Homes of devices, a relay, and the two programs.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// No program here may take longer for anything, on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// The `bulla-node` beside the `bulla` under test. Whatever builds the whole workspace has built it; a build of this
/// package alone has not, so that it is built here.
pub(crate) fn node_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_bulla")).parent().unwrap();
        let program = folder.join("bulla-node");
        if !program.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
            let mut build = std::process::Command::new(cargo);
            build.args(["build", "--locked", "--package", "bulla-node"]);
            build.arg("--target-dir").arg(folder.parent().unwrap());
            if folder.ends_with("release") {
                build.arg("--release");
            }
            let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
            assert!(status.success(), "bulla-node does not build");
        }
        program
    })
}

/// A folder for a test, removed at its end.
pub(crate) struct Bench(TempDir);

/// The home of one device.
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    passphrase: PathBuf,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A home that does not exist yet, with a passphrase of its own.
    pub(crate) fn home(&self, name: &str) -> Home {
        let passphrase = self.path(&format!("{name}.passphrase"));
        secret_file(&passphrase, &format!("the passphrase of {name}"));
        Home { folder: self.path(name), passphrase }
    }

    /// A home with an identity.
    pub(crate) async fn device(&self, name: &str) -> Home {
        let home = self.home(name);
        home.ok(&["identity", "create", "--label", name]).await;
        home
    }

    /// A copy of a home as it is now, as a backup or a thief has it.
    pub(crate) fn copy_of(&self, home: &Home, name: &str) -> Home {
        let folder = self.path(name);
        copy_folder(&home.folder, &folder);
        Home { folder, passphrase: home.passphrase.clone() }
    }

    /// Makes a folder of files: names and contents, `None` for directories.
    pub(crate) fn files(&self, name: &str, files: &[(&str, Option<&[u8]>)]) -> PathBuf {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (path, content) in files {
            let path = folder.join(path);
            match content {
                Some(content) => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, content).unwrap();
                }
                None => std::fs::create_dir_all(path).unwrap(),
            }
        }
        folder
    }
}

impl Home {
    /// The program with this home, and nothing else from outside.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = bulla(arguments);
        command.env("BULLA_HOME", &self.folder).env("BULLA_PASSPHRASE_FILE", &self.passphrase);
        command
    }

    pub(crate) async fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ended {
        ended(self.command(arguments)).await
    }

    /// Runs a command that must succeed; what it prints.
    pub(crate) async fn ok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{:?}: {}", text_of(arguments), ended.stderr);
        String::from_utf8(ended.stdout).unwrap()
    }

    /// The same with `--json`; what it prints must be JSON, and nothing may stand beside it.
    pub(crate) async fn json<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Value {
        let mut command = self.command(&["--json"]);
        command.args(arguments);
        let ended = ended(command).await;
        let arguments = text_of(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        serde_json::from_slice(&ended.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {:?}", ended.stdout))
    }

    /// Runs a command that must fail, for people and for programs alike: the error that programs get, after a check that
    /// people get the same message and some help.
    pub(crate) async fn fails<S: AsRef<OsStr>>(&self, code: i32, arguments: &[S]) -> Value {
        let mut command = self.command(&["--json"]);
        command.args(arguments);
        let told = ended(command).await;
        let arguments_text = text_of(arguments);
        assert_eq!(told.code, Some(code), "{arguments_text:?}: {}", told.stderr);
        let error: Value = serde_json::from_str(&told.stderr)
            .unwrap_or_else(|error| panic!("{arguments_text:?}: {error}: {}", told.stderr));
        assert_eq!(error["exit"], code, "{error}");
        let people = self.run(arguments).await;
        assert_eq!(people.code, Some(code), "{arguments_text:?}: {}", people.stderr);
        assert!(people.stderr.contains("error: "), "{}", people.stderr);
        assert!(people.stderr.contains("help: "), "{arguments_text:?}: {}", people.stderr);
        error
    }

    pub(crate) async fn card(&self) -> String {
        self.ok(&["identity", "card"]).await.trim().to_owned()
    }

    /// Runs a command with `--json` that may fail: its number, what it prints, and its error.
    pub(crate) async fn told<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
    ) -> (Option<i32>, Value, Value) {
        let mut command = self.command(&["--json"]);
        command.args(arguments);
        let ended = ended(command).await;
        let printed = serde_json::from_slice(&ended.stdout).unwrap_or(Value::Null);
        let error = serde_json::from_str(&ended.stderr).unwrap_or(Value::Null);
        (ended.code, printed, error)
    }

    /// Stores one small file of that name and content.
    pub(crate) async fn add(&self, bench: &Bench, name: &str, group: Option<&str>) -> Value {
        let folder = bench.files(&format!("{name} to add"), &[(name, Some(name.as_bytes()))]);
        let group = group.map(|group| ["--group", group]);
        let mut arguments = vec!["file", "add", text(&folder)];
        arguments.extend(group.iter().flatten());
        self.json(&arguments).await
    }

    /// The digest of the entries of the only space here.
    pub(crate) async fn digest(&self) -> String {
        self.json(&["space", "status"]).await["digest"].as_str().unwrap().to_owned()
    }

    /// The id of the only space here.
    pub(crate) async fn space(&self) -> String {
        self.json(&["space", "status"]).await["space"].as_str().unwrap().to_owned()
    }

    /// The key of this device.
    pub(crate) async fn key(&self) -> String {
        self.json(&["identity", "show"]).await["device"].as_str().unwrap().to_owned()
    }

    /// Another device joins the only space here and is granted a role in it; it knows of that after a sync.
    pub(crate) async fn share_with(&self, other: &Self, role: &str) {
        let space = self.space().await;
        other.ok(&["space", "join", &space, "--name", "notes"]).await;
        let card = other.ok(&["space", "card"]).await;
        let label = other.folder.file_name().unwrap().to_str().unwrap();
        self.ok(&["space", "grant", card.trim(), "--role", role, "--label", label]).await;
    }

    /// Where paths and sizes of all files stand, as `file list` tells it.
    pub(crate) async fn paths(&self) -> Vec<String> {
        let list = self.json(&["file", "list"]).await;
        let path = |file: &Value| file["path"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(path).collect()
    }
}

/// The program under test, without a home.
pub(crate) fn bulla<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BULLA_") {
            command.env_remove(name);
        }
    }
    command.env("BULLA_DANGEROUS_WORK_FACTOR", "2").env("BULLA_NODE_PROGRAM", node_program());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a program to its end.
pub(crate) async fn ended(mut command: Command) -> Ended {
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let Output { status, stdout, stderr } = output.expect("it hangs").unwrap();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    Ended { code: status.code(), stdout, stderr }
}

/// A node whose process runs. Dropped, it is killed.
pub(crate) struct Relay {
    pub(crate) url: String,
    pub(crate) key: String,
    /// The process that serves.
    pub(crate) process: i32,
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Relay {
    /// A relay as the README sets one up, for devices by their cards; each with the rights named.
    pub(crate) async fn start(bench: &Bench, devices: &[(&Home, &str)]) -> Self {
        let config = configure(bench, devices).await;
        let mut command = Command::new(node_program());
        command.args(["run", "--config"]).arg(&config);
        Self::started(command).await
    }

    /// A relay of one space, which serves whoever has a role in it.
    pub(crate) async fn of_members(bench: &Bench, space: &str) -> Self {
        let table = format!("id = \"{space}\"\nmode = \"relay\"\n");
        let config = configure_space(bench, &table).await;
        let mut command = Command::new(node_program());
        command.args(["run", "--config"]).arg(&config);
        Self::started(command).await
    }

    /// A relay of the only space of an admin, in which it has its role; others hear of that by the admin's next sync.
    pub(crate) async fn granted(bench: &Bench, admin: &Home) -> Self {
        let relay = Self::of_members(bench, &admin.space().await).await;
        admin.ok(&["space", "grant", &relay.key, "--role", "relay"]).await;
        relay
    }

    /// A relay of one space with mailboxes by these settings. Clients reach it by the address given, else by its own.
    pub(crate) async fn with_mailboxes(
        bench: &Bench,
        space: &str,
        settings: &str,
        address: Option<&str>,
    ) -> Self {
        let table = format!(
            "id = \"{space}\"\nmode = \"relay\"\n\n[mailbox]\nenabled = true\n{settings}\n"
        );
        let config = configure_space(bench, &table).await;
        if let Some(address) = address {
            let text = std::fs::read_to_string(&config).unwrap();
            let listen = format!("[listen]\norigins = [\"{address}\"]");
            std::fs::write(&config, text.replace("[listen]", &listen)).unwrap();
        }
        let mut command = Command::new(node_program());
        command.args(["run", "--config"]).arg(&config);
        Self::started(command).await
    }

    /// A node of a folder with its configuration, key and data.
    pub(crate) async fn of_folder(folder: &Path) -> Self {
        let mut command = Command::new(node_program());
        command.args(["run", "--config"]).arg(folder.join("node.toml"));
        Self::started(command).await
    }

    /// What `bulla sync` is told to use it.
    pub(crate) fn sync(&self) -> [&str; 4] {
        ["sync", &self.url, "--node", &self.key]
    }

    /// Starts a command that becomes a node, and waits until it says that it serves.
    pub(crate) async fn started(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, stdout.next_line()).await;
        let line = line.expect("the node does not start").unwrap().expect("the node ended");
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://{}", ready["listen"].as_str().unwrap());
        let key = ready["node"].as_str().unwrap().to_owned();
        let process = i32::try_from(ready["pid"].as_i64().unwrap()).unwrap();
        Self { url, key, process, child, _stdout: stdout }
    }

    /// Sends a signal to the process that was started, whether it serves or started the one that does.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok());
        kill_process(process.and_then(Pid::from_raw).unwrap(), signal).unwrap();
    }

    /// Waits until the process that was started has ended.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        status.expect("the node does not end").unwrap().code()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended().await, Some(0));
    }
}

/// Writes the configuration of a relay of every space that serves a list of devices, and makes its key.
pub(crate) async fn configure(bench: &Bench, devices: &[(&Home, &str)]) -> PathBuf {
    let mut table = String::from("id = \"*\"\nmode = \"relay\"\n");
    for (device, rights) in devices {
        let card = device.card().await;
        table += &format!("\n[[space.allow]]\npeer = \"{card}\"\nrights = {rights}\n");
    }
    configure_space(bench, &table).await
}

/// Writes the configuration of a node with this table of a space, and makes its key.
async fn configure_space(bench: &Bench, table: &str) -> PathBuf {
    let folder = bench.path("node");
    std::fs::create_dir_all(&folder).unwrap();
    secret_file(&folder.join("passphrase"), "the passphrase of the node");
    let text = format!(
        r#"key_file = "node.key"
passphrase_file = "passphrase"          # a file of one line that only you may read
data_dir = "data"

[listen]
address = "127.0.0.1:0"

[[space]]
{table}"#
    );
    let config = folder.join("node.toml");
    std::fs::write(&config, text).unwrap();
    for arguments in [["key", "create"], ["config", "check"]] {
        let mut command = Command::new(node_program());
        command.args(arguments).arg("--config").arg(&config).stdin(Stdio::null());
        let ended = ended_of(command).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    }
    config
}

async fn ended_of(mut command: Command) -> Ended {
    command.env("BULLA_DANGEROUS_WORK_FACTOR", "2").kill_on_drop(true);
    ended(command).await
}

/// Copies a folder that nobody writes to.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A file that only its owner may read.
pub(crate) fn secret_file(path: &Path, line: &str) {
    std::fs::write(path, format!("{line}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn text_of<S: AsRef<OsStr>>(arguments: &[S]) -> Vec<String> {
    arguments.iter().map(|argument| argument.as_ref().to_string_lossy().into_owned()).collect()
}

/// Bytes that do not repeat, different for each seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut output);
    output
}
