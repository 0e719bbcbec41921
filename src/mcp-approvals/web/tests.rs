//! Tests of the pages; this file has what they share, and the page of an approval.

mod accounts;
mod every_page;
mod refusals;
mod routes;
mod service;

use maud::Markup;

use super::decision_forms::{Decide, Draft, Fault, Rejected};
use super::error_page::PageError;
use super::history::HistoryView;
use super::layout::{Layout, Section, Viewer, page};
use super::pending::{Done, PendingCall, PendingView};
use super::{account_forms, approval, error_page, history, pending};
use crate::config::REFUSALS;
use crate::model::{Approval, Decision, Question, Status, Verdict};

pub const NOW: i64 = 1_764_021_936_000;

/// What an attacker could write into any text.
const HOSTILE: &str = "</title></bdi><script>alert(1)</script><img src=x onerror=alert(1)>\" style=\"x\u{202e}\u{200b}\u{e0041}' onclick='x";

pub fn call(tool: &str, arguments: &str) -> Approval {
    Approval {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        question: Question {
            fingerprint: "5f".repeat(32),
            server: "aipaygen".to_owned(),
            rules: "4c".repeat(32),
            policy: "1f2e3d4c5b6a7988".to_owned(),
            grant: "finance-agents".to_owned(),
            principal: Some("agent-7@example.com".to_owned()),
            source: None,
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
            params: "{}".to_owned(),
            host: Some("mcp.example.com".to_owned()),
            path: Some("/mcp".to_owned()),
            call: "6a".repeat(32),
            rule: "tools.pay_invoice".to_owned(),
            reason: Some("Payments are approved by a person.".to_owned()),
            decision_id: "d-42".to_owned(),
            request_id: Some("r-42".to_owned()),
            expires_seconds: 900,
        },
        status: Status::Pending,
        created_ms: NOW - 180_000,
        expires_ms: NOW + 720_000,
        times: 3,
        decision: None,
        consumed_ms: None,
        superseded_by: None,
    }
}

fn hostile() -> Approval {
    let mut approval = call(HOSTILE, "");
    let question = &mut approval.question;
    for field in [
        &mut question.server,
        &mut question.policy,
        &mut question.grant,
        &mut question.rule,
        &mut question.decision_id,
    ] {
        HOSTILE.clone_into(field);
    }
    for field in [&mut question.principal, &mut question.reason, &mut question.request_id] {
        *field = Some(HOSTILE.to_owned());
    }
    question.arguments = serde_json::json!({ HOSTILE: [HOSTILE, { HOSTILE: HOSTILE }] }).to_string();
    approval
}

pub fn decided(mut approval: Approval, verdict: Verdict, status: Status, reason: &str) -> Approval {
    approval.status = status;
    approval.consumed_ms = (status == Status::Consumed).then_some(NOW - 20_000);
    approval.decision = Some(Decision {
        verdict,
        by: "Zoë Müller".to_owned(),
        reason: Some(reason.to_owned()),
        at_ms: NOW - 60_000,
    });
    approval
}

pub fn framed(title: &str, section: Section, content: &Markup) -> String {
    let viewer = Some(Viewer { name: "Zoë Müller", token: "t0k3n", signed_in: true });
    page(&Layout { title, section, viewer, now_ms: NOW }, content).into_string()
}

/// Returns the view of an approval of which nothing else is known.
fn alone<'a>(approval: &'a Approval, decide: Decide<'a>) -> approval::ApprovalView<'a> {
    approval::ApprovalView { approval, class: None, description: None, earlier: &[], decide }
}

pub fn one(approval: &Approval, decide: Decide<'_>) -> String {
    let earlier = [decided(hostile(), Verdict::Deny, Status::Denied, HOSTILE)];
    let (class, description) = (Some("financial"), Some(HOSTILE));
    let view = approval::ApprovalView { approval, class, description, earlier: &earlier, decide };
    framed(&approval.question.tool, Section::Approval, &approval::content(&view, NOW))
}

#[test]
fn a_page_has_a_bounded_size() {
    let mut big = hostile();
    big.question.arguments = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    for field in
        [&mut big.question.tool, &mut big.question.grant, &mut big.question.server, &mut big.question.rule]
    {
        *field = "\u{202e}x".repeat(100_000);
    }
    big.question.reason = Some("\u{202e}x".repeat(100_000));
    let may = Decide::May(Draft { token: "t0k3n", own: None, refusals: &REFUSALS, rejected: None });
    let html = approval::content(&alone(&big, may), NOW).into_string();
    assert!(html.len() < 80_000, "{}", html.len());
    assert!(html.contains("name=\"whole\"") && html.contains("Not everything is shown."));
}

