//! A file of the command line.

use std::io::Read as _;

use mcp_policy_engine::document::Position;

use crate::outcome::Failure;

/// A file and its text.
#[derive(Debug)]
pub struct File {
    /// The name as it was given; `stdin` for `-`
    pub name: String,
    /// The text
    pub text: String,
}

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl Language {
    /// Returns the language of a file with this name; `None` if the name does not tell.
    pub fn of_name(name: &str) -> Option<Self> {
        let extension = std::path::Path::new(name).extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Some(Self::Json),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl File {
    /// Returns the language: by the name's end, or by the first character if the name does not tell.
    pub fn language(&self) -> Language {
        let by_text =
            if self.text.trim_start().starts_with(['{', '[']) { Language::Json } else { Language::Yaml };
        Language::of_name(&self.name).unwrap_or(by_text)
    }

    /// Reads a file; `-` is stdin.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(argument: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::of_file("cannot read", argument, &error);
        let mut bytes = Vec::new();
        let name = if argument == "-" {
            std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
            "stdin"
        } else {
            bytes = std::fs::read(argument).map_err(failed)?;
            argument
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let Position { line, column } = Position::of(error.as_bytes(), at);
            Failure::new(format!("{name}:{line}:{column}: must be UTF-8"))
        })?;
        Ok(Self { name: name.to_owned(), text })
    }
}
