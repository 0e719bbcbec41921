mod faults;

use super::*;
use crate::text::fold;

fn finds(expression: &str, text: &str) -> bool {
    Regex::new(expression).unwrap().finds(text, &Work::default()).unwrap()
}

/// What ECMA-262 calls white space (section 12.2) and line ends (section 12.3).
const SPACES: [char; 25] = [
    '\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}',
    '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}',
    '\u{2028}', '\u{2029}', '\u{202f}', '\u{205f}', '\u{3000}', '\u{feff}',
];

#[test]
fn classes_have_the_characters_of_ecma_262() {
    let classes = [
        (r"^\s$", r"^\S$"),
        (r"^[\s]$", r"^[^\s]$"),
        (r"^[^\S]$", r"^[\S]$"),
        (r"^[\s-]$", r"^[\S]$"),
        (r"^(?:\s|[^\S])$", r"^[\S\S]$"),
    ];
    let line_ends = ['\n', '\r', '\u{2028}', '\u{2029}'];
    let all = (0..=0x2100)
        .chain(0x2ff0..0x3010)
        .chain(0xfef0..0xff10)
        .chain([0x10_ffff])
        .filter_map(char::from_u32);
    let compiled = classes.map(|(space, other)| [space, other].map(|text| Regex::new(text).unwrap()));
    let dot = Regex::new("^.$").unwrap();
    let word = Regex::new(r"^\w$").unwrap();
    let digit = Regex::new(r"^\d$").unwrap();
    let work = Work::new(u64::MAX);
    for char in all {
        let text = char.to_string();
        let finds = |regex: &Regex| regex.finds(&text, &work).unwrap();
        for [space, other] in &compiled {
            let dash = char == '-' && space.compiled.as_str().contains("-]");
            assert_eq!(finds(space), SPACES.contains(&char) || dash, "{char:?} {space:?}");
            assert_eq!(finds(other), !SPACES.contains(&char), "{char:?} {other:?}");
        }
        assert_eq!(finds(&dot), !line_ends.contains(&char), "{char:?}");
        assert_eq!(finds(&word), char.is_ascii_alphanumeric() || char == '_', "{char:?}");
        assert_eq!(finds(&digit), char.is_ascii_digit(), "{char:?}");
    }
}

#[test]
fn the_rest_of_an_expression_keeps_its_meaning() {
    for (expression, text, expected) in [
        ("^a$", "a\n", false),
        ("^a$", "b\na", false),
        (r"\.", ".", true),
        (r"^\.$", "x", false),
        ("^[.]$", "x", false),
        ("^[.]$", ".", true),
        (r"^[\]a]$", "]", true),
        (r"^[\--9]$", ".", true),
        ("^[-a]$", "-", true),
        ("^[^-a]$", "-", false),
        ("^[[:alpha:]]$", "x", true),
        ("^[[:alpha:].]$", ".", true),
        (r"^\\s$", "\\s", true),
        (r"^\u{41}{2}$", "AA", true),
        (r"^\x41\u0042$", "AB", true),
        ("(?s)^.$", "\n", true),
        ("(?s:^.)(?-s:.)$", "\nx", true),
        ("^(?s:.).$", "\n\n", false),
        ("^((?s).)$", "\u{2028}", true),
        ("^((?s).).$", "\u{2028}\u{2028}", false),
        ("(?x) ^ a # [ comment .\n . $", "ab", true),
        (r"(?x) ^rm \s -rf $", "rm -rf", true),
        (r"(?x) ^rm [\s] -rf $", "rm -rf", true),
        (r"(?x) ^ \S $", " ", false),
        (r"\<\/script\>", "</script>", true),
        (r"\<a", "a", false),
        (r"^[\<\>]{2}$", "<>", true),
        (r"\bDROP\b", "x DROP y", true),
        (r"\bDROP\b", "éDROPé", true),
        (r"\b{start}a", "a", true),
        ("(?P<n>a.)(?<m>b)", "axb", true),
        ("(?i)^kiss$", "\u{212a}i\u{17f}S", true),
        ("(?i:^a)b$", "Ab", true),
        ("(?i:^a)b$", "AB", false),
        ("(?i)^a[äÄ]中$", "AÄ中", true),
        ("(?i:a)É", "AÉ", true),
        ("^é$", "É", false),
        (r"^[\s,]+$", " ,\u{3000}", true),
        (r"^\S+$", "a\u{a0}b", false),
        ("^.+$", "a\u{2028}b", false),
        (r"^\x2e$", "x", false),
        (r"^\0\cA\cz$", "\0\u{1}\u{1a}", true),
        (r"^[\b\0\cA]{3}$", "\u{8}\0\u{1}", true),
        (r"^\ud83d\uDE00[\ud83d\uDE00]$", "😀😀", true),
        (r"^\u{0001F600}\U0001f600\x{1f600}$", "😀😀😀", true),
        (r"^[\x20-\x7e]+$", "a ~", true),
        (r"^[\u{1F600}-\u{1F64F}]$", "😁", true),
        (r"(?i)^\u006b\x53\u{62}$", "\u{212a}\u{17f}B", true),
    ] {
        assert_eq!(finds(expression, text), expected, "{expression} {text:?}");
    }
}

