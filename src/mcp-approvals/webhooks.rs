//! Webhooks: each new question is told, once, to everybody who wants to hear of it.

use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::app::{App, AppState};
use crate::clock::now_ms;
use crate::config::Webhook;
use crate::store::{Message, StoreError};
use crate::web::unseen;
use crate::{http_client, logging, secret};

/// For how long one delivery may take: less than the outbox lets it be this instance's.
const SLOWEST: Duration = Duration::from_secs(10);

/// How many deliveries are under way at once.
const AT_ONCE: usize = 8;

/// How often the outbox is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The first pause after a failure, in milliseconds; each one is twice as long as the one before.
const FIRST_PAUSE_MS: i64 = 2000;

/// The longest pause, in milliseconds.
const LONGEST_PAUSE_MS: i64 = 60 * 60 * 1000;

/// After how long a message is given up, in milliseconds: a day.
const GIVEN_UP_MS: i64 = 24 * 60 * 60 * 1000;

/// Returns the names by which the outbox knows the webhooks: their URLs are secrets.
#[must_use]
pub fn names(webhooks: &[Webhook]) -> Vec<String> {
    webhooks.iter().map(|webhook| name(&webhook.url)).collect()
}

fn name(url: &str) -> String {
    secret::hash(url).chars().take(16).collect()
}

/// Delivers what is in the outbox until the service stops.
pub async fn run(app: AppState) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.stopped() => return,
        }
        match deliver_all(&app).await {
            Ok(()) => failing = false,
            Err(why) if !failing => {
                failing = true;
                logging::line(format_args!("no messages to webhooks: {why}"));
            }
            Err(_) => {}
        }
    }
}

/// Delivers whatever is due, a few at once: one webhook that hangs does not hold up the others.
async fn deliver_all(app: &AppState) -> Result<(), StoreError> {
    let mut under_way = JoinSet::new();
    while !*app.stopping.borrow() {
        if under_way.len() >= AT_ONCE {
            finish(under_way.join_next().await)?;
            continue;
        }
        match app.store.take_message(now_ms()).await? {
            Some(message) => {
                under_way.spawn(one(AppState::clone(app), message));
            }
            None => match under_way.join_next().await {
                Some(done) => finish(Some(done))?,
                None => return Ok(()),
            },
        }
    }
    while let Some(done) = under_way.join_next().await {
        finish(Some(done))?;
    }
    Ok(())
}

/// Returns what became of a delivery that has ended.
fn finish(done: Option<Result<Result<(), StoreError>, JoinError>>) -> Result<(), StoreError> {
    match done {
        Some(Ok(done)) => done,
        // The message is taken anew.
        Some(Err(_)) | None => Ok(()),
    }
}

/// Delivers one message, or puts it off.
async fn one(app: AppState, message: Message) -> Result<(), StoreError> {
    let webhook = app.settings.webhooks.iter().find(|webhook| name(&webhook.url) == message.hook);
    let failure = match webhook {
        Some(webhook) => deliver(&webhook.url, &text(&app, &message)).await.err(),
        // An instance with another configuration may know it.
        None => Some("is not configured here".to_owned()),
    };
    let Some(failure) = failure else {
        app.metrics.delivered("delivered");
        return app.store.drop_message(&message.id).await;
    };
    let next_ms = now_ms().saturating_add(pause_ms(message.attempts));
    let given_up = next_ms.saturating_sub(message.created_ms) > GIVEN_UP_MS;
    let (outcome, then) = if given_up { ("given_up", "given up") } else { ("failed", "to be tried again") };
    app.metrics.delivered(outcome);
    let (hook, approval) = (&message.hook, &message.approval.id);
    logging::line(format_args!("webhook {hook}, approval {approval}: {failure}, {then}"));
    if given_up {
        return app.store.drop_message(&message.id).await;
    }
    app.store.retry_message(&message.id, next_ms).await
}

/// Returns the pause after a delivery failed that `attempts` others had failed before.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = attempts.clamp(0, 20);
    FIRST_PAUSE_MS.saturating_mul(1 << doublings).min(LONGEST_PAUSE_MS)
}

/// Writes a message in the form that Slack takes, and those who take what Slack takes: who wants what,
/// its class of risk and the rule's reason, and no values of arguments, as a channel has more readers
/// than the page.
fn text(app: &App, message: &Message) -> String {
    let question = &message.approval.question;
    let who = question.principal.as_deref().unwrap_or("somebody unknown");
    let reason =
        question.reason.as_deref().map_or_else(String::new, |reason| format!("{}\n", escaped(reason)));
    let text = format!(
        "Approval needed: {} wants to call *{}* ({}) of *{}* (grant {}).\n{reason}<{}|Look and decide>",
        escaped(who),
        escaped(&question.tool),
        escaped(app.settings.risk(&question.server, &question.tool)),
        escaped(&question.server),
        escaped(&question.grant),
        // An own page's URL, in which nothing but `&` has a meaning there.
        app.page(&message.approval.id).replace('&', "&amp;"),
    );
    json!({ "text": text }).to_string()
}

/// Escapes a name for Slack's mrkdwn, in which three characters have a meaning of their own, and keeps
/// it to one line of what can be seen, of bounded length.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().take(200) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // These begin and end bold, italic, struck and code text.
            '*' | '_' | '~' | '`' => {
                out.push(char);
                out.push('\u{200b}');
            }
            unseen if unseen::name(unseen).is_some() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Posts a message.
async fn deliver(url: &str, text: &str) -> Result<(), String> {
    let (url, text) = (url.to_owned(), text.to_owned());
    let posted = spawn_blocking(move || http_client::post(&url, &text, SLOWEST)).await;
    match posted {
        Ok(Ok(status)) if (200..300).contains(&status) => Ok(()),
        Ok(Ok(status)) => Err(format!("answered {status}")),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("could not be tried".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        for (attempts, pause) in [(0, 2), (1, 4), (2, 8), (10, 2048), (11, 3600), (1000, 3600)] {
            assert_eq!(pause_ms(attempts), pause * 1000, "{attempts}");
        }
    }

    #[test]
    fn nothing_in_a_name_has_a_meaning_in_a_message() {
        assert_eq!(escaped("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(escaped("a\nb"), "a\u{fffd}b");
        assert_eq!(escaped("a_b"), "a_\u{200b}b");
    }
}
