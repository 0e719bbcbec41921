//! `mcp-approvals usage`: what the database holds.

use super::{DatabaseOptions, Failure};
use crate::clock::{now_ms, rfc3339};
use crate::config::Settings;
use crate::serve::say;
use crate::shell::print;
use crate::store::Usage;

pub(super) async fn usage(options: &DatabaseOptions) -> Result<(), Failure> {
    let (store, settings) = options.store().await?;
    for line in usage_lines(&store.usage(now_ms()).await?, &settings) {
        say(&line);
    }
    store.close().await;
    Ok(())
}

fn usage_lines(usage: &Usage, settings: &Settings) -> Vec<String> {
    let since = usage.oldest_ms.map_or_else(String::new, |ms| format!(", the first from {}", rfc3339(ms)));
    let kept = settings.keep_days.map_or_else(
        || "forever, as `keep_days` is not set".to_owned(),
        |days| format!("until {days} days after they expire (`keep_days`)"),
    );
    let last = usage.deleted_ms.map_or_else(String::new, |ms| format!(", last at {}", rfc3339(ms)));
    let mut lines = vec![
        format!("approvals  {}{since}", usage.approvals),
        format!("events     {}", usage.events),
        format!("kept       {kept}"),
        format!("deletions  {}{last}", usage.deletions),
    ];
    let quotas = settings.quotas;
    for caller in &usage.callers {
        let bytes = caller.bytes.div_euclid(1 << 20);
        lines.push(format!(
            "caller     {}: {} of {} open, {} of {} new in this minute, {bytes} of {} MiB in the last hour",
            print::escaped(&caller.name),
            caller.open,
            quotas.open,
            caller.new,
            quotas.new_per_minute,
            quotas.megabytes_per_hour,
        ));
    }
    lines
}
