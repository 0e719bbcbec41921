//! `mcp-policy render`: the configuration of a proxy or a mesh with the policy in it.
//!
//! The result is read again before it is printed: it holds the policy that was given, or nothing is printed.

mod callers;
mod compose;
mod document;
mod envoy;
mod envoy_file;
mod gateway;
mod istio;
mod module;
mod place;
mod servers;

use clap::{Args, ValueEnum};

use crate::destination::{Named, Output};
use crate::outcome::{Failure, Outcome};
use crate::terminal::{FAINT, PLAIN, Terminal};
use crate::{diagnostic, input};
use document::Document;
use gateway::Listener;
use module::Module;
use place::Place;
use servers::Servers;

/// What the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    /// Envoy by itself: a whole configuration
    Envoy,
    /// Envoy: the filter alone, for a file that Envoy watches
    EnvoyFile,
    /// Istio: a `WasmPlugin`, which cannot hold headers back
    IstioWasmplugin,
    /// Istio: an `EnvoyFilter`, which sets everything
    IstioEnvoyfilter,
    /// Envoy Gateway: an `EnvoyExtensionPolicy`, which cannot hold headers back
    EnvoyGateway,
    /// Docker Compose: Envoy with its whole configuration
    Compose,
}

/// The options of `render`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
                  mcp-policy render policy.json --for envoy --upstream mcp.internal:8000 > envoy.yaml\n  \
                  mcp-policy render policy.json --for istio-wasmplugin --module oci://registry.example/mcp-policy:0.1.0 \\\n    \
                  --selector app=mcp-server --namespace tools | kubectl apply -f -\n\n\
                  Envoy and an EnvoyFilter get the policy as the text of its document, so it keeps its digest. A WasmPlugin and an \
                  EnvoyExtensionPolicy hold it as an object. They cannot hold a request's headers back, so \
                  `request_headers` becomes `stream` there.")]
pub struct Options {
    /// The policy, or a file that contains one; `-` is stdin
    ///
    /// Of a file with several policies, `FILE#SERVER` is the one of this server, and `FILE#2` is the second. Several policies
    /// are for Envoy and Compose: the server of each is at `/SERVER`.
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<String>,
    /// What the configuration is for
    #[arg(long = "for", value_name = "TARGET")]
    target: For,
    /// The filter's module: its path where the proxy runs, or `oci://…` or `https://…` for meshes
    #[arg(long, value_name = "PATH|URL")]
    module: Option<String>,
    /// The SHA-256 of a module that is fetched; for `oci://` that of the image's manifest
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// A policy in shadow mode to run in front of the other one, for Envoy and Compose
    ///
    /// It refuses nothing. Its records are the member `mcp_shadow` of each line of the access log.
    #[arg(long, value_name = "POLICY")]
    shadow: Option<String>,
    /// The MCP server behind Envoy, otherwise 127.0.0.1:8000
    ///
    /// With several policies, `SERVER=HOST:PORT` for each of them.
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Vec<String>,
    /// The port at which Envoy listens, otherwise 10000
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The port of Envoy's admin interface, otherwise 9901
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: Option<u16>,
    /// A label of the server's pods, or for Envoy Gateway of the HTTPRoutes; several must all be there
    #[arg(long, value_name = "KEY=VALUE")]
    selector: Vec<String>,
    /// The labels are those of a gateway's pods
    #[arg(long)]
    gateway: bool,
    /// What the policy is for, in place of labels: a Gateway, a Service behind a waypoint, or an HTTPRoute
    #[arg(long, value_name = "KIND/NAME")]
    attach: Option<String>,
    /// For Envoy Gateway: hold headers back at this listener, with an EnvoyPatchPolicy
    #[arg(long, value_name = "GATEWAY/LISTENER")]
    hold: Option<String>,
    /// The listener of `--hold` serves HTTP/3 too
    #[arg(long, requires = "hold")]
    http3: bool,
    /// The namespace of the object, otherwise `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// A kind of control plane, or none: it decides what else has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// None
    Envoy,
    /// None, and the rest of Envoy's configuration is not rendered
    EnvoyFile,
    /// Istio's
    Istio,
    /// Envoy Gateway's
    EnvoyGateway,
}

impl For {
    fn target(self) -> Target {
        match self {
            Self::Envoy | Self::Compose => Target::Envoy,
            Self::EnvoyFile => Target::EnvoyFile,
            Self::IstioWasmplugin | Self::IstioEnvoyfilter => Target::Istio,
            Self::EnvoyGateway => Target::EnvoyGateway,
        }
    }

    /// Returns whether the policy is written as the text of its document, and not as an object.
    fn holds_text(self) -> bool {
        !matches!(self, Self::IstioWasmplugin | Self::EnvoyGateway)
    }
}

