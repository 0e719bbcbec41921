//! The tables of a report.

use maud::{Markup, html};

use super::at;
use crate::records::{shown, thousands};
use crate::report::chart;
use crate::report::summary::{InEffect, LimitUse, Refused, Summary};
use crate::report::words::{duration, percent};

/// How many limits are listed.
const MOST_LIMITS: usize = 25;
/// How many policies are listed.
const MOST_POLICIES: usize = 50;
/// From which share on a bar warns.
const NEAR: f64 = 0.8;

/// Writes the limits, those that were used most first.
pub fn limits(summary: &Summary) -> Markup {
    let mut limits: Vec<_> = summary.limits.iter().collect();
    limits.sort_by(|(a, x), (b, y)| y.highest.total_cmp(&x.highest).then_with(|| a.cmp(b)));
    let left = limits.len().saturating_sub(MOST_LIMITS);
    limits.truncate(MOST_LIMITS);
    let several =
        summary.limits.keys().map(|(server, _)| server).collect::<std::collections::BTreeSet<_>>().len() > 1;
    html! {
        section {
            h2 { "Limits near their maximum" }
            @if limits.is_empty() {
                p.none { "No request had a limit." }
            } @else {
                p.note { "The highest use of each counter in any tally, by grant, caller or session. A call is near the maximum from 80 % on." }
                div.wide role="region" aria-label="Limits" tabindex="0" {
                    table {
                        thead { tr {
                            @if several { th scope="col" { "Server" } }
                            th scope="col" { "Counter" } th scope="col" { "Highest use" } th.number scope="col" { "Calls" }
                            th.number scope="col" { "Near" } th.number scope="col" { "Refused" } th scope="col" { "At (UTC)" }
                        } }
                        tbody { @for ((server, counter), limit) in limits { (limit_row(several.then_some(server), counter, limit)) } }
                    }
                }
                @if left > 0 { p.note { (thousands(u64::try_from(left).unwrap_or(u64::MAX))) " more limits were used less." } }
                @if summary.counted_alone > 0 { p.note { (thousands(summary.counted_alone)) " calls had shared limits that one proxy counted alone, because the rate limit service gave no valid answer. Together more than the maximum may have passed." } }
                @if summary.limits_beyond > 0 { p.note { (thousands(summary.limits_beyond)) " uses of counters beyond the first 10,000 are left out." } }
            }
        }
    }
}

fn limit_row(server: Option<&String>, counter: &str, limit: &LimitUse) -> Markup {
    let class = match limit.highest {
        share if share >= 1.0 => "refused",
        share if share >= NEAR => "would",
        _ => "allowed",
    };
    html! {
        tr {
            @if let Some(server) = server { td { bdi { (shown(server)) } } }
            th scope="row" { bdi { (shown(counter)) } }
            td.use { span { (limit.used.0) " of " (limit.used.1) } (chart::bar(limit.highest, class)) }
            td.number { (thousands(limit.calls)) }
            td.number { (thousands(limit.near)) }
            td.number { (thousands(limit.refused)) }
            td { @if let Some(at_ms) = limit.at_ms { (at(at_ms)) } }
        }
    }
}

/// Writes the approvals by tool.
pub fn approvals(summary: &Summary) -> Markup {
    let tools = summary.approvals.by_tool();
    if tools.is_empty() && summary.approvals.beyond == 0 {
        return html! {};
    }
    html! {
        section {
            h2 { "Approvals" }
            p.note {
                "Times are from the first refusal that says that the call waits, to the first request that got the answer. "
                "An agent has to ask again for it, so the decision itself came earlier. A call that was held until a person "
                "decided has no time, because its record does not say when it began."
            }
            div.wide role="region" aria-label="Approvals" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "Call of" } th.number scope="col" { "Approved" } th.number scope="col" { "Refused" }
                        th.number scope="col" { "Waiting" } th.number scope="col" { "Without an answer" }
                        th.number scope="col" { "Median time" } th.number scope="col" { "Longest time" }
                    } }
                    tbody {
                        @for (tool, of_tool) in tools.iter().take(MOST_LIMITS) {
                            @let times = of_tool.times();
                            tr {
                                th scope="row" { bdi { (shown(tool)) } }
                                td.number { (thousands(of_tool.approved)) }
                                td.number { (thousands(of_tool.denied)) }
                                td.number { (thousands(of_tool.pending)) }
                                td.number { (thousands(of_tool.unanswered)) }
                                td.number { (times.map_or("–".to_owned(), |(median, _)| duration(median))) }
                                td.number { (times.map_or("–".to_owned(), |(_, longest)| duration(longest))) }
                            }
                        }
                    }
                }
            }
            @if tools.len() > MOST_LIMITS { p.note { "Other calls had fewer approvals." } }
            @if summary.approvals.beyond > 0 { p.note { (thousands(summary.approvals.beyond)) " records about approvals beyond the first 50,000 are left out." } }
        }
    }
}

