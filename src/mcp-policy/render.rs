//! `mcp-policy render`: the configuration of a proxy or a mesh with the policy in it.
//!
//! The result is read again before it is printed: it holds the policy that was given, or nothing is printed.

mod compose;
mod document;
mod envoy;
mod gateway;
mod istio;
mod module;
mod yaml;

use clap::{Args, ValueEnum};

use crate::diagnostic;
use crate::outcome::{Failure, Outcome};
use crate::terminal::{FAINT, PLAIN, Terminal};
use document::Document;
use module::Module;

/// What the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    /// Envoy by itself: a whole configuration
    Envoy,
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
    /// The policy, or a file that holds one; `-` is stdin
    ///
    /// Of a file with several policies, `FILE#SERVER` is the one of this server, and `FILE#2` is the second.
    #[arg(value_name = "POLICY")]
    policy: String,
    /// What the configuration is for
    #[arg(long = "for", value_name = "TARGET")]
    target: For,
    /// The filter's module: its path where the proxy runs, or `oci://…` or `https://…` for meshes
    #[arg(long, value_name = "PATH|URL")]
    module: Option<String>,
    /// The SHA-256 of a module that is fetched; for `oci://` that of the image's manifest
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// The MCP server behind Envoy
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000")]
    upstream: String,
    /// A label of the pods, or for Envoy Gateway of the HTTPRoutes; several must all be there
    #[arg(long, value_name = "KEY=VALUE")]
    selector: Vec<String>,
    /// The namespace of the object
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
}

/// A configuration, and what else has to be done.
#[derive(Debug)]
pub struct Rendered {
    /// The configuration
    pub text: String,
    /// The part of it that `mcp-policy check` reads, if it does not read all of it
    pub checked: Option<String>,
}

/// Where the object of a mesh belongs.
#[derive(Debug)]
pub struct Place {
    /// The namespace
    pub namespace: String,
    /// The labels that select it, as pairs
    pub labels: Vec<(String, String)>,
}

/// Runs the command.
///
/// # Errors
/// The policy has faults, an option does not fit the target, or the policy cannot be written for it.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let document = Document::read(&diagnostic::valid(&options.policy, terminal)?.0)?;
    let module = Module::read(options.module.as_deref(), options.sha256.as_deref())?;
    let is_mesh = !matches!(options.target, For::Envoy | For::Compose);
    if !is_mesh && !options.selector.is_empty() {
        return Err(Failure::new("--selector is for meshes: Envoy by itself has one server, see --upstream"));
    }
    let place = || place(options);
    let rendered = match options.target {
        For::Envoy => envoy::render(&document, &module, &upstream(&options.upstream)?)?,
        For::Compose => compose::render(&document, &module, &upstream(&options.upstream)?)?,
        For::IstioWasmplugin => istio::plugin(&document, &module, &place()?)?,
        For::IstioEnvoyfilter => istio::filter(&document, &module, &place()?)?,
        For::EnvoyGateway => gateway::render(&document, &module, &place()?)?,
    };
    let holds_text = !matches!(options.target, For::IstioWasmplugin | For::EnvoyGateway);
    document.verify(rendered.checked.as_deref().unwrap_or(&rendered.text), holds_text)?;
    terminal.print(format_args!("{}", rendered.text));
    for note in document.notes(holds_text) {
        terminal.note(format_args!("{FAINT}note:{PLAIN} {note}"));
    }
    Ok(Outcome::Clean)
}

fn place(options: &Options) -> Result<Place, Failure> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_name(&options.namespace) {
        return Err(Failure::new(format!("--namespace `{}` is no name of a namespace", options.namespace)));
    }
    if options.selector.is_empty() {
        let what = "--selector is needed, such as `app=mcp-server`: without it the policy would apply to everything in the namespace";
        return Err(Failure::new(what));
    }
    let label = |text: &String| {
        let wrong = || Failure::new(format!("--selector `{text}` is no label such as `app=mcp-server`"));
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        let fits =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        (!key.is_empty() && fits(key) && fits(value))
            .then(|| (key.to_owned(), value.to_owned()))
            .ok_or_else(wrong)
    };
    let labels = options.selector.iter().map(label).collect::<Result<_, _>>()?;
    Ok(Place { namespace: options.namespace.clone(), labels })
}

/// An address of a server.
#[derive(Debug)]
pub struct Address {
    /// A host name or an address
    pub host: String,
    /// The port
    pub port: u16,
}

fn upstream(text: &str) -> Result<Address, Failure> {
    let wrong = || Failure::new(format!("--upstream `{text}` is no host and port such as `127.0.0.1:8000`"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fits =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    let port = port.parse().ok().filter(|port| *port != 0 && fits).ok_or_else(wrong)?;
    Ok(Address { host: host.to_owned(), port })
}
