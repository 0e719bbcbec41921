//! The files that a scan writes.

use super::definitions::Digest;
use super::layout::Json;
use super::offer::{self, Offer};
use super::{Options, definitions, known};
use crate::destination::{self, Named};
use crate::input::{self, Language};
use crate::outcome::Failure;
use crate::yaml;

const OUTPUT: &str = "`--output`";

/// Makes sure that no file is lost by what will be written.
///
/// # Errors
/// An output is an input or another output; or it exists, and `--force` is not given.
pub fn keep_apart(options: &Options) -> Result<(), Failure> {
    let policy = options.policy.as_deref().map(|argument| input::choice(argument).0);
    let inputs = [
        Some(Named { what: "the source", name: &options.source }),
        policy.map(|name| Named { what: "the policy", name }),
        options.definitions.as_deref().map(|name| Named { what: "the file of definitions", name }),
    ];
    let outputs = [
        options.output.as_deref().map(|name| Named { what: OUTPUT, name }),
        options.write_definitions.as_deref().map(|name| Named { what: "`--write-definitions`", name }),
        options.write_tools.as_deref().map(|name| Named { what: "`--write-tools`", name }),
    ];
    let inputs: Vec<_> = inputs.into_iter().flatten().collect();
    let outputs: Vec<_> = outputs.into_iter().flatten().collect();
    destination::apart(&inputs, &outputs)?;
    destination::kept(&outputs, options.force, |output| match output.what {
        OUTPUT => format!("`--policy {}` compares the server with it, and ", output.name),
        _ => String::new(),
    })
}

/// Writes the files that the options name.
///
/// # Errors
/// One cannot be written, or the definitions are not known as the server sent them.
pub fn write(
    options: &Options,
    offer: &Offer,
    policy: &Json,
    digests: Option<&[Digest]>,
) -> Result<(), Failure> {
    if let Some(name) = &options.output {
        let text = match Language::of_name(name) {
            Some(Language::Yaml) => yaml::document(name, &policy.ordered())?,
            _ => policy.pretty(),
        };
        destination::write(name, &text)?;
    }
    if let Some(name) = &options.write_definitions {
        let document = definitions::document(offer, known(digests)?, options.package.as_deref())?;
        destination::write(name, &document.pretty())?;
    }
    if let Some(name) = &options.write_tools {
        // Others rely on it as what the server sent.
        known(digests)?;
        destination::write(name, &offer::document(offer)?)?;
    }
    Ok(())
}
