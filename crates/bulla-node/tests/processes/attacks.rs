//! The rows of the catalogue that only show in the program as it runs; the others are in the crates they belong to.

#[path = "attacks/a46_tokens_of_other_nodes.rs"]
mod a46_tokens_of_other_nodes;
#[path = "attacks/a50_existence.rs"]
mod a50_existence;
#[path = "attacks/a51_led_elsewhere.rs"]
mod a51_led_elsewhere;
#[path = "attacks/a52_confused_deputy.rs"]
mod a52_confused_deputy;
#[path = "attacks/a52_hits_and_members.rs"]
mod a52_hits_and_members;
#[path = "attacks/a53_absent_for_a_while.rs"]
mod a53_absent_for_a_while;
#[path = "attacks/a54_rings.rs"]
mod a54_rings;
#[path = "attacks/a55_slow_peers.rs"]
mod a55_slow_peers;
#[path = "attacks/a62_what_logs_tell.rs"]
mod a62_what_logs_tell;
#[path = "attacks/a64_feeds_that_outlive_rights.rs"]
mod a64_feeds_that_outlive_rights;
#[path = "attacks/a64_revoked_devices.rs"]
mod a64_revoked_devices;
#[path = "attacks/a64_revoked_nodes.rs"]
mod a64_revoked_nodes;
