//! What happened, for people and for programs.

use std::path::Path;

use bulla::SpaceMember;
use serde_json::{Value, json};

use super::claims::{Act, Claims};
use super::folder::Sent;
use super::lost::Attempt;
use super::nodes::Carried;
use super::pairing::Paired;
use super::search::Searched;
use super::seen::Seen;
use crate::output::{Output, size};

/// Everything that the story came to.
pub(crate) struct Facts {
    pub(crate) paired: Paired,
    /// As the phone knew them after its first sync.
    pub(crate) members: Vec<SpaceMember>,
    pub(crate) sent: Sent,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) carried: Vec<Carried>,
    pub(crate) seen: Seen,
    pub(crate) searched: Searched,
    pub(crate) times: Vec<(&'static str, u128)>,
    pub(crate) claims: Claims,
}

impl Facts {
    /// Prints all of it, each claim with what was seen.
    pub(crate) fn print(&self, output: Output) {
        if output.is_json {
            output.json(&self.json());
            return;
        }
        output.line("\n1. Who belongs to the space");
        output.line("The laptop founds it. Three nodes may carry it, and a phone may read it, which comes in by an invitation.");
        output.rows(&["label", "device", "role", "reads"], &self.member_rows());
        self.claims.show(output, Act::Members);

        output.line("\n2. A folder goes from the laptop to the relay, and through cache and passthrough to the phone");
        output.rows(&["files", "directories", "bytes", "entries"], &[self.sent_row()]);
        output.line("");
        output.rows(&["read at", "entries", "digest"], &self.head_rows());
        self.claims.show(output, Act::Folder);

        output.line("\n3. A tablet that may write is lost and revoked");
        output.line("The laptop lets it in, and later out again for good, which changes the keys. Then the tablet tries what it can:");
        output.rows(&["it tries to", "by way of", "answer"], &self.attempt_rows());
        self.claims.show(output, Act::Revoked);

        output.line("\n4. What the nodes could see");
        output.line("All that the relay has on disk, as whoever runs it can read it:");
        output.rows(&["what", "value", "what it tells"], &self.seen.rows());
        self.claims.show(output, Act::Seen);
        if !self.searched.common.is_empty() {
            let common = self.searched.common.join(", ");
            output.line(format!(
                "          not searched for, because nodes without any data show these words too: {common}"
            ));
        }

        output.line("\nBytes on each wire, as they are inside TLS");
        output.rows(&["wire", "asked", "answered"], &self.carried_rows());
        output.line("\nTime for each step");
        let times = self.times.iter();
        let times: Vec<_> =
            times.map(|(step, ms)| vec![json!(step), json!(format!("{ms} ms"))]).collect();
        output.rows(&["step", "time"], &times);
    }

    /// What comes next, when every claim holds.
    pub(crate) fn good_bye(&self, output: Output, keep: Option<&Path>) {
        output.line(format!("\nAll {} claims hold.", self.claims.count()));
        if let Some(keep) = keep {
            output.line(format!(
                "What the nodes wrote, their logs and the traffic are in {}.",
                keep.display()
            ));
        }
        output.line(
            "\nNext, for yourself:\n  \
             bulla identity create --label laptop\n  \
             bulla space create --name notes\n  \
             bulla file add FOLDER\n  \
             bulla-node --help                     to run a node\n  \
             bulla sync URL --node KEY             to use one\n  \
             bulla invite                          to let another device in\n  \
             bulla --help                          for everything else",
        );
    }

    fn member_rows(&self) -> Vec<Vec<Value>> {
        let mut members: Vec<&SpaceMember> = self.members.iter().collect();
        members.sort_by_key(|member| std::cmp::Reverse(member.role));
        let rows = members.into_iter().map(|member| {
            let label = match &member.label {
                _ if member.is_founder => "(the founder)",
                Some(label) => label,
                None => "-",
            };
            let reads = if member.has_sealing_key { "yes" } else { "no" };
            vec![
                json!(label),
                json!(member.device.short()),
                json!(member.role.name()),
                json!(reads),
            ]
        });
        rows.collect()
    }

    fn sent_row(&self) -> Vec<Value> {
        let added = &self.sent.added;
        let entries = self.sent.heads.first().map_or(0, |(_, head)| head.held.count);
        vec![json!(added.files), json!(added.directories), json!(size(added.bytes)), json!(entries)]
    }

    fn head_rows(&self) -> Vec<Vec<Value>> {
        let heads = self.sent.heads.iter();
        let row = |(name, head): &(&str, bulla_core::values::Head)| {
            vec![json!(name), json!(head.held.count), json!(head.held.digest.to_string())]
        };
        heads.map(row).collect()
    }

    fn attempt_rows(&self) -> Vec<Vec<Value>> {
        let attempts = self.attempts.iter();
        attempts.map(|one| vec![json!(one.tried), json!(one.by), json!(one.answered)]).collect()
    }

    fn carried_rows(&self) -> Vec<Vec<Value>> {
        let wires = self.carried.iter();
        let row = |one: &Carried| {
            vec![json!(one.wire), json!(size(one.asked)), json!(size(one.answered))]
        };
        wires.map(row).collect()
    }

    fn json(&self) -> Value {
        let Sent { added, heads } = &self.sent;
        let all = |rows: Vec<Value>| Value::Array(rows);
        let members = self.members.iter().map(|member| {
            json!({ "label": member.label, "device": member.device.to_string(), "role": member.role.name() })
        });
        let heads = heads.iter().map(|(name, head)| {
            json!({
                "read_at": name, "entries": head.held.count, "digest": head.held.digest.to_string(),
            })
        });
        let attempts = self.attempts.iter().map(|one| {
            json!({ "tried": one.tried, "by": one.by, "answered": one.answered, "failed": one.failed })
        });
        let wires = self.carried.iter().map(|one| {
            json!({ "wire": one.wire, "asked_bytes": one.asked, "answered_bytes": one.answered })
        });
        let steps = self.times.iter().map(|(name, ms)| json!({ "step": name, "ms": ms }));
        json!({
            "codes": { "laptop": self.paired.laptop_code, "phone": self.paired.phone_code },
            "members": all(members.collect()),
            "files": added.files, "directories": added.directories, "bytes": added.bytes,
            "heads": all(heads.collect()),
            "attempts": all(attempts.collect()),
            "wires": all(wires.collect()),
            "searched_bytes": self.searched.bytes, "needles": self.searched.needles,
            "not_searched_for": self.searched.common,
            "steps": all(steps.collect()),
            "claims": self.claims.json(),
        })
    }
}
