//! Charts as inline SVG. Their colours and words are in the page, because the pictures are stretched to its width.

use maud::{Markup, html};

use super::ranking::Verdicts;
use super::words::ratio;

/// The units of the picture. It is stretched to the width of the page.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 240.0;
/// The share of a period's width that its column takes.
const FILL: f64 = 0.82;

/// Draws the verdicts of periods as columns: allowed at the bottom, then what would be refused, then what was refused.
#[expect(clippy::cast_precision_loss, reason = "a picture needs no more precision")]
pub fn columns(periods: &[(i64, Verdicts)], highest: u64, label: &str) -> Markup {
    let step = WIDTH / (periods.len().max(1) as f64);
    let column = |index: usize, verdicts: &Verdicts| {
        let (allowed, would) = (verdicts.allowed, verdicts.would_deny);
        let part = |class: &'static str, below: u64, count: u64| {
            let (top, height) = (ratio(below.saturating_add(count), highest), ratio(count, highest));
            (class, HEIGHT * (1.0 - top), HEIGHT * height)
        };
        let parts = [
            part("allowed", 0, allowed),
            part("would", allowed, would),
            part("refused", allowed.saturating_add(would), verdicts.refused),
        ];
        let left = step * (index as f64) + step * (1.0 - FILL) / 2.0;
        html! {
            @for (class, top, height) in parts {
                @if height > 0.0 {
                    rect class=(class) x=(short(left)) y=(short(top)) width=(short(step * FILL)) height=(short(height.max(1.0))) {}
                }
            }
        }
    };
    html! {
        svg.columns viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @for line in 0_u8..4 {
                @let y = short(HEIGHT * f64::from(line) / 4.0);
                line.grid x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
            }
            @for (index, (_, verdicts)) in periods.iter().enumerate() { (column(index, verdicts)) }
        }
    }
}

/// Draws a share between 0 and 1 as a bar.
pub fn bar(share: f64, class: &str) -> Markup {
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="100" height="8" {}
            rect class=(class) x="0" y="0" width=(short((share * 100.0).clamp(0.0, 100.0).max(0.5))) height="8" {}
        }
    }
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}
