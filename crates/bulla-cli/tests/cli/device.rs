//! A new device comes in by an invitation, with two files between the two programs and a person at each.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use super::support::{Bench, Home, PATIENCE, text};

/// One side of an exchange, whose program runs.
pub(super) struct Side {
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Side {
    pub(super) fn start(home: &Home, words: &[&str]) -> Self {
        let mut command = home.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stderr }
    }

    /// What follows these words in a line that it says, once it says it.
    pub(super) async fn says(&mut self, words: &str) -> String {
        let mut said = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.stderr.next_line()).await;
            let line = line.expect("it says nothing").unwrap();
            let line = line.unwrap_or_else(|| panic!("it never said '{words}', but {said:#?}"));
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
            said.push(line);
        }
    }

    /// The code that it shows.
    pub(super) async fn code(&mut self) -> String {
        self.says("This device shows: ").await
    }

    pub(super) async fn types(&mut self, code: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{code}\n").as_bytes()).await.unwrap();
    }

    /// Asks it to end; how it did.
    pub(super) async fn interrupted(mut self, signal: Signal) -> Option<i32> {
        // Waiting for a child closes its input, which would be another reason to end.
        let _stdin = self.child.stdin.take();
        let process = self.child.id().and_then(|id| i32::try_from(id).ok());
        kill_process(process.and_then(Pid::from_raw).unwrap(), signal).unwrap();
        self.ended().await
    }

    pub(super) async fn ended(self) -> Option<i32> {
        self.ended_with().await.0
    }

    /// It ends with this number, and says this code.
    pub(super) async fn fails(self, number: i32, code: &str) {
        let (ended, said) = self.ended_with().await;
        assert_eq!(ended, Some(number), "{said}");
        assert!(said.contains(&format!("[{code}]")), "{said}");
    }

    /// How it ended, and everything that it said since it was listened to last.
    async fn ended_with(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let mut said = String::new();
        while let Ok(Some(line)) = self.stderr.next_line().await {
            said = said + &line + "\n";
        }
        (status.expect("it does not end").unwrap().code(), said)
    }
}

/// Another code than this one.
pub(super) fn another(code: &str) -> &'static str {
    if code == "00000 00000" { "00000 00001" } else { "00000 00000" }
}

async fn invited(bench: &Bench, laptop: &Home) -> std::path::PathBuf {
    let made = laptop.json(&["invite", "--expires", "60"]).await;
    let file = bench.path("invitation");
    std::fs::write(&file, made["invitation"].as_str().unwrap()).unwrap();
    file
}

#[tokio::test]
async fn two_people_compare_codes_and_the_device_is_in() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create", "--name", "notes"]).await;
    let files = bench.files("files", &[("a letter", Some(b"a letter"))]);
    laptop.ok(&["file", "add", text(&files)]).await;
    let invitation = invited(&bench, &laptop).await;
    assert_eq!(laptop.json(&["invite", "list"]).await[0]["state"], "open");

    let (there, back) = (bench.path("there"), bench.path("back"));
    std::fs::write(&there, "something that was in the file before\n").unwrap();
    let (there, back) = (text(&there), text(&back));
    let add = ["device", "add", "--role", "reader", "--in", there, "--out", back];
    let mut adds = Side::start(&laptop, &add);
    let file = text(&invitation);
    let join = ["device", "join", file, "--name", "notes", "--in", back, "--out", there];
    let mut joins = Side::start(&phone, &join);
    let (one, other) = (adds.code().await, joins.code().await);
    assert_eq!(one, other);
    joins.types(&one).await;
    adds.types(&other.replace(' ', "")).await;
    assert_eq!((adds.ended().await, joins.ended().await), (Some(0), Some(0)));

    let list = laptop.json(&["invite", "list"]).await;
    assert_eq!(
        (&list[0]["state"], &list[0]["device"]),
        (&json!("used"), &json!(phone.key().await))
    );
    let bundle = bench.path("bundle");
    laptop.ok(&["bundle", "export", text(&bundle)]).await;
    phone.ok(&["bundle", "import", text(&bundle)]).await;
    assert_eq!(phone.paths().await, ["a letter"]);
    let members = laptop.json(&["space", "members"]).await;
    let row = members.as_array().unwrap().iter().find(|row| row["label"] == "phone").unwrap();
    assert_eq!((&row["role"], &row["device"]), (&json!("reader"), &json!(phone.key().await)));

    let devices = laptop.json(&["device", "list"]).await;
    let told: Vec<_> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["label"], &row["device"], &row["role"], &row["invitation"], &row["here"]))
        .collect();
    let (me, it) = (json!(laptop.key().await), json!(phone.key().await));
    assert_eq!(
        told,
        [
            (&json!("laptop"), &me, &json!("admin"), &Value::Null, &json!(true)),
            (&json!("phone"), &it, &json!("reader"), &list[0]["invitation"], &json!(false)),
        ]
    );

    // It served once.
    laptop.fails(3, &["device", "add"]).await;
    // A reader offers nothing to anybody, and nobody offers for ever.
    phone.fails(7, &["invite"]).await;
    for time in ["10081", "8d", "0", "soon"] {
        let told = laptop.run(&["invite", "--expires", time]).await;
        assert_eq!(told.code, Some(2), "{time}: {}", told.stderr);
    }
    phone.fails(2, &["device", "join", "bulla-card1-nothing"]).await;
}

#[tokio::test]
async fn a_code_that_differs_lets_nobody_in() {
    let bench = Bench::new();
    let (laptop, phone) = (bench.device("laptop").await, bench.device("phone").await);
    laptop.ok(&["space", "create"]).await;
    let invitation = invited(&bench, &laptop).await;
    let (there, back) = (bench.path("there"), bench.path("back"));
    let (there, back) = (text(&there), text(&back));
    let mut adds = Side::start(&laptop, &["device", "add", "--in", there, "--out", back]);
    let join = ["device", "join", text(&invitation), "--in", back, "--out", there];
    let mut joins = Side::start(&phone, &join);
    let (one, other) = (adds.code().await, joins.code().await);
    adds.types(&other).await;
    // Mistyped once more, and once more: nobody types it right who does not see it.
    for _ in 0..3 {
        joins.types(another(&one)).await;
    }
    assert_eq!((adds.ended().await, joins.ended().await), (Some(7), Some(7)));
    assert_eq!(laptop.json(&["invite", "list"]).await[0]["state"], "cancelled");
    assert_eq!(laptop.json(&["space", "members"]).await.as_array().unwrap().len(), 1);
    assert_eq!(phone.json(&["space", "list"]).await, json!([]));
}

#[tokio::test]
async fn an_invitation_is_drawn_for_a_camera() {
    let bench = Bench::new();
    let laptop = bench.device("laptop").await;
    laptop.ok(&["space", "create"]).await;
    let drawn = laptop.ok(&["invite", "--qr"]).await;
    // A square of half blocks with its quiet zone, and the text beneath.
    let lines: Vec<&str> = drawn.lines().collect();
    let (text, code) = lines.split_last().unwrap();
    assert!(text.starts_with("bulla-invite1-"), "{text}");
    let side = code[0].chars().count();
    assert_eq!(code.len(), side.div_ceil(2));
    assert!(code.iter().all(|line| line.chars().count() == side));
}
