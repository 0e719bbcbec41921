//! How clients in use split an event stream into messages: as the standard says (WHATWG HTML, section 9.2.6), and otherwise.

use std::collections::BTreeSet;

/// How a reader splits a text into lines.
type Lines = fn(&str) -> Vec<String>;

/// How a reader puts the data lines of an event together.
#[derive(Clone, Copy)]
enum Data {
    /// As the standard says
    Joined,
    /// It takes the last ones that stand together
    LastTogether,
    /// It takes the last one
    Last,
    /// It takes each for a message of its own
    Each,
    /// It puts nothing between them
    Unseparated,
    /// It takes other lines behind the first one for more data
    Continued,
}

const DATA: [Data; 6] =
    [Data::Joined, Data::LastTogether, Data::Last, Data::Each, Data::Unseparated, Data::Continued];

/// The line ends of the standard.
fn standard(text: &str) -> Vec<String> {
    feeds(&text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Without a byte order mark at the beginning of any line.
fn unmarked(text: &str) -> Vec<String> {
    standard(text).into_iter().map(|line| line.trim_start_matches('\u{feff}').to_owned()).collect()
}

/// Without a byte order mark that was read as Latin-1 and written as UTF-8.
fn rewritten(text: &str) -> Vec<String> {
    standard(text.strip_prefix("\u{ef}\u{bb}\u{bf}").unwrap_or(text))
}

/// In Latin-1, as Python's `requests` reads a text whose charset it does not know, and without a byte order mark.
fn latin(text: &str) -> Vec<String> {
    let text: String = text.bytes().map(char::from).collect();
    all(text.strip_prefix("\u{ef}\u{bb}\u{bf}").unwrap_or(&text))
}

/// Only two ends of the same kind end an event.
fn paired(text: &str) -> Vec<String> {
    let events =
        text.split("\r\n\r\n").flat_map(|part| part.split("\n\n")).flat_map(|part| part.split("\r\r"));
    let lines = events.map(|event| standard(event).into_iter().filter(|line| !line.is_empty()));
    lines.flat_map(|event| event.chain([String::new()])).collect()
}

/// Line feeds alone, as Go's `bufio.Scanner`.
fn feeds(text: &str) -> Vec<String> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect()
}

/// All that Unicode and ASCII have, as Python's `str.splitlines`.
fn all(text: &str) -> Vec<String> {
    let ends = ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    standard(&text.replace(ends, "\n"))
}

/// Returns the data of the events that a reader finds, also of one that the end cuts off.
fn data(lines: &[String], how: Data) -> Vec<String> {
    let (mut found, mut data, mut was_data) = (Vec::new(), None::<String>, false);
    for line in lines.iter().map(String::as_str).chain([""]) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let other = !matches!(name, "data" | "event" | "id" | "retry");
        match name {
            "" if line.is_empty() => found.extend(data.take()),
            _ if other && data.is_some() && matches!(how, Data::Continued) => {
                data = data.map(|before| before + "\n" + line);
            }
            "data" => {
                let kept = match how {
                    Data::Last | Data::Each => false,
                    Data::LastTogether => was_data,
                    Data::Joined | Data::Unseparated | Data::Continued => true,
                };
                let between = if matches!(how, Data::Unseparated) { "" } else { "\n" };
                let before = data.take().filter(|_| kept).map_or(String::new(), |before| before + between);
                data = Some(before + value.trim());
                if matches!(how, Data::Each) {
                    found.extend(data.take());
                }
            }
            _ => {}
        }
        was_data = name == "data";
    }
    found
}

/// Returns each message that some reader finds in a stream, also one that the end cuts off, whatever the type of its event.
pub fn messages(stream: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(stream);
    // Not every reader drops the mark.
    let texts = [&*text, text.strip_prefix('\u{feff}').unwrap_or(&text)];
    let readers: [Lines; 7] = [standard, feeds, all, unmarked, rewritten, latin, paired];
    let lines: BTreeSet<_> = texts.into_iter().flat_map(|text| readers.map(|lines| lines(text))).collect();
    lines.iter().flat_map(|lines| DATA.map(|how| data(lines, how))).flatten().collect()
}
