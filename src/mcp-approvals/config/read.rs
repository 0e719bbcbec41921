//! Reads the configuration file, and reports all of its faults.

use mcp_policy_engine::document::Path;

use crate::decision::MAX_REASON;

use super::table::Keys;
use super::{
    Caller, CallerCredential, Faults, Network, Person, Proxy, Risk, Role, Settings, SignIn, Tls, Webhook,
};
use super::{descriptions, quotas};

/// Reads the text of a configuration file. `file` returns the text of a file that the configuration names.
///
/// # Errors
/// All faults of the file, each as `place: what is wrong, what would be right`.
pub fn settings(text: &str, file: impl Fn(&str) -> std::io::Result<String>) -> Result<Settings, Faults> {
    let mut faults = Faults::default();
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count().saturating_add(1);
            // The parser's full message quotes the line, which may contain a secret.
            faults.note(
                &Path::default().key("line").index(line),
                format!("not valid TOML: {}", error.message()),
            );
            return Err(faults);
        }
    };
    let settings = root(&table, &file, &mut faults);
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

/// Reads the top-level table.
fn root(
    table: &toml::Table,
    file: &impl Fn(&str) -> std::io::Result<String>,
    faults: &mut Faults,
) -> Settings {
    let mut keys = Keys::root(table);
    let tls = keys.table("tls", faults).map(|keys| tls(keys, faults));
    let has_client_ca = tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let settings = Settings {
        listen: keys.text("listen", faults),
        database: keys.text("database", faults),
        url: url(&mut keys, faults),
        proxies: {
            let listed = keys.texts("proxies", faults).unwrap_or_default();
            networks(&listed, &keys.place("proxies"), faults)
        },
        most_waiting: keys.count("most_waiting", faults),
        keep_days: keys.count("keep_days", faults),
        quotas: keys.table("quotas", faults).map(|keys| quotas::read(keys, faults)).unwrap_or_default(),
        tls,
        callers: each(keys.tables("callers", faults), |keys| caller(keys, has_client_ca, faults)),
        sign_in: keys.table("sign_in", faults).map(|keys| sign_in(keys, faults)).unwrap_or_default(),
        roles: each(keys.tables("roles", faults), |keys| Some(role(keys, faults))),
        risks: each(keys.tables("risks", faults), |keys| Some(risk(keys, faults))),
        descriptions: each(keys.tables("descriptions", faults), |keys| {
            descriptions::read(keys, file, faults)
        }),
        refusals: refusals(&mut keys, faults),
        people: each(keys.tables("approvers", faults), |keys| Some(person(keys, faults))),
        webhooks: each(keys.tables("webhooks", faults), |keys| webhook(keys, file, faults)),
    };
    if !settings.sign_in.accounts && settings.sign_in.proxy.is_none() {
        faults.note(
            &Path::default().key("sign_in").key("accounts"),
            "must be `true` without a `[sign_in.proxy]`",
        );
    }
    keys.close(faults);
    settings
}

fn refusals(keys: &mut Keys<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let refusals = keys.texts("refusals", faults)?;
    for (index, refusal) in refusals.iter().enumerate() {
        if refusal.len() > MAX_REASON {
            let what = format!("must have {MAX_REASON} bytes or fewer");
            faults.note(&keys.place("refusals").index(index), what);
        }
    }
    Some(refusals)
}

/// Reads each table of a list; skips those for which `read` returns `None`.
fn each<'t, T>(tables: Vec<Keys<'t>>, read: impl FnMut(Keys<'t>) -> Option<T>) -> Vec<T> {
    tables.into_iter().filter_map(read).collect()
}

/// Returns `text` without a trailing slash if it is an http or https URL, else `None`.
pub fn web_url(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = rest.chars().all(|char| char.is_ascii_graphic() && !matches!(char, '"' | '<' | '>' | '\\'));
    (plain && !rest.starts_with('/') && !rest.is_empty()).then(|| text.trim_end_matches('/'))
}

fn url(keys: &mut Keys<'_>, faults: &mut Faults) -> Option<String> {
    let text = keys.text("url", faults)?;
    let url = web_url(&text).filter(|url| !url.contains(['?', '#', '@']));
    if url.is_none() {
        faults.note(&keys.place("url"), "must be a URL such as `https://approvals.example.com`");
    }
    url.map(str::to_owned)
}

fn tls(mut keys: Keys<'_>, faults: &mut Faults) -> Tls {
    let tls = Tls {
        certificate: keys.required("certificate", faults),
        key: keys.required("key", faults),
        client_ca: keys.text("client_ca", faults),
    };
    keys.close(faults);
    tls
}

