//! Plots as SVG. They are part of a page, and take its font.

use maud::{Markup, html};
use ostiary_report::{Excess, Histogram, Week};

const WIDTH: f32 = 720.0;
const HEIGHT: f32 = 200.0;
/// Space below the plot for the labels.
const LABELS: f32 = 24.0;

/// The histograms of people who were let in and of strangers, with the threshold.
pub fn excess(excess: &Excess) -> Markup {
    let highest = excess.granted.highest().max(excess.strangers.highest()).max(1) as f32;
    let bins = excess.granted.bins().len() as f32;
    let width = WIDTH / bins;
    let bars = |granted: bool| {
        let bins = if granted { excess.granted.bins() } else { excess.strangers.bins() };
        let bars = bins.enumerate().filter(|(_, (_, count))| *count > 0);
        bars.map(move |(bin, (_, count))| {
            let height = count as f32 / highest * (HEIGHT - 10.0);
            let x = bin as f32 * width + if granted { width / 2.0 } else { 0.0 };
            (x, HEIGHT - height, height, count)
        })
    };
    let position = |value: f32| {
        let first = excess.granted.bins().next().map_or(0.0, |(from, _)| from);
        (value - first) / Histogram::WIDTH * width
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + LABELS) } role="img" aria-label="Histogram of similarity minus threshold" {
            @for (class, granted) in [("strangers", false), ("granted", true)] {
                @for (x, y, height, count) in bars(granted) {
                    rect class=(class) x=(x) y=(y) width=(width / 2.0 - 1.0) height=(height) { title { (count) } }
                }
            }
            line class="threshold" x1=(position(0.0)) x2=(position(0.0)) y1="0" y2=(HEIGHT) {}
            line class="axis" x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
            @for tenths in [-6i8, -4, -2, 0, 2, 4, 6] {
                text x=(position(f32::from(tenths) / 10.0)) y=(HEIGHT + LABELS - 6.0) text-anchor="middle" {
                    (format!("{:+.1}", f32::from(tenths) / 10.0))
                }
            }
        }
    }
}

/// The median of people who were let in and the highest of strangers, by week, with the threshold.
pub fn weeks(weeks: &[Week]) -> Markup {
    let (lowest, highest) = (-0.8f32, 0.6f32);
    let y = |excess: f32| (highest - excess.clamp(lowest, highest)) / (highest - lowest) * HEIGHT;
    let step = WIDTH / weeks.len().max(1) as f32;
    let x = |index: usize| (index as f32 + 0.5) * step;
    let points = |value: fn(&Week) -> Option<f32>| {
        let points = weeks.iter().enumerate().filter_map(move |(index, week)| Some((index, value(week)?)));
        points.map(move |(index, excess)| (x(index), y(excess))).collect::<Vec<_>>()
    };
    let series = [
        ("granted", points(|week| week.granted_median)),
        ("strangers", points(|week| week.strangers_highest)),
    ];
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + LABELS) } role="img" aria-label="Similarity minus threshold by week" {
            @for (class, points) in series {
                polyline class=(class) points=(points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")) {}
                @for (x, y) in points {
                    circle class=(class) cx=(x) cy=(y) r="4" {}
                }
            }
            line class="threshold" x1="0" x2=(WIDTH) y1=(y(0.0)) y2=(y(0.0)) {}
            @if let (Some(first), Some(last)) = (weeks.first(), weeks.last()) {
                text x="0" y=(HEIGHT + LABELS - 6.0) { (first.begins) }
                text x=(WIDTH) y=(HEIGHT + LABELS - 6.0) text-anchor="end" { (last.begins) }
            }
        }
    }
}
