//! All that can be asked of a directory about a history, and what must be announced when it differs.

use std::collections::{BTreeMap, BTreeSet};

use bulla_core::control::Role;
use bulla_core::{AuthorKey, EntryId, InvitationId, VerifiedHeader};
use bulla_directory::{
    Change, CutWalk, Directory, EpochInfo, Explanation, GroupInfo, Link, Member, Outcome,
    Recipient, Standing, Verdict,
};

use crate::brute::Model;
use crate::history::History;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    /// Of control entries that were taken in.
    pub(crate) verdicts: BTreeMap<EntryId, String>,
    /// Of application entries and frontiers.
    pub(crate) others: BTreeMap<EntryId, String>,
    pub(crate) erased: BTreeSet<EntryId>,
    pub(crate) members: Vec<(AuthorKey, Role)>,
    pub(crate) seniority: Vec<AuthorKey>,
    pub(crate) writing: BTreeMap<EntryId, EntryId>,
    /// Whose topic secret holds before whose.
    pub(crate) topics: BTreeMap<EntryId, Vec<EntryId>>,
}

/// What the model does not answer: the same for equal sets all the same.
#[derive(Debug, PartialEq)]
pub(crate) struct Details {
    invitations: Vec<Option<EntryId>>,
    heads: Vec<EntryId>,
    dependencies: Vec<Vec<EntryId>>,
    members: Vec<Member>,
    groups: Vec<GroupInfo>,
    epochs: Vec<Vec<EpochInfo>>,
    epoch_heads: Vec<Vec<EntryId>>,
    readers: Vec<Vec<Recipient>>,
    erased: Vec<Option<EntryId>>,
    explained: Vec<Option<Explanation>>,
}

impl Details {
    pub(crate) fn of(directory: &Directory, history: &History) -> Self {
        let members = directory.members();
        let groups = &history.groups;
        let invitations = (0..4).map(|n| directory.invitation_used(&InvitationId([n; 32])));
        let dependencies = members.iter().map(|member| directory.dependencies(&member.device));
        let entries = history.entries.iter();
        // In which order losses are listed says nothing.
        let explained = entries.map(|entry| {
            let mut explained = directory.explain(&entry.id())?;
            explained.losses.sort_unstable_by_key(|loss| loss.by);
            Some(explained)
        });
        Self {
            invitations: invitations.collect(),
            heads: directory.control_heads(),
            dependencies: dependencies.collect(),
            groups: directory.groups(),
            epochs: groups.iter().map(|group| directory.epochs(group)).collect(),
            epoch_heads: groups.iter().map(|group| directory.epoch_heads(group)).collect(),
            readers: groups.iter().map(|group| directory.readers(group)).collect(),
            erased: history.others.iter().map(|header| directory.erased_by(header)).collect(),
            explained: explained.collect(),
            members,
        }
    }
}

impl Answers {
    pub(crate) fn of(directory: &Directory, history: &History) -> Self {
        let verdicts = history.entries.iter().filter_map(|entry| {
            let verdict = directory.verdict(&entry.id())?;
            Some((entry.id(), word(verdict)))
        });
        let links: BTreeMap<EntryId, Link> = history
            .entries
            .iter()
            .map(|entry| entry.verified_header())
            .chain(&history.others)
            .map(|header| (header.id(), link(header)))
            .collect();
        let others = history
            .others
            .iter()
            .map(|header| (header.id(), judge(directory, header, |id| links.get(id).copied())));
        let erased = history.others.iter().filter(|header| directory.erased_by(header).is_some());
        let writing = history
            .groups
            .iter()
            .filter_map(|group| Some((*group, directory.writing_epoch(group)?.id)));
        let groups = history.groups.iter();
        let topics = groups.map(|group| (*group, directory.topic_order(group))).collect();
        let answers = Self {
            verdicts: verdicts.collect(),
            others: others.collect(),
            erased: erased.map(VerifiedHeader::id).collect(),
            members: directory.members().into_iter().map(|m| (m.device, m.role)).collect(),
            seniority: directory.seniority(),
            writing: writing.collect(),
            topics,
        };
        answers.check_against_itself(directory);
        answers
    }

