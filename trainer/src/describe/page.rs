//! The description as a page that stands alone: no scripts, nothing from elsewhere.

use anyhow::Result;
use maud::{DOCTYPE, PreEscaped, html};

use super::Description;
use super::plots::{Hills, PicturesAPerson};
use crate::figure;

const STYLE: &str = "body { font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em } \
    table { border-collapse: collapse } td, th { padding: 0.15em 1.2em 0.15em 0; text-align: left } \
    svg { max-width: 100%; height: auto }";

pub fn page(description: &Description) -> Result<String> {
    let Description { set, counts, likeness, doubts, .. } = description;
    let plots = (figure::svg(&PicturesAPerson(&counts.histogram))?, figure::svg(&Hills(likeness))?);
    let title = format!("Faces in {}", set.display());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                table {
                    @for (name, figure) in description.figures() {
                        tr { td { (name) } td { (figure) } }
                    }
                }
                h2 { "Pictures a person" }
                (PreEscaped(plots.0))
                h2 { "Likeness" }
                p { "Cosine of embeddings of pairs of the sample: the further apart the two hills, the easier the set." }
                (PreEscaped(plots.1))
                h2 { "Doubtful pictures" }
                @if doubts.pictures.is_empty() {
                    p { "No picture of the sample is more like somebody else than like its own person." }
                } @else {
                    p { "More like somebody else than like the other pictures of their person; look at them before you \
                         believe either." }
                    table {
                        tr { th { "picture" } th { "to its person" } th { "to another" } th { "who" } }
                        @for doubt in &doubts.pictures {
                            tr {
                                td { (doubt.person) "/" (doubt.picture) }
                                td { (format!("{:.2}", doubt.own)) }
                                td { (format!("{:.2}", doubt.other)) }
                                td { (doubt.like) }
                            }
                        }
                    }
                }
                h2 { "People who are most alike" }
                p { "The first may be one person under two names." }
                table {
                    tr { th { "one" } th { "other" } th { "cosine of their means" } }
                    @for alike in &doubts.people {
                        tr { td { (alike.first) } td { (alike.second) } td { (format!("{:.2}", alike.likeness)) } }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}
