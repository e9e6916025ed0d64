//! The description as a self-contained HTML page, without scripts and external resources.

use anyhow::Result;
use maud::{DOCTYPE, PreEscaped, html};

use super::Description;
use super::plots::{PicturesPerPerson, SimilarityHistogram};
use crate::figure;

const STYLE: &str = "body { font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em } \
    table { border-collapse: collapse } td, th { padding: 0.15em 1.2em 0.15em 0; text-align: left } \
    svg { max-width: 100%; height: auto }";

/// The text of the page.
pub fn page(description: &Description) -> Result<String> {
    let Description { set, counts, similarity, label_noise, .. } = description;
    let plots =
        (figure::svg(&PicturesPerPerson(&counts.histogram))?, figure::svg(&SimilarityHistogram(similarity))?);
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
                h2 { "Pictures per person" }
                (PreEscaped(plots.0))
                h2 { "Similarity" }
                p { "Cosine of the embeddings of pairs of the sample. The less the two curves overlap, the easier is the set." }
                (PreEscaped(plots.1))
                h2 { "Suspect labels" }
                @if label_noise.pictures.is_empty() {
                    p { "No picture of the sample is more similar to another person than to its own person." }
                } @else {
                    p { "These pictures are more similar to another person than to the other pictures of their own person. \
                         Inspect them before you change a label." }
                    table {
                        tr { th { "picture" } th { "to its person" } th { "to another person" } th { "name" } }
                        @for suspect in &label_noise.pictures {
                            tr {
                                td { (suspect.person) "/" (suspect.picture) }
                                td { (format!("{:.2}", suspect.own_similarity)) }
                                td { (format!("{:.2}", suspect.other_similarity)) }
                                td { (suspect.other_person) }
                            }
                        }
                    }
                }
                h2 { "Most similar people" }
                p { "The first pairs may be one person under two names." }
                table {
                    tr { th { "one" } th { "other" } th { "cosine of their means" } }
                    @for pair in &label_noise.people {
                        tr { td { (pair.first) } td { (pair.second) } td { (format!("{:.2}", pair.similarity)) } }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}