#[test]
fn a_dash_in_a_class_is_a_character_or_makes_a_range() {
    for (expression, text, expected) in [
        (r"^[\w-]$", "-", true),
        (r"^[-\w]$", "-", true),
        (r"^[^\s-]$", "-", false),
        ("^[a-]$", "-", true),
        (r"^[a\-c]$", "b", false),
        ("^[a-c-e]$", "-", true),
        ("^[a-c-e]$", "d", false),
        ("^[a-c-e-g]$", "f", true),
        (r"^[a-c-\s]$", "-", true),
        (r"^[a-c-\s]$", "\n", true),
        (r"^[+-\-]$", ",", true),
        (r"^[\--/]$", ".", true),
        ("(?x)^[ - a]$", "a", true),
        ("^[[:digit:]-]$", "-", true),
        ("^[!-[]$", "B", true),
        ("^[A-[:digit:]]$", "B]", true),
    ] {
        assert_eq!(finds(expression, text), expected, "{expression} {text:?}");
    }
}

#[test]
fn white_space_in_a_class_is_literal_even_where_the_flag_x_skips_it() {
    for (expression, text, expected) in [
        ("(?x) [ ;] rm", " rm", true),
        ("(?x) ^ [ ^a] $", "^", true),
        ("(?x) ^ [^ ] $", " ", false),
        ("(?x) ^ [a#] b $", "#b", true),
        ("(?x) ^ [\n] $", "\n", true),
        ("(?x) ^ [\u{2028}\u{3000}] $", "\u{3000}", true),
        (r"(?x) ^ [\ \#] \  $", "# ", true),
        ("(?x: ^ [ ] )[ ]$", "  ", true),
    ] {
        assert_eq!(finds(expression, text), expected, "{expression} {text:?}");
    }
}

#[test]
fn case_is_ignored_where_a_class_has_both_cases_of_other_letters() {
    for (expression, text, expected) in [
        ("(?i)^[а-яА-Я]$", "Я", true),
        ("(?i)^[^äÄ]$", "Ä", false),
        (r"(?i)^[\xe4\u{c4}]$", "Ä", true),
        ("(?i)^[\u{80}-\u{10ffff}]$", "Ä", true),
        ("(?i)^[ßıªİ中]$", "ß", true),
        ("(?i:a)[ä]$", "Aä", true),
    ] {
        assert_eq!(finds(expression, text), expected, "{expression} {text:?}");
    }
}

#[test]
fn the_size_is_at_least_what_is_compiled() {
    // A state of a compiled expression takes 24 bytes or more, so this is the number of its states at most.
    for (expression, states) in [
        ("a", 1),
        ("[a-z]{1,1000}@", 2_000),
        ("(?:ab|cd|ef)*", 9),
        ("(a{0,10}){0,12}b", 240),
        ("a{5,}", 6),
        ("(((a)))?", 7),
        ("(){0,100}", 200),
    ] {
        let (_, shape) = translate(expression, Case::Matters).unwrap();
        assert!(shape.states >= states, "{expression}: {shape:?}");
        assert!(shape.states <= states * 2 + 8, "{expression}: {shape:?}");
    }
}

