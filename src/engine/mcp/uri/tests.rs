//! Plain URIs, and what keeps others from being plain.

use super::*;

/// URIs that name what they seem to.
const PLAIN: &[&str] = &[
    "",
    "file:///srv/data/a.txt",
    "file:///srv/",
    "urn:isbn:0451450523",
    "mailto:a@example.com",
    "test://static-text",
    // Dots that are part of a name.
    "file:///srv/data/..hidden/a...b",
    // Hosts and ports.
    "https://example.com/@user",
    "https://example.com:8443/a",
    "http://[::1]:8080/a",
    "http://[::1]/a",
    "http://[2001:db8::1:0:0:1]/",
    "http://[::ffff:0:7f00:1]/",
    "http://127.0.0.1/a",
    "http://10.0x.example/a",
    "item://127.1/a",
    "file:///C:/a",
    "log://[::1]:5",
    // No port, where the scheme has none.
    "log://2026-01-01T09:05:00",
    "log://2026-01-01T09:05:00/a",
    "log://a:b",
    // What paths must not have may stand behind them.
    "https://example.com/a?x=1&y=%20",
    "https://example.com/a?b=//c",
    "https://example.com/a?b=c%2Fd",
    "https://example.com/a?b=c%252Fd",
    "https://example.com/a#top",
    "ui://app#view",
    "ui://example/a#//c",
    // Characters beyond ASCII, and encoded ones.
    "file:///My%20Documents/a",
    "memo://notes/caf%C3%A9",
    "memo://notes/café",
    "memo://Notés/a",
];

/// URIs that a server may read as others than they seem.
const NOT_PLAIN: &[&str] = &[
    // Dot segments.
    "file:///srv/../etc/passwd",
    "file:///srv/./a",
    "file:///srv/..",
    "file:../a",
    "file:///srv/%2e%2E/etc",
    "file:///srv/.%2e/etc",
    "file:///srv%2f..%2fetc",
    "file:///srv/%252e%252e/etc",
    "file:///srv/%25252525252e/",
    "file:///srv/..;/etc",
    // Backslashes, spaces and control characters.
    "file:///srv\\..\\etc",
    "file:///srv/%5c",
    "https://example.com/a?b=c%5Cd",
    "https://example.com/a%255Cd",
    "file:///My Documents/a",
    " file:///srv/a",
    "file:///srv/a ",
    "file:///srv/a\n",
    "file:///srv/a%00.txt",
    // Empty segments and encoded slashes.
    "file:///srv//x",
    "file:////srv/x",
    "file:///srv//",
    "https://example.com//",
    "memo:a//b",
    "a//b",
    "file:///srv/a%2Fb",
    "file:///srv/a%2fb",
    "file:///srv/a%252Fb",
    "file:///srv/a%25252Fb",
    "urn:x:a%2Fb",
    // Other forms of a scheme, a host or a port.
    "FILE:///srv/a",
    "file:/srv/a",
    "file://localhost/srv/a",
    "file://server/share/a",
    "https:example.com/a",
    "https:/example.com/a",
    "https:///example.com/a",
    "https://EXAMPLE.com/a",
    "https://example.com./a",
    "https://ex%61mple.com/a",
    "https://ｅxample.com/a",
    "memo://not%C3%A9s/a",
    "https://example.com:443/a",
    "https://example.com:/a",
    "https://example.com:0443/a",
    "log://a:",
    "log://a:05",
    "log://[::1]:05",
    "http://2130706433/",
    "http://127.1/",
    "http://127.0.0.01/",
    "http://127.0.0.256/",
    "http://1.2.3.4.5/",
    "http://0x7f.1/",
    "http://a.0x/",
    "http://[0::1]/",
    "http://[::1:0:0:1]x/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::1/",
    "http://a^b/",
    "http://a:b:80/",
    "https://h",
    "https://h?a",
    "https://h#a",
    "https://h:8443",
    "file:///C|/a",
    // User information.
    "https://safe.example@evil.example/",
    "https://safe.example%40evil.example/",
    // A character that needs no encoding.
    "test://template/%73ecret/data",
];

#[test]
fn a_plain_uri_names_what_it_seems_to() {
    for (uris, plain) in [(PLAIN, true), (NOT_PLAIN, false)] {
        for uri in uris {
            assert_eq!(is_plain(uri), plain, "{uri}");
        }
    }
}

#[test]
fn a_bare_uri_has_no_fragment_and_a_file_no_query() {
    for (uri, expected) in [
        ("file:///a?b#c", Some("file:///a")),
        ("file:///a#b?c", Some("file:///a")),
        ("file:///a?", Some("file:///a")),
        ("file:///a", None),
        ("https://a/?b#c", Some("https://a/?b")),
        ("https://a/?b", None),
        ("memo://a#", Some("memo://a")),
        ("#", Some("")),
        ("", None),
    ] {
        assert_eq!(bare(uri), expected, "{uri}");
    }
}

