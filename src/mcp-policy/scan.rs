//! `mcp-policy scan`: from what a server offers to a policy to start with.

mod class;
mod classify;
mod compose;
mod definitions;
mod drift;
mod files;
mod findings;
mod layout;
mod offer;
mod output;
mod pin;
mod schema;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::{Args, ValueEnum};
use mcp_policy_engine::policy::Policy;

use crate::diagnostic;
use crate::input::Found;
use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;
use definitions::{Definitions, Digest};
use drift::Drift;
use findings::{Finding, Severity};
use offer::Offer;

/// The options of `scan`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// A server's URL, `stdio:COMMAND`, or a file with a `tools/list` result; `-` is stdin
    ///
    /// A URL is that of a streamable HTTP endpoint, such as https://mcp.example.com/mcp. A command is one argument, so quote
    /// it: 'stdio:npx -y @modelcontextprotocol/server-memory'. It is started without a shell and gets this environment.
    /// A file holds a result, the whole response, a list of tools, or a list of results (pages).
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Write the policy to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,

    /// Replace files that exist
    ///
    /// Without it, no file with content is replaced: a policy may have been reviewed and changed since it was written.
    #[arg(long)]
    force: bool,

    /// Compare the server with this policy: what is new, gone or changed
    ///
    /// Names of tools, resources and prompts are compared, and the parameters of tools with the policy's schemas. The exit
    /// code is 3 if anything differs. No policy is written unless `-o` asks for one.
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,

    /// Compare the tools with the digests in this file, too
    ///
    /// A change that the policy's schemas do not show, such as another description, is drift as well.
    #[arg(long, value_name = "FILE")]
    definitions: Option<String>,

    /// Write the names and digests of the tools to this file
    ///
    /// A digest is the SHA-256 of the tool's definition without `_meta`, in the canonical form of RFC 8785.
    #[arg(long, value_name = "FILE", conflicts_with = "definitions")]
    write_definitions: Option<String>,

    /// Write the digests into the policy, too: into that of `--policy`, otherwise into the new one
    ///
    /// The filter then refuses a tool that the server lists with another definition. Of the policy in the file of
    /// `--policy`, JSON or YAML, everything else stays as it is. Tools get a digest if the policy has an entry with their
    /// exact name that does not deny them.
    #[arg(long)]
    pin: bool,

    /// Write what the server lists to this file, for `--tools` of `check` and `diff`, and `of` in tests
    ///
    /// The file is a `tools/list` result, with the server's name, resources and prompts beside the tools. It can be the SOURCE
    /// of another scan.
    #[arg(long, value_name = "FILE")]
    write_tools: Option<String>,

    /// The package of these definitions, in place of the name that the server gives itself
    #[arg(long, value_name = "NAME@VERSION", value_parser = package, requires = "write_definitions")]
    package: Option<String>,

    /// Let a person approve destructive and financial calls, by this cluster, instead of denying them
    #[arg(long, value_name = "CLUSTER", value_parser = plain)]
    approvals: Option<String>,

    /// The server's name in the policy, in place of the name that it gives itself
    #[arg(long, value_name = "NAME", value_parser = plain)]
    server: Option<String>,

    /// Show the class of each tool, and the evidence for it
    #[arg(long)]
    explain: bool,

    /// Exit with 3 if a definition is suspicious
    ///
    /// Notes about the policy, such as a keyword of a schema that the filter cannot judge, do not count.
    #[arg(long)]
    fail_on_findings: bool,

    /// A header for the server, such as 'Authorization: Bearer …'; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The longest time that the whole scan may take, such as `30s` or `2m`
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,

    /// The format of the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

/// The formats of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The policy; everything else goes to stderr
    Pretty,
    /// One object: `tools`, `findings`, `policy`, and with `--policy` or `--definitions` also `drift`
    Json,
}

const EXAMPLES: &str = "\
Examples:
  mcp-policy scan https://mcp.example.com/mcp --header \"Authorization: Bearer $TOKEN\" -o policy.json
  mcp-policy scan 'stdio:uvx mcp-server-time' --explain
  mcp-policy scan tools.json --approvals approvals > policy.json
  mcp-policy scan https://mcp.example.com/mcp --policy policy.json
  mcp-policy scan https://mcp.example.com/mcp --policy policy.json --pin
  mcp-policy scan 'stdio:uvx mcp-server-time' --write-definitions time.tools.json -o time.json
  mcp-policy scan 'stdio:uvx mcp-server-time' --policy time.json --definitions time.tools.json";

