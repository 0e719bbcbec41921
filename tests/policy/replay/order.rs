//! The order in which calls were charged, and the order of their times.

use serde_json::{Value, json};

use super::replay;
use crate::recorded::{call, records};

/// Four calls on a counter for two of them: one of each tool, 200 milliseconds apart.
fn on_one_counter(policy: &Value, tools: [&str; 4]) -> Vec<String> {
    let mut at = 0;
    let request = |tool: &&str| {
        at += 200;
        call(at, tool, &json!({}))
    };
    records(policy, &tools.iter().map(request).collect::<Vec<_>>())
}

#[test]
fn an_unchanged_limit_decides_in_the_order_in_which_the_calls_were_charged() {
    let limit = json!({ "limits": [{ "counter": "c", "window": "hour", "max": 2 }] });
    let old = json!({ "version": "1", "server": "shop", "tools": { "a": limit, "b": limit } });
    let mut new = old.clone();
    new["tools"]["b"] = json!({});
    let time = |record: &str| record.split(r#""time":""#).nth(1).unwrap()[..24].to_owned();
    let swap = |records: &mut [String], one: usize, other: usize| {
        let times = (time(&records[one]), time(&records[other]));
        records[one] = records[one].replace(&times.0, &times.1);
        records[other] = records[other].replace(&times.1, &times.0);
    };
    let mut inverted = on_one_counter(&old, ["a", "a", "a", "b"]);
    // The worker that refused a call has read the clock before the one that used up the limit.
    swap(&mut inverted, 1, 2);
    let mut far = inverted.clone();
    swap(&mut far, 1, 3);
    for (name, recorded, policy, expected) in [
        ("the same policy", &inverted, &old, vec![]),
        (
            "a rule that no longer counts",
            &on_one_counter(&old, ["a", "b", "a", "a"]),
            &new,
            vec![(2, "allow")],
        ),
        ("the same, with an inversion", &inverted, &new, vec![(3, "allow")]),
        // The call that was charged first is 400 ms later, which is no race of two workers.
        ("times too far apart", &far, &old, vec![(1, "rate_limited"), (2, "allow")]),
    ] {
        let (_, result) = replay("order", recorded, policy, &["--changed"]);
        let changed = result["records"].as_array().unwrap().iter();
        let changed: Vec<(u64, &str)> = changed
            .map(|one| {
                (u64::from_str_radix(one["id"].as_str().unwrap(), 16).unwrap(), one["to"].as_str().unwrap())
            })
            .collect();
        let mut sorted = changed.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{name}");
    }
}
