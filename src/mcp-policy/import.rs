//! `mcp-policy import`: a policy of `PolicyLayer`'s or of Intercept's as a policy of the filter.
//!
//! What has no equivalent here is reported. Where leaving it out would allow more, what it restricts is denied instead.

mod draft;
mod hosted;
mod intercept;

use std::rc::Rc;

use clap::{Args, ValueEnum};
use mcp_policy_engine::policy::keys::DOCUMENT;
use serde::Serialize;

use crate::destination::{Named, Output};
use crate::input::{self, File, Kind, Language, Node};
use crate::outcome::{Failure, Outcome};
use crate::terminal::{FAINT, PLAIN, Terminal, WARNING};
use crate::written::Json;
use crate::yaml;
use draft::{Effect, LeftOut};

/// What is needed, for messages.
const NEEDED: &str = "a policy of another product";

/// A form of policies that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The JSON document of PolicyLayer's hosted gateway
    Policylayer,
    /// The YAML file of the proxy Intercept
    Intercept,
}

/// How to print the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The policy on stdout, what has no equivalent on stderr
    Pretty,
    /// One object: `version`, `from`, `policy` and `left_out`
    Json,
}

/// The options of `import`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exits with 3 if something in the policy has no equivalent here, so that the result is stricter than the \
                  original.\n\nIntercept counts in calendar windows, in UTC and for all callers together, so its limits become \
                  limits of scope `global` and type `calendar`. It governs only calls of tools: resources, prompts and \
                  unknown methods follow the default here."
)]
pub struct Options {
    /// The policy to convert, JSON or YAML; `-` is stdin
    #[arg(value_name = "FILE")]
    file: String,
    /// The form of the policy; by default, a file whose tools have `rules` is Intercept's
    #[arg(long, value_name = "FORM")]
    from: Option<Form>,
    #[command(flatten)]
    output: Output,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// The file cannot be read, or what is wrong with it has no sound equivalent.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    options.output.check(&[Named { what: "the file", name: &options.file }])?;
    let file = Rc::new(File::read(&options.file)?);
    let root = input::tree(&file).map_err(|wrong| {
        let at = wrong.position();
        let failure = Failure::new(format!("{}:{}:{}: {}", file.name, at.line, at.column, wrong.message));
        Kind::of_text(&file.text).map_or(failure, |kind| kind.instead_of(NEEDED, &file))
    })?;
    match Kind::of(&root) {
        Some(Kind::Policy) if is_own(&root) => {
            let name = &file.name;
            let text =
                format!("`{name}` is a policy for this filter already, so there is nothing to convert");
            return Err(Failure::new(text));
        }
        None | Some(Kind::Policy) => {}
        Some(other) => return Err(other.instead_of(NEEDED, &file)),
    }
    let form = options.from.unwrap_or_else(|| form_of(&root));
    let draft = match form {
        Form::Policylayer => hosted::read(&root, &file)?,
        Form::Intercept => intercept::read(&root, &file)?,
    };
    let (policy, left_out) = draft.settle()?;
    let is_stricter = left_out.iter().any(|left_out| left_out.effect != Effect::Words);
    match options.format {
        Format::Pretty => {
            let name = options.output.output.as_deref();
            let text = match name.map(|name| (name, Language::of_name(name))) {
                Some((name, Some(Language::Yaml))) => yaml::document(name, &policy)?,
                _ => policy.pretty() + "\n",
            };
            options.output.write(&text, terminal)?;
            tell(&left_out, terminal);
        }
        Format::Json => {
            let from = if form == Form::Intercept { "intercept" } else { "policylayer" };
            let told = Told { version: 1, from, policy: &policy, left_out: &left_out };
            let text = serde_json::to_string_pretty(&told);
            let text = text.map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?;
            options.output.write(&(text + "\n"), terminal)?;
        }
    }
    Ok(if is_stricter { Outcome::Findings } else { Outcome::Clean })
}

/// The result as JSON.
#[derive(Serialize)]
struct Told<'t> {
    version: u8,
    from: &'static str,
    policy: &'t Json,
    left_out: &'t [LeftOut],
}

/// Tells whether a policy has keys that only this filter has.
fn is_own(root: &Node) -> bool {
    let foreign = |key: &str| hosted::KEYS.contains(&key);
    let own = DOCUMENT.keys.iter().any(|key| !foreign(key.name) && root.member(key.name).is_some());
    own && !has_rules(root)
}

/// Returns the form of a policy: a tool of Intercept's has `rules`, and only Intercept has a default of its own.
fn form_of(root: &Node) -> Form {
    if has_rules(root) || root.member("default").is_none() { Form::Intercept } else { Form::Policylayer }
}

/// Tells whether a tool has `rules`, as only Intercept's have.
fn has_rules(root: &Node) -> bool {
    match root.member("tools").map(|tools| &tools.value) {
        Some(input::Value::Object(tools)) => tools.iter().any(|(.., tool)| tool.member("rules").is_some()),
        _ => false,
    }
}

fn tell(left_out: &[LeftOut], terminal: &mut Terminal) {
    for LeftOut { path, what, effect } in left_out {
        match effect {
            Effect::Words => terminal.note(format_args!("{FAINT}note:{PLAIN} {path}: {what}")),
            Effect::Stricter => terminal.note(format_args!("{WARNING}stricter:{PLAIN} {path}: {what}")),
            Effect::Denied => terminal.note(format_args!("{WARNING}denied:{PLAIN} {path}: {what}")),
        }
    }
}
