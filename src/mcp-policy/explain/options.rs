//! The options of `explain`, and the request that they describe.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{ArgGroup, Args, ValueEnum};
use mcp_policy_engine::approval::Status;
use mcp_policy_engine::json;
use mcp_policy_engine::policy::Policy;

use crate::header;
use crate::input::File;
use crate::judge::{Described, KEY_DIGEST, Known, Sender, Sent, Words, key_digest};
use crate::outcome::Failure;
use crate::test::{Approval, instant};

/// The options of `explain`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Options {
    /// The policy, or a file that contains one: JSON or YAML; `-` is stdin
    ///
    /// Of a file with several policies, `FILE#SERVER` is the one of this server, and `FILE#2` is the second.
    #[arg(value_name = "POLICY")]
    policy: String,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    how: How,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
}

/// What is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request", group = ArgGroup::new("message").required(true))]
struct What {
    /// Call this tool
    #[arg(long, value_name = "TOOL", group = "message")]
    call: Option<String>,
    /// The arguments of the call: a JSON object
    #[arg(long, value_name = "JSON", requires = "call")]
    arguments: Option<String>,
    /// Send the body in this file, such as a JSON-RPC message; `-` is stdin
    #[arg(long, value_name = "FILE", group = "message")]
    request: Option<String>,
}

/// Who sends it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Caller")]
struct Who {
    /// The caller's name, as a source of the policy gives it
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// A claim of the caller's token. The value is JSON, or else a string
    #[arg(long, value_name = "CLAIM=VALUE")]
    claim: Vec<String>,
    /// The name of the source that names the caller, if several could
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The SHA-256 of the caller's API key, in hex
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["principal", "claim", "api_key"])]
    api_key_sha256: Option<String>,
    /// The caller's API key in clear; other users of this machine may see it, and the shell keeps it
    #[arg(long, value_name = "KEY", conflicts_with_all = ["principal", "claim"])]
    api_key: Option<String>,
    /// Take this as the caller's grant, without identifying the caller
    #[arg(long, value_name = "NAME", conflicts_with_all = ["principal", "claim", "source", "api_key_sha256", "api_key"])]
    grant: Option<String>,
}

/// How it is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Circumstances")]
struct How {
    /// A header of the request; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The MCP session of the request
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The path of the request
    #[arg(long, value_name = "PATH", default_value = "/mcp")]
    path: String,
    /// When it is sent, in the format of RFC 3339; by default now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// What a person decides, if the call needs approval
    #[arg(long, value_name = "ANSWER", default_value = "pending")]
    approve: Decides,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decides {
    /// The call is approved
    Yes,
    /// The call is refused
    No,
    /// Nobody has decided yet
    Pending,
    /// Nobody can be asked
    Unavailable,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Pretty,
    /// One JSON object
    Json,
}

/// What describes a caller here.
const OPTIONS: Words = Words {
    principal: "`--principal`",
    claims: "`--claim`",
    api_key: "`--api-key-sha256` or `--api-key`",
    source: "`--source`",
};

/// Examples, for the help.
const EXAMPLES: &str = "\
Nothing has been counted before the request. The exit code is 2 if it is refused.

Examples:
  mcp-policy explain policy.json --call run_agent --arguments '{\"agent_id\": \"a-1\"}'
  mcp-policy explain policy.json --call run_agent --principal ci@corp.example --claim team=sre
  mcp-policy explain policy.json --request message.json --grant nightly --at 2027-01-15T08:00:00Z";

impl Options {
    /// Returns the argument that names the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the form of the result.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns what the approval service answers.
    pub fn approval(&self) -> Option<Approval> {
        Some(match self.how.approve {
            Decides::Yes => Approval::Status(Status::Approved),
            Decides::No => Approval::Status(Status::Denied),
            Decides::Pending => Approval::Status(Status::Pending),
            Decides::Unavailable => Approval::Unavailable,
        })
    }

