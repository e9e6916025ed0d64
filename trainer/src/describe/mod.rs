//! `ostiary-trainer describe`: what a set of faces holds, and which of its labels are doubtful.
//!
//! All pictures are counted (`counts`). Of a sample that is drawn from a seed, aligned crops are embedded by the door's own
//! embedder (`sample`), compared (`likeness`), and the doubtful ones are looked for (`doubts`). Out: a table or JSON,
//! a page with plots (`page`), and sheets of pictures where they are asked for (`sheets`).

mod counts;
mod doubts;
mod likeness;
mod page;
mod plots;
mod sample;
mod sheets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use counts::Counts;
use doubts::Doubts;
use likeness::Likeness;
use ostiary_core::Precision;
use ostiary_models::Bundle;
use sample::{Sample, Wanted};
use serde::Serialize;

use crate::faceset;
use crate::storage::write_whole;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer describe emore/train -o emore.html --sheets emore-sheets\n\n\
    The page and the JSON have names and numbers, no faces; sheets have faces and are written only where asked for."
)]
pub struct Args {
    /// The set, as `prepare` writes it: a folder of people or its train.rec.
    set: PathBuf,
    /// Write a page with plots.
    #[arg(short, long, value_name = "FILE.html")]
    output: Option<PathBuf>,
    /// Write pictures of people and of doubtful labels into this folder, as PNG.
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
    /// Compare so many people, drawn by the seed.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    people: usize,
    /// Compare so many pictures of each.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pictures: usize,
    /// List so many doubtful pictures and pairs of people.
    #[arg(long, value_name = "N", default_value_t = 20)]
    doubts: usize,
    /// Draws the sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; 0 is one for each of the machine's.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that embed faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// All that is said of a set.
#[derive(Debug, Serialize)]
struct Description {
    set: PathBuf,
    /// The model that embedded.
    model: String,
    counts: Counts,
    /// People and pictures that were compared, and pictures that could not be.
    sampled_people: usize,
    sampled_pictures: usize,
    not_compared: usize,
    /// Where there are two pictures.
    likeness: Likeness,
    doubts: Doubts,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = faceset::open(&args.set)?;
    let bundle = Bundle::open_or_shipped(args.models.as_deref(), Precision::default())?;
    let counts = Counts::of(&*set)?;
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(args.threads).build().context("cannot start threads")?;
    let wanted = Wanted { people: args.people, pictures: args.pictures, seed: args.seed };
    let (sample, likeness, doubts) = threads.install(|| {
        let sample = Sample::draw(&*set, &bundle, wanted)?;
        let likeness = Likeness::of(&sample, args.seed);
        let doubts = Doubts::of(&sample, args.doubts);
        anyhow::Ok((sample, likeness, doubts))
    })?;
    let description = Description {
        set: args.set.clone(),
        model: sample.model.clone(),
        counts,
        sampled_people: sample.people.len(),
        sampled_pictures: sample.faces.len(),
        not_compared: sample.not_compared,
        likeness,
        doubts,
    };
    if let Some(path) = &args.output {
        let page = page::page(&description)?;
        write_whole(path, |file| Ok(file.write_all(page.as_bytes())?))?;
    }
    if let Some(folder) = &args.sheets {
        sheets::write(folder, &*set, &sample, &description.doubts)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&description)?);
    } else {
        description.print();
    }
    Ok(ExitCode::SUCCESS)
}

impl Description {
    /// What the page says first, as pairs of a name and a figure.
    fn figures(&self) -> Vec<(&'static str, String)> {
        let (counts, likeness) = (&self.counts, &self.likeness);
        let mut figures = vec![
            ("people", counts.people.to_string()),
            ("pictures", counts.pictures.to_string()),
            (
                "pictures a person: least, median, mean, most",
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
                format!("{}, {}", likeness.intra_pairs, likeness.inter_pairs),
            ),
        ];
        if self.not_compared > 0 {
            figures.push(("damaged or not 112x112, not compared", self.not_compared.to_string()));
        }
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        figures.push(("mean cosine: one person, two", {
            format!("{}, {}", number(likeness.intra_mean), number(likeness.inter_mean))
        }));
        let percent = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2} %"));
        figures.push(("EER", percent(likeness.eer)));
        figures.push(("TAR at FAR 0.1 %", percent(likeness.tar)));
        figures
    }

    fn print(&self) {
        for (name, figure) in self.figures() {
            println!("{name:<46} {figure}");
        }
        if !self.doubts.pictures.is_empty() {
            println!("\npictures that are more like somebody else:");
            for doubt in &self.doubts.pictures {
                println!(
                    "  {}/{}: {:.2} to the others of {0}, {:.2} to {}",
                    doubt.person, doubt.picture, doubt.own, doubt.other, doubt.like
                );
            }
        }
        if !self.doubts.people.is_empty() {
            println!("\npeople who are most alike:");
            for alike in &self.doubts.people {
                println!("  {} and {}: {:.2}", alike.first, alike.second, alike.likeness);
            }
        }
    }
}
