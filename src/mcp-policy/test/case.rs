//! Test files and their cases.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::mcp::list::ListKind;
use mcp_policy_engine::policy::Policy;

use super::circumstances::{Approval, Circumstances};
use super::expect::Expect;
use super::fields::{Faults, Members, Part};
use super::instant::{START_NS, length_ns, parse_ns};
use super::list;
use super::request::Request;
use crate::diagnostic::{self, Diagnostic};
use crate::input::{self, File, Found, Node};
use crate::judge::{Sender, Sent};

/// The most requests of one step, so that a slip does not make a test run for hours.
const MOST_TIMES: u32 = 1_000_000;

/// A test file without a fault.
pub struct TestFile {
    /// The file
    pub file: Rc<File>,
    /// The policy that it tests, with its places
    pub found: Found,
    /// The policy that it tests
    pub policy: Arc<Policy>,
    /// Its cases
    pub cases: Vec<Case>,
}

/// One request, or several in sequence. Before the first, nothing has been counted.
pub struct Case {
    /// Its name
    pub name: String,
    /// Where it stands in the file
    pub place: Range<usize>,
    /// When it starts, in nanoseconds since the Unix epoch
    pub at_ns: u64,
    /// Its requests
    pub steps: Vec<Step>,
}

/// A request and what it is expected to meet.
pub struct Step {
    /// What it is, in a few words
    pub about: String,
    /// How long after the previous step it is sent, in nanoseconds
    pub after_ns: u64,
    /// How often it is sent, each time with the same outcome
    pub times: u32,
    /// How long lies between two of these times, in nanoseconds
    pub every_ns: u64,
    /// The request
    pub sent: Sent,
    /// Who sends it
    pub sender: Sender,
    /// What the approval service answers
    pub approval: Option<Approval>,
    /// The list that the server answers
    pub list: Option<(ListKind, list::Answer)>,
    /// What is expected
    pub expect: Expect,
}

/// Reads a test file and its policy.
///
/// # Errors
/// Every fault of the file, or of its policy.
pub fn read(file: &Rc<File>, node: &Node) -> Result<TestFile, Vec<Diagnostic>> {
    let mut faults = Faults::new(file);
    let root = Part { node, path: String::new() };
    let Some(mut members) = Members::open(root, "an object with `policy` and `cases`", &mut faults) else {
        return Err(faults.list);
    };
    let named = members.need("policy", "the path of a policy", &mut faults);
    let cases = members.need("cases", "a list of cases", &mut faults);
    members.close(&mut faults);
    let Some((found, policy)) = named.and_then(|part| policy(&part, file, &mut faults)) else {
        return Err(faults.list);
    };
    let policy = Arc::new(policy);
    let folder = Path::new(&file.name).parent().unwrap_or_else(|| Path::new(""));
    let reading = Reading { policy: &policy, folder };
    let cases = cases.map(|part| {
        let list = part.list(&mut faults);
        if matches!(&part.node.value, input::Value::List(cases) if cases.is_empty()) {
            part.fault("must have at least one case", &mut faults);
        }
        list
    });
    let cases = cases.unwrap_or_default();
    let cases = cases.into_iter().filter_map(|part| reading.case(part, &mut faults)).collect();
    if faults.list.is_empty() {
        Ok(TestFile { file: Rc::clone(file), found, policy, cases })
    } else {
        Err(faults.list)
    }
}

fn policy(part: &Part<'_>, file: &Rc<File>, faults: &mut Faults) -> Option<(Found, Policy)> {
    let name = part.text(faults)?;
    if name == "-" {
        part.fault("must be the path of a file, because a test runs many times", faults);
        return None;
    }
    let folder = Path::new(&file.name).parent().unwrap_or_else(|| Path::new(""));
    let path = folder.join(name);
    let path = path.to_string_lossy();
    let (path, choice) = input::choice(&path);
    let path = short(Path::new(path)).to_string_lossy().into_owned();
    let found = match input::policy(&choice.map_or_else(|| path.clone(), |choice| format!("{path}#{choice}")))
    {
        Ok(found) => found,
        Err(failure) => {
            part.fault(failure.to_string(), faults);
            return None;
        }
    };
    let mut wrong = diagnostic::faults(&found);
    match found.policy() {
        Ok(policy) if wrong.is_empty() => Some((found, policy)),
        _ => {
            faults.list.append(&mut wrong);
            None
        }
    }
}

