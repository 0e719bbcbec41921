//! HTTP requests to other services.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{RootCerts, TlsConfig};

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Returns a client that trusts the operating system's certificate authorities, follows no redirects, and
/// returns responses of every status.
fn agent(timeout: Duration) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("mcp-approvals");
    config.build().new_agent()
}

/// Posts a JSON text, and returns the status of the answer.
///
/// # Errors
/// What went wrong, without the URL, which may be a secret.
pub fn post(url: &str, json: &str, timeout: Duration) -> Result<u16, String> {
    let sent = agent(timeout).post(url).content_type("application/json").send(json);
    sent.map(|answer| answer.status().as_u16()).map_err(|why| reason(&why))
}

/// Sends a request with a bearer token and an optional JSON body. Returns the status and the text of the
/// answer.
///
/// # Errors
/// What went wrong.
pub fn call(method: &str, url: &str, token: &str, json: Option<&str>) -> Result<(u16, String), String> {
    let request =
        Request::builder().method(method).uri(url).header("authorization", format!("Bearer {token}"));
    let agent = agent(Duration::from_secs(60));
    let sent = match json {
        Some(json) => {
            let request = request.header("content-type", "application/json").body(json.to_owned());
            agent.run(request.map_err(|why| why.to_string())?)
        }
        None => agent.run(request.body(()).map_err(|why| why.to_string())?),
    };
    let mut answer = sent.map_err(|why| reason(&why))?;
    let status = answer.status().as_u16();
    let text = answer.body_mut().with_config().limit(LONGEST).read_to_string();
    Ok((status, text.map_err(|why| reason(&why))?))
}

/// Describes an error. An error that would quote the URL is replaced by a general text.
fn reason(why: &ureq::Error) -> String {
    match why {
        ureq::Error::BadUri(_) => "the URL is invalid".to_owned(),
        other => other.to_string(),
    }
}
