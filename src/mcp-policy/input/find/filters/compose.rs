//! Compose files: the configurations of Envoy that they hold, and those in files that they name.

use std::path::Path;
use std::rc::Rc;

use super::{Filters, OWN_NAMES, Trail};
use crate::input::Problem;
use crate::input::file::{File, Language};
use crate::input::find;
use crate::input::node::{Member, Node, Value};
use crate::input::source::Source;

/// What a file of Envoy with a wasm filter contains, beside the names of this module.
const WASM: &str = "extensions.filters.http.wasm";

/// Returns whether a document is a Compose file: it has services, and each is an object.
pub(in crate::input::find) fn is_compose(root: &Node) -> bool {
    let services = members(root, "services");
    !services.is_empty() && services.iter().all(|(.., service)| matches!(service.value, Value::Object(_)))
}

impl Filters<'_> {
    /// Takes the filters in the configurations of a Compose file, and in the files that it gives to its containers.
    pub(super) fn compose(&mut self, root: &Node, text: &Source) {
        for (name, _, config) in members(root, "configs") {
            if let Some(content) = config.member("content") {
                self.content(name, content, text);
            }
            if let Some(path) = config.member("file").and_then(Node::text) {
                self.beside(path);
            }
        }
        for (.., service) in members(root, "services") {
            let Some(Value::List(volumes)) = service.member("volumes").map(|list| &list.value) else {
                continue;
            };
            for path in volumes.iter().filter_map(mounted) {
                self.beside(path);
            }
        }
    }

    /// Takes a configuration that the Compose file holds. Compose replaces what follows a dollar sign, and two of them stand
    /// for one.
    fn content(&mut self, name: &str, content: &Node, text: &Source) {
        let Some(held) = content.text() else { return };
        let written = Source::of_string(text, &content.span, held.to_owned());
        let (inner, variables) = written.undoubled('$');
        let before = self.found.len();
        let is_json = held.trim_start().starts_with('{');
        self.file_within(&Trail::named(format!("config `{name}`")), is_json, &inner);
        for found in self.found.iter_mut().skip(before) {
            let whole = found.place("document", false);
            let within = variables.iter().filter(|place| whole.contains(&place.start));
            found.problems.extend(within.map(|place| Problem {
                place: place.clone(),
                id: "variable",
                message: "Compose replaces a dollar sign and what follows by a variable: write `$$` for a dollar sign"
                    .to_owned(),
            }));
        }
    }

    /// Takes the filters in a file of Envoy; its path is relative to this file.
    fn beside(&mut self, path: &str) {
        if !self.follows || Language::of_name(path).is_none() {
            return;
        }
        let folder = Path::new(&self.file.name).parent().unwrap_or(Path::new(""));
        let name = folder.join(path.trim_start_matches("./")).to_string_lossy().into_owned();
        let is_known = self.found.iter().any(|found| found.file.name == name);
        match File::read(&name) {
            _ if is_known => {}
            Ok(file) if OWN_NAMES.iter().chain([&WASM]).any(|part| file.text.contains(part)) => {
                // Of the files that containers get, most are none of Envoy's.
                let Ok(findings) = find::policies_in(&Rc::new(file), false) else { return };
                self.found.extend(findings.found);
                self.left_out.extend(findings.left_out);
            }
            Ok(_) => {}
            Err(why) => self.unread.push(why.to_string()),
        }
    }
}

fn members<'n>(node: &'n Node, key: &str) -> &'n [Member] {
    match node.member(key).map(|member| &member.value) {
        Some(Value::Object(members)) => members,
        _ => &[],
    }
}

/// Returns the path of what is mounted from this machine into a container, if it is one.
fn mounted(volume: &Node) -> Option<&str> {
    let path = match volume.text() {
        Some(short) => short.split(':').next()?,
        None => volume.member("source").and_then(Node::text)?,
    };
    path.starts_with(['.', '/']).then_some(path)
}
