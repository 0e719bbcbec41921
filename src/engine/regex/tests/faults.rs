//! What does not compile, and what the fault says.

use super::*;

#[test]
fn an_invalid_or_too_large_expression_is_an_error() {
    const CASE: &str = "`i` ignores the case of ASCII letters only, so other letters must be written in a class of both cases, such as `[äÄ]`";
    const BRACES: &str = r"a repetition must be of the form `{2}`, `{2,}` or `{0,5}`, and a `{` of the text must be written `\{`";
    const AHEAD: &str = "look-around is supported only behind `^` at the beginning, for all alternatives and beside no other `(?` than `(?:`, as in `^(?!a)(?:b|c)`";
    const DASH: &str = r"a `-` beside another `-` or a class such as `\w` must be written `\-`";
    const NESTED: &str = r"a `[` in a class must be written `\[`";
    const HEX: &str = r"a character must be written as in `\x41`, `\u0041` or `\u{1F600}`";
    const GROUP: &str = "`(?>` and `(?#` are not supported: write `(?:`, and leave comments out";
    const NOTHING: &str = "a repetition must follow what it repeats";
    for (expression, why) in [
        ("(", "found open group without closing ')'"),
        ("a)", "found closing ')' without matching '('"),
        ("[a", "non-empty character class has no closing bracket"),
        (r"\", "saw start of escape sequence, but saw end of pattern before it finished"),
        ("(?=a)", AHEAD),
        ("^a(?!b)", AHEAD),
        ("^(?!a)b|c", AHEAD),
        ("(?m)^(?!a)b", AHEAD),
        ("^(?!a(?=b))", AHEAD),
        ("(?<!a)b", "look-around is not supported"),
        ("^(?!(a{1,100}){1,100})b", "compiled regex exceeded size limit"),
        (r"\p{L}+", "Unicode character classes are not supported"),
        ("(a{1,100}){1,100}", "compiled regex exceeded size limit"),
        ("[a-z]*{1,1000}@", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("a**", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("a++", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("a{2}{3}", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("a{2, 3}", BRACES),
        ("(?x)a{ 2}", BRACES),
        ("(?x)a{1000#}\n}", BRACES),
        ("a{x}", BRACES),
        ("{name}", BRACES),
        ("a{,5}", BRACES),
        ("a{}", BRACES),
        ("a{", BRACES),
        ("[--a]", DASH),
        ("[^--]", DASH),
        ("[+--]", DASH),
        (r"[\w-.]", DASH),
        (r"[\s-.]", DASH),
        (r"[%-\s]", DASH),
        (r"[a-\d]", DASH),
        ("[a[]", NESTED),
        ("[[a]]", NESTED),
        (r"\e", r"`\e` is no escape of ECMA-262, write `\x1b`"),
        (r"[\h]", r"`\h` is no escape of ECMA-262, write `[ \t]`"),
        (r"\01", r"`\0` cannot stand before a digit, write `\x00`"),
        (r"\u12", HEX),
        (r"\x4g", HEX),
        (r"\u{}", HEX),
        (r"\u{+41}", HEX),
        (r"\u{110000}", HEX),
        (r"[\ud83d]", HEX),
        (r"\ud83d\u0041", HEX),
        (r"\ude00", HEX),
        (r"\x", HEX),
        (r"\u{41", HEX),
        (r"\u{d83d}\u{de00}", HEX),
        (r"\ud83d\u{de00}", HEX),
        (r"\U0000d83d\ude00", HEX),
        (r"\ud83dx", HEX),
        ("(?P=n)", "unrecognized inline flag"),
        (r"(?ix)\u00 fc", HEX),
        ("(?>a)", GROUP),
        ("(?#x)", GROUP),
        ("(?i)straße", CASE),
        ("(?i:É)", CASE),
        (r"(?i)\u00fcber", CASE),
        (r"(?i)\xe4", CASE),
        (r"(?i)\u{430}", CASE),
        (r"(?i)^(?!\xe4)a", CASE),
        ("(?i)[а-я]", CASE),
        ("(?i)[à-ÿ]", CASE),
        ("(?i)[^ä]", CASE),
        (r"(?i)[a\xe4]", CASE),
        ("(?x)( ?i)über", NOTHING),
        ("(?x)a+ ?", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("(?x)a+ # b\n?", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("a+??", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("(?x)a* +", "a repetition can only be repeated as a group, such as `(?:a*){2}`"),
        ("^*a", r"`^`, `$`, `\b` and `\B` cannot be repeated"),
        (r"a\b?", r"`^`, `$`, `\b` and `\B` cannot be repeated"),
        ("(a$+)", r"`^`, `$`, `\b` and `\B` cannot be repeated"),
        ("a|*", NOTHING),
        ("a*(+)", NOTHING),
        ("{2}", NOTHING),
    ] {
        assert_eq!(Regex::new(expression).map(|_| ()), Err(why.to_owned()), "{expression}");
    }
}