/// Writes the policies in the order in which they took effect.
pub fn policies(summary: &Summary) -> Markup {
    let mut policies: Vec<_> = summary.policies.iter().collect();
    policies.sort_by_key(|(_, policy)| policy.times);
    let left = policies.len().saturating_sub(MOST_POLICIES);
    policies.drain(..left);
    html! {
        section {
            h2 { "Policies in effect" }
            div.wide role="region" aria-label="Policies in effect" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "Policy" } th scope="col" { "Server" } th scope="col" { "From (UTC)" } th scope="col" { "To (UTC)" }
                        th.number scope="col" { "Requests" } th.number scope="col" { "Refused" }
                    } }
                    tbody { @for ((server, digest), policy) in policies { (policy_row(server, digest, policy)) } }
                }
            }
            @if left > 0 { p.note { "Earlier policies are left out: " (thousands(u64::try_from(left).unwrap_or(u64::MAX))) "." } }
            @if summary.policies_beyond > 0 { p.note { (thousands(summary.policies_beyond)) " requests under policies beyond the first 10,000 are left out." } }
        }
    }
}

fn policy_row(server: &str, digest: &str, policy: &InEffect) -> Markup {
    html! {
        tr {
            th scope="row" { code { (shown(digest)) } }
            td { bdi { (shown(server)) } }
            td { @if let Some((first, _)) = policy.times { (at(first)) } }
            td { @if let Some((_, last)) = policy.times { (at(last)) } }
            td.number { (thousands(policy.requests.all())) }
            td.number { (percent(policy.requests.against(), policy.requests.all())) }
        }
    }
}

/// Writes the latest refused requests.
pub fn refused(summary: &Summary) -> Markup {
    let (latest, left) = summary.refused();
    if latest.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Refused requests" }
            p.note {
                @if left > 0 { "The latest " (latest.len()) ". " (thousands(left)) " earlier ones are left out." }
                @else { "All of them, the latest first." }
            }
            div.filter id="filter" hidden {
                label for="words" { "Filter" }
                input id="words" type="search" autocomplete="off" spellcheck="false" aria-describedby="matches";
                p.note id="matches" role="status" {}
            }
            div.wide.rows role="region" aria-label="Refused requests" tabindex="0" {
                table.log {
                    thead { tr {
                        th scope="col" { "Time (UTC)" } th scope="col" { "What" } th scope="col" { "Caller" } th scope="col" { "Why" } th scope="col" { "Rule" } th scope="col" { "Verdict" }
                    } }
                    tbody id="rows" { @for one in latest { (refused_row(one)) } }
                }
            }
        }
    }
}

fn refused_row(one: &Refused) -> Markup {
    html! {
        tr {
            td { @if let Some(at_ms) = one.at_ms { (at(at_ms)) } @else { "–" } }
            th scope="row" {
                bdi { (shown(&one.target)) }
                @if let Some(method) = &one.method { " " span.note { (shown(method)) } }
            }
            td {
                @if let Some(principal) = &one.principal { bdi { (shown(principal)) } }
                @if let Some(grant) = &one.grant { " " span.note { "grant " bdi { (shown(grant)) } } }
                @else { " " span.note { "no grant" } }
            }
            td { span class=(if one.shadow { "code would" } else { "code refused" }) { (shown(&one.code)) } @if one.shadow { " " span.note { "in shadow mode" } } }
            td { code { (shown(&one.rule)) } }
            td { code.id { (shown(&one.id)) } }
        }
    }
}
