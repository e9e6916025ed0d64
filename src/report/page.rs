//! The report as a self-contained HTML page, without scripts and external resources.

use maud::{DOCTYPE, PreEscaped, html};
use ostiary_report::{Report, not_replayed, sentence};

use super::plot;

const STYLE: &str = "body { font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em } \
    table { border-collapse: collapse } td, th { padding: 0.15em 1.2em 0.15em 0; text-align: left } \
    svg { max-width: 100%; height: auto; font-size: 13px } rect.granted, circle.granted { fill: #1b7837 } \
    rect.strangers, circle.strangers { fill: #b2182b } polyline { fill: none; stroke-width: 2 } \
    polyline.granted { stroke: #1b7837 } polyline.strangers { stroke: #b2182b } \
    line.threshold { stroke: #000; stroke-dasharray: 4 } line.axis { stroke: #888 }";

/// The text of the page.
pub fn page(door: &str, report: &Report) -> String {
    let Report { times, visits, repeated, granted, denied, excess, people, weeks, other_fpir, .. } = report;
    let title = format!("What the door \"{door}\" measured on itself");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @if let Some([first, last]) = times { p { "From " (first) " to " (last) "." } }
                table {
                    tr { td { "visits" } td { (visits) } }
                    tr { td { "let in" } td { (granted) } }
                    @for (reason, number) in denied { tr { td { (reason) } td { (number) } } }
                    @if *repeated > 0 {
                        tr { td { "further denials, summed with one of these visits" } td { (repeated) } }
                    }
                }
                h2 { "Similarity minus threshold" }
                p { "Green: people who were let in. Red: strangers. The broken line is the threshold." }
                (plot::excess(excess))
                h2 { "Strangers" }
                p { (sentence(report)) }
                h2 { "People" }
                table {
                    tr { th { "name" } th { "visits" } th { "not recognized" } th { "share" } th { "95 % interval" } }
                    @for person in people {
                        @let [low, high] = person.interval;
                        tr {
                            td { (person.name) }
                            td { (person.visits) }
                            td { (person.refused) }
                            td { (format!("{:.1} %", 100.0 * person.fnir)) }
                            td { (format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high)) }
                        }
                    }
                }
                h2 { "Weeks" }
                p { "Green: the median of the people who were let in. Red: the highest of the strangers." }
                (plot::weeks(weeks))
                @if !other_fpir.is_empty() {
                    h2 { "Other values of door.fpir" }
                    table {
                        tr { th { "door.fpir" } th { "more grants" } th { "fewer grants" } }
                        @for other in other_fpir {
                            tr {
                                td { (other.fpir) @if other.is_extrapolated { " (extrapolated)" } }
                                td { (other.more_granted) }
                                td { (other.fewer_granted) }
                            }
                        }
                    }
                    @if let Some(not_replayed) = not_replayed(report) { p { (not_replayed) } }
                }
            }
        }
    };
    page.into_string()
}
