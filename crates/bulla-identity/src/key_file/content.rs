//! What the files of devices and nodes hold (KF-8 to KF-10).

use std::path::Path;

use bulla_core::cbor::{self, CborErrorKind, Reader, Writer};
use zeroize::Zeroizing;

use super::{KeyFileError, WorkFactor, create_key_file, read_key_file};
use crate::{DeviceKeys, NodeKeys, Passphrase};

/// The version of all contents (KF-8).
const CONTENT_VERSION: u64 = 1;
const DEVICE: u64 = 1;
const NODE: u64 = 2;

impl DeviceKeys {
    /// The content of a device's key file: `[1, 1, Ed25519 seed, X25519 scalar]` (KF-9).
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::with_capacity(128);
        writer.array(4).uint(CONTENT_VERSION).uint(DEVICE);
        writer.bytes(self.expose_signing_secret()).bytes(self.expose_sealing_secret());
        Zeroizing::new(writer.into_bytes())
    }

    /// Reads the content of a device's key file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Content`], [`KeyFileError::Version`] or [`KeyFileError::Kind`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyFileError> {
        let mut reader = key_file_content(secret, DEVICE, 4)?;
        let (signing, sealing) =
            (Zeroizing::new(reader.array_of()?), Zeroizing::new(reader.array_of()?));
        reader.finish()?;
        Ok(Self::dangerous_from_secrets(&signing, &sealing))
    }

    /// Writes these keys to a new file.
    ///
    /// # Errors
    ///
    /// As [`create_key_file`].
    pub fn create_file(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        work_factor: WorkFactor,
    ) -> Result<(), KeyFileError> {
        create_key_file(path, &self.to_secret(), passphrase, work_factor)
    }

    /// Reads the keys of a device from its file.
    ///
    /// # Errors
    ///
    /// As [`read_key_file`] and [`from_secret`](Self::from_secret).
    pub fn read_file(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::from_secret(&read_key_file(path, passphrase)?)
    }
}

impl NodeKeys {
    /// The content of a node's key file: `[1, 2, Ed25519 seed]` (KF-10).
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::with_capacity(64);
        writer.array(3).uint(CONTENT_VERSION).uint(NODE).bytes(self.expose_signing_secret());
        Zeroizing::new(writer.into_bytes())
    }

    /// Reads the content of a node's key file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Content`], [`KeyFileError::Version`] or [`KeyFileError::Kind`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyFileError> {
        let mut reader = key_file_content(secret, NODE, 3)?;
        let signing = Zeroizing::new(reader.array_of()?);
        reader.finish()?;
        Ok(Self::dangerous_from_secret(&signing))
    }

    /// Writes this key to a new file.
    ///
    /// # Errors
    ///
    /// As [`create_key_file`].
    pub fn create_file(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        work_factor: WorkFactor,
    ) -> Result<(), KeyFileError> {
        create_key_file(path, &self.to_secret(), passphrase, work_factor)
    }

    /// Reads the key of a node from its file.
    ///
    /// # Errors
    ///
    /// As [`read_key_file`] and [`from_secret`](Self::from_secret).
    pub fn read_file(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::from_secret(&read_key_file(path, passphrase)?)
    }
}

/// Checks what the content of every key file begins with, `[version, kind, ...]` of `elements` elements, and returns a
/// reader after these two. The order: canonical CBOR, version, kind, number of elements (KF-8).
///
/// # Errors
///
/// [`KeyFileError::Content`], [`KeyFileError::Version`] or [`KeyFileError::Kind`].
pub fn key_file_content(
    secret: &[u8],
    kind: u64,
    elements: usize,
) -> Result<Reader<'_>, KeyFileError> {
    cbor::check(secret)?;
    let mut reader = Reader::new(secret);
    let count = reader.array(usize::MAX)?;
    if count < 2 {
        return Err(Reader::error_at(0, CborErrorKind::Count).into());
    }
    let version = reader.uint(u64::MAX)?;
    if version != CONTENT_VERSION {
        return Err(KeyFileError::Version(version));
    }
    let actual = reader.uint(u64::MAX)?;
    if actual != kind {
        return Err(KeyFileError::Kind(actual));
    }
    if count != elements {
        return Err(Reader::error_at(0, CborErrorKind::Count).into());
    }
    Ok(reader)
}
