//! Diagnostics for people, as rustc shows them.

use std::sync::LazyLock;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::place::{Excerpt, escaped};
use super::{Diagnostic, Placed, Severity};
use crate::terminal::{ERROR, WARNING};

/// Wider than any excerpt, so that the renderer cuts nothing.
const WIDTH: usize = 1_000;

static RENDERER: LazyLock<Renderer> =
    LazyLock::new(|| Renderer::styled().term_width(WIDTH).error(ERROR).warning(WARNING));

/// Returns a diagnostic as text with styles: what is wrong, the line with the place underlined, and what would be
/// right. `within` says where in the file the policy stands, if it is not the whole file.
pub fn pretty(placed: &Placed<'_>, within: Option<&str>) -> String {
    let Placed { diagnostic, start: at, .. } = placed;
    let Diagnostic { file, place, severity, id, help, .. } = diagnostic;
    let excerpt = Excerpt::new(&file.text, place);
    let level = match severity {
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let title = level.primary_title(escaped(&diagnostic.text())).id(*id);
    let origin = Origin::path(escaped(&file.name)).line(at.line).char_column(at.column);
    let annotation = AnnotationKind::Primary.span(excerpt.place);
    let source = Snippet::source(excerpt.text).line_start(at.line).annotation(annotation);
    let within = within.map(|within| Level::NOTE.message(escaped(&format!("in the policy of {within}"))));
    let help = help.as_ref().map(|help| Level::HELP.message(escaped(help)));
    let group = title.element(origin).element(source).elements(within).elements(help);
    without_gap(&RENDERER.render(&[group]))
}

/// Removes the line `:::` that the renderer writes between an origin and its source. The source cannot have the
/// origin itself, because its columns would be those of the excerpt.
fn without_gap(rendered: &str) -> String {
    let is_gap = |line: &str| anstream::adapter::strip_str(line).to_string().trim() == ":::";
    let lines: Vec<&str> = rendered.split_inclusive('\n').collect();
    let gap = lines.iter().position(|line| is_gap(line));
    lines.iter().enumerate().filter(|(at, _)| Some(*at) != gap).map(|(_, line)| *line).collect()
}
