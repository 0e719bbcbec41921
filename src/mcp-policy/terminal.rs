//! Where results and progress go.

use std::fmt::Arguments;
use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Color, Style};

use crate::outcome::Failure;

const fn bold(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color))).bold()
}

/// The style of errors and refusals.
pub const ERROR: Style = bold(AnsiColor::Red);
/// The style of warnings.
pub const WARNING: Style = bold(AnsiColor::Yellow);
/// The style of what is allowed or has passed.
pub const GOOD: Style = bold(AnsiColor::Green);
/// The style of headings.
pub const HEADING: Style = Style::new().bold();
/// The style of what matters less.
pub const FAINT: Style = Style::new().dimmed();
/// Ends a style.
pub const PLAIN: anstyle::Reset = anstyle::Reset;

/// Results go to stdout, progress and notes to stderr. Styles may always be written: they are removed if the stream
/// is not a terminal or `NO_COLOR` is set.
pub struct Terminal {
    out: Box<dyn Write>,
    /// Whether stderr is a terminal, so that progress can overwrite its line
    pub progress: bool,
    failed: Option<io::Error>,
}

impl Terminal {
    /// Opens the process's own streams.
    pub fn open() -> Self {
        let stdout = io::stdout();
        let choice = anstream::AutoStream::choice(&stdout);
        let out = Box::new(io::BufWriter::new(anstream::AutoStream::new(stdout, choice)));
        Self { out, progress: io::stderr().is_terminal(), failed: None }
    }

    /// Writes a part of the result.
    pub fn print(&mut self, text: Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = self.out.write_fmt(text).err();
        }
    }

    /// Writes a note to stderr.
    pub fn note(&mut self, text: Arguments<'_>) {
        // The result matters, not whether a note can be written.
        let _ = self.out.flush();
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Ends the result. A reader may close the pipe early: that is not a failure.
    ///
    /// # Errors
    /// The result could not be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        match self.failed.take().map_or_else(|| self.out.flush(), Err) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write the result: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a line of the result.
macro_rules! line {
    ($terminal:expr) => { $terminal.print(format_args!("\n")) };
    ($terminal:expr, $($part:tt)*) => {{
        $terminal.print(format_args!($($part)*));
        $terminal.print(format_args!("\n"));
    }};
}
pub(crate) use line;