#[test]
fn unseen_characters_anywhere_cause_a_warning() {
    let may = Decide::May(Draft { token: "t", own: None, refusals: &REFUSALS, rejected: None });
    let plain = call("pay", r#"{"memo":"two\nlines"}"#);
    let shown = |approval: &Approval| approval::content(&alone(approval, may), NOW).into_string();
    assert!(!shown(&plain).contains("invisible or misleading"));
    let mut named = plain.clone();
    named.question.tool.push('\u{200b}');
    let mut of_whom = plain.clone();
    of_whom.question.principal = Some("zoe\u{202e}".to_owned());
    for approval in [named, of_whom, call("pay", r#"{"memo":"\u2066"}"#)] {
        assert!(shown(&approval).contains("1 × "), "{approval:?}");
    }
}

#[test]
fn look_alikes_in_any_name_cause_a_warning() {
    let may = Decide::May(Draft { token: "t", own: None, refusals: &REFUSALS, rejected: None });
    let shown = |approval: &Approval| approval::content(&alone(approval, may), NOW).into_string();
    assert!(!shown(&call("pay", "{}")).contains("not what they seem"));
    let odd = "p\u{430}y";
    let mut approvals = vec![call(odd, "{}"), call("pay", &format!("{{\"{odd}\":1}}"))];
    for change in [
        |question: &mut Question| question.principal = Some("p\u{430}y".to_owned()),
        |question: &mut Question| question.path = Some("/p\u{430}y".to_owned()),
        |question: &mut Question| question.host = Some("p\u{430}y.example".to_owned()),
        |question: &mut Question| question.params = "{\"a\":\"p\u{430}y\"}".to_owned(),
    ] {
        let mut approval = call("pay", "{}");
        change(&mut approval.question);
        approvals.push(approval);
    }
    for approval in approvals {
        let html = shown(&approval);
        assert!(html.contains("not what they seem") && html.contains("⟨Cyrillic⟩"), "{approval:?}");
        assert!(html.contains("<span class=\"odd\">\u{430}</span>"), "{approval:?}");
    }
}

#[test]
fn the_page_shows_where_the_call_goes_and_its_other_params() {
    let mut approval = call("pay", "{}");
    approval.question.params = r#"{"task":{"ttl":60},"force":true}"#.to_owned();
    let html = approval::content(&alone(&approval, Decide::MayNot), NOW).into_string();
    for expected in
        ["<bdi>mcp.example.com</bdi><bdi>/mcp</bdi>", "Other params", "<bdi>force</bdi>", "/params\""]
    {
        assert!(html.contains(expected), "{expected}: {html}");
    }
    approval.question.params = "{}".to_owned();
    let html = approval::content(&alone(&approval, Decide::MayNot), NOW).into_string();
    assert!(!html.contains("Other params"));
    approval.question.params = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    let may = Decide::May(Draft { token: "t", own: None, refusals: &REFUSALS, rejected: None });
    let html = approval::content(&alone(&approval, may), NOW).into_string();
    assert!(html.contains("name=\"whole\""), "shortened params must be read too");
}

#[test]
fn a_superseded_question_names_the_newer_one_and_has_no_form() {
    let mut approval = call("pay", "{}");
    let newer = "f".repeat(32);
    (approval.status, approval.superseded_by) = (Status::Superseded, Some(newer.clone()));
    let may = Decide::May(Draft { token: "t", own: None, refusals: &REFUSALS, rejected: None });
    let approved = decided(approval.clone(), Verdict::Approve, Status::Superseded, "ok");
    for (approval, words) in [(approval, "could never be used"), (approved, "The approval was never used.")] {
        let html = approval::content(&alone(&approval, may), NOW).into_string();
        assert!(!html.contains("<form") && html.contains(&format!("href=\"/approvals/{newer}\"")), "{html}");
        assert!(html.contains(words), "{html}");
    }
}

#[test]
fn a_class_is_shown_only_where_the_configuration_names_one() {
    let approval = call("pay", "{}");
    let html = approval::content(&alone(&approval, Decide::MayNot), NOW).into_string();
    assert!(!html.contains("class=\"risk") && !html.to_lowercase().contains("unclassified"));
    assert!(one(&approval, Decide::MayNot).contains("class=\"risk high\""));
}

#[test]
fn a_viewer_who_may_not_decide_gets_no_form() {
    let approval = call("pay_invoice", "{}");
    for (approval, decide) in [
        (approval.clone(), Decide::MayNot),
        (
            decided(approval, Verdict::Deny, Status::Denied, "no"),
            Decide::May(Draft { token: "t", own: None, refusals: &REFUSALS, rejected: None }),
        ),
    ] {
        assert!(!approval::content(&alone(&approval, decide), NOW).into_string().contains("<form"));
    }
}

#[test]
fn a_viewer_may_refuse_but_not_approve_their_own_call() {
    let approval = call("pay_invoice", "{}");
    let html = one(
        &approval,
        Decide::May(Draft { token: "t", own: Some("agent-7"), refusals: &REFUSALS, rejected: None }),
    );
    assert!(html.contains("/refuse\"") && !html.contains("/approve\""), "{html}");
    assert!(html.contains("You asked for this yourself"), "{html}");
}
