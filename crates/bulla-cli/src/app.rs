//! What every command works with: the home folder, the store in it, and where to print.

use std::sync::Arc;

use bulla::files::FileError;
use bulla::space::{FileMarks, MemoryMarks};
use bulla::{AuthorKey, Card, Device, Keyring, LocalSpaces as _, Space, SpaceError, SpaceId};
use bulla_identity::KeyFileError;
use bulla_store::{ContentAddressedStore, Context, Spaces as _, StoreError, SystemClock};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, OpenError};

use crate::args::{Global, SpaceArg};
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::{Home, key_file};
use crate::output::Output;

/// Spaces listed at a time.
const LIST: usize = 1_000;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) home: Home,
    pub(crate) output: Output,
}

impl App {
    pub(crate) fn new(global: &Global) -> Result<Self> {
        Ok(Self { home: Home::new(global)?, output: Output { is_json: global.json } })
    }

    /// The store of this home; made on first use.
    pub(crate) fn spaces(&self) -> Result<DiskSpaces> {
        self.home.create()?;
        open_spaces(&self.home.store_path())
    }

    /// The ids of all spaces held.
    pub(crate) async fn held(&self, spaces: &DiskSpaces) -> Result<Vec<SpaceId>> {
        let mut held: Vec<SpaceId> = Vec::new();
        loop {
            let page = spaces.list(&Context::new(), held.last().copied(), LIST).await?;
            held.extend(page.spaces);
            if page.end {
                return Ok(held);
            }
        }
    }

    /// The store of the space that a command is about.
    pub(crate) async fn store(
        &self,
        spaces: &DiskSpaces,
        argument: &SpaceArg,
    ) -> Result<Arc<dyn ContentAddressedStore>> {
        let space = self.home.resolve(argument, &self.held(spaces).await?)?;
        Ok(spaces.open(&Context::new(), space).await?)
    }

    /// The keys of spaces; none yet is an empty keyring.
    pub(crate) fn keyring(&self) -> Result<Keyring> {
        let path = self.home.keyring_path();
        if !path.exists() {
            return Ok(Keyring::new());
        }
        Keyring::read_file(&path, self.home.passphrase(false)?)
            .map_err(|error| key_file(&path, &error))
    }

    /// Keeps the keys of spaces.
    pub(crate) fn save_keyring(&self, keyring: &Keyring) -> Result<()> {
        let path = self.home.keyring_path();
        let saved: Result<(), KeyFileError> =
            keyring.replace_file(&path, self.home.passphrase(false)?, Home::work_factor());
        saved.map_err(|error| key_file(&path, &error))
    }

    /// Marks that guard this device's chains.
    pub(crate) fn marks(&self) -> Arc<FileMarks> {
        Arc::new(FileMarks::new(self.home.marks_path()))
    }

    /// The space that a command is about, opened with this device's keys.
    pub(crate) async fn space(&self, spaces: &DiskSpaces, argument: &SpaceArg) -> Result<Space> {
        let space = self.home.resolve(argument, &self.held(spaces).await?)?;
        self.open(spaces, space, &Device::from(self.home.keys()?)).await
    }

    /// A space held here, opened with this device's keys.
    pub(crate) async fn open(
        &self,
        spaces: &DiskSpaces,
        space: SpaceId,
        device: &Device,
    ) -> Result<Space> {
        let local = spaces.open_local(space).await?;
        let opened = Space::open(device, self.keyring()?, local, self.marks()).await?;
        let kept = self.home.local()?.spaces.remove(&space.to_string());
        opened.set_rotate_after(kept.and_then(|kept| kept.rotate_after));
        Ok(opened)
    }

    /// A space, made if it is not held, opened by nobody: for what needs no keys, and so no passphrase.
    pub(crate) async fn look(&self, spaces: &DiskSpaces, space: SpaceId) -> Result<Space> {
        let nobody = Device::generate().map_err(SpaceError::from)?;
        let local = spaces.create_local(space).await?;
        let marks = Arc::new(MemoryMarks::default());
        Ok(Space::open(&nobody, Keyring::new(), local, marks).await?)
    }

