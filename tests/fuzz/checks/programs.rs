//! Other programs that read JSON, each in a process that lives as long as the target. It is no check of its own.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The variable with the programs' commands, one a line. `run.py` sets it.
const VARIABLE: &str = "FUZZ_READERS";

thread_local! {
    static PROGRAMS: RefCell<Option<Vec<Program>>> = const { RefCell::new(None) };
}

struct Program {
    command: String,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &str) -> Self {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_else(|| panic!("{VARIABLE} has an empty line"));
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{VARIABLE} names {program}, which does not start: {error}"));
        let to = child.stdin.take().expect("a pipe");
        let from = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { command: command.to_owned(), child, to, from }
    }

    fn read(&mut self, digits: &str) -> String {
        let mut line = String::new();
        let asked = self.to.write_all(digits.as_bytes()).and_then(|()| self.to.flush());
        let answered = asked.and_then(|()| self.from.read_line(&mut line));
        if let Err(error) = answered {
            panic!("{}: {error}, {:?}", self.command, self.child.try_wait());
        }
        line.trim_end().to_owned()
    }
}

/// Returns what each program reads in a text, with its command.
pub fn read(text: &[u8]) -> Vec<(String, String)> {
    let digits: String = text.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    PROGRAMS.with_borrow_mut(|programs| {
        let commands = || std::env::var(VARIABLE).unwrap_or_default();
        let programs = programs.get_or_insert_with(|| commands().lines().map(Program::start).collect());
        programs.iter_mut().map(|program| (program.command.clone(), program.read(&digits))).collect()
    })
}