    pub(crate) fn of_model(history: &History) -> Self {
        let model = Model::new(&history.entries, &history.others);
        let ids = history.entries.iter().map(|entry| entry.id());
        let verdicts = ids.map(|id| (id, model.verdict(&id).to_owned()));
        let others = history.others.iter();
        let others = others.map(|header| (header.id(), model.other(header).to_owned()));
        let erased = history.others.iter().filter(|header| model.is_erased(header));
        let writing = history.groups.iter();
        let writing = writing.filter_map(|group| Some((*group, model.writing_epoch(group)?)));
        let groups = history.groups.iter();
        let topics = groups.map(|group| (*group, model.topic_order(group))).collect();
        Self {
            verdicts: verdicts.collect(),
            others: others.collect(),
            erased: erased.map(VerifiedHeader::id).collect(),
            members: model.members(),
            seniority: model.seniority(),
            writing: writing.collect(),
            topics,
        }
    }

    /// Questions that have more than one way to an answer.
    fn check_against_itself(&self, directory: &Directory) {
        for (place, device) in self.seniority.iter().enumerate() {
            for other in &self.seniority[place + 1..] {
                assert!(directory.is_senior(device, other) && !directory.is_senior(other, device));
            }
        }
        for (device, role) in &self.members {
            assert_eq!(directory.role(device), Some(*role));
            assert_eq!(directory.reads(device, &EntryId::ZERO), *role >= Role::Reader);
        }
        for (id, verdict) in &self.verdicts {
            let explained = directory.explain(id).unwrap();
            assert_eq!(word(explained.verdict), *verdict);
            assert_eq!(
                *verdict == "directory.cut",
                verdict == "directory.cut" && {
                    explained.role < explained.role_but_for_losses
                        || !explained.losses.is_empty()
                        || explained.kind == bulla_core::Kind::EPOCH
                }
            );
        }
    }
}

/// What a store does with an entry that is no control entry, or is a frontier.
fn judge(
    directory: &Directory,
    header: &VerifiedHeader,
    look_up: impl Fn(&EntryId) -> Option<Link>,
) -> String {
    let fields = header.header();
    let standing = if fields.kind.is_control() {
        directory.frontier_standing(&fields.author)
    } else {
        directory.standing(&fields.author, &fields.key_id)
    };
    match standing {
        Standing::Stranger => "directory.stranger".to_owned(),
        Standing::Counts => "counts".to_owned(),
        Standing::Refused(refusal) => refusal.code().to_string(),
        Standing::Limited(limits) => {
            let mut walk = CutWalk::new(fields.author, limits);
            match walk.judge_with(fields.sequence, &header.id(), 1_000, look_up) {
                Outcome::Decided(verdict) => word(verdict),
                Outcome::Open => "open".to_owned(),
                Outcome::Needs(id) => panic!("{id} was looked up"),
            }
        }
    }
}

fn word(verdict: Verdict) -> String {
    verdict.refusal().map_or_else(|| "counts".to_owned(), |refusal| refusal.code().to_string())
}

fn link(header: &VerifiedHeader) -> Link {
    let fields = header.header();
    Link { author: fields.author, sequence: fields.sequence, previous: fields.previous }
}

/// Whether a change names everything that differs.
pub(crate) fn announced(
    before: &Answers,
    after: &Answers,
    change: &Change,
    history: &History,
) -> Result<(), String> {
    for (id, verdict) in &after.verdicts {
        if before.verdicts.get(id) != Some(verdict) && !change.verdicts.contains(id) {
            return Err(format!("verdict {verdict} of {id} is missing"));
        }
    }
    for header in &history.others {
        let (id, fields) = (header.id(), header.header());
        let is_named = change.standings.contains(&fields.author)
            || change.key_ids.contains(&fields.key_id)
            || change.policy;
        if before.others[&id] != after.others[&id] && !is_named {
            return Err(format!("{id} was {}, is {}", before.others[&id], after.others[&id]));
        }
    }
    if before.erased != after.erased && !change.erasures {
        return Err("erasures are missing".to_owned());
    }
    let role = |answers: &Answers, device: &AuthorKey| {
        answers.members.iter().find(|(member, _)| member == device).map(|(_, role)| *role)
    };
    for (device, _) in before.members.iter().chain(&after.members) {
        let differs = role(before, device) != role(after, device);
        if differs != change.members.contains(device) {
            return Err(format!("member {device} differs: {differs}"));
        }
    }
    for group in &history.groups {
        let differs = before.writing.get(group) != after.writing.get(group);
        if differs != change.writing_epochs.contains(group) {
            return Err(format!("writing epoch of {group} differs: {differs}"));
        }
    }
    Ok(())
}
