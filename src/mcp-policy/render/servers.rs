//! The servers behind one Envoy, and the filters with their policies.

use mcp_policy_engine::policy::Mode;

use super::document::Document;
use super::{Address, Target, address, envoy};
use crate::outcome::Failure;
use crate::yaml::{indented, quoted};

/// The policy that refuses everything before it reads a body: its only grant has expired, and it accepts no `Origin`.
const CLOSED: &str = r#"{
  "version": "1", "server": "closed", "default": "deny", "origins": [],
  "grants": [{ "name": "nobody", "match": "any", "expires": "2000-01-01T00:00:00Z" }]
}
"#;
const CLOSED_NAME: &str = "mcp_policy_closed";
/// Where Envoy expects a server if `--upstream` is not given.
const UPSTREAM: &str = "127.0.0.1:8000";

/// A server behind Envoy.
#[derive(Debug)]
struct Server {
    policy: Document,
    upstream: Address,
}

/// The servers behind one Envoy.
#[derive(Debug)]
pub struct Servers {
    list: Vec<Server>,
    /// The policy in shadow mode in front of that of the only server
    candidate: Option<Document>,
    /// The policy of routes that enable none; only if there are several servers
    closed: Option<Document>,
}

impl Servers {
    /// Puts policies together with their servers. `upstreams` are the values of `--upstream`.
    ///
    /// # Errors
    /// They do not fit each other.
    pub fn read(
        policies: Vec<Document>,
        candidate: Option<Document>,
        upstreams: &[String],
    ) -> Result<Self, Failure> {
        let is_alone = policies.len() == 1;
        if let Some(candidate) = &candidate {
            let [policy] = policies.as_slice() else {
                return Err(Failure::new("--shadow is for one policy, and there are several"));
            };
            fits(candidate, policy)?;
        }
        let mut list: Vec<Server> = Vec::new();
        for policy in policies {
            let name = policy.policy.server.as_str();
            if !is_alone {
                name_fits(name, &list)?;
            }
            let upstream = if is_alone { only(upstreams)? } else { of_server(name, upstreams)? };
            list.push(Server { policy, upstream });
        }
        if let Some(other) = upstreams.iter().find(|text| !is_alone && !is_of(text, &list)) {
            return Err(Failure::new(format!("--upstream `{other}` names no server of these policies")));
        }
        let closed = if is_alone { None } else { Some(Document::of_text(CLOSED)?) };
        Ok(Self { list, candidate, closed })
    }

    /// Returns all policies, in the order of their filters.
    pub fn policies(&self) -> Vec<&Document> {
        let own = self.list.iter().map(|server| &server.policy);
        self.candidate.iter().chain(own).chain(&self.closed).collect()
    }

    /// Returns what else has to be done, in words, each once.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for note in self.policies().iter().flat_map(|policy| policy.notes(Target::Envoy, true)) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }

    /// Says what Envoy is in front of, as the end of a sentence.
    pub fn said(&self) -> String {
        match self.list.len() {
            1 => "one MCP server".to_owned(),
            count => format!("{count} MCP servers"),
        }
    }

    /// Tells whether a policy in shadow mode is in front of the one in force.
    pub fn has_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    /// Writes the filters, indented by 18 spaces.
    pub fn filters(&self, module: &str) -> String {
        let mut out = String::new();
        if let Some(candidate) = &self.candidate {
            out.push_str("                  # The candidate refuses nothing. It judges all requests, and its records are `mcp_shadow`.\n");
            out.push_str(&filter("mcp_policy_candidate", candidate, module, false));
        }
        match (self.list.as_slice(), &self.closed) {
            ([only], _) => out.push_str(&filter("mcp_policy", &only.policy, module, false)),
            (servers, closed) => {
                for server in servers {
                    out.push_str(&filter(&server.filter_name(), &server.policy, module, true));
                }
                out.push_str("                  # Refuses the requests of a route that enables no policy.\n");
                let closed = closed.as_ref().map(|closed| filter(CLOSED_NAME, closed, module, false));
                out.extend(closed);
            }
        }
        out
    }

    /// Writes what removes the keys of callers, indented by 22 spaces. Several servers have it in their routes.
    pub fn removals(&self) -> String {
        match self.list.as_slice() {
            [only] => removal(self.candidate.iter().chain([&only.policy]), 22),
            _ => String::new(),
        }
    }

    /// Writes the routes, indented by 24 spaces.
    pub fn routes(&self) -> String {
        match self.list.as_slice() {
            [_] => "                        - match: { prefix: / }\n                          route: { cluster: mcp_server, timeout: 0s }\n".to_owned(),
            servers => servers.iter().map(Server::route).collect(),
        }
    }

