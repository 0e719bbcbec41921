//! Webhooks: each one is notified once of each new question.

use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::app::{App, AppState};
use crate::clock::now_ms;
use crate::config::Webhook;
use crate::store::{Message, StoreError};
use crate::web::{lookalike, unseen};
use crate::{http_client, logging, secret};

/// How long one delivery may take: less than the outbox leases a message for.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The most concurrent deliveries.
const MAX_CONCURRENT: usize = 8;

/// How often the outbox is polled.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The first pause after a failure, in milliseconds. It doubles after each further failure.
const FIRST_PAUSE_MS: i64 = 2000;

/// The longest pause, in milliseconds.
const MAX_PAUSE_MS: i64 = 60 * 60 * 1000;

/// When a message is given up, in milliseconds after its creation: one day.
const GIVE_UP_MS: i64 = 24 * 60 * 60 * 1000;

/// Returns the names of the webhooks in the outbox: hashes, because the URLs are secrets.
#[must_use]
pub fn names(webhooks: &[Webhook]) -> Vec<String> {
    webhooks.iter().map(|webhook| name(&webhook.url)).collect()
}

fn name(url: &str) -> String {
    secret::hash(url).chars().take(16).collect()
}

/// Delivers messages from the outbox until the service stops.
pub async fn run(app: AppState) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = app.stopped() => return,
        }
        match deliver_all(&app).await {
            Ok(()) => failing = false,
            Err(why) if !failing => {
                failing = true;
                logging::line(format_args!("cannot read the outbox of webhooks: {why}"));
            }
            Err(_) => {}
        }
    }
}

/// Delivers all messages that are due, several at once, so that one slow webhook does not delay the others.
async fn deliver_all(app: &AppState) -> Result<(), StoreError> {
    let mut deliveries = JoinSet::new();
    while !*app.stopping.borrow() {
        if deliveries.len() >= MAX_CONCURRENT {
            finish(deliveries.join_next().await)?;
            continue;
        }
        match app.store.take_message(now_ms()).await? {
            Some(message) => {
                deliveries.spawn(process(AppState::clone(app), message));
            }
            None => match deliveries.join_next().await {
                Some(done) => finish(Some(done))?,
                None => return Ok(()),
            },
        }
    }
    while let Some(done) = deliveries.join_next().await {
        finish(Some(done))?;
    }
    Ok(())
}

/// Returns the result of a finished delivery.
fn finish(done: Option<Result<Result<(), StoreError>, JoinError>>) -> Result<(), StoreError> {
    match done {
        Some(Ok(done)) => done,
        // The task failed. The message becomes due again when its lease ends.
        Some(Err(_)) | None => Ok(()),
    }
}

/// Delivers one message, or postpones it.
async fn process(app: AppState, message: Message) -> Result<(), StoreError> {
    let webhook = app.settings.webhooks.iter().find(|webhook| name(&webhook.url) == message.hook);
    let failure = match webhook {
        Some(webhook) => deliver(&webhook.url, &text(&app, &message)).await.err(),
        // Another instance may have a configuration with this webhook.
        None => Some("not configured in this instance".to_owned()),
    };
    let Some(failure) = failure else {
        app.metrics.delivered("delivered");
        return app.store.drop_message(&message.id).await;
    };
    let next_ms = now_ms().saturating_add(pause_ms(message.attempts));
    let given_up = next_ms.saturating_sub(message.created_ms) > GIVE_UP_MS;
    let (outcome, then) = if given_up { ("given_up", "giving up") } else { ("failed", "will retry") };
    app.metrics.delivered(outcome);
    let (hook, approval) = (&message.hook, &message.approval.id);
    logging::line(format_args!("webhook {hook}, approval {approval}: {failure}, {then}"));
    if given_up {
        return app.store.drop_message(&message.id).await;
    }
    app.store.retry_message(&message.id, next_ms).await
}

/// Returns the pause after a failed delivery, given how many deliveries failed before.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = attempts.clamp(0, 20);
    FIRST_PAUSE_MS.saturating_mul(1 << doublings).min(MAX_PAUSE_MS)
}

/// Writes a message in the format of Slack's incoming webhooks: who wants to call what, the risk class if
/// there is one, and the rule's reason. It contains no arguments, because a channel has more readers than the
/// page.
fn text(app: &App, message: &Message) -> String {
    let question = &message.approval.question;
    let who = question.principal.as_deref().unwrap_or("an unnamed caller");
    let reason =
        question.reason.as_deref().map_or_else(String::new, |reason| format!("{}\n", escaped(reason)));
    let class = app.settings.class(&question.server, &question.tool);
    let class = class.map_or_else(String::new, |class| format!(" ({})", escaped(class)));
    let text = format!(
        "Approval needed: {} wants to call *{}*{class} of *{}* (grant {}).\n{reason}<{}|Review it>",
        escaped(who),
        escaped(&question.tool),
        escaped(&question.server),
        escaped(&question.grant),
        // This is the service's own URL, of which only `&` needs escaping.
        app.page(&message.approval.id).replace('&', "&amp;"),
    );
    json!({ "text": text }).to_string()
}

/// Escapes a text for Slack's mrkdwn, on one line: its first 200 characters, without unseen ones,
/// and with the alphabet after look-alikes.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let start: String = text.chars().take(200).collect();
    for char in lookalike::labeled(&start, true).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // These start and end bold, italic, struck-through and code text. A zero-width space makes them
            // literal.
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
    let posted = spawn_blocking(move || http_client::post(&url, &text, DELIVERY_TIMEOUT)).await;
    match posted {
        Ok(Ok(status)) if (200..300).contains(&status) => Ok(()),
        Ok(Ok(status)) => Err(format!("answered {status}")),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("the delivery task failed".to_owned()),
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
    fn markup_in_a_name_is_escaped() {
        assert_eq!(escaped("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(escaped("a\nb"), "a\u{fffd}b");
        assert_eq!(escaped("a_b"), "a_\u{200b}b");
        assert_eq!(escaped("p\u{430}y"), "p\u{430}⟨Cyrillic⟩y");
    }
}
