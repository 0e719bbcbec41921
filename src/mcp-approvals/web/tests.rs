//! What holds for every page, whatever is on it.

mod routes;

use maud::Markup;

use super::decision_forms::{Decide, Draft, Fault, Rejected};
use super::error_page::PageError;
use super::history::HistoryView;
use super::layout::{Layout, Section, Viewer, page};
use super::pending::PendingCall;
use super::{account_forms, approval, error_page, history, pending};
use crate::model::{Approval, Decision, Question, Status, Verdict};

pub const NOW: i64 = 1_764_021_936_000;

/// What an attacker would write anywhere.
const HOSTILE: &str = "</title></bdi><script>alert(1)</script><img src=x onerror=alert(1)>\" style=\"x\u{202e}\u{200b}\u{e0041}' onclick='x";

pub fn call(tool: &str, arguments: &str) -> Approval {
    Approval {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        question: Question {
            fingerprint: "5f".repeat(32),
            server: "aipaygen".to_owned(),
            policy: "1f2e3d4c5b6a7988".to_owned(),
            grant: "finance-agents".to_owned(),
            principal: Some("agent-7@example.com".to_owned()),
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
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

pub fn one(approval: &Approval, decide: Decide<'_>) -> String {
    let seen = approval::ApprovalView { approval, class: "financial", decide };
    framed(&approval.question.tool, Section::Approval, &approval::content(&seen, NOW))
}

fn draft<'a>(verdict: Verdict, fault: Fault) -> Decide<'a> {
    Decide::May(Draft {
        token: "t0k3n",
        own: None,
        rejected: Some(Rejected { verdict, reason: HOSTILE, fault }),
    })
}

fn fault(field: account_forms::Field) -> account_forms::Fault {
    account_forms::Fault { field, message: "no" }
}

/// Every page, with hostile text wherever somebody else's text can be.
fn pages() -> Vec<String> {
    let hostile = hostile();
    let refused = decided(hostile.clone(), Verdict::Deny, Status::Denied, HOSTILE);
    let used = decided(hostile.clone(), Verdict::Approve, Status::Consumed, HOSTILE);
    let mut expired = hostile.clone();
    expired.status = Status::Expired;
    let approvals = [hostile.clone(), refused.clone(), used.clone(), expired.clone()];
    let found = HistoryView {
        text: HOSTILE,
        status: Some(Status::Denied),
        approvals: &approvals,
        first: Some("/history"),
        older: Some("/history?older=x"),
    };
    let list = [PendingCall { approval: &hostile, class: HOSTILE }];
    let may = Decide::May(Draft { token: "t0k3n", own: None, rejected: None });
    let mut pages = vec![
        framed("Waiting", Section::Waiting, &pending::content(&list, true, true, NOW)),
        framed("Waiting", Section::Waiting, &pending::content(&[], false, false, NOW)),
        one(&hostile, may),
        one(&hostile, draft(Verdict::Deny, Fault::NoReason)),
        one(&hostile, draft(Verdict::Approve, Fault::LongReason)),
        one(&hostile, draft(Verdict::Approve, Fault::Unread)),
        one(&hostile, Decide::MayNot),
        one(&hostile, Decide::May(Draft { token: "t0k3n", own: Some(HOSTILE), rejected: None })),
        one(&refused, may),
        one(&used, may),
        one(&expired, may),
        framed("History", Section::History, &history::content(&found, NOW)),
        framed("Sign in", Section::Elsewhere, &account_forms::sign_in(HOSTILE, HOSTILE, Some("No."))),
        framed(
            "Welcome",
            Section::Elsewhere,
            &account_forms::invitation(
                "/invitations/abc",
                HOSTILE,
                account_forms::Named::Given,
                Some(fault(account_forms::Field::Again)),
            ),
        ),
        framed(
            "Welcome",
            Section::Elsewhere,
            &account_forms::invitation(
                "/invitations/abc",
                HOSTILE,
                account_forms::Named::Chosen,
                Some(fault(account_forms::Field::Name)),
            ),
        ),
    ];
    for error in [
        PageError::NotYourRole,
        PageError::OwnCall,
        PageError::NotFound,
        PageError::InvalidInvitation,
        PageError::AlreadyDecided { by: HOSTILE.to_owned(), verdict: Verdict::Deny, id: "0".repeat(32) },
        PageError::Expired { id: "0".repeat(32) },
        PageError::ForgedForm,
        PageError::UnreadableForm,
        PageError::TooManyAttempts { seconds: 30 },
        PageError::NotIdentified,
        PageError::Internal,
    ] {
        pages.push(framed(error.title(), Section::Elsewhere, &error_page::content(&error)));
    }
    pages
}

/// Returns the tags of a page, the text between them left out: `<` begins a tag wherever it stands,
/// and ends none within quotes.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut tag: Option<(String, bool)> = None;
    for char in html.chars() {
        tag = match (tag.take(), char) {
            (None, '<') => Some((String::new(), false)),
            (None, _) => None,
            (Some((text, false)), '>') => {
                tags.push(text);
                None
            }
            (Some((mut text, quoted)), _) => {
                text.push(char);
                Some((text, quoted != (char == '"')))
            }
        };
    }
    tags
}

/// Returns the names of a tag's attributes.
fn attributes(tag: &str) -> Vec<String> {
    let outside: Vec<&str> = tag.split('"').step_by(2).collect();
    outside.join("\"\"").split_whitespace().skip(1).map(|word| word.replace("=\"\"", "")).collect()
}

#[test]
fn no_page_holds_a_script_a_style_or_a_handler_of_its_own() {
    for html in pages() {
        let tags = tags(&html);
        let scripts: Vec<&String> = tags.iter().filter(|tag| tag.starts_with("script")).collect();
        assert_eq!(scripts.len(), 1, "{html}");
        assert!(scripts[0].starts_with("script src=\"/assets/app.js?v="), "{}", scripts[0]);
        for tag in &tags {
            assert!(!tag.starts_with("img") && !tag.starts_with("style"), "{tag}");
            for name in attributes(tag) {
                assert!(name != "style" && !name.starts_with("on"), "{name} in <{tag}>");
            }
        }
    }
}

#[test]
fn no_page_shows_what_cannot_be_seen() {
    for html in pages() {
        // What a field holds is what was typed into it, and goes back as it is.
        let html =
            html.split("<textarea").map(|part| part.split_once("</textarea>").map_or(part, |(_, rest)| rest));
        for text in html {
            let outside: String = text.split('"').step_by(2).collect();
            assert!(!outside.contains(['\u{202e}', '\u{200b}', '\u{e0041}']), "{outside}");
        }
    }
}

#[test]
fn every_form_that_posts_carries_its_token() {
    for html in pages() {
        for form in html.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            // Where nobody is signed in yet, there is no session to be abused.
            if form.contains("action=\"/sign-in\"") || form.contains("action=\"/invitations/") {
                assert!(form.contains("method=\"post\""), "{form}");
            } else if form.contains("method=\"post\"") {
                assert!(form.contains("name=\"token\" value=\"t"), "{form}");
            } else {
                assert!(form.contains("action=\"/history\""), "{form}");
            }
        }
    }
}

#[test]
fn every_id_stands_once_and_whatever_is_referred_to_is_there() {
    for html in pages() {
        let values = |attribute: &str| -> Vec<String> {
            let start = format!(" {attribute}=\"");
            html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        let ids = values("id");
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id}");
        }
        for attribute in ["for", "aria-labelledby", "aria-describedby"] {
            for id in values(attribute).iter().flat_map(|value| value.split(' ')) {
                assert!(ids.iter().any(|other| other == id), "{attribute} {id}: {html}");
            }
        }
    }
}

