//! The configuration: one file, everything in it optional, and one valid model of it.

mod read;
mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use mcp_policy_engine::policy::Pattern;

pub use read::{settings, web_url};

/// What is wrong with a file, said in words as it is found.
pub type Faults = mcp_policy_engine::document::Faults<String>;

/// A valid configuration.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where to listen, `ADDRESS:PORT`
    pub listen: Option<String>,
    /// The database's URL
    pub database: Option<String>,
    /// Under which URL people reach the service, without a slash at the end
    pub url: Option<String>,
    /// Whose word is taken for where a request comes from (`x-forwarded-for`)
    pub proxies: Vec<Network>,
    /// How many questions of one principal of one grant may wait at once
    pub most_waiting: Option<u32>,
    /// Who may ask
    pub callers: Vec<Caller>,
    /// How the service shows who it is
    pub tls: Option<Tls>,
    /// How people sign in
    pub sign_in: SignIn,
    /// Who may do what
    pub roles: Vec<Role>,
    /// What kind of harm a call can do
    pub risks: Vec<Risk>,
    /// Which principals are which person
    pub people: Vec<Person>,
    /// Who hears of each new question
    pub webhooks: Vec<Webhook>,
}

/// Somebody who may ask, which is an Envoy.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What it is called in events
    pub name: String,
    /// How it shows who it is
    pub shows: Shows,
    /// About which servers it may ask
    pub servers: Vec<Pattern>,
}

/// How a caller shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// With a token that has this SHA-256
    Token(String),
    /// With a certificate that has this URI or DNS name
    Certificate(String),
}

/// How the service shows who it is, and whose certificates it believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The file of its certificates
    pub certificate: String,
    /// The file of its key
    pub key: String,
    /// The file of the authorities that vouch for callers
    pub client_ca: Option<String>,
}

/// How people sign in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Whether they do with a name and a password
    pub accounts: bool,
    /// The proxy in front that knows them
    pub proxy: Option<Proxy>,
}

/// A proxy that knows who people are, and says so in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The header with a person's name
    pub header: String,
    /// The header with their groups, separated by commas
    pub groups_header: Option<String>,
    /// From where these headers are believed
    pub trusted: Vec<Network>,
}

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// What some people may do.
#[derive(Debug, Clone)]
pub struct Role {
    /// Names, and `group:NAME`
    pub who: Vec<String>,
    /// Whether they decide, rather than only look
    pub approve: bool,
    /// With approvals of which servers
    pub servers: Vec<Pattern>,
    /// And of which tools
    pub tools: Vec<Pattern>,
}

/// A kind of harm, and the calls that can do it.
#[derive(Debug, Clone)]
pub struct Risk {
    /// On which servers
    pub servers: Vec<Pattern>,
    /// Which tools
    pub tools: Vec<Pattern>,
    /// A word for it, such as `destructive`
    pub class: String,
}

/// A person, as approver and as the one who asks.
#[derive(Debug, Clone)]
pub struct Person {
    /// The approver's name
    pub name: String,
    /// Patterns of the principals that are theirs
    pub principals: Vec<Pattern>,
}

/// Somebody who hears of each new question.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to; whoever knows it may post there
    pub url: String,
}

/// Where the service listens where nothing else is said.
pub const LISTEN: &str = "127.0.0.1:8090";

impl Settings {
    /// Returns under which URL people reach the service, which listens at `address`.
    #[must_use]
    pub fn base_url(&self, address: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"))
    }

    /// Returns the kind of harm that a call can do; the first of the risks that fits.
    #[must_use]
    pub fn risk(&self, server: &str, tool: &str) -> &str {
        let fits = |risk: &&Risk| any(&risk.servers, server) && any(&risk.tools, tool);
        self.risks.iter().find(fits).map_or("unclassified", |risk| risk.class.as_str())
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self { accounts: true, proxy: None }
    }
}

impl Network {
    /// Reads `ADDRESS/BITS`, or an address that stands for itself.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most)?;
        Some(Self { address, bits })
    }

    /// Tells whether an address is one of these; an IPv4 address may come in the form of IPv6.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let (own, other, length) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(own.to_bits()), u128::from(other.to_bits()), 32_u32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let beyond = length.saturating_sub(self.bits);
        own.checked_shr(beyond).unwrap_or_default() == other.checked_shr(beyond).unwrap_or_default()
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Webhook")
    }
}

/// Tells whether a name fits one of the patterns.
#[must_use]
pub fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