#[test]
fn an_obstacle_is_the_part_that_is_in_the_way() {
    for (uri, expected) in [
        ("FILE:///srv/a", "a scheme in upper case"),
        ("file:///My Documents/a", "a space"),
        ("file://server/share/a", "a host, which a `file` URI"),
        ("file:/srv/a", "no `//`"),
        ("https:a", "no `//`"),
        ("https:///a", "no host"),
        ("https://A.example/", "a host in upper case"),
        ("https://a.example./", "a dot behind its host"),
        ("https://a.example.:8443/", "a dot behind its host"),
        ("http://0x7f.1.:8080/x", "a dot behind its host"),
        ("http://[::ffff:7f00:1]/", "an IPv6 address that stands for"),
        ("http://[::1/", "an IPv6 address that is not"),
        ("https://a.example:443/", "the port that its scheme has"),
        ("https://a.example:/", "a colon without a port"),
        ("https://a.example:0443/", "a port that begins with 0"),
        ("https://a.example:x/", "a port that is not a number"),
        ("https://é.example/", "a host with characters beyond ASCII"),
        ("https://%61.example/", "percent-encoding in its host"),
        ("memo://a/%61", "percent-encoding of a character"),
        ("memo://a/../b", "a dot segment"),
        ("memo://a//b", "an empty segment"),
        ("memo://a/b%2Fc", "an encoded slash"),
        ("memo://a\\b", "a backslash"),
        ("memo://a/\u{7}", "a control character"),
        ("https://a@b.example/", "user information"),
        ("1a:b", "something that is not a scheme"),
        ("memo://a/%2525252525", "more layers"),
        ("memo://a/%2561", "percent-encoding that is encoded again"),
        ("memo://a/caf%25C3%25A9", "percent-encoding that is encoded again"),
        ("memo://a/b%252Bc?d", "percent-encoding that is encoded again"),
        ("memo://a?b=%2561", "percent-encoding that is encoded again"),
    ] {
        let found = obstacle(uri).unwrap_or_default();
        assert!(found.starts_with(expected), "{uri}: {found}");
    }
}

#[test]
fn a_beginning_is_followed_by_something_plain_or_by_nothing_plain() {
    for (prefix, plain) in [
        ("", true),
        ("file:", true),
        ("file://", true),
        ("file:///srv/", true),
        ("https:", true),
        ("https://example.com:", true),
        ("https://EXAMPLE.com/", false),
        ("memo://a/%2", true),
        ("secret://payroll/", true),
        ("FILE:///x/", false),
        ("FILE:", false),
        ("file:///srv/../", false),
        ("file:///srv//", false),
        ("file://server/share/", false),
        ("file:///My Documents/", false),
    ] {
        assert_eq!(obstacle_from(prefix).is_none(), plain, "{prefix}");
    }
}

#[test]
fn a_folded_uri_has_no_other_form() {
    for uri in [
        "db://t/a",
        "file:///srv/a",
        "https://h:8443/a.b/c_d~e-f@",
        "note://a/b:",
        "",
        "a",
        "urn:a",
        "db://t/café",
    ] {
        assert_eq!(Folded::of(uri).forms(), [(uri, false)], "{uri}");
        assert_eq!(forms(uri).0, 0, "{uri}");
    }
}

#[test]
fn forms_are_what_servers_read_as_the_same() {
    for (uri, expected) in [
        ("db://t/a?x=1", &["db://t/a?x=1", "db://t/a"][..]),
        ("db://t/a#x", &["db://t/a#x", "db://t/a"]),
        ("db://t/a?x#y", &["db://t/a?x#y", "db://t/a?x", "db://t/a"]),
        ("db://t/a#x?y", &["db://t/a#x?y", "db://t/a"]),
        (
            "db://t/a/?x/#y",
            &[
                "db://t/a/?x/#y",
                "db://t/a/?x/",
                "db://t/a/?x",
                "db://t/a/",
                "db://t/a?x/#y",
                "db://t/a?x/",
                "db://t/a?x",
                "db://t/a",
            ],
        ),
        ("db://t/", &["db://t/", "db://t"]),
        ("file:///", &["file:///", "file://"]),
        ("db://t/%40%C3%a9", &["db://t/@é"]),
        ("db://t/%ff%C3", &["db://t/%ff%c3"]),
        ("db://t/*%2a%2A", &["db://t/%2a%2a%2a"]),
        ("db://t/%2541%", &["db://t/%41%"]),
        ("db://t/a%3Fb%23?%3F", &["db://t/a?b#??", "db://t/a?b#"]),
        ("DB://T/Ä", &["db://t/Ä"]),
        ("db:a?X", &["db:a?x", "db:a"]),
        ("file:///C%3A/A", &["file:///c:/a"]),
    ] {
        let folded = Folded::of(uri);
        let found: Vec<&str> = folded.forms().into_iter().map(|(form, _)| form).collect();
        assert_eq!(found, expected, "{uri}");
        let (most, longest) = forms(uri);
        assert!(found.len() <= most || found == [uri], "{uri}");
        assert!(found.iter().all(|form| form.len() <= longest), "{uri}");
    }
}

#[test]
fn an_entry_is_folded_as_uris_are_and_keeps_its_stars() {
    for (text, expected) in [
        ("db://T/a%40/", "db://t/a@"),
        ("db://t/?x", "db://t?x"),
        ("db://t/*/", "db://t/*/"),
        ("db://t/*/a/", "db://t/*/a"),
        ("db://t/%2A*", "db://t/*"),
        ("db://t/%2Aa*", "db://t/%2aa*"),
        ("db://t/caf%C3*", "db://t/caf*"),
        ("db://t/*%A9b", "db://t/*b"),
        ("db://t/a%2*", "db://t/a*"),
        ("db://t/a%C3%A9*", "db://t/aé*"),
        ("db://A*B/C*Ä", "db://a*b/c*Ä"),
        ("*", "*"),
    ] {
        assert_eq!(folded_entry(text), expected, "{text}");
    }
}
