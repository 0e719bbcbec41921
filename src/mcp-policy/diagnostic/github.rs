//! Diagnostics as workflow commands, which GitHub shows beside the lines of a pull request.

use super::{Diagnostic, Placed};

/// Returns a diagnostic as a workflow command, without a line break.
pub fn command(placed: &Placed<'_>) -> String {
    let Placed { diagnostic, start, end } = placed;
    let Diagnostic { file, severity, id, help, .. } = diagnostic;
    // The end column is that of the last character.
    let last = end.column.saturating_sub(1).max(start.column);
    let help = help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    format!(
        "::{} file={},line={},col={},endLine={},endColumn={last},title={}::{}",
        severity.word(),
        property(&file.name),
        start.line,
        start.column,
        end.line,
        property(id),
        data(&(diagnostic.text() + &help)),
    )
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which ends with a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }
}
