//! `people list` and `people show`: the people, and how well the model in use can tell them apart.

use std::io::{self, Write};

use ostiary_config::Config;
use ostiary_core::{ModelRole, Similarity};
use ostiary_facebank::{Facebank, Gallery, PersonSummary};
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;
use serde::Serialize;

use crate::cli::Globals;
use crate::cli::output::json_line;

/// A person as printed as JSON. The fields that need the models are null if people are not compared, and except for `photos` if the
/// person has no template of the model in use.
#[derive(Serialize)]
struct ListedPerson<'a> {
    #[serde(flatten)]
    summary: &'a PersonSummary,
    /// Number of photos with a template of the model in use; null if people are not compared.
    photos: Option<usize>,
    /// The least cosine of a photo with the template of the person.
    spread: Option<f32>,
    /// Whether a photo disagrees with the others.
    disagreement: Option<bool>,
    nearest: Option<NearestPerson<'a>>,
}

/// The person who comes nearest to another.
#[derive(Serialize)]
struct NearestPerson<'a> {
    name: &'a str,
    /// Normalized similarity of the two templates.
    similarity: Similarity,
    /// The lower one of both people's thresholds.
    threshold: Similarity,
    /// Whether the model cannot tell them apart.
    alike: bool,
}

/// The gallery of the model in use with its thresholds; `None`, with a line on standard error, if there are no models or the
/// facebank is not prepared for them.
pub fn gallery_in_use(config: &Config, facebank: &Facebank) -> Option<Gallery> {
    let load = || -> anyhow::Result<Gallery> {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        let model = bundle.entry(ModelRole::Embedder)?;
        let (thresholds, _) = Thresholds::nearest(model, config.door.fpir);
        Ok(thresholds.load_gallery(facebank, &model.id())?)
    };
    load().inspect_err(|error| eprintln!("warning: people are not compared: {error:#}")).ok()
}

/// Prints people, a line each.
pub fn print(globals: &Globals, people: &[PersonSummary], gallery: Option<&Gallery>) -> anyhow::Result<()> {
    let listed = people.iter().map(|summary| ListedPerson::new(summary, gallery));
    if globals.json {
        return listed.into_iter().try_for_each(|person| json_line(&person));
    }
    let width = people.iter().map(|summary| summary.person.name.chars().count()).max().unwrap_or(0);
    let lines: String = listed
        .map(|person| format!("{:width$}  {}\n", person.summary.person.name, person.in_words()))
        .collect();
    match io::stdout().lock().write_all(lines.as_bytes()) {
        // A reader that has closed the pipe is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

impl<'a> ListedPerson<'a> {
    fn new(summary: &'a PersonSummary, gallery: Option<&'a Gallery>) -> Self {
        let id = summary.person.id;
        let agreement = gallery.and_then(|gallery| gallery.agreement(id));
        let nearest = |gallery: &'a Gallery| {
            let neighbor = gallery.neighbor(id)?;
            Some(NearestPerson {
                name: &gallery.person(neighbor.person)?.name,
                similarity: neighbor.similarity,
                threshold: neighbor.threshold,
                alike: neighbor.is_alike(),
            })
        };
        Self {
            summary,
            photos: gallery.map(|gallery| gallery.photos(id).unwrap_or(0)),
            spread: agreement.map(|agreement| agreement.spread),
            disagreement: agreement.map(|agreement| agreement.has_disagreement()),
            nearest: gallery.and_then(nearest),
        }
    }

    /// The data of the person, printed after the name.
    fn in_words(&self) -> String {
        let PersonSummary { person, templates, crops, frontal_aspect, .. } = self.summary;
        let state = if person.enabled { "enabled " } else { "disabled" };
        let mut words = format!("{state}  {} templates", self.photos.unwrap_or(*templates));
        if *crops > 0 {
            words += &format!(", {crops} crops");
        }
        if let Some(spread) = self.spread.filter(|_| self.photos > Some(1)) {
            words += &format!(", spread {spread:.2}");
        }
        if self.disagreement == Some(true) {
            words += " (photos disagree)";
        }
        if let Some(aspect) = frontal_aspect {
            words += &format!(", frontal aspect {aspect:.2}");
        }
        if let Some(group) = &person.group {
            words += &format!(", group {group}");
        }
        words += &format!(", since {}", person.created.strftime("%Y-%m-%d"));
        if let Some(NearestPerson { name, similarity, threshold, alike }) = &self.nearest {
            let relation = if *alike { "alike" } else { "nearest" };
            words += &format!(
                ", {relation} {name} (similarity {:.2}, threshold {:.2})",
                similarity.0, threshold.0
            );
        }
        words
    }
}