/// Returns a path without `..`, below the current folder if it is there.
fn short(path: &Path) -> PathBuf {
    let Ok(whole) = path.canonicalize() else { return path.to_owned() };
    let current = std::env::current_dir().and_then(|folder| folder.canonicalize());
    match current {
        Ok(current) => whole.strip_prefix(current).map(Path::to_owned).unwrap_or(whole),
        Err(_) => whole,
    }
}

/// The keys of a step that a case with `steps` cannot have.
const OF_STEPS: [&str; 23] = [
    "after",
    "times",
    "call",
    "read",
    "prompt",
    "method",
    "notify",
    "request",
    "list",
    "arguments",
    "params",
    "id",
    "http_method",
    "path",
    "of",
    "expect",
    "rule",
    "reason",
    "retry_after",
    "status",
    "rpc_code",
    "challenge",
    "record",
];

/// What reading a case needs to know.
struct Reading<'p> {
    policy: &'p Policy,
    folder: &'p Path,
}

impl Reading<'_> {
    fn case(&self, part: Part<'_>, faults: &mut Faults) -> Option<Case> {
        let place = part.node.span.clone();
        let mut members = Members::open(part, "an object with `name`, a request and `expect`", faults)?;
        let name = members.need("name", "what the case is about", faults);
        let name = name.and_then(|part| part.text(faults)).map(str::to_owned);
        let at_ns = members.take("at").and_then(|part| instant(&part, faults)).unwrap_or(START_NS);
        let common = Circumstances::read(&mut members, self.policy, faults);
        let steps = match members.take("steps") {
            Some(part) => {
                let list = part.list(faults);
                if matches!(&part.node.value, input::Value::List(steps) if steps.is_empty()) {
                    part.fault("must have at least one step", faults);
                }
                for key in OF_STEPS {
                    if let Some(part) = members.take(key) {
                        part.fault(
                            format!("`{key}` is not allowed beside `steps`, write it in a step"),
                            faults,
                        );
                    }
                }
                let open = |part| {
                    let mut members = Members::open(part, "an object with a request and `expect`", faults)?;
                    let own = Circumstances::read(&mut members, self.policy, faults).or(&common);
                    self.step(members, &own, faults)
                };
                let steps = list.into_iter().filter_map(open).collect();
                members.close(faults);
                steps
            }
            None => self.step(members, &common, faults).into_iter().collect(),
        };
        Some(Case { name: name?, place, at_ns, steps })
    }

    fn step(&self, mut members: Members<'_>, common: &Circumstances, faults: &mut Faults) -> Option<Step> {
        let after_ns = members.take("after").and_then(|part| length(&part, faults)).unwrap_or(0);
        let repeated = members.take("times").map(|part| times(&part, faults).unwrap_or(1));
        let every = members.take("every");
        if let Some(part) = every.as_ref().filter(|_| repeated.is_none()) {
            part.fault("`every` needs `times`", faults);
        }
        let every_ns = every.and_then(|part| length(&part, faults)).unwrap_or(0);
        let request = Request::read(&mut members, faults);
        let of = members.take("of");
        let is_list = members.has("list");
        let expect = Expect::read(&mut members, is_list, faults);
        if let Some(part) = of.as_ref().filter(|_| request.is_some() && !is_list) {
            part.fault("`of` needs `list`", faults);
        }
        let part = members.part.clone();
        members.close(faults);
        let (Some(Request { mut sent, about, list }), Some(expect)) = (request, expect) else { return None };
        let list = match list {
            Some(kind) => Some((kind, list::answer(kind, of.as_ref(), self.folder, &expect, faults)?)),
            None => None,
        };
        let sender = common.apply(self.policy, &mut sent, &part, faults);
        let (times, approval) = (repeated.unwrap_or(1), common.approval);
        Some(Step { about, after_ns, times, every_ns, sent, sender, approval, list, expect })
    }
}

fn instant(part: &Part<'_>, faults: &mut Faults) -> Option<u64> {
    let instant = part.text(faults).map(parse_ns)?;
    if instant.is_none() {
        part.unfit("a time as in RFC 3339, such as `2027-01-15T08:00:00Z`", faults);
    }
    instant
}

fn length(part: &Part<'_>, faults: &mut Faults) -> Option<u64> {
    let length = match &part.node.value {
        input::Value::Text(text) => length_ns(text),
        _ => None,
    };
    if length.is_none() {
        part.unfit("a length of time such as `65s`, `2m`, `1h`, `1d` or `500ms`", faults);
    }
    length
}

fn times(part: &Part<'_>, faults: &mut Faults) -> Option<u32> {
    let times = part.number(1, faults)?;
    if times > MOST_TIMES {
        part.unfit(&format!("a whole number from 1 to {MOST_TIMES}"), faults);
    }
    Some(times)
}
