//! What the payloads of control entries say, each field with its clause (chapter `control.md`).

use bulla_core::control::{
    Context, Control, Cuts, Epoch, Erase, Frontier, Grant, GrantedDevice, Group, Recovery,
    RemovedDevice, RoleChange, SealedLabel,
};
use bulla_core::genesis::Genesis;
use bulla_core::{EntryId, Header, JoiningCard, Verifier};

use super::{Field, Refused, field};

/// The fields of the payload of a control entry, or the rule that it breaks.
pub(super) fn payload(header: &Header, payload: &[u8]) -> Result<Vec<Field>, Refused> {
    match Control::parse(header.kind, payload, &Context::from(header)) {
        Ok(control) => Ok(fields(header, &control)),
        Err(error) => Err(Refused {
            code: error.code().to_string(),
            clause: error.clause().to_owned(),
            message: error.to_string(),
            offset: None,
        }),
    }
}

fn fields(header: &Header, control: &Control) -> Vec<Field> {
    let mut fields = vec![field("payload version", 1, "CTL-1")];
    fields.extend(match control {
        Control::Genesis(says) => return genesis(says),
        Control::Grant(says) => grant(says),
        Control::Role(says) => role(says),
        Control::Revoke(says) => {
            let mut fields = vec![field("revoked device", says.device, "CTL-25")];
            fields.extend(cuts(&says.cuts));
            fields
        }
        Control::Epoch(says) => epoch(says),
        Control::Frontier(says) => frontier(header, says),
        Control::Group(says) => group(says),
        Control::Erase(says) => erase(says),
        Control::Recovery(says) => recovery(says),
        other => vec![field("content", format!("kind {}", other.kind()), "ENT-7")],
    });
    fields
}

pub(super) fn genesis(genesis: &Genesis) -> Vec<Field> {
    let mut fields = vec![field("payload version", 1, "GEN-1")];
    for founder in &genesis.founders {
        fields.push(field("founder", founder.author, "GEN-3"));
        fields.push(field("  sealing key", founder.sealing_key, "GEN-3"));
    }
    match &genesis.recovery {
        Some(key) => {
            fields.push(field("recovery key", key.author, "GEN-5"));
            fields.push(field("  sealing key", key.sealing_key, "GEN-5"));
        }
        None => fields.push(field("recovery key", "none", "GEN-5")),
    }
    let policy = genesis.policy;
    let limits = [
        ("minimum format", policy.minimum_format),
        ("entries per author", policy.author_entries),
        ("bytes per author", policy.author_bytes),
        ("entries in all", policy.space_entries),
        ("bytes in all", policy.space_bytes),
    ];
    let limits =
        limits.iter().filter_map(|(name, limit)| limit.map(|limit| field(name, limit, "GEN-4")));
    fields.extend(limits);
    if let Some(history) = policy.history_for_newcomers {
        fields.push(field("history for newcomers", history, "GEN-4"));
    }
    fields
}

fn grant(grant: &Grant) -> Vec<Field> {
    let mut fields = match &grant.device {
        GrantedDevice::Card(card) => joining_card(card, "CTL-10"),
        GrantedDevice::Node(key) => vec![field("node, by its bare key", key, "CTL-10")],
    };
    fields.push(field("role", grant.role, "CTL-5"));
    fields.extend(label(grant.label.as_ref()));
    fields
}

fn joining_card(card: &JoiningCard, clause: &'static str) -> Vec<Field> {
    let invitation = card.invitation();
    let invitation = if invitation.is_zero() { "none".to_owned() } else { invitation.to_string() };
    vec![
        field("device, by its joining card", card.author(), clause),
        field("  sealing key", card.sealing_key(), "PAIR-1"),
        field("  for space", card.space(), "PAIR-1"),
        field("  invitation", invitation, "PAIR-2"),
        field("  signature", "verifies", "PAIR-3"),
    ]
}

fn label(label: Option<&SealedLabel>) -> Vec<Field> {
    let Some(label) = label else {
        return vec![field("label", "none", "CTL-11")];
    };
    vec![
        field("label", "sealed; members read it", "CTL-11"),
        field("  key id", label.key_id, "CTL-11"),
        field("  salt", label.salt, "CTL-11"),
        field("  ciphertext", data_encoding::HEXLOWER.encode(&label.ciphertext), "CTL-11"),
    ]
}

fn cuts(cuts: &Cuts) -> Vec<Field> {
    if cuts.0.is_empty() {
        return vec![field("cuts", "none: nothing of the device counts", "CTL-6")];
    }
    let mut fields = Vec::new();
    for cut in &cuts.0 {
        let last = format!("{} (sequence {})", cut.id, cut.sequence);
        fields.push(field("counts up to", last, "CTL-6"));
        let control = cut.control.map_or("none".to_owned(), |id| id.to_string());
        fields.push(field("  last control entry", control, "CTL-6"));
    }
    fields
}

