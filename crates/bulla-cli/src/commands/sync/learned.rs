//! What a sync taught of the space itself: who belongs to it, which keys came, what was refused.

use std::collections::BTreeMap;

use bulla::space::KeyFaultKind;
use bulla::{AuthorKey, Role, Space};
use bulla_store::{Context, KeptTotals, Quarantine as _};
use bulla_store_rocksdb::DiskSpaces;
use serde_json::{Value, json};

use crate::app::App;
use crate::commands::space::members::{REVOKED, labelled};
use crate::exit::Result;
use crate::output::count;

/// What is known of a space at one moment.
#[derive(Debug)]
pub(super) struct Known {
    members: BTreeMap<AuthorKey, Role>,
    /// What people here call them.
    labels: BTreeMap<AuthorKey, String>,
    /// What this device may do.
    pub(super) role: Option<Role>,
    keys: usize,
    quarantined: KeptTotals,
}

impl Known {
    pub(super) async fn of(app: &App, spaces: &DiskSpaces, space: &Space) -> Result<Self> {
        let members = space.with_directory(|directory| {
            directory.members().iter().map(|member| (member.device, member.role)).collect()
        });
        let id = space.id();
        let keys = space.with_keyring(|keyring| {
            keyring.groups(&id).map(|group| keyring.keys_of(&id, &group).len()).sum()
        });
        let engine = spaces.disk_store(id).await?;
        let quarantined = engine.kept_totals(&Context::new()).await?;
        let role = space.role();
        let labelled = match space.has_members() {
            true => labelled(app, space).await?,
            false => Vec::new(),
        };
        let labels = labelled
            .into_iter()
            .filter_map(|member| Some((member.device, member.label?)))
            .collect();
        Ok(Self { members: members.unwrap_or_default(), labels, role, keys, quarantined })
    }
}

/// What changed between two moments.
#[derive(Debug)]
pub(super) struct Learned {
    new: Vec<(AuthorKey, Role)>,
    changed: Vec<(AuthorKey, Role)>,
    gone: Vec<AuthorKey>,
    labels: BTreeMap<AuthorKey, String>,
    role: Option<Role>,
    is_revoked: bool,
    new_keys: usize,
    quarantined: KeptTotals,
    /// What is wrong with epochs, in words.
    faults: Vec<String>,
}

impl Learned {
    /// What was learned since `before`. Keys are looked for once more, to say what is wrong with those that do not open.
    pub(super) async fn since(
        app: &App,
        before: &Known,
        spaces: &DiskSpaces,
        space: &Space,
    ) -> Result<Self> {
        let faults = space.learn_keys().await?.faults;
        let now = Known::of(app, spaces, space).await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (device, role) in &now.members {
            match before.members.get(device) {
                None => new.push((*device, *role)),
                Some(known) if known != role => changed.push((*device, *role)),
                Some(_) => {}
            }
        }
        let is_gone = |device: &&AuthorKey| !now.members.contains_key(*device);
        let gone = before.members.keys().filter(is_gone).copied().collect();
        let (role, is_revoked) = (now.role, space.is_revoked());
        let faults = faults.iter().map(|fault| {
            let what = match fault.what {
                KeyFaultKind::Unopenable => "its key does not open here",
                KeyFaultKind::OtherTopics => "it brings other topics than the space has",
                KeyFaultKind::Repeated => "its key was used before",
                _ => "it is not as it should be",
            };
            format!("epoch {} by {}: {what}", fault.epoch.short(), fault.author)
        });
        let mut labels = before.labels.clone();
        labels.extend(now.labels);
        Ok(Self {
            labels,
            new,
            changed,
            gone,
            role,
            is_revoked,
            new_keys: now.keys.saturating_sub(before.keys),
            quarantined: now.quarantined,
            faults: faults.collect(),
        })
    }

    /// A line for each thing that a person should know.
    pub(super) fn tell(&self, app: &App) {
        for (device, role) in &self.new {
            app.output.line(format!("new member {}: {role}", self.name(device)));
        }
        for (device, role) in &self.changed {
            app.output.line(format!("member {} is {role} now", self.name(device)));
        }
        for device in &self.gone {
            app.output.line(format!("revoked {}", self.name(device)));
        }
        if self.new_keys > 0 {
            app.output.line(count(self.new_keys as u64, "new key", "new keys"));
        }
        if self.quarantined.entries > 0 {
            let entries = count(self.quarantined.entries, "entry", "entries");
            app.output.line(format!("{entries} in quarantine: see `bulla quarantine list`"));
        }
        for fault in &self.faults {
            app.output.line(format!("{fault}; an admin should run `bulla space rotate`"));
        }
        if self.is_revoked {
            app.output.line(REVOKED);
        }
    }

    fn name(&self, device: &AuthorKey) -> String {
        match self.labels.get(device) {
            Some(label) => format!("{label} {device}"),
            None => device.to_string(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let rows = |members: &[(AuthorKey, Role)]| {
            let row = |(device, role): &(AuthorKey, Role)| json!({ "device": device.to_string(), "role": role.name() });
            members.iter().map(row).collect::<Vec<_>>()
        };
        json!({
            "role": self.role.map(Role::name),
            "is_revoked": self.is_revoked,
            "new_members": rows(&self.new),
            "changed_members": rows(&self.changed),
            "gone_members": self.gone.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "new_keys": self.new_keys,
            "quarantined": self.quarantined.entries,
            "faults": self.faults,
        })
    }
}
