//! What a server lists, from a file: its answers to `tools/list` and the like, in JSON or YAML.

use std::fmt::Display;
use std::rc::Rc;

use mcp_policy_engine::document::Position;
use mcp_policy_engine::json::{self, DefectKind, Document, Value};

use crate::input::{self, File, Kind, Language, Node};
use crate::outcome::Failure;

/// The lists that an answer can have.
const LISTS: [&str; 4] = ["tools", "resources", "resourceTemplates", "prompts"];

/// What a file may hold, for messages.
const EXPECTED: &str = "expected a `tools/list` result such as `{\"tools\": [...]}`, a response that holds one, a list of tools, or a list of results";

/// What is needed, for messages.
const NEEDED: &str = "a list of tools with their definitions";

/// The answers of a server in one file, as JSON text without defects.
#[derive(Debug)]
pub struct Answers {
    /// The file's name
    pub name: String,
    text: String,
    /// Whether the tools have digests in place of definitions
    pub has_digests_only: bool,
}

/// One answer: an object with lists, or a list of tools alone.
#[derive(Debug, Clone)]
pub struct Page<'d> {
    /// Where it stands in the file, such as `[0].result`; empty for the whole file
    path: String,
    /// The answer
    pub value: Value<'d>,
}

impl Answers {
    /// Reads a file: a result, the whole response, a list of tools, or a list of results; `-` is stdin.
    ///
    /// # Errors
    /// The file cannot be read, is for another command, or is malformed, with the place.
    pub fn read(argument: &str) -> Result<Self, Failure> {
        Self::of(&Rc::new(File::read(argument)?))
    }

    /// Reads a file as [`read`](Self::read) does, that must have whole definitions.
    ///
    /// # Errors
    /// As for `read`; or the file has digests only.
    pub fn with_definitions(argument: &str) -> Result<Self, Failure> {
        let file = Rc::new(File::read(argument)?);
        let answers = Self::of(&file)?;
        if answers.has_digests_only { Err(Kind::Digests.instead_of(NEEDED, &file)) } else { Ok(answers) }
    }

    /// Takes the answers of a file that has been read.
    ///
    /// # Errors
    /// The file is malformed: the place; or it is for another command.
    pub fn of(file: &Rc<File>) -> Result<Self, Failure> {
        let text = match file.language() {
            Language::Json => sound(file),
            Language::Yaml => input::tree(file)
                .map(|node| node.json())
                .map_err(|wrong| at(file, wrong.place.start, &wrong.message)),
        };
        let text = text
            .map_err(|wrong| Kind::of_text(&file.text).map_or(wrong, |kind| kind.instead_of(NEEDED, file)))?;
        let has_digests_only = match Node::of_json(&text).as_ref().and_then(Kind::of) {
            None | Some(Kind::Tools) => false,
            Some(Kind::Digests) => true,
            Some(other) => return Err(other.instead_of(NEEDED, file)),
        };
        Ok(Self { name: file.name.clone(), text, has_digests_only })
    }

    /// Parses the text, which borrows it.
    ///
    /// # Errors
    /// Never: the text is known to be JSON.
    pub fn document(&self) -> Result<Document<'_>, Failure> {
        json::read(self.text.as_bytes())
            .map_err(|malformed| Failure::new(format!("{}: is not JSON: {}", self.name, malformed.what)))
    }

    /// Makes the failure of answers that are not as they should be; `wrong` begins with the path.
    pub fn failure(&self, wrong: &str) -> Failure {
        Failure::new(format!("{}: {wrong}", self.name))
    }
}

/// Returns the text of a JSON file.
fn sound(file: &File) -> Result<String, Failure> {
    let document = json::read(file.text.as_bytes())
        .map_err(|malformed| at(file, malformed.at, &format!("is not JSON: {}", malformed.what)))?;
    // A bound beyond 64 bits is a number of its schema, which only has to be near enough.
    let defect = document.defect().filter(|defect| defect.kind != DefectKind::UnfitNumber);
    match defect.or_else(|| document.duplicate()) {
        Some(defect) => {
            let text = defect.to_string();
            Err(at(file, defect.at, &text.split(", at byte").next().unwrap_or(&text)))
        }
        None => Ok(file.text.clone()),
    }
}

fn at(file: &File, at: usize, what: &dyn Display) -> Failure {
    let Position { line, column } = Position::of(file.text.as_bytes(), at);
    Failure::new(format!("{}:{line}:{column}: {what}", file.name))
}

/// Returns the answers in a document.
///
/// # Errors
/// What is no answer with lists: its path, and what would be right.
pub fn pages<'d>(document: &'d Document<'_>) -> Result<Vec<Page<'d>>, String> {
    let mut pages = Vec::new();
    add(&mut pages, document.root(), String::new())?;
    Ok(pages)
}