    /// Writes the clusters of the servers and of the services that their policies ask.
    pub fn clusters(&self) -> String {
        let is_alone = self.list.len() == 1;
        let mut out = String::new();
        for server in &self.list {
            let name = if is_alone { "mcp_server".to_owned() } else { server.cluster() };
            out.push_str(&envoy::cluster(&name, &server.upstream));
        }
        // One cluster cannot stand there twice.
        let mut known: Vec<&str> = Vec::new();
        let policies = self.policies();
        let asked = policies.iter().filter_map(|policy| Some((policy.approvals()?, true)));
        let shared = policies.iter().filter_map(|policy| Some((policy.shared_limits()?, false)));
        for (cluster, approves) in asked.chain(shared) {
            if !known.contains(&cluster) {
                known.push(cluster);
                out.push_str(&if approves { envoy::approvals(cluster) } else { envoy::rate_limits(cluster) });
            }
        }
        out
    }
}

impl Server {
    fn name(&self) -> &str {
        &self.policy.policy.server
    }

    fn filter_name(&self) -> String {
        format!("mcp_policy_{}", self.name())
    }

    fn cluster(&self) -> String {
        format!("mcp_server_{}", self.name())
    }

    fn route(&self) -> String {
        let (name, filter, cluster) = (self.name(), self.filter_name(), self.cluster());
        let removal = removal([&self.policy], 26);
        format!(
            r#"                        - match: {{ path: "/{name}" }}
                          route: {{ cluster: {cluster}, prefix_rewrite: /mcp, timeout: 0s }}
{removal}                          typed_per_filter_config:
                            {filter}:
                              "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                              config: {{}}
                            {CLOSED_NAME}:
                              "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                              disabled: true
"#
        )
    }
}

/// Writes what removes the headers in which policies read keys; nothing if they read none.
fn removal<'d>(policies: impl IntoIterator<Item = &'d Document>, spaces: usize) -> String {
    let mut headers: Vec<&str> = policies.into_iter().flat_map(Document::key_headers).collect();
    headers.sort_unstable();
    headers.dedup();
    if headers.is_empty() {
        return String::new();
    }
    let headers: Vec<String> = headers.into_iter().map(quoted).collect();
    let text = format!(
        "# The router removes the key after the filter has read it. The server does not need it.\nrequest_headers_to_remove: [{}]\n",
        headers.join(", ")
    );
    indented(&text, spaces)
}

fn filter(name: &str, policy: &Document, module: &str, is_disabled: bool) -> String {
    let disabled = if is_disabled { "                    disabled: true\n" } else { "" };
    let code = format!("local:\n  filename: {}\n", quoted(module));
    let config = envoy::wasm(name, policy, &code, 22);
    format!("                  - name: {name}\n{disabled}                    typed_config:\n{config}")
}

/// Makes sure that a candidate can run in front of a policy.
fn fits(candidate: &Document, policy: &Document) -> Result<(), Failure> {
    if candidate.policy.mode != Mode::Shadow {
        let why = "--shadow: the policy must have `\"mode\": \"shadow\"`, otherwise it would refuse requests";
        return Err(Failure::new(why));
    }
    let (own, other) = (&candidate.policy.server, &policy.policy.server);
    if own != other {
        return Err(Failure::new(format!(
            "--shadow: its `server` is `{own}`, and that of the policy in force is `{other}`: they must be the same"
        )));
    }
    Ok(())
}

/// Makes sure that the name of one server of several can be that of a path, a filter and a cluster.
fn name_fits(name: &str, others: &[Server]) -> Result<(), Failure> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_plain || name == "closed" {
        return Err(Failure::new(format!(
            "the `server` of a policy is `{name}`: of several policies it becomes a path, so it must have letters, digits, \
             `-` and `_` only, and cannot be `closed`"
        )));
    }
    if others.iter().any(|other| other.name() == name) {
        return Err(Failure::new(format!(
            "two policies have the `server` `{name}`: several policies behind one Envoy need different ones"
        )));
    }
    Ok(())
}

/// Reads the address of the only server.
fn only(upstreams: &[String]) -> Result<Address, Failure> {
    match upstreams {
        [] => address(UPSTREAM),
        [text] => address(text),
        [..] => Err(Failure::new("--upstream is given several times, but there is one policy")),
    }
}

/// Reads the address of one server of several.
fn of_server(name: &str, upstreams: &[String]) -> Result<Address, Failure> {
    let own = |text: &String| {
        text.split_once('=').filter(|(server, _)| *server == name).map(|(_, to)| to.to_owned())
    };
    let found: Vec<String> = upstreams.iter().filter_map(own).collect();
    match found.as_slice() {
        [text] => address(text),
        _ => Err(Failure::new(format!(
            "several policies need the address of each server once: `--upstream {name}=HOST:PORT`"
        ))),
    }
}

fn is_of(upstream: &str, servers: &[Server]) -> bool {
    upstream.split_once('=').is_some_and(|(name, _)| servers.iter().any(|server| server.name() == name))
}
