//! The manual, the words kept for later, and completions.

use super::support::{Bench, bulla, ended};

#[tokio::test]
async fn words_kept_for_keys_and_values_say_so_and_do_nothing() {
    let bench = Bench::new();
    let home = bench.home("nobody");
    for words in [&["put", "key", "value"][..], &["get", "key"], &["rm", "-r", "key"], &["ls"]] {
        let error = home.fails(2, words).await;
        assert!(error["error"].as_str().unwrap().contains("keys and values"), "{error}");
        let help = bulla(&["--help"]);
        let manual = String::from_utf8(ended(help).await.stdout).unwrap();
        let listed = |line: &str| line.split_whitespace().next() == Some(words[0]);
        assert!(!manual.lines().any(listed), "{} is listed as a command", words[0]);
    }
    assert!(!home.folder.exists());
}

#[tokio::test]
async fn the_manual_lists_every_command_and_every_exit_code() {
    let told = ended(bulla(&["--help"])).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let manual = String::from_utf8(told.stdout).unwrap();
    for command in [
        "identity",
        "key",
        "space",
        "invite",
        "device",
        "quarantine",
        "erase",
        "recovery",
        "file",
        "entry",
        "sync",
        "bundle",
        "node",
        "verify",
        "backup",
        "demo",
        "bench",
        "completions",
    ] {
        let listed =
            |line: &str| line.strip_prefix("  ").is_some_and(|line| line.starts_with(command));
        assert!(manual.lines().any(listed), "{command}");
        let told = ended(bulla(&["help", command])).await;
        assert_eq!(told.code, Some(0), "{command}: {}", told.stderr);
    }
    for code in 0..=7 {
        assert!(manual.lines().any(|line| line.starts_with(&format!("  {code}  "))), "{code}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let told = ended(bulla(&["completions", shell])).await;
        assert_eq!(told.code, Some(0));
        assert!(String::from_utf8(told.stdout).unwrap().contains("bundle"));
    }
}
