//! What an operator is told of a space: who says who may do what, its members by role, what is in quarantine (NODE-64,
//! NODE-80).

use bulla_core::control::Role;
use bulla_directory::Directory;
use bulla_store::quarantine::KeptTotals;
use bulla_store::{Context, Quarantine as _, Result};
use bulla_store_rocksdb::DiskStore;
use serde_json::{Value, json};

use crate::config::{AccessKind, Config, SpacePattern};
use crate::control;

/// The facts of one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Who says who may do what; `None` for a space that the configuration does not serve.
    access: Option<AccessKind>,
    /// Members with each role, the least role first; none without a genesis.
    roles: Option<[usize; 4]>,
    kept: KeptTotals,
}

impl Membership {
    /// Reads them from the store of a space.
    pub(crate) async fn read(
        cx: &Context,
        store: &DiskStore,
        access: Option<AccessKind>,
    ) -> Result<Self> {
        let roles = match access {
            Some(AccessKind::Directory) => Self::roles(&control::directory(cx, store).await?),
            Some(AccessKind::List) | None => None,
        };
        Ok(Self { access, roles, kept: store.kept_totals(cx).await? })
    }

    /// As [`read`](Self::read), of a space whose directory is at hand.
    pub(crate) async fn of(
        cx: &Context,
        store: &DiskStore,
        directory: Option<[usize; 4]>,
    ) -> Result<Self> {
        let kept = store.kept_totals(cx).await?;
        Ok(Self { access: Some(AccessKind::Directory), roles: directory, kept })
    }

    /// Members with each role, the least role first.
    pub(crate) fn roles(directory: &Directory) -> Option<[usize; 4]> {
        directory.genesis()?;
        let members = directory.members();
        Some(Role::ALL.map(|role| members.iter().filter(|member| member.role == role).count()))
    }

    /// As fields of a row.
    pub(crate) fn rows(&self) -> [(&'static str, Value); 4] {
        let access = match self.access {
            Some(AccessKind::Directory) => json!("directory"),
            Some(AccessKind::List) => json!("list"),
            None => Value::Null,
        };
        let members = self.roles.map_or(Value::Null, |counts| {
            let named = Role::ALL.iter().zip(counts);
            named.map(|(role, count)| (role.name().to_owned(), json!(count))).collect()
        });
        [
            ("access", access),
            ("members", members),
            ("quarantined", json!(self.kept.entries)),
            ("quarantined_bytes", json!(self.kept.bytes)),
        ]
    }

    /// As words.
    pub(crate) fn words(&self) -> String {
        let who = match (self.access, self.roles) {
            (None, _) => "not served".to_owned(),
            (Some(AccessKind::List), _) => "judged by the configuration's list".to_owned(),
            (Some(AccessKind::Directory), None) => "waits for its genesis".to_owned(),
            (Some(AccessKind::Directory), Some(counts)) => {
                let named = Role::ALL.iter().zip(counts).rev().filter(|(_, count)| *count > 0);
                let named: Vec<String> =
                    named.map(|(role, count)| format!("{count} {}", role.name())).collect();
                format!("judged by its members: {}", named.join(", "))
            }
        };
        format!("{who}; {} in quarantine", self.kept.entries)
    }
}

/// Who says who may do what in a space; `None` where it is not served.
pub(crate) fn access_of(config: &Config, space: &bulla_core::SpaceId) -> Option<AccessKind> {
    let of = |pattern: SpacePattern| {
        config
            .spaces
            .iter()
            .find(|space| *space.id.get_ref() == pattern)
            .map(|space| space.access())
    };
    of(SpacePattern::One(*space)).or_else(|| of(SpacePattern::Every))
}
