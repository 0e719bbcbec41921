//! Splits names and sentences into words.

/// Splits a name into words in lower case: at anything that is not a letter or a digit, and where upper case begins
/// (`listAllUsers`, `HTTPGet`).
pub fn of_name(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = name.chars().peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        let begins = char.is_uppercase()
            && (before.is_lowercase() || before.is_numeric() || before.is_uppercase() && next_is_lower);
        if begins || !char.is_alphanumeric() {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        }
        if char.is_alphanumeric() {
            word.extend(char.to_lowercase());
        }
        before = char;
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Returns the first sentence of a description, without headings and marks around words.
pub fn first_sentence(description: &str) -> &str {
    let text = description.trim_start_matches(|char: char| !char.is_alphanumeric());
    let end = text.char_indices().find(|&(at, char)| {
        let after = text.get(at..).and_then(|rest| rest.chars().nth(1));
        matches!(char, '\n' | '!' | '?') || (char == '.' && after.is_none_or(char::is_whitespace))
    });
    end.map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// Splits a sentence into words in lower case; a comma is a word of its own.
pub fn of_sentence(sentence: &str) -> Vec<String> {
    let mut words = Vec::new();
    for piece in
        sentence.split(|char: char| char.is_whitespace() || matches!(char, '/' | '(' | ')' | '"' | '`' | '*'))
    {
        let word = piece.trim_matches(|char: char| !char.is_alphanumeric());
        if !word.is_empty() {
            words.push(word.to_lowercase());
        }
        if piece.ends_with([',', ';', ':']) {
            words.push(",".to_owned());
        }
    }
    words
}

/// Words after which a name or a sentence no longer says what the tool acts on.
const ENDS_OBJECT: [&str; 14] =
    ["by", "from", "for", "with", "in", "of", "to", "on", "into", "using", "via", "as", "that", "at"];

/// Returns the words up to the first preposition: what a verb acts on.
pub fn object(words: &[String]) -> &[String] {
    let end = words.iter().position(|word| word == "," || ENDS_OBJECT.contains(&word.as_str()));
    words.get(..end.unwrap_or(words.len())).unwrap_or(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_where_a_person_would() {
        for (name, words) in [
            ("get_agent", "get agent"),
            ("Delete-Tag", "delete tag"),
            ("listAllUsers", "list all users"),
            ("runHTTPRequest", "run http request"),
            ("n8n_get", "n8n get"),
            ("k8s.pods/delete", "k8s pods delete"),
            ("__", ""),
        ] {
            assert_eq!(of_name(name).join(" "), words, "{name}");
        }
    }

    #[test]
    fn a_sentence_ends_where_it_does() {
        for (description, first) in [
            ("**Deletes** v1.2 of it. Careful.", "Deletes** v1.2 of it"),
            ("Runs it\nand more", "Runs it"),
            ("", ""),
        ] {
            assert_eq!(first_sentence(description), first);
        }
    }
}
