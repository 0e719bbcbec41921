//! The manual page: the program, and a section for each of its commands.

use clap::Command;
use clap_mangen::Man;

use crate::outcome::Failure;

/// Returns the page in roff. All commands are on one page, so that a search finds every option.
///
/// # Errors
/// The page cannot be made.
pub fn page(mut command: Command) -> Result<String, Failure> {
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page).map_err(failed)?;
    man.render_name_section(&mut page).map_err(failed)?;
    man.render_synopsis_section(&mut page).map_err(failed)?;
    man.render_description_section(&mut page).map_err(failed)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        page.extend_from_slice(section(subcommand)?.as_bytes());
    }
    man.render_extra_section(&mut page).map_err(failed)?;
    man.render_version_section(&mut page).map_err(failed)?;
    let page = String::from_utf8_lossy(&page);
    // Each part begins with the same two lines, which define how an apostrophe is set.
    let (preamble, rest): (Vec<&str>, Vec<&str>) =
        page.lines().partition(|line| line.starts_with(".ie ") || line.starts_with(".el "));
    let rest = rest.iter().map(|line| if *line == ".SH EXTRA" { ".SH EXIT STATUS" } else { line });
    let lines = preamble.into_iter().take(2).chain(rest);
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot write the manual page: {error}"))
}

/// Returns the section of a command. Its own sections become subsections.
fn section(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    let man = Man::new(command.clone());
    man.render_synopsis_section(&mut text).map_err(failed)?;
    man.render_description_section(&mut text).map_err(failed)?;
    man.render_options_section(&mut text).map_err(failed)?;
    man.render_extra_section(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).replace("\n.SH EXTRA\n", "\n.PP\n").replace("\n.SH ", "\n.SS ");
    Ok(format!(".SH {}\n{text}", command.get_name().to_uppercase()))
}
