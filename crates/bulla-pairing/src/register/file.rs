//! The register as a key file (KF-12).

use std::path::Path;

use bulla_core::cbor::{CborErrorKind, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, InvitationId, SpaceId};
use bulla_identity::{
    KeyFileError, Passphrase, WorkFactor, key_file_content, read_key_file, replace_key_file,
};
use zeroize::Zeroizing;

use super::{InvitationState, Invitations, MAX_INVITATIONS, MAX_LIFETIME_MS, Record};
use crate::invitation::{MAX_NODE_BYTES, MailboxNode, check_node};
use crate::root::{Inviter, Root, SECRET_BYTES};

const REGISTER: u64 = 4;
/// Room for one invitation: two ids, two keys, a secret, a URL and some numbers.
const RECORD_BYTES: usize = 370;

impl Invitations {
    /// The content of the register's file:
    /// `[1, 4, [[id, space, inviter, secret, node, made, expires, state, joiner], …]]`, ids ascending (KF-12).
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        // Room for everything at once, so that no grown buffer leaves a copy behind.
        let mut writer = Writer::with_capacity(16 + self.records.len() * RECORD_BYTES);
        writer.array(3).uint(1).uint(REGISTER).array(self.records.len());
        for record in &self.records {
            record.write(&mut writer);
        }
        Zeroizing::new(writer.into_bytes())
    }

    /// Reads the content of a register's file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Content`], [`KeyFileError::Version`], [`KeyFileError::Kind`] or [`KeyFileError::InvitationRule`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyFileError> {
        let mut reader = key_file_content(secret, REGISTER, 3)?;
        let count = reader.array(MAX_INVITATIONS)?;
        let mut records: Vec<Record> = Vec::with_capacity(count);
        for _ in 0..count {
            let record = Record::read(&mut reader)?;
            if records.last().is_some_and(|last| last.id >= record.id) {
                return Err(KeyFileError::InvitationRule("ids must ascend"));
            }
            records.push(record);
        }
        reader.finish()?;
        Ok(Self { records })
    }

    /// Replaces the register's file, or writes the first one.
    ///
    /// # Errors
    ///
    /// As [`replace_key_file`].
    pub fn replace_file(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        work_factor: WorkFactor,
    ) -> Result<(), KeyFileError> {
        replace_key_file(path, &self.to_secret(), passphrase, work_factor)
    }

    /// Reads a register from its file.
    ///
    /// # Errors
    ///
    /// As [`read_key_file`] and [`from_secret`](Self::from_secret).
    pub fn read_file(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::from_secret(&read_key_file(path, passphrase)?)
    }
}

impl Record {
    fn write(&self, writer: &mut Writer) {
        writer.array(9).bytes(self.id).bytes(self.space).bytes(self.inviter.0);
        match &self.secret {
            Some(secret) => writer.bytes(secret.as_slice()),
            None => writer.null(),
        };
        MailboxNode::write(self.node.as_ref(), writer);
        writer.uint(self.made_ms).uint(self.expires_ms);
        match &self.state {
            InvitationState::Unused => writer.uint(0).null(),
            InvitationState::InProgress(joiner) => writer.uint(1).bytes(joiner),
            InvitationState::Used(joiner) => writer.uint(2).bytes(joiner),
            InvitationState::Cancelled => writer.uint(3).null(),
        };
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, KeyFileError> {
        reader.array_exact(9)?;
        let id = InvitationId(reader.array_of()?);
        let space = SpaceId(reader.array_of()?);
        let inviter = Inviter(reader.array_of()?);
        let secret = if reader.null() {
            None
        } else {
            Some(Box::new(Zeroizing::new(reader.array_of::<SECRET_BYTES>()?)))
        };
        let node = MailboxNode::read(reader, MAX_NODE_BYTES)?;
        let (made_ms, expires_ms) = (reader.uint(MAX_COUNTER)?, reader.uint(MAX_COUNTER)?);
        let start = reader.position();
        let number = reader.uint(3)?;
        let joiner = if reader.null() { None } else { Some(AuthorKey(reader.array_of()?)) };
        let state = match (number, joiner) {
            (0, None) => InvitationState::Unused,
            (1, Some(joiner)) => InvitationState::InProgress(joiner),
            (2, Some(joiner)) => InvitationState::Used(joiner),
            (3, None) => InvitationState::Cancelled,
            (0..=3, _) => return Err(KeyFileError::InvitationRule("state and joiner disagree")),
            _ => return Err(Reader::error_at(start, CborErrorKind::Bounds).into()),
        };
        let record = Self { id, space, inviter, secret, node, made_ms, expires_ms, state };
        record.check_rules()?;
        Ok(record)
    }

    fn check_rules(&self) -> Result<(), KeyFileError> {
        let rule = |holds: bool, what| {
            if holds { Ok(()) } else { Err(KeyFileError::InvitationRule(what)) }
        };
        let may_serve =
            matches!(self.state, InvitationState::Unused | InvitationState::InProgress(_));
        rule(self.secret.is_some() == may_serve, "a secret is kept exactly while it may serve")?;
        if let Some(secret) = &self.secret {
            let root = Root::new(secret, &self.space, &self.inviter);
            rule(root.id() == self.id, "an id is not that of the secret")?;
        }
        rule(check_node(self.node.as_ref()).is_ok(), "the address of a node")?;
        let lifetime = self.expires_ms.checked_sub(self.made_ms);
        rule(lifetime.is_some_and(|ms| (1..=MAX_LIFETIME_MS).contains(&ms)), "a lifetime")
    }
}