    /// Returns when the request is sent, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// The time is not one.
    pub fn now_ns(&self) -> Result<u64, Failure> {
        match &self.how.at {
            Some(text) => instant::parse_ns(text).ok_or_else(|| {
                let expected = "a time as in RFC 3339, such as `2027-01-15T08:00:00Z`";
                Failure::new(format!("`--at` must be {expected}, found `{text}`"))
            }),
            None => {
                // Whole seconds are easier to read, and to repeat with `--at`.
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Ok(now.as_secs().saturating_mul(1_000_000_000))
            }
        }
    }

    /// Returns the request, without what its caller adds.
    ///
    /// # Errors
    /// The request cannot be read, or an option is malformed.
    pub fn sent(&self) -> Result<Sent, Failure> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![own(":method", "POST"), own(":path", &self.how.path)];
        let mut given = Vec::new();
        for text in &self.how.header {
            // The value may be a secret, so the message leaves it out.
            let wrong = || Failure::new(format!("`--header` {}", header::EXPECTED));
            let (name, value) = header::split(text).ok_or_else(wrong)?;
            given.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        if !given.iter().any(|(name, _)| name == "content-type") {
            headers.push(own("content-type", "application/json"));
        }
        headers.append(&mut given);
        headers.extend(self.how.session.iter().map(|id| own("mcp-session-id", id)));
        Ok(Sent { headers, body: Some(self.body()?) })
    }

    fn body(&self) -> Result<Vec<u8>, Failure> {
        if let Some(name) = &self.what.request {
            return Ok(File::read(name)?.text.into_bytes());
        }
        let arguments = self.what.arguments.as_deref().unwrap_or("{}");
        let read = json::read(arguments.as_bytes());
        let wrong = match &read {
            Ok(read) if read.root().is_object() => None,
            Ok(read) => Some(format!("found {}", read.root().kind().name())),
            Err(malformed) => Some(malformed.to_string()),
        };
        if let Some(wrong) = wrong {
            return Err(Failure::new(format!("`--arguments` must be a JSON object, {wrong}")));
        }
        let mut tool = String::new();
        json::quote(&mut tool, self.what.call.as_deref().unwrap_or_default());
        let params = format!(r#"{{"name":{tool},"arguments":{arguments}}}"#);
        Ok(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#).into_bytes())
    }

    /// Returns who sends the request, and gives it the caller's headers.
    ///
    /// # Errors
    /// The policy knows no such caller, or an option is malformed.
    pub fn sender(&self, policy: &Policy, sent: &mut Sent) -> Result<Sender, Failure> {
        let Who { principal, claim, source, api_key_sha256, api_key, grant } = &self.who;
        let claims = if claim.is_empty() { None } else { Some(claims(claim)?) };
        let digest = api_key_sha256.as_deref().map(|digest| {
            // The value may be the key itself, so the message leaves it out.
            key_digest(digest).ok_or_else(|| Failure::new(format!("`--api-key-sha256` {KEY_DIGEST}")))
        });
        let described = Described {
            principal: principal.clone(),
            claims,
            api_key: api_key.clone(),
            api_key_sha256: digest.transpose()?,
            source: source.clone(),
            grant: grant.clone(),
        };
        described
            .apply(policy, Known::default(), sent, &OPTIONS)
            .map_err(|impossible| Failure::new(format!("no such caller: {impossible}")))
    }
}

/// Writes claims as a JSON object. A value that is no JSON is a string.
fn claims(claims: &[String]) -> Result<String, Failure> {
    let mut object = String::from("{");
    for (index, text) in claims.iter().enumerate() {
        let (name, value) = claim(text)?;
        if index > 0 {
            object.push(',');
        }
        json::quote(&mut object, name);
        object.push(':');
        match json::read(value.as_bytes()) {
            Ok(_) => object.push_str(value),
            Err(_) => json::quote(&mut object, value),
        }
    }
    object.push('}');
    Ok(object)
}

fn claim(text: &str) -> Result<(&str, &str), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(Failure::new(format!("`--claim` must be a name, `=` and a value, found `{text}`"))),
    }
}
