//! An enrolled person, with how well the model in use can tell them apart from others: what `ostiary people list` and the control API
//! show.

use anyhow::Context;
use ostiary_config::Config;
use ostiary_control::interface;
use ostiary_core::{ModelRole, Similarity};
use ostiary_facebank::{Facebank, Gallery, PersonSummary};
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;
use serde::{Deserialize, Serialize};

/// A person as printed as JSON. The fields that need the models are null if people are not compared, and except for `photos` if the
/// person has no template of the model in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedPerson {
    /// The person.
    #[serde(flatten)]
    pub summary: PersonSummary,
    /// Number of photos with a template of the model in use; null if people are not compared.
    photos: Option<usize>,
    /// The least cosine of a photo with the template of the person.
    spread: Option<f32>,
    /// Whether a photo disagrees with the others.
    disagreement: Option<bool>,
    nearest: Option<NearestPerson>,
}

/// The person who comes nearest to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NearestPerson {
    name: String,
    /// Normalized similarity of the two templates.
    similarity: Similarity,
    /// The lower one of both people's thresholds.
    threshold: Similarity,
    /// Whether the model cannot tell them apart.
    alike: bool,
}

/// The gallery of the model in use with its thresholds.
///
/// # Errors
/// There are no models, or the facebank is not prepared for them.
pub fn gallery_in_use(config: &Config, facebank: &Facebank) -> anyhow::Result<Gallery> {
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let model = bundle.entry(ModelRole::Embedder)?;
    let (thresholds, _) = Thresholds::nearest(model, config.door.fpir);
    Ok(thresholds.load_gallery(facebank, &model.id())?)
}

impl ListedPerson {
    /// A person as the control API gives it.
    ///
    /// # Errors
    /// The running door is of another version of the program.
    pub fn from_api(person: &interface::Person) -> anyhow::Result<Self> {
        let json = serde_json::to_value(person)?;
        serde_json::from_value(json)
            .context("the running door describes people in another way than this program")
    }

    /// The person as the control API gives it.
    ///
    /// # Errors
    /// The fields are not those of the API, which a test rules out.
    pub fn to_api(&self) -> anyhow::Result<interface::Person> {
        // By text, so that a number has as many digits as the commands print.
        Ok(serde_json::from_str(&serde_json::to_string(self)?)?)
    }

    /// A person, compared with the others of a gallery; not compared without one.
    pub fn new(summary: PersonSummary, gallery: Option<&Gallery>) -> Self {
        let id = summary.person.id;
        let agreement = gallery.and_then(|gallery| gallery.agreement(id));
        let nearest = |gallery: &Gallery| {
            let neighbor = gallery.neighbor(id)?;
            Some(NearestPerson {
                name: gallery.person(neighbor.person)?.name.clone(),
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
    pub fn in_words(&self) -> String {
        let PersonSummary { person, templates, crops, frontal_aspect, .. } = &self.summary;
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
