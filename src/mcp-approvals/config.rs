//! The configuration: the valid model of one file in which every key is optional.

mod descriptions;
mod quotas;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use mcp_policy_engine::policy::Pattern;

pub use descriptions::Description;
pub use quotas::Quotas;
pub use read::{settings, web_url};

/// What is wrong with a file, said in words as it is found.
pub type Faults = mcp_policy_engine::document::Faults<String>;

/// A valid configuration.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The address to listen on, `ADDRESS:PORT`
    pub listen: Option<String>,
    /// The database's URL
    pub database: Option<String>,
    /// The URL at which people reach the service, without a trailing slash
    pub url: Option<String>,
    /// Proxies whose `x-forwarded-for` header is trusted
    pub proxies: Vec<Network>,
    /// The most pending questions of one principal under one grant
    pub most_waiting: Option<u32>,
    /// How many days a question is kept after it has expired; forever if absent
    pub keep_days: Option<u32>,
    /// What each caller may add to the database
    pub quotas: Quotas,
    /// The callers
    pub callers: Vec<Caller>,
    /// The service's certificate and key
    pub tls: Option<Tls>,
    /// How people sign in
    pub sign_in: SignIn,
    /// The roles
    pub roles: Vec<Role>,
    /// The risk classes of calls
    pub risks: Vec<Risk>,
    /// Descriptions of tools
    pub descriptions: Vec<Description>,
    /// The reasons for a refusal that the pages offer; absent: [`REFUSALS`]
    pub refusals: Option<Vec<String>>,
    /// The principals that belong to each approver
    pub people: Vec<Person>,
    /// The webhooks that are notified of each new question
    pub webhooks: Vec<Webhook>,
}

/// An Envoy that may ask.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name in events
    pub name: String,
    /// How it proves its identity
    pub credential: CallerCredential,
    /// The servers it may ask about
    pub servers: Vec<Pattern>,
}

/// How a caller proves its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerCredential {
    /// A bearer token with this SHA-256, in lower-case hex digits
    Token(String),
    /// A client certificate with this URI or DNS name
    Certificate(String),
}

/// The service's TLS certificate, and the authority that signs callers' certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Path of the certificate chain, PEM
    pub certificate: String,
    /// Path of the private key, PEM
    pub key: String,
    /// Path of the authorities that sign callers' certificates, PEM
    pub client_ca: Option<String>,
}

/// How people sign in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Whether people can sign in with a name and a password
    pub accounts: bool,
    /// A proxy in front that authenticates people
    pub proxy: Option<Proxy>,
}

/// A proxy that authenticates people and names them in request headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The header with a person's name
    pub header: String,
    /// The header with their groups, separated by commas
    pub groups_header: Option<String>,
    /// The addresses from which these headers are trusted
    pub trusted: Vec<Network>,
}

/// A network of addresses, in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The names of people, and of groups as `group:NAME`
    pub who: Vec<String>,
    /// Whether it allows deciding; otherwise it only allows viewing
    pub approve: bool,
    /// Patterns of the servers it covers
    pub servers: Vec<Pattern>,
    /// Patterns of the tools it covers
    pub tools: Vec<Pattern>,
}

/// A risk class, and the calls that have it.
#[derive(Debug, Clone)]
pub struct Risk {
    /// Patterns of servers
    pub servers: Vec<Pattern>,
    /// Patterns of tools
    pub tools: Vec<Pattern>,
    /// The name of the class, such as `destructive`
    pub class: String,
}

/// The principals under which an approver makes calls.
#[derive(Debug, Clone)]
pub struct Person {
    /// The approver's name
    pub name: String,
    /// Patterns of their principals, in lower case
    pub principals: Vec<Pattern>,
}

/// A webhook that is notified of each new question.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its URL, which is a secret: anyone who knows it can post there
    pub url: String,
}

/// The reasons for a refusal that the pages offer by default. The agent reads them.
pub const REFUSALS: [&str; 4] = [
    "This is not needed for the task.",
    "Something in the arguments is wrong. Check them, then ask again.",
    "Not now. Ask again later.",
    "Do not do this. Tell the person you work for.",
];

/// The default address to listen on.
pub const LISTEN: &str = "127.0.0.1:8090";

impl Settings {
    /// Returns the URL at which people reach the service; by default this is the listening `address`.
    #[must_use]
    pub fn base_url(&self, address: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"))
    }

    /// Returns the risk class of a call: that of the first entry that matches, if one does.
    #[must_use]
    pub fn class(&self, server: &str, tool: &str) -> Option<&str> {
        let fits = |risk: &&Risk| matches_any(&risk.servers, server) && matches_any(&risk.tools, tool);
        self.risks.iter().find(fits).map(|risk| risk.class.as_str())
    }

    /// Returns the risk class of a call for programs: `unclassified` if no entry matches.
    #[must_use]
    pub fn risk(&self, server: &str, tool: &str) -> &str {
        self.class(server, tool).unwrap_or("unclassified")
    }

    /// Returns the description of a tool: the first one that is known.
    #[must_use]
    pub fn description(&self, server: &str, tool: &str) -> Option<&str> {
        self.descriptions.iter().find_map(|description| description.of(server, tool))
    }

    /// Returns the reasons for a refusal that the pages offer.
    #[must_use]
    pub fn refusals(&self) -> Vec<&str> {
        match &self.refusals {
            Some(refusals) => refusals.iter().map(String::as_str).collect(),
            None => REFUSALS.to_vec(),
        }
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self { accounts: true, proxy: None }
    }
}

impl Network {
    /// Parses `ADDRESS/BITS`, or a single address; `None` if the text is neither.
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

    /// Returns whether the network contains an address. An IPv4 address may be given as an IPv4-mapped IPv6
    /// address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
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

/// Returns whether a name matches one of the patterns.
#[must_use]
pub fn matches_any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