fn add<'d>(pages: &mut Vec<Page<'d>>, value: Value<'d>, path: String) -> Result<(), String> {
    let has = |value: &Value<'_>, key: &str| value.get(key).is_some();
    let has_list = |value: &Value<'_>| LISTS.iter().any(|key| has(value, key));
    let here = if path.is_empty() { "document" } else { &path };
    if value.is_array() {
        let is_page = |value: &Value<'_>| has_list(value) || has(value, "result") || has(value, "error");
        if value.elements().next().is_some() && value.elements().all(|element| is_page(&element)) {
            let mut elements = value.elements().enumerate();
            return elements.try_for_each(|(index, page)| add(pages, page, format!("{path}[{index}]")));
        }
    } else if let Some(result) = value.get("result") {
        return add(pages, result, Page { path, value }.below("result"));
    } else if has(&value, "error") && !has_list(&value) {
        return Err(format!("{here}: is an error from the server, and not a list"));
    } else if !has_list(&value) {
        return Err(format!("{here}: {EXPECTED}"));
    }
    pages.push(Page { path, value });
    Ok(())
}

impl<'d> Page<'d> {
    /// Returns one of the lists with its path, if the answer has it.
    pub fn list(&self, member: &str) -> Option<(String, Value<'d>)> {
        match self.value.is_array() {
            true => (member == "tools").then(|| (self.path.clone(), self.value)),
            false => Some((self.below(member), self.value.get(member)?)),
        }
    }

    fn below(&self, key: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        format!("{}{dot}{key}", self.path)
    }
}

/// Returns the elements of one list on all pages, each with its name: the text of its member `key`.
///
/// # Errors
/// What is not as in a server's answer, with its path.
pub fn elements<'d>(
    document: &'d Document<'_>,
    member: &str,
    key: &str,
) -> Result<Vec<(String, Value<'d>)>, String> {
    let lists: Vec<_> = pages(document)?.iter().filter_map(|page| page.list(member)).collect();
    if lists.is_empty() {
        return Err(format!("document: has no list `{member}`"));
    }
    let mut all = Vec::new();
    for (path, list) in lists {
        if !list.is_array() {
            return Err(format!("`{path}` is {}, but must be a list", list.kind().name()));
        }
        for (index, element) in list.elements().enumerate() {
            let name = element.get(key).and_then(Value::string).filter(|name| !name.is_empty());
            let name =
                name.ok_or_else(|| format!("{path}[{index}].{key}: must be a string that is not empty"))?;
            all.push((name.into_owned(), element));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &str, text: &str) -> Result<Vec<String>, String> {
        let file = Rc::new(File { name: file.to_owned(), text: text.to_owned() });
        let answers = Answers::of(&file).map_err(|failure| failure.to_string())?;
        let document = answers.document().unwrap();
        let elements = elements(&document, "tools", "name")?;
        Ok(elements.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn a_list_is_read_in_each_form() {
        for (file, text) in [
            ("a.json", r#"{"tools": [{"name": "a", "x": 1e400}, {"name": "b"}]}"#),
            ("a.json", r#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a"}, {"name": "b"}]}}"#),
            ("a.json", r#"[{"name": "a"}, {"name": "b"}]"#),
            (
                "a.json",
                r#"[{"tools": [{"name": "a"}]}, {"result": {"tools": [{"name": "b"}]}}, {"prompts": []}]"#,
            ),
            ("a.yaml", "tools:\n- {name: a, inputSchema: {type: object, maxProperties: 1.5e3}}\n- name: b\n"),
            ("stdin", "- name: a\n- name: b\n"),
        ] {
            assert_eq!(names(file, text), Ok(vec!["a".to_owned(), "b".to_owned()]), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_is_told_with_its_place() {
        for (file, text, expected) in [
            ("a.json", "", "a.json:1:1: is not JSON: "),
            ("stdin", "", "stdin:1:1: the file is empty"),
            ("a.json", r#"{"tools": [}"#, "a.json:1:12: is not JSON: "),
            ("a.yaml", "tools: [\n", "a.yaml:2:1: must be YAML, but "),
            ("a.yaml", "tools: []\ntools: []\n", "a.yaml:2:1: duplicate key `tools`"),
            ("a.json", r#"{"tools": [], "tools": []}"#, "a.json:1:15: an object has the same key twice"),
            ("a.json", "3", "document: expected a `tools/list` result"),
            ("a.json", "{}", "document: expected a `tools/list` result"),
            ("a.json", r#"[{"result": {}}]"#, "[0].result: expected a `tools/list` result"),
            ("a.json", r#"{"error": {}}"#, "document: is an error from the server"),
            ("a.json", r#"{"prompts": []}"#, "document: has no list `tools`"),
            ("a.json", r#"{"result": {"tools": {}}}"#, "`result.tools` is an object, but must be a list"),
            (
                "a.json",
                r#"{"tools": [{"name": "a"}, {}]}"#,
                "tools[1].name: must be a string that is not empty",
            ),
            ("a.json", r#"[{"name": ""}]"#, "[0].name: must be a string"),
        ] {
            let why = names(file, text).unwrap_err();
            assert!(why.starts_with(expected), "{text}: {why}");
        }
    }
}
