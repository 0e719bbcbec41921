//! Authentication of people, and protection against forged requests.

use axum::http::Request;
use tokio::sync::watch;

use super::*;
use crate::config;
use crate::store::{Permissions, Store};

/// The current time of the tests.
const NOW: i64 = 1_800_000_000_000;

const PROXIED: &str = r#"
    [sign_in.proxy]
    header = "x-user"
    groups_header = "x-groups"
    trusted = ["10.0.0.0/8"]
"#;

/// Creates a service with this configuration, and a database in `directory`.
async fn app(text: &str, url: &str, directory: &std::path::Path) -> AppState {
    let settings = config::settings(text, |_| Ok(String::new())).unwrap();
    let store = Store::open(&format!("sqlite:{}", directory.join("record.db").display()), &[]).await.unwrap();
    let (_, stopping) = watch::channel(false);
    App::new(settings, url.to_owned(), store, stopping).await.unwrap()
}

fn directory() -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("mcp-approvals-{}", secret::id().unwrap()));
    std::fs::create_dir(&directory).unwrap();
    directory
}

/// Creates a request from an address, with headers written as `name: value`.
fn request(from: &str, headers: &[String]) -> Parts {
    let mut request = Request::post("/");
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let address = SocketAddr::new(from.parse().unwrap(), 4711);
    parts.extensions.insert(Peer { address, names: Arc::from([]) });
    parts
}

#[tokio::test]
async fn a_request_is_authenticated_by_its_credential() {
    let directory = directory();
    let app = app(PROXIED, "https://approvals.example", &directory).await;
    let secret = app.store.invite("bob", &Permissions::everything(), NOW).await.unwrap();
    assert!(app.store.redeem(&secret, "bob", "hash", NOW).await.unwrap());
    let session = app.store.sign_in("bob", NOW).await.unwrap();
    let token = app.store.make_token("tom", NOW).await.unwrap();
    let cookie = format!("cookie: a=b; __Host-mcp-approvals={session}");
    let text = str::to_owned;
    for (from, headers, expected) in [
        ("192.0.2.1", vec![cookie.clone()], Some("bob")),
        ("192.0.2.1", vec![format!("cookie: mcp-approvals={session}")], None),
        ("192.0.2.1", vec![cookie.clone(), text("cookie: __Host-mcp-approvals=planted")], None),
        ("192.0.2.1", vec![text("cookie: __Host-mcp-approvals=guessed")], None),
        ("192.0.2.1", vec![format!("authorization: Bearer {token}")], Some("tom")),
        ("192.0.2.1", vec![text("authorization: Bearer guessed"), cookie.clone()], None),
        ("192.0.2.1", vec![format!("authorization: Basic {token}")], None),
        ("10.1.2.3", vec![text("x-user: ann"), text("x-groups: sre, audit,")], Some("ann[sre][audit]")),
        ("10.1.2.3", vec![text("x-user: ann"), cookie.clone()], Some("ann")),
        ("10.1.2.3", vec![text("x-user: ann"), text("authorization: Bearer of-the-proxy")], Some("ann")),
        ("10.1.2.3", vec![text("x-user: ann"), format!("authorization: Bearer {token}")], Some("tom")),
        ("10.1.2.3", vec![text("x-user: ann"), text("x-user: eve")], None),
        ("10.1.2.3", vec![text("x-user:  ")], None),
        ("10.1.2.3", vec![text("x-groups: sre")], None),
        ("192.0.2.1", vec![text("x-user: ann"), text("x-groups: sre")], None),
        ("192.0.2.1", vec![text("x-user: ann"), cookie.clone()], Some("bob")),
        ("192.0.2.1", vec![text("x-user: ann"), text("x-forwarded-for: 10.1.2.3")], None),
        ("192.0.2.1", vec![], None),
    ] {
        let user = User::of(&app, &request(from, &headers), NOW).await.unwrap();
        let shown = user.map(|user| {
            let groups: String = user.approver.groups.iter().map(|group| format!("[{group}]")).collect();
            format!("{}{groups}", user.approver.name)
        });
        assert_eq!(shown.as_deref(), expected, "{from} {headers:?}");
    }
    app.store.close().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn only_a_page_of_the_service_can_post() {
    let directory = directory();
    let app = app(PROXIED, "https://approvals.example", &directory).await;
    let sessions =
        [app.store.sign_in("bob", NOW).await.unwrap(), app.store.sign_in("bob", NOW).await.unwrap()];
    let cookie = |session: &String| vec![format!("cookie: __Host-mcp-approvals={session}")];
    let proxied = |name: &str| vec![format!("x-user: {name}")];
    let mut users = Vec::new();
    for headers in [cookie(&sessions[0]), cookie(&sessions[1]), proxied("ann"), proxied("eve")] {
        users.push(User::of(&app, &request("10.0.0.1", &headers), NOW).await.unwrap().unwrap());
    }
    for (number, user) in users.iter().enumerate() {
        for (other, sender) in users.iter().enumerate() {
            let checked = user.check(&app, &HeaderMap::new(), &sender.csrf(&app));
            assert_eq!(checked.is_ok(), number == other, "{number} {other}");
        }
        assert_eq!(user.check(&app, &HeaderMap::new(), ""), Err(CsrfError::Token));
        for (header, fine) in [
            ("sec-fetch-site: same-origin", true),
            ("sec-fetch-site: none", true),
            ("sec-fetch-site: same-site", false),
            ("sec-fetch-site: cross-site", false),
            ("origin: https://approvals.example", true),
            ("origin: https://approvals.example.evil", false),
            ("origin: http://approvals.example", false),
            ("origin: null", false),
        ] {
            let headers = request("10.0.0.1", &[header.to_owned()]).headers;
            assert_eq!(user.check(&app, &headers, &user.csrf(&app)).is_ok(), fine, "{header}");
        }
    }
    app.store.close().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn an_address_is_the_peers_unless_a_trusted_proxy_reports_another() {
    let directory = directory();
    let app = app(PROXIED, "http://approvals.example", &directory).await;
    for (from, forwarded, expected) in [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
    ] {
        let parts = request(from, &[format!("x-forwarded-for: {forwarded}")]);
        assert_eq!(address(&app, &parts).to_string(), expected, "{from} {forwarded}");
    }
    app.store.close().await;
    std::fs::remove_dir_all(directory).unwrap();
}
