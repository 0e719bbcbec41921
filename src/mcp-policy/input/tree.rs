//! The one value of a JSON or YAML file.

use std::rc::Rc;

use mcp_policy_engine::json;

use super::file::{File, Language};
use super::node::Node;
use super::scalar::Schema;
use super::yaml::{self, Malformed};
use crate::diagnostic::{Diagnostic, Severity};

/// Reads a JSON or YAML file that holds one value. In YAML scalars mean what YAML 1.2 says (its Core Schema), so `yes`
/// is a string.
///
/// # Errors
/// Why it is not read: it is malformed, is empty, holds several YAML documents, or an object has a key twice.
pub fn tree(file: &Rc<File>) -> Result<Node, Box<Diagnostic>> {
    let node = match file.language() {
        Language::Json => of_json(&file.text),
        Language::Yaml => of_yaml(&file.text),
    };
    let once = node.and_then(|node| match node.repeated_key() {
        Some((key, place)) => Err(Malformed::new(place, format!("duplicate key `{key}`"))),
        None => Ok(node),
    });
    once.map_err(|wrong| Box::new(malformed(file, wrong)))
}

/// Returns the diagnostic of a file that cannot be read.
pub fn malformed(file: &Rc<File>, wrong: Malformed) -> Diagnostic {
    Diagnostic {
        file: Rc::clone(file),
        place: wrong.at,
        severity: Severity::Error,
        id: "malformed",
        path: String::new(),
        message: wrong.message,
        help: None,
    }
}

fn of_json(text: &str) -> Result<Node, Malformed> {
    let document = json::read(text.as_bytes())
        .map_err(|wrong| Malformed::new(wrong.at..wrong.at, format!("must be JSON, but {}", wrong.what)))?;
    match (document.defect(), Node::of_value(document.root())) {
        (None, Some(node)) => Ok(node),
        (Some(defect), _) => Err(Malformed::new(defect.at..defect.at, defect.to_string())),
        (None, None) => Err(Malformed::new(0..0, "lists and objects nest too deep")),
    }
}

fn of_yaml(text: &str) -> Result<Node, Malformed> {
    let documents = yaml::read(text)?;
    match documents.as_slice() {
        [] => Err(Malformed::new(0..0, "the file is empty")),
        [only] => Node::of_yaml(only, Schema::Core),
        [_, second, ..] => Err(Malformed::new(
            second.span.clone(),
            "a second YAML document begins here, but only one can be read",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::node::Value;

    fn read(name: &str, text: &str) -> Result<Node, Box<Diagnostic>> {
        tree(&Rc::new(File { name: name.to_owned(), text: text.to_owned() }))
    }

    #[test]
    fn json_and_yaml_have_the_same_tree_but_for_the_places() {
        fn bare(node: &Node) -> String {
            match &node.value {
                Value::List(elements) => format!("{:?}", elements.iter().map(bare).collect::<Vec<_>>()),
                Value::Object(members) => {
                    format!(
                        "{:?}",
                        members.iter().map(|(key, _, value)| (key, bare(value))).collect::<Vec<_>>()
                    )
                }
                other => format!("{other:?}"),
            }
        }
        let json = r#"{"a": [1, 2.50, "x", null, true], "b": {"c": "é"}}"#;
        let yaml = "a:\n- 1\n- 2.50\n- x\n-\n- true\nb: { c: é }\n";
        let (json, yaml) = (read("a.json", json).unwrap(), read("a.yaml", yaml).unwrap());
        assert_eq!(bare(&json), bare(&yaml));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_with_its_place() {
        for (name, text, line, column, message) in [
            ("a.json", "{\"a\": 1,}", 1, 9, "must be JSON, but a key is missing"),
            ("a.json", "{\"a\": 1,\n \"a\": 2}", 2, 2, "an object has the same key twice"),
            ("stdin", " {\"a\" 1}", 1, 7, "must be JSON, but "),
            ("a.yaml", "", 1, 1, "the file is empty"),
            ("a.yaml", "# nothing\n", 1, 1, "the file is empty"),
            ("a.yaml", "a: 1\n---\nb: 2\n", 3, 1, "a second YAML document begins here"),
            ("a.yaml", "é: [1\n", 2, 1, "must be YAML, but "),
            ("a.yaml", "b:\n  é: 1\n  x: 2\n  é: 3\n", 4, 3, "duplicate key `é`"),
            ("a.yaml", "a: *x\n", 1, 4, "must be YAML, but "),
            ("a.yaml", "a: &x [*x]\n", 1, 8, "there is no such anchor"),
            ("a.yaml", "? [a]\n: 1\n", 1, 3, "a key must be a string"),
            ("a.yaml", "a: !own b\n", 1, 9, "unknown tag `!own`"),
        ] {
            let wrong = read(name, text).unwrap_err();
            let at = wrong.position();
            assert_eq!((at.line, at.column), (line, column), "{text}: {}", wrong.message);
            assert!(wrong.message.starts_with(message), "{text}: {}", wrong.message);
        }
    }

    #[test]
    fn neither_depth_nor_aliases_exhaust_the_machine() {
        let nested = (0..1_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
        assert!(read("a.yaml", &nested).unwrap_err().message.contains("nest deeper"));
        let brackets = "[".repeat(100_000);
        assert!(read("a.yaml", &brackets).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
        }
        assert!(read("a.yaml", &bomb).unwrap_err().message.contains("the aliases stand for more than"));
        let chain = (1..100).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            text + &format!("a{level}: &a{level} [[[[[*a{}]]]]]\n", level - 1)
        });
        assert!(read("a.yaml", &chain).unwrap_err().message.contains("nest deeper"));
    }
}