    /// The key of this device, from its card, which lies in the open; `None` where there is none.
    pub(crate) fn me(&self) -> Option<AuthorKey> {
        self.own_card().map(|card| card.author())
    }

    /// What this device calls itself; `None` without a label.
    pub(crate) fn own_label(&self) -> Option<String> {
        let card = self.own_card()?;
        Some(card.label().to_owned()).filter(|label| !label.is_empty())
    }

    fn own_card(&self) -> Option<Card> {
        std::fs::read_to_string(self.home.card_path()).ok()?.trim().parse().ok()
    }
}

/// Opens a database, with what to do when it cannot be opened.
pub(crate) fn open_spaces(path: &std::path::Path) -> Result<DiskSpaces> {
    DiskSpaces::open(path, DiskOptions::default(), Arc::new(SystemClock::new()))
        .map_err(|error| open_failure(&error))
}

/// A database that cannot be opened.
pub(crate) fn open_failure(error: &OpenError) -> Failure {
    let (exit, help) = match error {
        OpenError::Locked { .. } => {
            (Exit::Unavailable, "another bulla uses this home; wait for it or stop it")
        }
        OpenError::NewerFormat { .. } => {
            (Exit::Usage, "use the version of bulla that wrote it, or a later one")
        }
        OpenError::Damaged { .. } => (
            Exit::Integrity,
            "restore a backup with `bulla backup restore`, or sync into a new home",
        ),
        OpenError::NotAStore { .. } | OpenError::Exists { .. } => (Exit::Usage, "check the path"),
        _ => (Exit::Failure, "see the cause above; free space or fix permissions, then try again"),
    };
    Failure::new(exit, with_causes(error)).help(help)
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (exit, help) = match &error {
            StoreError::NotServed(_) => {
                (Exit::NotFound, Some("check the space and whether this device may use it there"))
            }
            StoreError::Forbidden { .. } => {
                (Exit::Denied, Some("ask the operator of the node for that right"))
            }
            StoreError::WrongNode { .. } => {
                (Exit::Denied, Some("check the address and the node key; do not go on"))
            }
            StoreError::Unavailable { .. } | StoreError::Deadline => {
                (Exit::Unavailable, Some("try again later"))
            }
            StoreError::Peer { .. } => {
                (Exit::Integrity, Some("use another node, and tell its operator"))
            }
            StoreError::Corrupt { .. } => (Exit::Integrity, Some("run `bulla verify`")),
            StoreError::Full => (Exit::Unavailable, Some("free space, then try again")),
            StoreError::ReadOnly { .. } => {
                (Exit::Unavailable, Some("check the disk, then run the command again"))
            }
            StoreError::Request { code, .. } if code.as_str() == "login.refused" => (
                Exit::Denied,
                Some(
                    "give the operator of the node the card of this device: `bulla identity card`",
                ),
            ),
            StoreError::Request { .. } | StoreError::Unsupported { .. } => (Exit::Usage, None),
            _ => (Exit::Failure, None),
        };
        let failure = Self::new(exit, with_causes(&error)).code(&error.code());
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<SpaceError> for Failure {
    fn from(error: SpaceError) -> Self {
        let failure = |exit, help: &str| Self::new(exit, with_causes(&error)).help(help);
        let (exit, help) = match &error {
            SpaceError::Store(error) => return error.clone().into(),
            SpaceError::NotCounting { code, .. } => {
                return failure(Exit::Denied, "`bulla sync`, then see `bulla space members`")
                    .code(code);
            }
            SpaceError::Refused(code) => {
                return failure(Exit::Denied, "`bulla sync`, then see `bulla space members`")
                    .code(code);
            }
            SpaceError::Transfer(_) => {
                (Exit::Denied, "check that it was made for this device, by the device you name")
            }
            SpaceError::Open(bulla_crypto::OpenError::UnknownKey(_)) => (
                Exit::Denied,
                "it is for a key group that this device is not in, or its key is not here yet: `bulla sync`",
            ),
            SpaceError::Open(_) => {
                (Exit::Integrity, "the key fits, the entry does not: distrust its author")
            }
            SpaceError::NoKey(_) => {
                (Exit::Denied, "ask an admin of the space for a role, then run `bulla sync`")
            }
            SpaceError::NotMember(_) => {
                (Exit::Denied, "give an admin of the space the line of `bulla space card`")
            }
            SpaceError::Revoked(_) => {
                (Exit::Denied, "make a new identity in another --home, and ask for a role for that")
            }
            SpaceError::Role { .. } => (Exit::Denied, "ask an admin: see `bulla space members`"),
            SpaceError::Seniority(_) => {
                (Exit::Denied, "ask a device that was there before it, or use the recovery key")
            }
            SpaceError::NoEpochKey { .. } | SpaceError::NeedsRotation(_) => {
                (Exit::Denied, "run `bulla sync`, or ask an admin for `bulla space rotate`")
            }
            SpaceError::KeyChanged => (Exit::Unavailable, "run the command again"),
            SpaceError::NoDirectory(_) => {
                (Exit::Usage, "its founder makes it one with members: `bulla space rotate`")
            }
            SpaceError::NoSealingKey(_) => {
                (Exit::Usage, "grant it by the line of its `bulla space card`")
            }
            SpaceError::NotInGroup(_) => (Exit::NotFound, "see `bulla space groups list`"),
            SpaceError::HasRecoveryKey => {
                (Exit::Denied, "its words serve once: `bulla recovery restore` prints the next")
            }
            SpaceError::NotRecoveryKey => (Exit::Denied, "find the newer words"),
            SpaceError::NothingHeld => (Exit::NotFound, "run `bulla sync` first"),
            SpaceError::Label(_) => {
                (Exit::Usage, "a label has at most 64 bytes and no control or hidden characters")
            }
            SpaceError::NotHeld(_) | SpaceError::PayloadMissing(_) => {
                (Exit::NotFound, "run `bulla sync` to fetch what is missing")
            }
            SpaceError::Erased { .. } => (
                Exit::NotFound,
                "there is no way back; `bulla entry inspect` with that id tells who erased it",
            ),
            SpaceError::Damaged(_) => {
                (Exit::Integrity, "run `bulla verify --repair`, then `bulla sync`")
            }
            SpaceError::ShortLog { .. } => (
                Exit::Unavailable,
                "run `bulla sync` to fetch this device's own entries back, or use a new identity",
            ),
            SpaceError::Forked { .. } => {
                (Exit::Integrity, "make a new identity in another --home and join from there")
            }
            SpaceError::Write(_) => (Exit::Usage, "make it smaller, or name fewer entries"),
            SpaceError::Mark { .. } => {
                (Exit::Failure, "check the folder `marks` in the home folder")
            }
            _ => (Exit::Failure, "try again"),
        };
        Self::new(exit, with_causes(&error)).help(help)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let (exit, help) = match error {
            FileError::Space(error) => return error.into(),
            FileError::Io { ref source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                (Exit::NotFound, "check the path")
            }
            FileError::Exists(_) => {
                (Exit::Usage, "restore into an empty folder, or use --overwrite")
            }
            FileError::Changed(_) => (Exit::Unavailable, "add it again when nothing writes to it"),
            FileError::Record { .. } | FileError::Content { .. } => {
                (Exit::Integrity, "distrust its author")
            }
            _ => (Exit::Failure, "check the path and its permissions"),
        };
        Self::new(exit, with_causes(&error)).help(help)
    }
}
