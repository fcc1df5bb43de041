//! What a configuration may say, and what each mistake is called.

use super::*;

const NODE: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const SPACE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("etc/node.toml"), &Overrides::default())
}

fn start() -> &'static str {
    "key_file = 'node.key'\npassphrase_file = '/run/passphrase'\ndata_dir = 'data'"
}

fn full() -> String {
    format!(
        "{}
[listen]
address = '127.0.0.1:0'
[admin]
address = '127.0.0.1:0'
[log]
level = 'debug'
format = 'json'
[http]
head_timeout_ms = 500
[service]
max_feeds = 3
[disk]
durability = {{ interval_ms = 100 }}
[cache]
max_bytes = 10_000_000
[[upstream]]
name = 'origin'
url = 'https://origin.example:7440'
node = '{NODE}'
networks = ['10.0.0.0/8', 'fd00::/8']
client = {{ connect_ms = 100 }}
follow = {{ first_retry_ms = 50 }}
[[space]]
id = '{SPACE}'
mode = 'relay'
allow = [{{ peer = '{NODE}', rights = ['read', 'write'], label = 'laptop' }}]
[[space]]
id = '*'
mode = 'cache'
upstream = 'origin'
cache = {{ negative_ms = 100 }}
access = 'list'
",
        start()
    )
}

#[test]
fn a_whole_configuration_is_read() {
    let config = parse(&full()).unwrap();
    assert_eq!(config.key_file, Path::new("etc/node.key"), "relative to the file's folder");
    assert_eq!(config.passphrase_file, Path::new("/run/passphrase"));
    assert_eq!(config.log, LogConfig { level: LogLevel::Debug, format: LogFormat::Json });
    assert_eq!(config.http.get_ref().head_timeout_ms, 500);
    let follow = FollowConfig { first_retry_ms: 50, ..FollowConfig::default() };
    assert_eq!(config.upstreams[0].follow(), follow);
    assert_eq!(config.disk.durability, DurabilityConfig::IntervalMs(100));
    assert_eq!(
        config.spaces[0].allow()[0].rights(),
        bulla_server::Rights { read: true, write: true, carry: false }
    );
    assert_eq!(*config.spaces[1].id.get_ref(), SpacePattern::Every);
    assert!(config.has(Mode::Relay) && config.has(Mode::Cache) && !config.has(Mode::Passthrough));
    assert_eq!(config.store_folder().unwrap(), Path::new("etc/data/store"));
    assert_eq!(config.cache_folder().unwrap(), Path::new("etc/data/cache"));
    assert_eq!(config.cache.get_ref().max_bytes(CacheStorageKind::Disk), 10_000_000);
}

/// NODE-8: a table with a list means what it meant before there was anything else.
#[test]
fn a_space_is_judged_by_itself_unless_there_is_a_list() {
    let with = |space: &str| {
        let text = format!("{}\n[listen]\naddress = '127.0.0.1:0'\n[[space]]\n{space}", start());
        parse(&text).map(|config| config.spaces[0].clone())
    };
    let relay = format!("id = '{SPACE}'\nmode = 'relay'\n");
    assert_eq!(with(&relay).unwrap().access(), AccessKind::Directory);
    assert_eq!(with(&format!("{relay}allow = []")).unwrap().access(), AccessKind::List);
    assert_eq!(with(&format!("{relay}access = 'list'")).unwrap().access(), AccessKind::List);
    let listed = format!("[[space.allow]]\npeer = '{NODE}'\nrights = ['read']");
    assert_eq!(with(&format!("{relay}{listed}")).unwrap().access(), AccessKind::List);

    let every = "id = '*'\nmode = 'relay'\n";
    let accept = with(&format!("{every}accept = {{ from = 'members' }}")).unwrap().accept.unwrap();
    let AcceptConfig { from, max_spaces, max_spaces_per_peer } = accept.into_inner();
    assert_eq!((from, max_spaces, max_spaces_per_peer), (AcceptFrom::Members, 1_024, 16));
    for wrong in ["max_spaces = 0", "max_spaces_per_peer = 0", "max_spaces = 1_000_001"] {
        let error = with(&format!("{every}accept = {{ from = 'anyone', {wrong} }}")).unwrap_err();
        assert!(error.to_string().contains("must be 1 to 1,000,000"), "{error}");
    }
}

