//! `mcp-policy check`: the faults of policies, and what is likely a mistake.

mod amounts;
mod arguments;
mod conditions;
mod context;
mod descriptions;
mod document;
mod grants;
mod identity;
mod kinds;
mod layers;
mod limits;
mod methods;
mod output;
mod paths;
mod patterns;
mod regexes;
mod schema_walk;
mod schemas;
mod spend;
#[cfg(test)]
mod tests;
mod tool_list;
mod tools;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};

use crate::diagnostic::{self, Diagnostic, Severity};
use crate::input::{self, Found};
use crate::listing::Answers;
use crate::outcome::{Failure, Outcome};
use crate::terminal::{Terminal, line};
use context::Warning;
use output::Checked;
use tool_list::Tool;

/// The options of `check`.
#[derive(Debug, Args)]
#[command(after_long_help = kinds::table(), after_help = "`mcp-policy help check` lists all warnings and faults.")]
pub struct Options {
    /// Policies, or files that contain policies: JSON or YAML; `-` is stdin
    ///
    /// Every policy of a file is checked, unless `FILE#SERVER` or its number, as in `FILE#2`, chooses one.
    #[arg(required_unless_present = "explain", value_name = "POLICY")]
    policies: Vec<String>,

    /// The server's tools, as `tools/list` returns them, to compare the policies with
    #[arg(long, value_name = "FILE")]
    tools: Option<String>,

    /// How to print what is found
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,

    /// The least that ends with exit code 3
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    fail_level: Level,

    /// Do not show the warnings with this id
    #[arg(long, value_name = "ID")]
    allow: Vec<String>,

    /// Treat the warnings with this id as errors
    #[arg(long, value_name = "ID")]
    deny: Vec<String>,

    /// Explain a warning or a fault, and check nothing
    #[arg(long, value_name = "ID", conflicts_with = "policies")]
    explain: Option<String>,
}

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line and the place underlined
    Pretty,
    /// One JSON object: `{"diagnostics": [{"file", "line", "column", "severity", "id", "path", "message", "help"}]}`
    Json,
    /// Workflow commands, which GitHub shows in a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// How serious a finding has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Faults, and warnings that `--deny` names
    Error,
    /// All warnings as well
    Warning,
}

/// Which warnings are left out, and which are errors.
#[derive(Debug, Default)]
struct Levels {
    allowed: Vec<&'static str>,
    denied: Vec<&'static str>,
}

impl Levels {
    fn new(options: &Options) -> Result<Self, Failure> {
        let ids = |option: &str, ids: &[String]| -> Result<Vec<&'static str>, Failure> {
            ids.iter().map(|id| kinds::warning(option, id).map(|kind| kind.id)).collect()
        };
        let levels = Self { allowed: ids("--allow", &options.allow)?, denied: ids("--deny", &options.deny)? };
        match levels.allowed.iter().find(|id| levels.denied.contains(id)) {
            Some(id) => Err(Failure::new(format!("`{id}` cannot be both allowed and denied"))),
            None => Ok(levels),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// An option names no warning, or a file cannot be read or holds no policy.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    if let Some(id) = &options.explain {
        line!(terminal, "{}", kinds::explanation(id)?);
        return Ok(Outcome::Clean);
    }
    let levels = Levels::new(options)?;
    let inputs = options.policies.iter().chain(&options.tools);
    if inputs.filter(|input| *input == "-").count() > 1 {
        return Err(Failure::new("stdin (`-`) can be read only once"));
    }
    let answers = options.tools.as_deref().map(Answers::read).transpose()?;
    if let Some(answers) = answers.as_ref().filter(|answers| answers.has_digests_only) {
        let name = &answers.name;
        terminal.note(format_args!(
            "note: `{name}` has digests in place of definitions, so names are compared and schemas cannot be"
        ));
    }
    let document = answers.as_ref().map(Answers::document).transpose()?;
    let tools = document
        .as_ref()
        .zip(answers.as_ref())
        .map(|(document, answers)| tool_list::tools(document).map_err(|wrong| answers.failure(&wrong)));
    let tools = tools.transpose()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ns = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX);
    let mut checked = Vec::new();
    for argument in &options.policies {
        for found in input::policies(argument)? {
            let diagnostics = check(&found, tools.as_deref(), now_ns, &levels);
            checked.push(Checked { found, diagnostics });
        }
    }
    output::print(&checked, options.format, terminal);
    let least = match options.fail_level {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
    };
    let mut all = checked.iter().flat_map(|checked| &checked.diagnostics);
    Ok(if all.any(|diagnostic| diagnostic.severity >= least) { Outcome::Findings } else { Outcome::Clean })
}

/// Returns the faults of a policy, or its warnings if it has none, in the order of the file. The time is in
/// nanoseconds since the Unix epoch.
fn check(found: &Found, tools: Option<&[Tool<'_>]>, now_ns: i128, levels: &Levels) -> Vec<Diagnostic> {
    let mut diagnostics = diagnostic::faults(found);
    if let (true, Ok(policy)) = (found.is_readable, found.policy()) {
        let warnings = context::warnings(&found.bytes, &policy, tools, now_ns);
        diagnostics.extend(warnings.into_iter().filter_map(|warning| of_warning(found, warning, levels)));
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.place.start);
    diagnostics
}

fn of_warning(found: &Found, warning: Warning, levels: &Levels) -> Option<Diagnostic> {
    let Warning { id, path, of_key, message, help } = warning;
    let severity = if levels.denied.contains(&id) { Severity::Error } else { Severity::Warning };
    let file = std::rc::Rc::clone(&found.file);
    let place = found.place(&path, of_key);
    let shown = !levels.allowed.contains(&id);
    shown.then_some(Diagnostic { file, place, severity, id, path, message, help })
}
