//! The layout around the content of every page.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::text::{name, plain};

/// The viewer of a page.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// Their name
    pub name: &'a str,
    /// The CSRF token for their forms
    pub token: &'a str,
    /// Whether they signed in with a password, and so can sign out
    pub signed_in: bool,
}

/// The section of the site that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The list of waiting calls
    Waiting,
    /// The page of one approval
    Approval,
    /// The history
    History,
    /// Any other page
    Elsewhere,
}

/// The parts of the layout that differ.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// The title; it may contain text from a call
    pub title: &'a str,
    /// The section of the page
    pub section: Section,
    /// The viewer; `None` if they are anonymous
    pub viewer: Option<Viewer<'a>>,
    /// The current time
    pub now_ms: i64,
}

/// Returns a complete page with this content.
pub fn page(layout: &Layout<'_>, content: &Markup) -> Markup {
    let waiting = layout.section == Section::Waiting;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                @if waiting { noscript { meta http-equiv="refresh" content="120"; } }
                title { (plain(layout.title)) " · Approvals" }
                link rel="stylesheet" href=(assets::STYLE.url());
                link rel="icon" type="image/svg+xml" href=(assets::ICON.url());
                script src=(assets::SCRIPT.url()) defer {}
            }
            body data-now=(layout.now_ms) {
                a.skip href="#content" { "Skip to the content" }
                (bar(layout))
                main id="content" tabindex="-1" {
                    (content)
                    @if layout.viewer.is_some() { p.zone.note id="zone" { "Times are in UTC." } }
                }
                p.visually-hidden id="announcement" role="status" aria-live="polite" {}
            }
        }
    }
}

fn bar(layout: &Layout<'_>) -> Markup {
    let link = |section: Section, href: &str, label: &str| {
        let current = (layout.section == section).then_some("page");
        html! { a href=(href) aria-current=[current] { (label) } }
    };
    html! {
        header.bar {
            div.inside {
                a.brand href="/" { span.seal aria-hidden="true" { "✓" } "Approvals" }
                @if let Some(viewer) = layout.viewer {
                    nav aria-label="Main" {
                        (link(Section::Waiting, "/", "Waiting"))
                        (link(Section::History, "/history", "History"))
                    }
                    div.who {
                        span.name { span.visually-hidden { "Signed in as " } (name(viewer.name)) }
                        @if viewer.signed_in {
                            form method="post" action="/sign-out" {
                                (token(viewer.token))
                                button.quiet type="submit" { "Sign out" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the hidden field that carries the CSRF token.
pub fn token(token: &str) -> Markup {
    html! { input type="hidden" name="token" value=(token); }
}
