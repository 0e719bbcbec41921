//! Properties of event streams that may have lists.

mod events;
mod readers;

use mcp_policy_engine::mcp::list::{Awaited, Bounds, Element, ListKind, ListStream, Shown};
use proptest::prelude::*;

/// Awaits a list.
fn answering(limit: usize) -> ListStream {
    awaiting(Some(ListKind::Tools), Some("1"), limit)
}

/// Awaits the answer to a call of a tool.
fn calling(limit: usize) -> ListStream {
    awaiting(None, Some("9"), limit)
}

/// Awaits any answers.
fn listening(limit: usize) -> ListStream {
    awaiting(None, None, limit)
}

fn awaiting(list: Option<ListKind>, id: Option<&str>, limit: usize) -> ListStream {
    let awaited = Awaited { list, id: id.map(str::to_owned), ..Awaited::default() };
    ListStream::new(awaited, Bounds { hold: limit, limit })
}

/// Returns what is shown of a stream that is cut at `cuts`, where what is called `get` is kept.
fn shown(mut list: ListStream, stream: &[u8], cuts: &[usize]) -> Shown {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.checked_rem(stream.len()).unwrap_or_default()).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut all = Shown::default();
    let mut keep = |Element { name, .. }: Element<'_>| name == Some("get");
    cuts.windows(2).for_each(|cut| all.join(list.push(&stream[cut[0]..cut[1]], &mut keep)));
    all.join(list.finish(&mut keep));
    all
}

/// A stream of lines from those that matter, ended in every way.
fn stream(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    const ENDS: &[&str] = &["\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\r\r", ""];
    prop::collection::vec((prop::sample::select(lines), prop::sample::select(ENDS)), 0..12).prop_map(
        |lines| lines.into_iter().flat_map(|(line, end)| [line, end].concat().into_bytes()).collect(),
    )
}
