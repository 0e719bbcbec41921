//! TLS: how the service shows who it is, and which names callers' certificates have.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::Tls;

/// Makes the server's side of TLS 1.2 and 1.3. Callers may show a certificate, and one that they
/// show must be vouched for; people's browsers show none.
///
/// # Errors
/// `place: what is wrong`, of the configuration.
fn server(tls: &Tls) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong("certificate"))?;
    let builder = match &tls.client_ca {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca", path)? {
                roots.add(certificate).map_err(wrong("client_ca"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.allow_unauthenticated().build().map_err(wrong("client_ca"))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let chain = certificates("certificate", &tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(wrong("key"))?;
    let mut server = builder.with_single_cert(chain, key).map_err(wrong("key"))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// What new connections are served with. Certificates that last for hours are replaced in their files
/// while the service runs.
pub struct Current {
    files: Tls,
    server: RwLock<Arc<ServerConfig>>,
}

impl Current {
    /// Reads the files.
    ///
    /// # Errors
    /// `place: what is wrong`, of the configuration.
    pub fn new(files: &Tls) -> Result<Self, String> {
        Ok(Self { files: files.clone(), server: RwLock::new(server(files)?) })
    }

    /// Returns what a connection that begins now is served with.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files anew. What cannot be used, as when one of two is replaced, changes nothing.
    ///
    /// # Errors
    /// `place: what is wrong`, of the configuration.
    pub fn reload(&self) -> Result<(), String> {
        let server = server(&self.files)?;
        *self.server.write().unwrap_or_else(PoisonError::into_inner) = server;
        Ok(())
    }
}

/// Returns the URIs and DNS names of the certificate that the other end has shown, and that an
/// authority vouches for.
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
    let read = CertificateDer::pem_file_iter(path).map_err(wrong(key))?;
    let list = read.collect::<Result<Vec<_>, _>>().map_err(wrong(key))?;
    if list.is_empty() { Err(format!("tls.{key}: holds no certificate in PEM form")) } else { Ok(list) }
}

fn wrong<E: Display>(key: &'static str) -> impl FnOnce(E) -> String {
    move |why| format!("tls.{key}: cannot be used: {why}")
}