fn caller(mut keys: Keys<'_>, has_client_ca: bool, faults: &mut Faults) -> Option<Caller> {
    let name = keys.required("name", faults);
    let token = keys.text("token_sha256", faults);
    let certificate = keys.text("certificate", faults);
    let servers = keys.patterns("servers", faults);
    let place = keys.place("token_sha256");
    let credential = match (token, certificate) {
        (Some(token), None) => {
            let digits = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !digits(&token) {
                faults.note(&place, "must be 64 hex digits, the SHA-256 of the token");
            }
            Some(CallerCredential::Token(token.to_lowercase()))
        }
        (None, Some(name)) => {
            if !has_client_ca {
                let what = "needs `tls.client_ca`, the authorities that sign callers' certificates";
                faults.note(&keys.place("certificate"), what);
            }
            Some(CallerCredential::Certificate(name))
        }
        _ => {
            if !faults.has(&place) && !faults.has(&keys.place("certificate")) {
                faults.note(&place, "a caller must have either `token_sha256` or `certificate`");
            }
            None
        }
    };
    keys.close(faults);
    Some(Caller { name, credential: credential?, servers })
}

fn sign_in(mut keys: Keys<'_>, faults: &mut Faults) -> SignIn {
    let sign_in = SignIn {
        accounts: keys.flag("accounts", true, faults),
        proxy: keys.table("proxy", faults).map(|keys| proxy(keys, faults)),
    };
    keys.close(faults);
    sign_in
}

fn networks(texts: &[String], place: &Path, faults: &mut Faults) -> Vec<Network> {
    let mut networks = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match Network::from_text(text) {
            Some(network) => networks.push(network),
            None => faults.note(&place.index(index), "must be an address such as `10.0.0.7` or `10.0.0.0/8`"),
        }
    }
    networks
}

fn proxy(mut keys: Keys<'_>, faults: &mut Faults) -> Proxy {
    let header = keys.required("header", faults);
    let groups_header = keys.text("groups_header", faults);
    for (key, name) in [("header", Some(&header)), ("groups_header", groups_header.as_ref())] {
        let name = name.filter(|name| !name.is_empty());
        if name.is_some_and(|name| axum::http::HeaderName::from_bytes(name.as_bytes()).is_err()) {
            faults.note(&keys.place(key), "must be the name of a header, such as `x-forwarded-user`");
        }
    }
    let place = keys.place("trusted");
    let listed = keys.texts("trusted", faults);
    if listed.as_ref().is_none_or(Vec::is_empty) && !faults.has(&place) {
        faults.note(&place, "must list the addresses of the proxy, such as `10.0.0.0/8`");
    }
    let trusted = networks(&listed.unwrap_or_default(), &place, faults);
    keys.close(faults);
    Proxy { header, groups_header, trusted }
}

fn role(mut keys: Keys<'_>, faults: &mut Faults) -> Role {
    let place = keys.place("who");
    let who = keys.texts("who", faults).unwrap_or_default();
    if who.is_empty() && !faults.has(&place) {
        faults.note(&place, "must list names, or groups as `group:NAME`");
    }
    let may = keys.required("may", faults);
    if !may.is_empty() && !matches!(may.as_str(), "approve" | "view") {
        faults.note(&keys.place("may"), "must be `approve` or `view`");
    }
    let (servers, tools) = (keys.patterns("servers", faults), keys.patterns("tools", faults));
    keys.close(faults);
    Role { who, approve: may == "approve", servers, tools }
}

fn risk(mut keys: Keys<'_>, faults: &mut Faults) -> Risk {
    let risk = Risk {
        servers: keys.patterns("servers", faults),
        tools: keys.patterns("tools", faults),
        class: keys.required("class", faults),
    };
    keys.close(faults);
    risk
}

fn person(mut keys: Keys<'_>, faults: &mut Faults) -> Person {
    let name = keys.required("name", faults);
    let place = keys.place("principals");
    let texts = keys.texts("principals", faults).unwrap_or_default();
    if texts.is_empty() && !faults.has(&place) {
        faults.note(&place, "must list patterns of this person's principals");
    }
    keys.close(faults);
    let pattern = |text: &String| mcp_policy_engine::policy::Pattern::new(&text.to_lowercase());
    Person { name, principals: texts.iter().map(pattern).collect() }
}

fn webhook(
    mut keys: Keys<'_>,
    file: &impl Fn(&str) -> std::io::Result<String>,
    faults: &mut Faults,
) -> Option<Webhook> {
    let (url, path) = (keys.text("url", faults), keys.text("url_file", faults));
    let place = keys.place(if path.is_some() { "url_file" } else { "url" });
    let reported = faults.has(&keys.place("url")) || faults.has(&keys.place("url_file"));
    keys.close(faults);
    let text = match (url, path) {
        (Some(url), None) => url,
        (None, Some(path)) => match file(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) => {
                faults.note(&place, format!("cannot be read: {error}"));
                return None;
            }
        },
        _ => {
            if !reported {
                faults.note(&place, "a webhook must have either `url` or `url_file`");
            }
            return None;
        }
    };
    if web_url(&text).is_none() {
        faults.note(&place, "must be a URL that starts with `https://` or `http://`");
        return None;
    }
    Some(Webhook { url: text })
}