/// Runs the command.
///
/// # Errors
/// The policy has faults, an option does not fit the target, or the policy cannot be written for it.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    fitting(options)?;
    let given = options.policies.iter().chain(&options.shadow);
    let read: Vec<_> =
        given.map(|policy| Named { what: "the policy", name: input::choice(policy).0 }).collect();
    options.output.check(&read)?;
    let mut document = |policy: &String| Document::read(&diagnostic::valid(policy, terminal)?.0);
    let documents: Vec<Document> = options.policies.iter().map(&mut document).collect::<Result<_, _>>()?;
    let candidate = options.shadow.as_ref().map(document).transpose()?;
    let module = Module::read(options.module.as_deref(), options.sha256.as_deref())?;
    let (rendered, notes) = match options.target.target() {
        Target::EnvoyFile => of_envoy_file(&documents, &module)?,
        Target::Envoy => of_envoy(options, Servers::read(documents, candidate, &options.upstream)?, &module)?,
        Target::Istio | Target::EnvoyGateway => of_mesh(options, &documents, &module)?,
    };
    options.output.write(&rendered, terminal)?;
    if options.module.is_none() {
        terminal.note(format_args!(
            "{FAINT}note:{PLAIN} the module is expected at {}: `--module` names another place",
            module::PATH
        ));
    }
    for note in module.note().into_iter().chain(notes) {
        terminal.note(format_args!("{FAINT}note:{PLAIN} {note}"));
    }
    Ok(Outcome::Clean)
}

/// A configuration, and what else has to be done.
type Rendered = (String, Vec<String>);

fn of_envoy(options: &Options, servers: Servers, module: &Module) -> Result<Rendered, Failure> {
    let ports = ports(options)?;
    let rendered = match options.target {
        For::Compose => compose::render(&servers, module, &ports)?,
        _ => envoy::render(&servers, module, &ports)?,
    };
    document::verify(&rendered, &servers.policies(), true, true)?;
    Ok((rendered, servers.notes()))
}

fn of_envoy_file(documents: &[Document], module: &Module) -> Result<Rendered, Failure> {
    let [document] = documents else {
        return Err(Failure::new(
            "a file that Envoy watches holds one filter: render a file for each policy",
        ));
    };
    let rendered = envoy_file::render(document, module)?;
    document::verify(&rendered, &[document], true, true)?;
    Ok((rendered, document.notes(Target::EnvoyFile, true)))
}

fn of_mesh(options: &Options, documents: &[Document], module: &Module) -> Result<Rendered, Failure> {
    let [document] = documents else {
        return Err(Failure::new(
            "several policies are for Envoy by itself and for Compose: in a mesh, render an object for each",
        ));
    };
    let namespace = options.namespace.as_deref().unwrap_or("default");
    let place = Place::read(namespace, &options.selector, options.attach.as_deref(), options.gateway)?;
    let hold = options.hold.as_deref().map(|text| Listener::read(text, options.http3)).transpose()?;
    if options.target.target() == Target::Istio {
        callers::known_in_istio(document, &place)?;
    }
    let holds_text = options.target.holds_text();
    let holds = holds_text || hold.is_some();
    let rendered = match options.target {
        For::IstioWasmplugin => istio::plugin(document, module, &place)?,
        For::EnvoyGateway => gateway::render(document, module, &place, hold)?,
        _ => istio::filter(document, module, &place)?,
    };
    document::verify(&rendered, &[document], holds_text, holds)?;
    Ok((rendered, document.notes(options.target.target(), holds)))
}

/// Makes sure that the options fit the target.
fn fitting(options: &Options) -> Result<(), Failure> {
    let target = options.target.target();
    let is_of_envoy = !options.upstream.is_empty() || options.port.is_some() || options.admin_port.is_some();
    let is_placed = !options.selector.is_empty() || options.attach.is_some();
    let why = match target {
        Target::EnvoyFile if is_of_envoy || options.shadow.is_some() => {
            "--upstream, --port, --admin-port and --shadow are for whole configurations: this target is the filter alone"
        }
        Target::Envoy | Target::EnvoyFile if options.namespace.is_some() => "--namespace is for meshes",
        Target::Istio | Target::EnvoyGateway if is_of_envoy => {
            "--upstream, --port and --admin-port are for Envoy by itself and for Compose: a mesh knows its servers and ports"
        }
        Target::Istio | Target::EnvoyGateway if options.shadow.is_some() => {
            "--shadow is for Envoy by itself and for Compose: in a mesh, render an object for the candidate, too"
        }
        Target::Envoy | Target::EnvoyFile if is_placed => {
            "--selector and --attach are for meshes: Envoy by itself has one server, see --upstream"
        }
        Target::Envoy | Target::EnvoyFile | Target::EnvoyGateway if options.gateway => {
            "--gateway is for Istio, whose pods are sidecars or gateways"
        }
        Target::Envoy | Target::EnvoyFile | Target::Istio if options.hold.is_some() => {
            "--hold is for Envoy Gateway; `--for istio-envoyfilter` holds headers back, and a WasmPlugin cannot"
        }
        _ => return Ok(()),
    };
    Err(Failure::new(why))
}

/// Where Envoy listens.
#[derive(Debug)]
pub struct Ports {
    /// The port for clients
    pub own: u16,
    /// The port of the admin interface
    pub admin: u16,
}

fn ports(options: &Options) -> Result<Ports, Failure> {
    let (own, admin) = (options.port.unwrap_or(10_000), options.admin_port.unwrap_or(9_901));
    if own == admin {
        return Err(Failure::new(format!("--port and --admin-port are both {own}: they must differ")));
    }
    Ok(Ports { own, admin })
}

/// An address of a server.
#[derive(Debug)]
pub struct Address {
    /// A host name or an address
    pub host: String,
    /// The port
    pub port: u16,
}

/// Reads an address of `--upstream`.
fn address(text: &str) -> Result<Address, Failure> {
    let wrong =
        || Failure::new(format!("--upstream `{text}` is not a host and a port such as `127.0.0.1:8000`"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fits =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    let port = port.parse().ok().filter(|port| *port != 0 && fits).ok_or_else(wrong)?;
    Ok(Address { host: host.to_owned(), port })
}