/// Runs the command.
///
/// # Errors
/// The source cannot be read, the policy to compare with has faults, or the result cannot be written.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    files::keep_apart(options)?;
    let before = Before::read(options, terminal)?;
    let asking = source::Asking { headers: &options.headers, timeout: options.timeout };
    let offer = source::read(&options.source, &asking, terminal)?;
    let classified = classify::classify(&offer.tools);
    let digests = definitions::digests(&offer);
    let pins = if options.pin { pin::by_name(&offer, known(digests.as_deref())?) } else { BTreeMap::new() };
    let choices = compose::Choices {
        server: options.server.clone(),
        approvals: options.approvals.clone(),
        pins: pins.clone(),
    };
    let composed = compose::compose(&offer, &classified, &choices)?;
    let pinned = match (&options.policy, &before.policy) {
        (Some(argument), Some(policy)) if options.pin => {
            output::pinned(argument, &pin::into_file(argument, policy, &pins)?)
        }
        _ => String::new(),
    };
    let drift = before.drift(&offer, digests.as_deref(), options.pin, terminal)?;
    let mut findings = findings::find(&offer);
    findings.extend(composed.notes);
    files::write(options, &offer, &composed.document, digests.as_deref())?;
    let drifted = drift.as_ref().is_some_and(|drift| !drift.is_empty());
    match options.format {
        Format::Json => {
            let policy = composed.document.value();
            let report = output::Report::new(
                &offer,
                &classified,
                digests.as_deref(),
                &findings,
                drift.as_deref(),
                policy,
            );
            let text = serde_json::to_string_pretty(&report)
                .map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
            terminal.print(format_args!("{}\n", layout::visible(&text)));
        }
        Format::Pretty => {
            let mut told = output::findings(&findings) + &pinned;
            if options.explain {
                told.push_str(&output::classes(&offer, &classified));
            }
            told.push_str(&output::counts(&classified));
            terminal.note(format_args!("{told}"));
            match &drift {
                Some(drift) => terminal.print(format_args!("{}", output::drift(drift))),
                None if options.output.is_none() => {
                    terminal.print(format_args!("{}", composed.document.pretty()))
                }
                None => {}
            }
        }
    }
    let suspicious = options.fail_on_findings && findings.iter().any(is_about_definition);
    Ok(if drifted || suspicious { Outcome::Findings } else { Outcome::Clean })
}

/// What the server is compared with.
struct Before {
    policy: Option<(Found, Policy)>,
    definitions: Option<Definitions>,
}

impl Before {
    /// Reads the files that the options name, before the server is asked.
    fn read(options: &Options, terminal: &mut Terminal) -> Result<Self, Failure> {
        let policy = options.policy.as_ref().map(|policy| diagnostic::valid(policy, terminal)).transpose()?;
        let definitions = options.definitions.as_deref().map(Definitions::read).transpose()?;
        Ok(Self { policy, definitions })
    }

    /// Compares the server with them. `None` if there are none. If the policy was just `pinned`, its digests are those of the
    /// server.
    fn drift(
        &self,
        offer: &Offer,
        digests: Option<&[Digest]>,
        pinned: bool,
        terminal: &mut Terminal,
    ) -> Result<Option<Vec<Drift>>, Failure> {
        let compared = self.policy.as_ref().map(|policy| drift::compare(offer, policy));
        for section in compared.iter().flat_map(|compared| &compared.left_out) {
            terminal.note(format_args!(
                "note: the source does not list its {section}, so those of the policy are not compared\n"
            ));
        }
        let mut policy = compared.map(|compared| compared.drift);
        if let (Some((_, read)), Some(drift), false) = (&self.policy, &mut policy, pinned) {
            drift.extend(drift::of_definitions(read, offer, digests, drift)?);
            drift.sort();
        }
        let Some(definitions) = &self.definitions else { return Ok(policy) };
        let changes = definitions.compare(offer, known(digests)?);
        let mut drift = policy.unwrap_or_default();
        // What the policy shows says more.
        let shown: BTreeSet<_> =
            drift.iter().map(|difference| (difference.change, difference.target.clone())).collect();
        drift.extend(
            changes.into_iter().filter(|change| !shown.contains(&(change.change, change.target.clone()))),
        );
        drift.sort();
        Ok(Some(drift))
    }
}

/// Returns the digests, or says why there are none.
fn known(digests: Option<&[Digest]>) -> Result<&[Digest], Failure> {
    digests.ok_or_else(|| {
        Failure::new(
            "there are no digests, because the server's answer could not be kept as it was sent; save the `tools/list` \
             result in a file, and use that as the source",
        )
    })
}

fn is_about_definition(finding: &Finding) -> bool {
    finding.severity != Severity::Note
}

/// Reads a name that needs no quotes anywhere.
fn plain(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("must be ASCII without spaces, and not empty".to_owned()) }
}

/// Reads a package with its version.
fn package(text: &str) -> Result<String, String> {
    match text.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => plain(text),
        _ => Err("must be a name and a version, such as `mcp-server-time@2026.10.19`".to_owned()),
    }
}

/// Reads a time such as `30s`, `2m` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a time such as `30s`, `2m` or `500ms`".to_owned();
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" | "" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(wrong()),
    };
    Some(duration)
        .filter(|duration| !duration.is_zero() && *duration <= Duration::from_secs(3600))
        .ok_or_else(|| "must be more than zero and at most an hour".to_owned())
}
