//! The folder that holds everything of one device.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use bulla_core::{AuthorKey, NodeId, SpaceId};
use bulla_identity::{DeviceKeys, KeyFileError, Passphrase, WorkFactor};
use serde::{Deserialize, Serialize};

use crate::args::{Global, SpaceArg};
use crate::durable;
use crate::exit::{Exit, Failure, Result, with_causes};

/// The folder that holds everything of one device.
#[derive(Debug)]
pub(crate) struct Home {
    root: PathBuf,
    passphrase_file: Option<PathBuf>,
    /// Asked for once per run.
    passphrase: std::sync::OnceLock<Passphrase>,
}

/// What this device calls its spaces, and whom it syncs them with. Local: none of it leaves the device.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalSpaces {
    #[serde(default)]
    pub(crate) spaces: BTreeMap<String, LocalSpace>,
}

/// One space, under its id in hexadecimal.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalSpace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<Remote>,
    /// Entries that exist by the word of the device that let this one in, and were not held yet (PAIR-36).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) expected: Vec<String>,
    /// What this device calls members, by their keys in hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    /// After how many entries this device changes the keys, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotate_after: Option<NonZeroU64>,
}

/// A node to sync with: an address and the key it must prove to have.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    pub(crate) url: String,
    pub(crate) node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

impl Home {
    /// The home folder that the options name; nothing is opened or made yet.
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let default = || {
            let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
            let data = data
                .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
            data.map(|data| data.join("bulla"))
        };
        let root = global.home.clone().or_else(default);
        let root =
            root.ok_or_else(|| Failure::usage("no home folder").help("name one with --home DIR"))?;
        Ok(Self {
            root,
            passphrase_file: global.passphrase_file.clone(),
            passphrase: std::sync::OnceLock::new(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn identity_path(&self) -> PathBuf {
        self.root.join("identity.age")
    }

    /// What this device offered to others that want to come in.
    pub(crate) fn invitations_path(&self) -> PathBuf {
        self.root.join("invitations.age")
    }

    /// What others may know of this device.
    pub(crate) fn card_path(&self) -> PathBuf {
        self.root.join("card.txt")
    }

    pub(crate) fn keyring_path(&self) -> PathBuf {
        self.root.join("keyring.age")
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.root.join("store")
    }

    pub(crate) fn acknowledgements_path(&self) -> PathBuf {
        self.root.join("acknowledgements")
    }

    /// Where the marks lie that tell a log cut short from a whole one.
    pub(crate) fn marks_path(&self) -> PathBuf {
        self.root.join("marks")
    }

    /// Where signed words lie that others should see: forks, and what was withheld.
    pub(crate) fn evidence_path(&self) -> PathBuf {
        self.root.join("evidence")
    }

    fn local_path(&self) -> PathBuf {
        self.root.join("spaces.toml")
    }

    /// Makes the folder, for its owner alone.
    pub(crate) fn create(&self) -> Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.root).map_err(|error| io("make", &self.root, &error))
    }

    /// The passphrase: from the file named, else asked for. A new one is asked for twice.
    pub(crate) fn passphrase(&self, is_new: bool) -> Result<&Passphrase> {
        if let Some(passphrase) = self.passphrase.get() {
            return Ok(passphrase);
        }
        let passphrase = match &self.passphrase_file {
            Some(file) => Passphrase::read(file).map_err(|error| {
                Failure::usage(format!(
                    "passphrase file {}: {}",
                    file.display(),
                    with_causes(&error)
                ))
                .code(&error.code())
                .help("it must be a file of one line, which only you may read")
            })?,
            None => ask(is_new)?,
        };
        Ok(self.passphrase.get_or_init(|| passphrase))
    }

    /// Says so when this home has no keys yet.
    pub(crate) fn need_identity(&self) -> Result<()> {
        if self.identity_path().exists() {
            return Ok(());
        }
        Err(Failure::new(Exit::NotFound, format!("no identity in {}", self.root.display()))
            .help("make one with `bulla identity create`, or name another folder with --home"))
    }

    /// This device's keys.
    pub(crate) fn keys(&self) -> Result<DeviceKeys> {
        self.need_identity()?;
        let path = self.identity_path();
        DeviceKeys::read_file(&path, self.passphrase(false)?)
            .map_err(|error| key_file(&path, &error))
    }

    /// How much a guess at the passphrase costs. Only tests lower it, by an environment variable that says so.
    pub(crate) fn work_factor() -> WorkFactor {
        let lowered =
            std::env::var("BULLA_DANGEROUS_WORK_FACTOR").ok().and_then(|text| text.parse().ok());
        lowered.map_or_else(WorkFactor::default, WorkFactor::dangerous)
    }

    /// Names and remotes of the spaces.
    pub(crate) fn local(&self) -> Result<LocalSpaces> {
        let path = self.local_path();
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                Failure::usage(format!("{}: {error}", path.display()))
                    .help("mend or remove that file")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(LocalSpaces::default())
            }
            Err(error) => Err(io("read", &path, &error)),
        }
    }

    /// Keeps names and remotes; whole or not at all.
    pub(crate) fn save_local(&self, local: &LocalSpaces) -> Result<()> {
        let path = self.local_path();
        let text = toml::to_string(local).map_err(|error| Failure::new(Exit::Failure, error))?;
        durable::replace(&path, text.as_bytes()).map_err(|error| io("write", &path, &error))
    }

    /// The space that a command is about: by id, by name, or the only one there is.
    pub(crate) fn resolve(&self, argument: &SpaceArg, held: &[SpaceId]) -> Result<SpaceId> {
        let local = self.local()?;
        let Some(text) = &argument.space else {
            return match held {
                [only] => Ok(*only),
                [] => Err(Failure::new(Exit::NotFound, "no space here yet").help(
                    "found one with `bulla space create`, or join one with `bulla space join`",
                )),
                _ => Err(Failure::usage("more than one space here")
                    .help("name one with --space; see `bulla space list`")),
            };
        };
        let named = local.spaces.iter().find(|(_, space)| space.name.as_ref() == Some(text));
        let id = named.map_or(text.as_str(), |(id, _)| id.as_str());
        let id: SpaceId = id.parse().map_err(|_| {
            Failure::new(Exit::NotFound, format!("no space is called '{text}'"))
                .help("see `bulla space list`")
        })?;
        if held.contains(&id) {
            Ok(id)
        } else {
            Err(Failure::new(Exit::NotFound, format!("space {id} is not held here"))
                .help("see `bulla space list`"))
        }
    }
}

