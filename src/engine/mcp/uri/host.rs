//! Hosts that libraries write in another way.

/// Tells whether an authority begins with an IPv6 address, or with what looks like one.
pub(super) fn is_ipv6(authority: &str) -> bool {
    authority
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .is_some_and(|inner| inner.contains(':'))
}

/// Returns what normalization changes of an authority whose scheme libraries know, besides its port (WHATWG URL, host
/// parsing), as the end of "it has …".
pub(super) fn obstacle(authority: &str) -> Option<&'static str> {
    if !authority.is_ascii() {
        return Some("a host with characters beyond ASCII");
    }
    if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("a host in upper case");
    }
    // What is no port belongs to an IPv6 address.
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let host = port.map_or(authority, |(host, _)| host);
    if host.ends_with('.') {
        return Some("a dot behind its host");
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        if !is_canonical(address) {
            return Some("an IPv6 address that is not written in its shortest form");
        }
        // Such an address leads to the IPv4 address (RFC 4291, section 2.5.5.2).
        let is_mapped = address.strip_prefix("::ffff:").is_some_and(|rest| rest.split(':').count() == 2);
        return is_mapped.then_some("an IPv6 address that stands for an IPv4 address");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    // User information has its own text.
    if !host.contains('@') && !host.bytes().all(allowed) {
        return Some("a character in its host that no host has");
    }
    (is_number(host) && !is_address(host))
        .then_some("a number as its host, which has to be as in `127.0.0.1`")
}

/// Tells whether libraries take a host for an IPv4 address: its last label is a number.
fn is_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal =
        last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Tells whether a host is four decimal numbers, written as usual.
fn is_address(host: &str) -> bool {
    let usual = |label: &str| {
        let digits = label.bytes().all(|byte| byte.is_ascii_digit());
        digits && label.parse::<u8>().is_ok() && (label == "0" || !label.starts_with('0'))
    };
    host.split('.').count() == 4 && host.split('.').all(usual)
}

/// How many groups an IPv6 address has.
const GROUPS: usize = 8;

/// Tells whether an IPv6 address is written as RFC 5952 and WHATWG want it, without a part in the notation of IPv4.
fn is_canonical(address: &str) -> bool {
    let (before, behind) = match address.split_once("::") {
        Some((before, behind)) => (before, Some(behind)),
        None => (address, None),
    };
    let (start, end) = (groups(before), groups(behind.unwrap_or_default()));
    let known = start.len().saturating_add(end.len());
    let gap = behind.map_or(0, |_| GROUPS.saturating_sub(known));
    if known.saturating_add(gap) != GROUPS || !start.iter().chain(&end).all(|group| is_group(group)) {
        return false;
    }
    // What is left out is the first of the longest runs of zeros, if that has two at least.
    let is_zero = |group: &&str| *group == "0";
    let zeros =
        start.iter().map(is_zero).chain(std::iter::repeat_n(true, gap)).chain(end.iter().map(is_zero));
    let (mut run, mut longest) = (0_usize, (1, 0));
    for (number, zero) in zeros.enumerate() {
        run = if zero { run.saturating_add(1) } else { 0 };
        if run > longest.0 {
            longest = (run, number.saturating_add(1).saturating_sub(run));
        }
    }
    match behind {
        Some(_) => longest == (gap, start.len()),
        None => longest.0 < 2,
    }
}

fn groups(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(':').collect() }
}

/// Tells whether a group has one to four digits in lower case, and no zero at its start.
fn is_group(group: &str) -> bool {
    let digits = group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digits && (1..=4).contains(&group.len()) && (group == "0" || !group.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn an_ipv6_address_is_canonical_as_the_standard_library_writes_it() {
        let groups = ["0", "1", "00", "ab", "AB", "10000", "::", "0:0", "", "g", "0:0:0"];
        let mut canonical = 0;
        for number in 0..11_usize.pow(5) {
            let chosen = (0..5).map(|place| groups[number / 11_usize.pow(place) % 11]);
            let text = chosen.collect::<Vec<_>>().join(":").replace(":::", "::").replace(":::", "::");
            let parsed = text.parse::<Ipv6Addr>().ok();
            let expected = parsed.is_some_and(|address| address.to_string() == text);
            assert_eq!(is_canonical(&text), expected, "{text}");
            canonical += usize::from(expected);
        }
        assert!(canonical > 100, "{canonical}");
    }
}
