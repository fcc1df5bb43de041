//! Folders on this machine: listing, copying, comparing.

use std::path::{Path, PathBuf};

use crate::exit::Result;
use crate::home::io;

/// Relative paths below a folder, and whether each is a folder itself, ascending. Links are not followed.
pub(crate) fn listing(base: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    let mut folders = vec![base.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| io("read", &folder, &error))? {
            let entry = entry.map_err(|error| io("read", &folder, &error))?;
            let kind = entry.file_type().map_err(|error| io("read", &entry.path(), &error))?;
            let name = entry.path().strip_prefix(base).map(Path::to_owned).unwrap_or_default();
            if kind.is_dir() {
                folders.push(entry.path());
                found.push((name, true));
            } else if kind.is_file() {
                found.push((name, false));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All files below a folder.
pub(crate) fn files(base: &Path) -> Result<Vec<PathBuf>> {
    let found = listing(base)?.into_iter().filter(|(_, is_folder)| !is_folder);
    Ok(found.map(|(path, _)| base.join(path)).collect())
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let make =
        |path: &Path| std::fs::create_dir_all(path).map_err(|error| io("make", path, &error));
    make(to)?;
    for (path, is_folder) in listing(from)? {
        if is_folder {
            make(&to.join(path))?;
        } else {
            let source = from.join(&path);
            std::fs::copy(&source, to.join(path)).map_err(|error| io("copy", &source, &error))?;
        }
    }
    Ok(())
}

/// How another folder differs from this one, byte for byte; `None` when it does not.
pub(crate) fn difference(from: &Path, to: &Path) -> Result<Option<String>> {
    let (left, right) = (listing(from)?, listing(to)?);
    if left != right {
        return Ok(Some("it has other files than the one sent".to_owned()));
    }
    for (name, is_folder) in left {
        let read = |base: &Path| {
            std::fs::read(base.join(&name)).map_err(|error| io("read", &base.join(&name), &error))
        };
        if !is_folder && read(from)? != read(to)? {
            return Ok(Some(format!("{} came out changed", name.display())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_equal_until_a_byte_or_a_name_changes() {
        let work = tempfile::tempdir().unwrap();
        let (one, other) = (work.path().join("one"), work.path().join("other"));
        std::fs::create_dir_all(one.join("empty/deep")).unwrap();
        std::fs::write(one.join("file"), b"bytes").unwrap();
        copy(&one, &other).unwrap();
        assert_eq!(difference(&one, &other).unwrap(), None);
        std::fs::write(other.join("file"), b"bytez").unwrap();
        assert_eq!(difference(&one, &other).unwrap().unwrap(), "file came out changed");
        std::fs::write(other.join("file"), b"bytes").unwrap();
        std::fs::remove_dir(other.join("empty/deep")).unwrap();
        assert!(difference(&one, &other).unwrap().unwrap().contains("other files"));
    }
}