impl LocalSpaces {
    pub(crate) fn entry(&mut self, space: SpaceId) -> &mut LocalSpace {
        self.spaces.entry(space.to_string()).or_default()
    }

    pub(crate) fn name(&self, space: SpaceId) -> Option<&str> {
        self.spaces.get(&space.to_string())?.name.as_deref()
    }

    /// What this device calls a member of a space.
    pub(crate) fn label(&self, space: SpaceId, device: &AuthorKey) -> Option<&str> {
        self.spaces.get(&space.to_string())?.labels.get(&device.to_string()).map(String::as_str)
    }

    /// Gives a space a name that no other has.
    pub(crate) fn set_name(&mut self, space: SpaceId, name: &str) -> Result<()> {
        self.check_name(Some(space), name)?;
        self.entry(space).name = Some(name.to_owned());
        Ok(())
    }

    /// Whether a space, one that is still to come unless it is named, can have this name.
    pub(crate) fn check_name(&self, space: Option<SpaceId>, name: &str) -> Result<()> {
        if name.is_empty()
            || name.len() > 64
            || name.chars().any(bulla_core::text::is_hidden)
            || name.parse::<SpaceId>().is_ok()
        {
            return Err(Failure::usage(format!(
                "'{}' is no name for a space",
                name.escape_debug()
            ))
            .help("a name has 1 to 64 bytes, no control or hidden characters, and is not an id"));
        }
        let own = space.map(|space| space.to_string());
        let taken = |(id, local): (&String, &LocalSpace)| {
            own.as_ref() != Some(id) && local.name.as_deref() == Some(name)
        };
        if self.spaces.iter().any(taken) {
            return Err(Failure::usage(format!("another space is called '{name}'"))
                .help("choose another name; see `bulla space list`"));
        }
        Ok(())
    }
}

impl Remote {
    pub(crate) fn node_id(&self) -> Result<NodeId> {
        self.node
            .parse()
            .map_err(|error| Failure::usage(format!("node key of {}: {error}", self.url)))
    }
}

/// A failure of the file system, with the file.
pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let exit =
        if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failure };
    Failure::new(exit, format!("could not {what} {}: {error}", path.display()))
        .help("check the path, its permissions and the space left")
}

/// A failure of a key file, with what to do next.
pub(crate) fn key_file(path: &Path, error: &KeyFileError) -> Failure {
    let (exit, help) = match error {
        KeyFileError::Passphrase => (Exit::Denied, "give the passphrase this file was made with"),
        KeyFileError::Permissions(_) => (Exit::Denied, "make it yours alone with chmod 600"),
        KeyFileError::Exists => {
            (Exit::Usage, "it is left as it is; name another folder with --home")
        }
        KeyFileError::Io(_) => (Exit::Failure, "check the path and its permissions"),
        _ => (Exit::Integrity, "bring the file back from a backup"),
    };
    Failure::new(exit, format!("{}: {}", path.display(), with_causes(error)))
        .code(&error.code())
        .help(help)
}

fn ask(is_new: bool) -> Result<Passphrase> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("no passphrase: {error}"))
            .help("name a file that holds it with --passphrase-file or BULLA_PASSPHRASE_FILE")
    };
    let text = rpassword::prompt_password("Passphrase: ").map_err(unreadable)?;
    if is_new && rpassword::prompt_password("The same again: ").map_err(unreadable)? != text {
        return Err(Failure::usage("the two passphrases differ").help("try again"));
    }
    Passphrase::new(&text).map_err(|error| {
        Failure::usage(error).help("use 1 to 1,024 bytes without control characters")
    })
}