#[test]
fn an_anchored_expression_reads_no_more_than_its_longest_match() {
    for (expression, reach) in [
        ("^[a-z]{1,10}$", 11),
        ("^(a|bcd)?.$", 5),
        ("^a+", usize::MAX),
        ("a{3}", usize::MAX),
        ("^a|b", usize::MAX),
        ("(^a|b)", usize::MAX),
        ("(?m)^a", usize::MAX),
    ] {
        assert_eq!(translate(expression, Case::Matters).unwrap().1.reach, reach, "{expression}");
    }
    let regex = Regex::new("^[a-z]{1,10}$").unwrap();
    assert_eq!(regex.finds(&"a".repeat(1 << 20), &Work::new(2_000)), Some(false));
    assert_eq!(Regex::new("[a-z]{1,10}$").unwrap().finds(&"a".repeat(1 << 20), &Work::default()), None);
}

#[test]
fn look_aheads_at_the_beginning_apply_to_the_whole_text() {
    let address = r"^(?!\.)(?!.*\.\.)([a-z.]*)[a-z]@([a-z]+\.)+[a-z]{2,}$";
    let password = r"^(?=.*[0-9])(?=.*[a-z]).{4,}$";
    for (expression, text, expected) in [
        (address, "a.b@corp.example", true),
        (address, ".a@corp.example", false),
        (address, "a..b@corp.example", false),
        (address, "a.b@corp", false),
        (password, "abc1", true),
        (password, "abcd", false),
        (password, "1234", false),
        (password, "ab1", false),
        ("^(?!admin|root)", "admin", false),
        ("^(?!admin|root)", "rooted", false),
        ("^(?!admin|root)", "my root", true),
        ("^(?!admin|root)", "", true),
        (r"^(?!\s)\S", "\u{feff}a", false),
        ("(?i)^(?!root)[a-z]+$", "ROOT", false),
        ("(?i)^(?!root)[a-z]+$", "ADMIN", true),
        ("(?is)^(?!.*x)a", "a\nX", false),
        ("^(?!.*x)", "a\nx", true),
        ("^(?!a$)a", "a\n", true),
    ] {
        assert_eq!(finds(expression, text), expected, "{expression} {text:?}");
    }
    let regex = Regex::new("^(?!.*b)a").unwrap();
    assert_eq!(regex.finds(&"a".repeat(1 << 20), &Work::new(1_000_000)), None);
}

#[test]
fn an_expression_of_any_case_finds_other_spellings() {
    for (expression, name, found) in [
        ("^isAdmin$", "isadmin", true),
        ("^isAdmin$", "ISADMIN", true),
        ("^isAdmin$", "i\u{17f}Admın", true),
        ("^is\\x41dmin$", "isadmin", true),
        ("^is\\u0041dmin$", "ISADMIN", true),
        ("^isAdmin$", "isadmins", false),
        ("^[A-Z]{2}$", "ab", true),
        ("^[A-Z]b$", "aB", true),
        ("^Größe$", "GRÖSSE", true),
        ("^ΟΔΌΣ$", "οδός", true),
        ("^(?:ß|É){2}$", "\u{1e9e}é", true),
        (r"^\xdc\u{fc}$", "üÜ", true),
        ("^[äö]x$", "ÄX", true),
        // What must not match is left as it is.
        ("[^A-Z_]", "PATH", false),
        ("[^a-z]", "path", false),
        ("^[^a-z]Bc$", "ABC", true),
        ("^(?!X_)", "X_a", false),
        ("^(?!X_)", "x_a", true),
        ("^(?=X_)x", "X_A", true),
        ("(?i)^[^a-z]$", "A", false),
    ] {
        let regex = Regex::any_case(expression).unwrap();
        let name: String = if name.is_ascii() { name.to_owned() } else { fold::text(name).collect() };
        assert_eq!(regex.finds(&name, &Work::default()), Some(found), "{expression} in {name}");
    }
    let (_, shape) = translate("ßäΐ", Case::Ignored).unwrap();
    assert!(shape.states >= 6, "{shape:?}");
    assert_eq!(translate("^ßΐ", Case::Ignored).unwrap().1.reach, 6);
}
