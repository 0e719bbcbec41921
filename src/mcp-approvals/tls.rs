//! TLS: the service's certificate, and the names in callers' certificates.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::Tls;

/// Builds the server configuration for TLS 1.2 and 1.3. Client certificates are optional, because browsers
/// send none, but a certificate that is sent must be signed by a configured authority.
///
/// # Errors
/// `place: what is wrong`, where the place is a key of the configuration.
fn server_config(tls: &Tls) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(invalid("certificate"))?;
    let builder = match &tls.client_ca {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca", path)? {
                roots.add(certificate).map_err(invalid("client_ca"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.allow_unauthenticated().build().map_err(invalid("client_ca"))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let chain = certificates("certificate", &tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(invalid("key"))?;
    let mut server = builder.with_single_cert(chain, key).map_err(invalid("key"))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// The current server configuration. Short-lived certificates are replaced on disk and reloaded while the
/// service runs.
pub struct Current {
    files: Tls,
    server: RwLock<Arc<ServerConfig>>,
}

impl Current {
    /// Reads the files.
    ///
    /// # Errors
    /// `place: what is wrong`, where the place is a key of the configuration.
    pub fn new(files: &Tls) -> Result<Self, String> {
        Ok(Self { files: files.clone(), server: RwLock::new(server_config(files)?) })
    }

    /// Returns the configuration for a new connection.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again. If they cannot be used, the previous configuration stays, for example while
    /// only one of two files has been replaced.
    ///
    /// # Errors
    /// `place: what is wrong`, where the place is a key of the configuration.
    pub fn reload(&self) -> Result<(), String> {
        let server = server_config(&self.files)?;
        *self.server.write().unwrap_or_else(PoisonError::into_inner) = server;
        Ok(())
    }
}

/// Returns the URIs and DNS names of the client's verified certificate; empty without one.
#[must_use]
pub fn names(connection: &ServerConnection) -> Vec<String> {
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let parsed = certificate.and_then(|certificate| X509Certificate::from_der(certificate).ok());
    let Some((_, certificate)) = parsed else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::URI(name) | GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).collect()
}

fn certificates(key: &'static str, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(invalid(key))?;
    let list = read.collect::<Result<Vec<_>, _>>().map_err(invalid(key))?;
    if list.is_empty() { Err(format!("tls.{key}: contains no PEM certificate")) } else { Ok(list) }
}

fn invalid<E: Display>(key: &'static str) -> impl FnOnce(E) -> String {
    move |why| format!("tls.{key}: cannot be used: {why}")
}
