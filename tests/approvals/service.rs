//! Starts the service as a separate process, and asks it questions.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use mcp_policy_engine::approval::Bound;
use mcp_policy_engine::json::canonical::Canonical;
use serde_json::{Value, json};
use ureq::Agent;

/// A role for Ann, who may approve everything.
pub const ROLES: &str = "[[roles]]\nwho = [\"ann\"]\nmay = \"approve\"\n";

/// A folder with a database and a configuration, which is deleted when the test ends.
pub struct Folder {
    pub directory: PathBuf,
    /// The database's URL, unless it is a file in the folder
    database: Option<String>,
}

/// A running service.
pub struct Service {
    child: Child,
    /// The port it listens on
    pub port: u16,
    /// A caller's token
    pub caller: String,
    /// Ann's token
    pub ann: String,
}

/// The status of an answer, and its JSON.
pub type Answer = (u16, Value);

impl Folder {
    /// Creates a folder with this configuration.
    pub fn new(configuration: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("mcp-approvals-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("approvals.toml"), configuration).unwrap();
        Self { directory, database: None }
    }

    /// Creates one for SQLite, and one for PostgreSQL if `MCP_APPROVALS_TEST_POSTGRES` is a URL.
    pub fn each(configuration: &str) -> Vec<Self> {
        let mut folders = vec![Self::new(configuration)];
        if let Ok(url) = std::env::var("MCP_APPROVALS_TEST_POSTGRES") {
            let mut folder = Self::new(configuration);
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
            let schema = format!("p_{}_{now}", std::process::id());
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let pool = sqlx::PgPool::connect(&url).await.unwrap();
                let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
                sqlx::query(create).execute(&pool).await.unwrap();
            });
            let sign = if url.contains('?') { '&' } else { '?' };
            folder.database = Some(format!("{url}{sign}options[search_path]={schema}"));
            folders.push(folder);
        }
        folders
    }

    /// Returns a command that runs in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-approvals"));
        command.current_dir(&self.directory).args(arguments).stderr(Stdio::inherit());
        command.env_remove("MCP_APPROVALS_DATABASE").env_remove("MCP_APPROVALS_TOKEN");
        if let Some(database) = &self.database {
            command.env("MCP_APPROVALS_DATABASE", database);
        }
        command
    }

    /// Runs a command with the configuration, and returns what it printed.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).args(["--config", "approvals.toml"]).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts the service, and waits until it serves.
    pub fn serve(&self) -> Service {
        let arguments = ["serve", "--config", "approvals.toml", "--listen", "127.0.0.1:0"];
        let mut child = self.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("the service ended before it was ready").unwrap();
            if let Some(port) = line.strip_prefix("port=") {
                break port.parse().unwrap();
            }
        };
        Service { child, port, caller: self.run(&["caller", "envoy"]), ann: self.run(&["token", "ann"]) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Service {
    /// Sends a request with a token.
    pub fn send(&self, method: &str, path: &str, token: &str, body: Option<&str>) -> Answer {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let request = ureq::http::Request::builder().method(method).uri(url);
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        let mut answer = match body {
            Some(body) => agent().run(request.body(body.to_owned()).unwrap()).unwrap(),
            None => agent().run(request.body(()).unwrap()).unwrap(),
        };
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Asks a question as Envoy does. Returns the status and the body.
    pub fn ask(&self, question: &Value) -> Answer {
        self.send("POST", "/v1/approvals", &self.caller, Some(&sealed(question)))
    }

    /// Asks a question. Returns the status and the id of the approval.
    #[track_caller]
    pub fn asked(&self, question: &Value) -> (String, String) {
        let (status, answer) = self.ask(question);
        assert_eq!(status, 200, "{answer}");
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        (text("status"), text("id"))
    }

    /// Decides with Ann's token.
    pub fn decide(&self, id: &str, verb: &str, reason: Option<&str>) -> Answer {
        let body = json!({ "reason": reason }).to_string();
        self.send("POST", &format!("/v1/approvals/{id}/{verb}"), &self.ann, Some(&body))
    }

    /// Kills the service, as a power failure would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops the service with SIGTERM. Returns whether it exited successfully.
    pub fn stop(&mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `found` returns something: it looks again and again, for a minute at most.
#[track_caller]
pub fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = found() {
            return found;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("no {what}")
}

/// Returns an HTTP client that returns responses of every status.
pub fn agent() -> Agent {
    let config =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    config.build().new_agent()
}

/// Returns a question about a call. The same letter stands for the same call.
pub fn question(letter: char) -> Value {
    json!({
        "server": "crm", "rules": "0123456789abcdef".repeat(4), "policy": "0123456789abcdef",
        "grant": "ci", "principal": "bot", "source": null,
        "tool": "delete_user", "arguments": { "letter": letter, "secret": "s3cr3t" }, "params": { "force": true },
        "host": "mcp.example", "path": "/mcp",
        "rule": "tools.delete_user", "reason": "it deletes", "decision_id": "d1", "request_id": "r1",
        "expires_seconds": 900, "wait_seconds": 0,
    })
}

/// Returns the JSON of a question with the fingerprint of its call.
pub fn sealed(question: &Value) -> String {
    let text = |key: &str| question[key].as_str().unwrap();
    let form = |key: &str| {
        let text = question[key].to_string();
        Canonical::of(mcp_policy_engine::json::read(text.as_bytes()).unwrap().root()).into_text()
    };
    let bound = Bound {
        server: text("server"),
        rules: text("rules"),
        grant: text("grant"),
        principal: question["principal"].as_str(),
        source: question["source"].as_str(),
        tool: text("tool"),
        arguments: &form("arguments"),
        params: &form("params"),
        host: question["host"].as_str(),
        path: question["path"].as_str(),
    };
    let mut sealed = question.clone();
    sealed["fingerprint"] = json!(bound.fingerprint());
    sealed.to_string()
}

/// Returns the same question, with an answer that may be held for this time.
pub fn waiting(letter: char, seconds: u32) -> Value {
    let mut question = question(letter);
    question["wait_seconds"] = json!(seconds);
    question
}

/// Writes a file into a folder.
pub fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}