#[test]
fn overrides_count_more_than_the_file_and_are_checked_with_it() {
    let overrides = Overrides {
        listen: Some("127.0.0.1:7".parse().unwrap()),
        log_level: Some(LogLevel::Trace),
        ..Overrides::default()
    };
    let config = Config::parse(&full(), Path::new("node.toml"), &overrides).unwrap();
    assert_eq!(config.listen.address.get_ref().port(), 7);
    assert_eq!(config.log.level, LogLevel::Trace);
    let open = Overrides { listen: Some("0.0.0.0:7".parse().unwrap()), ..Overrides::default() };
    let error = Config::parse(&full(), Path::new("node.toml"), &open).unwrap_err();
    assert!(error.to_string().contains("plain HTTP is for loopback"), "{error}");
}

/// Each mistake, made in the whole configuration, with the line and the words of its error.
#[test]
fn mistakes_are_named_with_their_line() {
    let other = NODE.replace('d', "e");
    let cases: &[(&str, &str, usize, &str)] = &[
        ("key_file", "kee_file", 1, "unknown field `kee_file`"),
        ("level = 'debug'", "level = 'loud'", 9, "unknown variant `loud`"),
        ("head_timeout_ms = 500", "head_timeout_ms = 0", 11, "head_timeout_ms must be"),
        ("head_timeout_ms = 500", "head_timeout_s = 1", 12, "unknown field `head_timeout_s`"),
        ("max_feeds = 3", "max_feeds = 'x'", 14, "invalid type"),
        ("interval_ms = 100", "interval_s = 100", 16, "unknown variant `interval_s`"),
        ("https://origin", "http://origin", 21, "plain http is for loopback addresses only"),
        ("https://origin", "ftp://origin", 21, "is not an address of a node"),
        ("https://origin", "https://user@origin", 21, "is not an address of a node"),
        (NODE, &NODE[1..], 22, "expected 64 hexadecimal digits for a node key"),
        ("10.0.0.0/8", "10.0.0.0", 23, "is not a network"),
        ("10.0.0.0/8", "10.0.0.0/0", 23, "is not a network"),
        ("10.0.0.0/8", "10.0.0.0/33", 23, "is not a network"),
        ("first_retry_ms = 50", "first_retry_ms = 0", 25, "follow.first_retry_ms must be"),
        ("first_retry_ms = 50", "longest_retry_ms = 99", 25, "follow.first_retry_ms must be"),
        ("first_retry_ms = 50", "longest_retry_ms = 5_001", 25, "at most 5,000"),
        ("first_retry_ms = 50", "max_control_entries = 0", 25, "must be 1 to 1,000,000"),
        ("first_retry_ms = 50", "max_control_entries = 1_000_001", 25, "must be 1 to 1,000,000"),
        (SPACE, "a", 27, "expected 64 hexadecimal digits for a space id"),
        ("mode = 'relay'", "mode = 'rely'", 28, "unknown variant `rely`"),
        ("mode = 'relay'", "mode = 'passthrough'", 28, "an upstream is needed"),
        ("'read', 'write'", "'read', 'erase'", 29, "unknown variant `erase`"),
        ("'read', 'write'", "", 29, "rights must name at least one right"),
        ("id = '*'", &format!("id = '{SPACE}'"), 31, "configured already"),
        ("upstream = 'origin'", "upstream = 'orgin'", 33, "there is no upstream orgin"),
        ("max_bytes = 10_000_000", "max_bytes = 10", 17, "at least 4 MiB"),
        ("max_bytes = 10_000_000", "storage = 'tape'", 18, "unknown variant `tape`"),
        ("negative_ms = 100", "negative_ms = 6_000", 32, "at most 5,000"),
        ("negative_ms = 100", "max_bytes = 5_000_000", 34, "unknown field `max_bytes`"),
        ("mode = 'cache'", "mode = 'relay'", 33, "a relay has no upstream"),
        ("mode = 'cache'", "mode = 'passthrough'", 32, "only a cache has cache settings"),
        ("data_dir = 'data'", "", 28, "a relay needs data_dir"),
        ("access = 'list'", "", 32, "has a table of its own"),
        ("access = 'list'", "access = 'all'", 35, "unknown variant `all`"),
        ("mode = 'relay'", "access = 'directory'\nmode = 'relay'", 30, "has no list"),
        ("access = 'list'", "accept = { from = 'anyone' }\naccess = 'list'", 35, "accept is for"),
        ("'127.0.0.1:0'", "'0.0.0.0:0'", 5, "plain HTTP is for loopback addresses"),
        ("'127.0.0.1:0'", "'localhost'", 5, "invalid socket address"),
        ("[admin]", "certificate = 'c'\n[admin]", 5, "belong together"),
        ("[admin]", "certificate = 'c'\nprivate_key = 'k'\n[admin]", 5, "origins are needed"),
        ("[admin]", "origins = ['relay.example']\n[admin]", 6, "an origin is"),
        ("[admin]", "origins = ['http://relay.example/x']\n[admin]", 6, "an origin is"),
        (
            "[[space]]",
            &format!(
                "[[upstream]]\nname = 'origin'\nurl = 'https://o'\nnode = '{other}'\n[[space]]"
            ),
            27,
            "there is an upstream origin already",
        ),
        ("'node.key'", "'node.key", 1, "string"),
    ];
    for (from, to, line, words) in cases {
        let text = full().replacen(from, to, 1);
        assert_ne!(text, full(), "{from}");
        match parse(&text).map(|_| ()) {
            Err(ConfigError::Line { line: actual, message, path }) => {
                assert!(message.contains(words), "{to}: {message}");
                assert_eq!(
                    (actual, path.as_path()),
                    (*line, Path::new("etc/node.toml")),
                    "{to}: {message}"
                );
            }
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn caches_are_on_disk_where_there_is_a_folder_for_data() {
    let text = full();
    let in_memory = text.replacen("max_bytes = 10_000_000", "storage = 'memory'", 1);
    let config = parse(&in_memory).unwrap();
    assert_eq!(config.cache_folder(), None);
    assert_eq!(config.cache.get_ref().max_bytes(CacheStorageKind::Memory), 256 << 20);
    let (_, without_relay) = text.split_once("[[upstream]]").unwrap();
    let (upstream, rest) = without_relay.split_once("[[space]]").unwrap();
    let (_, cache) = rest.split_once("[[space]]").unwrap();
    let start = "key_file = 'k'\npassphrase_file = 'p'\n[listen]\naddress = '127.0.0.1:0'\n";
    let alone = format!("{start}[[upstream]]{upstream}[[space]]{cache}");
    assert_eq!(parse(&alone).unwrap().cache_folder(), None, "nowhere to keep it");
    let nowhere = alone.replacen("[[upstream]]", "[cache]\nstorage = 'disk'\n[[upstream]]", 1);
    let error = parse(&nowhere).unwrap_err().to_string();
    assert!(error.contains("a cache on disk needs data_dir"), "{error}");
}

#[test]
fn a_card_is_as_good_as_a_key() {
    use bulla_identity::{DeviceKeys, OsRandomness};
    let device = DeviceKeys::generate(&OsRandomness).unwrap();
    let card = device.card("laptop").unwrap().to_string();
    let text = full().replacen(&format!("peer = '{NODE}'"), &format!("peer = '{card}'"), 1);
    let config = parse(&text).unwrap();
    assert_eq!(config.spaces[0].allow()[0].peer, PeerText(device.author().into()));
}

#[test]
fn the_spaces_own_list_alone_counts() {
    let text =
        full() + &format!("allow = [{{ peer = '{NODE}', rights = ['read', 'write', 'carry'] }}]\n");
    let config = parse(&text).unwrap();
    let rules = crate::access::rules(&config);
    let peer: bulla_core::PeerKey = NODE.parse().unwrap();
    assert!(!rules.rights(&peer, &SPACE.parse().unwrap()).carry);
    assert!(rules.rights(&peer, &bulla_core::SpaceId([1; 32])).carry);
}

#[test]
fn the_example_is_a_configuration() {
    let text = include_str!("../../systemd/node.toml");
    let config = Config::parse(text, Path::new("/etc/bulla/node.toml"), &Overrides::default());
    let config = config.unwrap();
    assert!(config.listen.is_tls() && config.has(Mode::Relay));
    assert_eq!(config.key_file, Path::new("/etc/bulla/node.key"));
}

/// The reference of the spec has every setting with its default, and every figure (NODE-8, NODE-10, NODE-30, NODE-62).
#[test]
fn the_reference_is_true_to_the_program() {
    use serde_json::{Value, to_value};
    let chapter = include_str!("../../../../spec/node.md");
    let grouped = |number: u64| {
        let digits = number.to_string();
        let groups: Vec<_> =
            digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        groups.join(",")
    };
    let sections = [
        ("", to_value(HttpSettings::default()).unwrap()),
        ("", to_value(ServiceSettings::default()).unwrap()),
        ("", to_value(MailboxSettings::default()).unwrap()),
        ("client.", to_value(bulla_client::ClientSettings::default()).unwrap()),
        ("follow.", to_value(FollowConfig::default()).unwrap()),
    ];
    for (prefix, settings) in sections {
        for (key, value) in settings.as_object().unwrap() {
            let default = match value {
                _ if key == "verify_threads" => "one a core".to_owned(),
                Value::Bool(value) => format!("`{value}`"),
                value => grouped(value.as_u64().unwrap()),
            };
            let row = format!("\n| `{prefix}{key}` | {default} |");
            assert!(chapter.contains(&row), "{row}");
        }
    }
    let freshness = FreshnessConfig::default();
    for (key, value) in [
        ("cache.freshness_ms", freshness.freshness_ms),
        ("cache.negative_ms", freshness.negative_ms),
        ("cache.away_ms", freshness.away_ms),
        ("disk.low_water_bytes", DiskConfig::default().options().low_water_bytes),
        ("disk.cache_bytes", DiskConfig::default().options().cache_bytes as u64),
    ] {
        let row = format!("\n| `{key}` | {} |", grouped(value));
        assert!(chapter.contains(&row), "{row}");
    }
    let figures = bulla_server::Figures::new().to_prometheus();
    let names = figures.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in names {
        assert!(chapter.contains(&format!("`{name}")), "{name}");
    }
}

/// Clauses: PAIR-40, NODE-31.
#[test]
fn mailboxes_are_off_and_have_bounds() {
    let listen = "[listen]\naddress = '127.0.0.1:0'";
    let with = |section: &str| parse(&format!("{}\n{listen}\n{section}", start()));
    assert!(!with("").unwrap().service_settings().mailbox.enabled);
    let on = with("[mailbox]\nenabled = true\nmax_mailboxes = 9\n").unwrap().service_settings();
    assert!(on.mailbox.enabled);
    assert_eq!((on.mailbox.max_mailboxes, on.mailbox.max_per_peer), (9, 16));
    for wrong in ["max_mailboxes = 0", "max_per_peer = 4097", "lifetime_ms = 1", "enabled = 1"] {
        with(&format!("[mailbox]\n{wrong}\n")).unwrap_err();
    }
    // Nor where the service has its bounds: one place each.
    with("[service]\nmailbox = { enabled = true }\n").unwrap_err();
}
