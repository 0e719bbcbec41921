//! The page of a report.

mod tables;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::chart;
use super::ranking::{Top, Verdicts};
use super::summary::Summary;
use super::words::{code, exact, moment, percent, period};
use crate::records::{Tally, shown, thousands};

const STYLE: &str = include_str!("assets/report.css");
const SCRIPT: &str = include_str!("assets/report.js");
/// How many rows the lists of names have.
const ROWS: usize = 10;

/// Writes the page.
pub fn page(summary: &Summary, tally: &Tally) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                meta name="referrer" content="no-referrer";
                title { "MCP policy report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (top(summary))
                main id="content" tabindex="-1" {
                    (figures(summary))
                    (timeline(summary))
                    (rankings(summary))
                    (tables::limits(summary))
                    (tables::approvals(summary))
                    (tables::policies(summary))
                    (tables::refused(summary))
                    (about(tally))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Returns what the content security policy calls a script or a style.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn top(summary: &Summary) -> Markup {
    let mut servers: Vec<&str> = summary.policies.keys().map(|(server, _)| server.as_str()).collect();
    servers.dedup();
    html! {
        header.top {
            div.inside {
                p.kind { "MCP policy report" }
                h1 { @for (index, server) in servers.iter().take(8).enumerate() { @if index > 0 { ", " } bdi { (shown(server)) } } @if servers.len() > 8 { " and others" } }
                @if let Some((first, last)) = summary.times {
                    p.range { (at(first)) " to " (at(last)) " UTC" }
                }
            }
        }
    }
}

/// Writes a time that programs can read, too.
fn at(at_ms: i64) -> Markup {
    html! { time datetime=(exact(at_ms)) { (moment(at_ms)) } }
}

fn figures(summary: &Summary) -> Markup {
    let Verdicts { allowed, refused, would_deny } = summary.requests;
    let all = summary.requests.all();
    let figure = |name: &str, class: &str, count: u64, share: bool| {
        html! {
            div.figure {
                dt { @if !class.is_empty() { span class={"dot " (class)} aria-hidden="true" {} } (name) }
                dd { (thousands(count)) @if share { " " span.share { (percent(count, all)) } } }
            }
        }
    };
    html! {
        dl.figures {
            (figure("Requests", "", all, false))
            (figure("Allowed", "allowed", allowed, true))
            (figure("Refused", "refused", refused, true))
            @if would_deny > 0 { (figure("Refused in shadow mode", "would", would_deny, true)) }
            (figure("Approvals", "", summary.approvals.count(), false))
        }
    }
}

fn timeline(summary: &Summary) -> Markup {
    let periods = summary.timeline.periods();
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return html! {} };
    let highest = periods.iter().map(|(_, verdicts)| verdicts.all()).max().unwrap_or_default();
    let each = period(summary.timeline.length_ms());
    let has_shadow = summary.requests.would_deny > 0;
    let label = format!("Columns of requests for each {each}. The numbers are in the table below.");
    let busy = periods.iter().filter(|(_, verdicts)| verdicts.all() > 0);
    html! {
        section {
            div.heading {
                h2 { "Requests over time" }
                ul.legend {
                    li { span.dot.allowed aria-hidden="true" {} "Allowed" }
                    @if has_shadow { li { span.dot.would aria-hidden="true" {} "Refused in shadow mode" } }
                    li { span.dot.refused aria-hidden="true" {} "Refused" }
                }
            }
            p.axis { "At most " (thousands(highest)) " in " (if each.starts_with(|char: char| char.is_ascii_digit()) { "" } else { "a " }) (each) }
            (chart::columns(&periods, highest, &label))
            p.axis.ends { span { (at(first.0)) } span { (at(last.0)) } }
            details {
                summary { "The numbers" }
                div.wide role="region" aria-label="Requests over time" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "From (UTC)" } th.number scope="col" { "Allowed" } @if has_shadow { th.number scope="col" { "In shadow mode" } } th.number scope="col" { "Refused" } } }
                        tbody {
                            @for (start, verdicts) in busy {
                                tr {
                                    th scope="row" { (at(*start)) }
                                    td.number { (thousands(verdicts.allowed)) }
                                    @if has_shadow { td.number { (thousands(verdicts.would_deny)) } }
                                    td.number { (thousands(verdicts.refused)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rankings(summary: &Summary) -> Markup {
    if summary.requests.against() == 0 {
        return html! { section { h2 { "Refused most" } p.none { "Nothing was refused." } } };
    }
    html! {
        section {
            h2 { "Refused most" }
            div.grid {
                (ranking("Why", &summary.codes.top(ROWS), true))
                (ranking("Tool, resource, prompt or method", &summary.targets.top(ROWS), false))
                (ranking("Grant", &summary.grants.top(ROWS), false))
                (ranking("Caller", &summary.principals.top(ROWS), false))
                (ranking("Rule", &summary.rules.top(ROWS), true))
            }
        }
    }
}

/// Writes a ranking. With `alone` every request in it was refused, so that it says nothing about allowed ones.
fn ranking(title: &str, top: &Top, alone: bool) -> Markup {
    let most = top.rows.first().map_or(1, |(_, verdicts)| verdicts.against());
    html! {
        div.card {
            table.ranking {
                caption { (title) }
                thead.visually-hidden { tr { th scope="col" { (title) } th scope="col" { "Refused" } } }
                tbody {
                    @for (name, verdicts) in &top.rows {
                        @let class = if verdicts.refused > 0 { "refused" } else { "would" };
                        tr {
                            th scope="row" {
                                span.name { bdi { (shown(name)) } @if alone && !code(name).is_empty() { " " span.note { (code(name)) } } }
                                (chart::bar(super::words::ratio(verdicts.against(), most), class))
                            }
                            td.number {
                                (thousands(verdicts.against()))
                                @if !alone { span.note { " of " (thousands(verdicts.all())) } }
                            }
                        }
                    }
                }
            }
            @if top.more.0 > 0 {
                p.note { "and " (thousands(u64::try_from(top.more.0).unwrap_or(u64::MAX))) " more, with " (thousands(top.more.1)) " refused" }
            }
            @if top.others.against() > 0 {
                p.note { (thousands(top.others.against())) " of names beyond the first 10,000, counted together" }
            }
        }
    }
}

fn about(tally: &Tally) -> Markup {
    let lines = [
        (&tally.without_record, "lines without a record"),
        (&tally.too_long, "lines longer than 16 MiB"),
        (&tally.unreadable, "records that could not be read"),
        (&tally.without_time, "records without a time, which are in no chart"),
    ];
    html! {
        footer.about {
            p {
                "Made by mcp-policy " (env!("CARGO_PKG_VERSION")) " from " (thousands(tally.lines)) " lines of access logs. "
                "Times are in UTC. Names are as the callers sent them; characters that cannot be seen are written as " code { "\\u{…}" } "."
            }
            @for (seen, what) in lines {
                @if let Some(first) = &seen.first {
                    p { (thousands(seen.count)) " " (what) "; the first is " code { (first) } }
                }
            }
        }
    }
}
