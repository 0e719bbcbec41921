//! Properties of every page, whatever it contains.

use super::*;

fn draft<'a>(verdict: Verdict, fault: Fault) -> Decide<'a> {
    Decide::May(Draft {
        token: "t0k3n",
        own: None,
        refusals: if fault == Fault::NoReason { &[] } else { &REFUSALS },
        rejected: Some(Rejected { verdict, preset: HOSTILE, reason: HOSTILE, fault }),
    })
}

fn fault(field: account_forms::Field) -> account_forms::Fault {
    account_forms::Fault { field, message: "no" }
}

/// Returns the pages of an approval: pending in every form, and then in other states.
fn approval_pages(hostile: &Approval, others: [&Approval; 3]) -> Vec<String> {
    let may = Decide::May(Draft { token: "t0k3n", own: None, refusals: &REFUSALS, rejected: None });
    let mut pages = vec![
        one(hostile, may),
        one(hostile, draft(Verdict::Deny, Fault::NoReason)),
        one(hostile, draft(Verdict::Deny, Fault::LongReason)),
        one(hostile, draft(Verdict::Approve, Fault::LongReason)),
        one(hostile, draft(Verdict::Approve, Fault::Unread)),
        one(hostile, Decide::MayNot),
        one(
            hostile,
            Decide::May(Draft { token: "t0k3n", own: Some(HOSTILE), refusals: &REFUSALS, rejected: None }),
        ),
    ];
    pages.extend(others.into_iter().map(|approval| one(approval, may)));
    pages
}

/// Returns the sign-in page and both kinds of invitation, each with a fault.
fn account_pages() -> Vec<String> {
    let invitation = |named, field| {
        let form = account_forms::invitation("/invitations/abc", HOSTILE, named, Some(fault(field)));
        framed("Welcome", Section::Elsewhere, &form)
    };
    vec![
        framed("Sign in", Section::Elsewhere, &account_forms::sign_in(HOSTILE, HOSTILE, Some("No."))),
        invitation(account_forms::Named::Given, account_forms::Field::Again),
        invitation(account_forms::Named::Chosen, account_forms::Field::Name),
    ]
}

/// Returns the list with this call, after its form was sent; and without a call.
fn lists(call: PendingCall<'_>) -> Vec<String> {
    let fault = Fault::NothingSelected;
    let rejected = Rejected { verdict: Verdict::Deny, preset: HOSTILE, reason: HOSTILE, fault };
    let view = PendingView {
        waiting: &[call],
        more: true,
        role: true,
        decides: true,
        token: "t0k3n",
        refusals: &[HOSTILE],
        rejected: Some(rejected),
        done: Some(Done { refused: 2, late: 1 }),
    };
    let empty = PendingView {
        waiting: &[],
        more: false,
        role: false,
        decides: false,
        refusals: &[],
        rejected: None,
        done: None,
        ..view
    };
    [view, empty].map(|view| framed("Waiting", Section::Waiting, &pending::content(&view, NOW))).to_vec()
}

/// Returns every page, with hostile text wherever a text can come from outside.
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
    let call = PendingCall { approval: &hostile, class: Some(HOSTILE), may_refuse: true, selected: true };
    let mut pages = approval_pages(&hostile, [&refused, &used, &expired]);
    pages.extend(account_pages());
    pages.extend(lists(call));
    pages.push(framed("History", Section::History, &history::content(&found, NOW)));
    for error in [
        PageError::ViewOnly,
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

/// Returns the tags of a page. A `<` starts a tag anywhere, and a `>` within quotes does not end one.
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
fn no_page_has_an_inline_script_style_or_handler() {
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
fn no_page_contains_unseen_characters() {
    for html in pages() {
        // A text area contains its input unchanged, so that it can be sent back.
        let html =
            html.split("<textarea").map(|part| part.split_once("</textarea>").map_or(part, |(_, rest)| rest));
        for text in html {
            let outside: String = text.split('"').step_by(2).collect();
            assert!(!outside.contains(['\u{202e}', '\u{200b}', '\u{e0041}']), "{outside}");
        }
    }
}

#[test]
fn every_form_that_posts_has_a_csrf_token() {
    for html in pages() {
        for form in html.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            // Without a session there is nothing to forge.
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
fn every_id_is_unique_and_every_reference_resolves() {
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
fn headings_are_in_order() {
    for html in pages() {
        assert_eq!(html.matches("<h1").count(), 1);
        assert!(html.find("<h1") < html.find("<h2").or(Some(usize::MAX)));
        assert!(!html.contains("<h3"));
    }
}
