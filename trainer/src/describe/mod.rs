//! `ostiary-trainer describe`: reports the contents of a set of faces, and labels that may be wrong.
//!
//! All pictures are counted (`counts`). A random sample of aligned crops is embedded by the door's own embedder (`sample`) and
//! compared (`pair_similarity`), and suspect labels are searched (`label_noise`). The output is a table or JSON, an HTML page
//! with plots (`page`), and contact sheets of pictures if requested (`sheets`).

mod counts;
mod label_noise;
mod page;
mod pair_similarity;
mod plots;
mod sample;
mod sheets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use counts::Counts;
use label_noise::LabelNoise;
use ostiary_core::Precision;
use ostiary_models::Bundle;
use pair_similarity::PairSimilarity;
use sample::{Sample, SampleSize};
use serde::Serialize;

use crate::faceset;
use crate::storage::write_atomic;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer describe emore/train -o emore.html --sheets emore-sheets\n\n\
    The page and the JSON have names and numbers, no faces. Sheets have faces, and are written only with --sheets."
)]
/// Arguments of `ostiary-trainer describe`.
pub struct Args {
    /// The set, as `prepare` writes it: a folder of people or its train.rec.
    set: PathBuf,
    /// Write an HTML page with plots.
    #[arg(short, long, value_name = "FILE.html")]
    output: Option<PathBuf>,
    /// Write contact sheets of people and of suspect labels into this folder, as PNG.
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
    /// Number of people to compare, drawn by --seed.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    people: usize,
    /// Number of pictures of each person to compare.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pictures: usize,
    /// Number of suspect pictures, and of similar pairs of people, to list.
    #[arg(long = "doubts", value_name = "N", default_value_t = 20)]
    suspects: usize,
    /// Seed of the sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of threads; 0 is one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that embed faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The description of a set.
#[derive(Debug, Serialize)]
struct Description {
    set: PathBuf,
    /// Id of the embedder.
    model: String,
    counts: Counts,
    /// People and pictures that were compared, and pictures that could not be compared.
    sampled_people: usize,
    sampled_pictures: usize,
    not_compared: usize,
    /// Empty if the sample has only one picture.
    #[serde(rename = "likeness")]
    similarity: PairSimilarity,
    #[serde(rename = "doubts")]
    label_noise: LabelNoise,
}

/// Runs the command.
///
/// # Errors
/// If the set or the models cannot be read, the set has no aligned crop, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let set = faceset::open(&args.set)?;
    let bundle = Bundle::open_or_shipped(args.models.as_deref(), Precision::default())?;
    let counts = Counts::of(&*set)?;
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(args.threads).build().context("cannot start threads")?;
    let wanted = SampleSize { people: args.people, pictures: args.pictures, seed: args.seed };
    let (sample, similarity, label_noise) = threads.install(|| {
        let sample = Sample::draw(&*set, &bundle, wanted)?;
        let similarity = PairSimilarity::of(&sample, args.seed);
        let label_noise = LabelNoise::of(&sample, args.suspects);
        anyhow::Ok((sample, similarity, label_noise))
    })?;
    let description = Description {
        set: args.set.clone(),
        model: sample.model.clone(),
        counts,
        sampled_people: sample.people.len(),
        sampled_pictures: sample.faces.len(),
        not_compared: sample.not_compared,
        similarity,
        label_noise,
    };
    if let Some(path) = &args.output {
        let page = page::page(&description)?;
        write_atomic(path, |file| Ok(file.write_all(page.as_bytes())?))?;
    }
    if let Some(folder) = &args.sheets {
        sheets::write(folder, &*set, &sample, &description.label_noise)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&description)?);
    } else {
        description.print();
    }
    Ok(ExitCode::SUCCESS)
}

impl Description {
    /// Names and values of the first table.
    fn figures(&self) -> Vec<(&'static str, String)> {
        let (counts, similarity) = (&self.counts, &self.similarity);
        let mut figures = vec![
            ("people", counts.people.to_string()),
            ("pictures", counts.pictures.to_string()),
            (
                "pictures per person: least, median, mean, most",
                format!("{}, {}, {:.1}, {}", counts.least, counts.median, counts.mean, counts.most),
            ),
            ("people with one picture", counts.people_with_one.to_string()),
            (
                "pairs of one person to pairs of two",
                format!("{} to {} ({:.2e})", counts.intra_pairs, counts.inter_pairs, counts.intra_to_inter),
            ),
            (
                "compared (sample)",
                format!(
                    "{} pictures of {} people by model {}",
                    self.sampled_pictures, self.sampled_people, self.model
                ),
            ),
            (
                "pairs compared: of one person, of two",
                format!("{}, {}", similarity.intra_pairs, similarity.inter_pairs),
            ),
        ];
        if self.not_compared > 0 {
            figures.push(("damaged or not 112x112, not compared", self.not_compared.to_string()));
        }
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        figures.push(("mean cosine: one person, two", {
            format!("{}, {}", number(similarity.intra_mean), number(similarity.inter_mean))
        }));
        let percent = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2} %"));
        figures.push(("EER", percent(similarity.eer)));
        figures.push(("TAR at FAR 0.1 %", percent(similarity.tar)));
        figures
    }

    fn print(&self) {
        for (name, figure) in self.figures() {
            println!("{name:<46} {figure}");
        }
        if !self.label_noise.pictures.is_empty() {
            println!("\nsuspect labels: pictures that are more similar to another person:");
            for suspect in &self.label_noise.pictures {
                println!(
                    "  {}/{}: {:.2} to the others of {0}, {:.2} to {}",
                    suspect.person,
                    suspect.picture,
                    suspect.own_similarity,
                    suspect.other_similarity,
                    suspect.other_person
                );
            }
        }
        if !self.label_noise.people.is_empty() {
            println!("\nmost similar people:");
            for pair in &self.label_noise.people {
                println!("  {} and {}: {:.2}", pair.first, pair.second, pair.similarity);
            }
        }
    }
}
