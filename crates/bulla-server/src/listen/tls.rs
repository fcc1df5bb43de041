//! TLS 1.3 with a certificate that can be read again while connections go on.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Where the certificate and its key lie, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those that lead to a trusted one.
    pub certificate: PathBuf,
    /// The private key of the first.
    pub key: PathBuf,
}

/// Why TLS cannot be offered. *Fix the files.*
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read or holds no PEM of the kind wanted.
    #[error("cannot read {what} from {path}")]
    File {
        /// `certificate` or `private key`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("no certificate in {0}")]
    Empty(PathBuf),
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("certificate or private key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// The TLS side of a listener. New connections use what was read last; those under way keep what they began with.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    http2: bool,
    config: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when they cannot be used.
    pub fn open(files: TlsFiles, http2: bool) -> Result<Arc<Self>, TlsError> {
        let config = ArcSwap::from_pointee(read(&files, http2)?);
        Ok(Arc::new(Self { files, http2, config }))
    }

    /// Reads the files again. Blocks on the file system for a moment.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the certificate in use stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.config.store(Arc::new(read(&self.files, self.http2)?));
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

fn read(files: &TlsFiles, http2: bool) -> Result<ServerConfig, TlsError> {
    let failed = |what, path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::File { what, path, source }
    };
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect)
            .map_err(failed("certificate", &files.certificate))?;
    if certificates.is_empty() {
        return Err(TlsError::Empty(files.certificate.clone()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(failed("private key", &files.key))?;
    let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(config)
}