fn removed(name: &'static str, devices: &[RemovedDevice], clause: &'static str) -> Vec<Field> {
    let mut fields = vec![field(name, devices.len(), clause)];
    for one in devices {
        fields.push(field("  device", one.device, clause));
        fields.extend(cuts(&one.cuts));
    }
    fields
}

fn role(change: &RoleChange) -> Vec<Field> {
    let mut fields = vec![
        field("device", change.device, "CTL-20"),
        field("role", change.role, "CTL-5"),
        field("change", if change.cuts.is_none() { "raise" } else { "lowering" }, "CTL-20"),
    ];
    fields.extend(change.cuts.iter().flat_map(cuts));
    fields
}

fn group_name(group: &EntryId, zero: &str) -> String {
    if group.is_zero() { format!("zero: {zero}") } else { group.to_string() }
}

fn epoch(epoch: &Epoch) -> Vec<Field> {
    let of = group_name(&epoch.group, "the space itself");
    let mut fields =
        vec![field("group", of, "CTL-30"), field("parents", epoch.parents.len(), "CTL-30")];
    fields.extend(epoch.parents.iter().map(|id| field("  parent", id, "CTL-30")));
    fields.push(field("key id", epoch.key_id, "CTL-30"));
    fields.push(field("recipients", epoch.recipients.len(), "CTL-30"));
    let sealed_to = epoch.recipients.iter();
    fields.extend(sealed_to.map(|one| field("  sealed to", one.device, "CTL-32")));
    let inherited = format!("{} bytes, sealed", epoch.inherited.len());
    fields.push(field("inherited", inherited, "CTL-33"));
    fields
}

fn frontier(header: &Header, frontier: &Frontier) -> Vec<Field> {
    let mut fields = vec![field("proven", frontier.proven.len(), "CTL-40")];
    // Seeds are for batches; these are verified one by one.
    let verifier = Verifier::new([0; 32]);
    let mut last = None;
    for proven in &frontier.proven {
        match verifier.verify(&header.space, proven.to_raw()) {
            Ok(verified) if last.is_none_or(|last| last < verified.header().author) => {
                let (author, sequence) = (verified.header().author, verified.header().sequence);
                last = Some(author);
                let says = format!("entry {}, number {sequence} of {author}", verified.id());
                fields.push(field("  proven", says, "CTL-41"));
            }
            Ok(_) => {
                fields.push(field(
                    "  proves nothing",
                    "it is not in the order of authors",
                    "CTL-41",
                ));
            }
            Err(error) => {
                let why = format!("{error} ({})", error.code());
                fields.push(field("  proves nothing", why, "CTL-41"));
            }
        }
    }
    fields.push(field("claimed", frontier.claimed.len(), "CTL-40"));
    for claimed in &frontier.claimed {
        let says =
            format!("author {} at sequence {}: {}", claimed.author, claimed.sequence, claimed.id);
        fields.push(field("  claim", says, "CTL-40"));
    }
    fields
}

fn group(group: &Group) -> Vec<Field> {
    let of = group_name(&group.group, "founds a group, named by this entry's id");
    let mut fields = vec![field("group", of, "CTL-50")];
    fields.extend(label(group.label.as_ref()));
    fields.push(field("added", group.added.len(), "CTL-50"));
    fields.extend(group.added.iter().map(|device| field("  device", device, "CTL-50")));
    fields.extend(removed("removed", &group.removed, "CTL-50"));
    fields
}

fn erase(erase: &Erase) -> Vec<Field> {
    let mut fields = vec![field("entries", erase.ids.len(), "CTL-60")];
    fields.extend(erase.ids.iter().map(|id| field("  entry", id, "CTL-60")));
    fields.push(field("ranges", erase.ranges.len(), "CTL-60"));
    for range in &erase.ranges {
        let topic = range.topic.map_or("all topics".to_owned(), |topic| format!("topic {topic}"));
        let says = format!("author {} up to sequence {}, {topic}", range.author, range.sequence);
        fields.push(field("  range", says, "CTL-60"));
    }
    fields
}

fn recovery(recovery: &Recovery) -> Vec<Field> {
    let mut fields = match &recovery.device {
        Some(card) => joining_card(card, "CTL-70"),
        None => vec![field("device", "none", "CTL-70")],
    };
    fields.extend(removed("revoked", &recovery.revoked, "CTL-70"));
    match &recovery.next {
        Some(next) => {
            fields.push(field("next recovery key", next.author, "CTL-70"));
            fields.push(field("  sealing key", next.sealing_key, "CTL-70"));
        }
        None => fields.push(field("next recovery key", "none", "CTL-70")),
    }
    fields
}
