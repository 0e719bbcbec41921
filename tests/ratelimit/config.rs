//! The service's configuration: files in YAML, one domain each, in the form of `envoyproxy/ratelimit`.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::messages::{Descriptor, Limit};

/// The configured domains.
#[derive(Debug, Default)]
pub struct Config {
    domains: HashMap<String, Vec<Rule>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Domain {
    domain: String,
    #[serde(default)]
    descriptors: Vec<Rule>,
}

/// An entry of a descriptor, the limit if the descriptor ends with it, and what may follow it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    key: String,
    /// Absent: any value
    value: Option<String>,
    rate_limit: Option<RuleLimit>,
    #[serde(default)]
    descriptors: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleLimit {
    unit: Unit,
    requests_per_unit: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Second = 1,
    Minute = 2,
    Hour = 3,
    Day = 4,
    Month = 5,
    Year = 6,
    Week = 7,
}

impl Config {
    /// Reads one file, or every `.yaml` file of a folder. The error names the file.
    ///
    /// Keys that only `envoyproxy/ratelimit` knows, such as `shadow_mode`, are errors.
    pub fn read(path: &Path) -> Result<Self, String> {
        let in_file =
            |path: &Path, error: &dyn ToString| format!("{}: {}", path.display(), error.to_string());
        let files = match path.is_dir() {
            true => yaml_files(path).map_err(|error| in_file(path, &error))?,
            false => vec![path.to_owned()],
        };
        let mut config = Self::default();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|error| in_file(&file, &error))?;
            config.add(&text).map_err(|error| in_file(&file, &error))?;
        }
        Ok(config)
    }

    /// Adds the text of a file.
    fn add(&mut self, text: &str) -> Result<(), String> {
        let Domain { domain, descriptors } =
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if domain.is_empty() {
            return Err("`domain` must not be empty".to_owned());
        }
        match self.domains.contains_key(&domain) {
            true => Err(format!("the domain `{domain}` stands in two files")),
            false => {
                self.domains.insert(domain, descriptors);
                Ok(())
            }
        }
    }

    /// Returns how many domains there are.
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// Finds the limit of a descriptor: its own if it has one, else the configured one. Of an unknown domain
    /// there is none, whatever the descriptor says.
    pub fn limit(&self, domain: &str, descriptor: &Descriptor) -> Option<Limit> {
        let mut rules = self.domains.get(domain)?;
        if let Some(own) = descriptor.limit {
            return Some(Limit { requests_per_unit: own.requests_per_unit, unit: own.unit });
        }
        let (last, before) = descriptor.entries.split_last()?;
        for entry in before {
            rules = &find(rules, &entry.key, &entry.value)?.descriptors;
        }
        let limit = find(rules, &last.key, &last.value)?.rate_limit.as_ref()?;
        Some(Limit { requests_per_unit: limit.requests_per_unit, unit: limit.unit as i32 })
    }
}

/// Finds the rule with this value, else the one for any value.
fn find<'rules>(rules: &'rules [Rule], key: &str, value: &str) -> Option<&'rules Rule> {
    let with =
        |wanted: Option<&str>| rules.iter().find(|rule| rule.key == key && rule.value.as_deref() == wanted);
    with(Some(value)).or_else(|| with(None))
}

fn yaml_files(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Entry, Override};

    const FILE: &str = "
domain: shop
descriptors:
  - key: user
    rate_limit: { unit: hour, requests_per_unit: 5 }
  - key: user
    value: root
    rate_limit: { unit: day, requests_per_unit: 7 }
    descriptors:
      - key: tool
        rate_limit: { unit: second, requests_per_unit: 9 }
";

    fn descriptor(entries: &[(&str, &str)], limit: Option<Override>) -> Descriptor {
        let entry = |(key, value): &(&str, &str)| Entry { key: (*key).into(), value: (*value).into() };
        Descriptor { entries: entries.iter().map(entry).collect(), limit, hits_addend: None }
    }

    #[test]
    fn a_descriptor_has_its_own_limit_or_the_configured_one_and_none_in_an_unknown_domain() {
        let mut config = Config::default();
        config.add(FILE).unwrap();
        let own = Some(Override { requests_per_unit: 3, unit: 2 });
        for (domain, entries, own, expected) in [
            ("shop", vec![("user", "anna")], None, Some((5, 3))),
            ("shop", vec![("user", "root")], None, Some((7, 4))),
            ("shop", vec![("user", "root"), ("tool", "x")], None, Some((9, 1))),
            ("shop", vec![("user", "anna"), ("tool", "x")], None, None),
            ("shop", vec![("tool", "x")], None, None),
            ("shop", vec![], None, None),
            ("shop", vec![("tool", "x")], own, Some((3, 2))),
            ("other", vec![("user", "anna")], None, None),
            ("other", vec![("tool", "x")], own, None),
        ] {
            let limit = config.limit(domain, &descriptor(&entries, own));
            let found = limit.map(|limit| (limit.requests_per_unit, limit.unit));
            assert_eq!(found, expected, "{domain} {entries:?}");
        }
    }

    #[test]
    fn a_configuration_that_it_cannot_keep_is_refused() {
        let twice = |text: &str| {
            let mut config = Config::default();
            config.add("domain: a").and_then(|()| config.add(text))
        };
        for (text, expected) in [
            ("domain: a", "the domain `a` stands in two files"),
            ("domain: ''", "`domain` must not be empty"),
            ("domain: b\nshadow: true", "shadow"),
            ("domain: b\ndescriptors: [{key: k, shadow_mode: true}]", "shadow_mode"),
            ("domain: b\ndescriptors: [{key: k, rate_limit: {unit: eon, requests_per_unit: 1}}]", "eon"),
        ] {
            let error = twice(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