#[test]
fn headings_come_in_order() {
    for html in pages() {
        assert_eq!(html.matches("<h1").count(), 1);
        assert!(html.find("<h1") < html.find("<h2").or(Some(usize::MAX)));
        assert!(!html.contains("<h3"));
    }
}

#[test]
fn a_page_stays_small_whatever_a_call_holds() {
    let mut big = hostile();
    big.question.arguments = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    for field in
        [&mut big.question.tool, &mut big.question.grant, &mut big.question.server, &mut big.question.rule]
    {
        *field = "\u{202e}x".repeat(100_000);
    }
    big.question.reason = Some("\u{202e}x".repeat(100_000));
    let may = Decide::May(Draft { token: "t0k3n", own: None, rejected: None });
    let html = approval::content(
        &approval::ApprovalView { approval: &big, class: "unclassified", decide: may },
        NOW,
    )
    .into_string();
    assert!(html.len() < 80_000, "{}", html.len());
    assert!(html.contains("name=\"whole\"") && html.contains("Not all of it is shown."));
}

#[test]
fn what_cannot_be_seen_is_warned_of_wherever_it_is() {
    let may = Decide::May(Draft { token: "t", own: None, rejected: None });
    let plain = call("pay", r#"{"memo":"two\nlines"}"#);
    assert!(!one(&plain, may).contains("cannot be seen"));
    let mut named = plain.clone();
    named.question.tool.push('\u{200b}');
    let mut of_whom = plain.clone();
    of_whom.question.principal = Some("zoe\u{202e}".to_owned());
    for approval in [named, of_whom, call("pay", r#"{"memo":"\u2066"}"#)] {
        assert!(one(&approval, may).contains("1 × "), "{approval:?}");
    }
}

#[test]
fn who_may_not_decide_gets_no_form() {
    let approval = call("pay_invoice", "{}");
    for (approval, decide) in [
        (approval.clone(), Decide::MayNot),
        (
            decided(approval, Verdict::Deny, Status::Denied, "no"),
            Decide::May(Draft { token: "t", own: None, rejected: None }),
        ),
    ] {
        let seen = approval::ApprovalView { approval: &approval, class: "unclassified", decide };
        assert!(!approval::content(&seen, NOW).into_string().contains("<form"));
    }
}

#[test]
fn who_asked_may_take_it_back_and_not_approve_it() {
    let approval = call("pay_invoice", "{}");
    let html = one(&approval, Decide::May(Draft { token: "t", own: Some("agent-7"), rejected: None }));
    assert!(html.contains("/refuse\"") && !html.contains("/approve\""), "{html}");
    assert!(html.contains("You asked for this yourself"), "{html}");
}
