//! Diagnostics as one JSON object.

use serde::Serialize;

use super::Placed;

#[derive(Serialize)]
struct Written<'d> {
    diagnostics: Vec<One<'d>>,
}

/// One diagnostic. Lines and columns count from 1; columns are characters.
#[derive(Serialize)]
struct One<'d> {
    file: &'d str,
    line: usize,
    column: usize,
    severity: &'static str,
    id: &'d str,
    path: &'d str,
    message: &'d str,
    help: Option<&'d str>,
}

/// Returns diagnostics as a JSON object: `{"diagnostics": [{"file", "line", "column", "severity", "id", "path",
/// "message", "help"}]}`.
pub fn json<'d>(diagnostics: impl Iterator<Item = Placed<'d>>) -> impl Serialize {
    let one = |Placed { diagnostic, start, .. }: Placed<'d>| One {
        file: &diagnostic.file.name,
        line: start.line,
        column: start.column,
        severity: diagnostic.severity.word(),
        id: diagnostic.id,
        path: &diagnostic.path,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
    };
    Written { diagnostics: diagnostics.map(one).collect() }
}
