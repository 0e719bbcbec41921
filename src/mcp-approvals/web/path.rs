//! Paths in URLs, and protection against redirects to other sites.

/// The default path after signing in.
pub const HOME: &str = "/";

/// Returns `path` if it is a path on this site, else [`HOME`]. Browsers read `\` as `/` and skip tabs and
/// line breaks, so `/\t/other.example` would lead to another site.
pub fn local(path: &str) -> &str {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && path.starts_with('/') && !path.starts_with("//") && path.len() <= 2_000 { path } else { HOME }
}

/// Percent-encodes `text` for a query or a path segment.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Returns whether `id` has the form of an approval's id. Other texts never reach the database.
pub fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_to_another_site() {
        for (path, expected) in [
            ("/approvals/abc?x=1#y", "/approvals/abc?x=1#y"),
            ("/", "/"),
            ("", "/"),
            ("//other.example", "/"),
            ("/\\other.example", "/"),
            ("\\\\other.example", "/"),
            ("https://other.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/\t/other.example", "/"),
            ("/\n/other.example", "/"),
            (" /x", "/"),
            ("/x\u{0}", "/"),
            ("/ü", "/"),
        ] {
            assert_eq!(local(path), expected, "{path:?}");
        }
        assert_eq!(local(&format!("/{}", "x".repeat(3000))), "/");
    }

    #[test]
    fn any_text_can_be_encoded() {
        assert_eq!(encode("a b&c=ü/~"), "a%20b%26c%3D%C3%BC%2F~");
    }

    #[test]
    fn an_id_is_32_hex_digits() {
        for (id, expected) in [
            ("0123456789abcdef0123456789abcdef", true),
            ("0123456789ABCDEF0123456789abcdef", false),
            ("0123", false),
            ("", false),
        ] {
            assert_eq!(is_id(id), expected, "{id}");
        }
    }
}
