//! Callers that authenticate with a certificate.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::service::{Folder, ROLES, question, sealed, write};

/// A certificate authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    /// Returns a certificate with this name, and its key.
    fn issue(&self, name: SanType) -> (String, String) {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.subject_alt_names.push(name);
        let key = KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

#[test]
fn a_caller_is_authenticated_by_its_certificate() {
    let (servers, mesh, others) = (Authority::new(), Authority::new(), Authority::new());
    let folder = Folder::new(&format!(
        "{ROLES}[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"mesh.pem\"\n\
         [[callers]]\nname = \"mesh\"\ncertificate = \"spiffe://corp/envoy\"\nservers = [\"crm\"]\n\
         [[callers]]\nname = \"dns\"\ncertificate = \"envoy.corp\"\n"
    ));
    let (certificate, key) = servers.issue(SanType::IpAddress([127, 0, 0, 1].into()));
    for (name, text) in [("server.pem", &certificate), ("server.key", &key), ("mesh.pem", &mesh.pem)] {
        write(&folder.directory, name, text);
    }
    let service = folder.serve();
    let url = format!("https://127.0.0.1:{}/v1/approvals", service.port);
    let ask = |presented: Option<(String, String)>| {
        let root = Certificate::from_pem(servers.pem.as_bytes()).unwrap();
        let presented = presented.map(|(certificate, key)| {
            let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
            ClientCert::new_with_certs(&[certificate], PrivateKey::from_pem(key.as_bytes()).unwrap())
        });
        let roots = RootCerts::new_with_certs(&[root]);
        let tls = TlsConfig::builder().root_certs(roots).client_cert(presented).build();
        let agent: Agent = Agent::config_builder().tls_config(tls).http_status_as_error(false).build().into();
        let answer = agent.post(&url).content_type("application/json").send(sealed(&question('a')));
        // A certificate of an unknown authority fails the handshake.
        answer.map_or(0, |answer| answer.status().as_u16())
    };
    for (name, presented, expected) in [
        ("by URI", Some(mesh.issue(uri("spiffe://corp/envoy"))), 200),
        ("by DNS name", Some(mesh.issue(SanType::DnsName("envoy.corp".try_into().unwrap()))), 200),
        ("another name", Some(mesh.issue(uri("spiffe://corp/other"))), 401),
        ("the same name from another authority", Some(others.issue(uri("spiffe://corp/envoy"))), 0),
        ("no certificate", None, 401),
    ] {
        assert_eq!(ask(presented), expected, "{name}");
    }
}
