//! `enroll --from FOLDER`: enrolls everyone in a folder, with one transaction for each person.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_pictures::{PeopleFolder, PersonFolder, person_folders};
use serde_json::json;

use super::FileEnroller;
use crate::cli::output::json_line;
use crate::cli::pictures::report_passed_over;
use crate::enrollment::{PhotoFile, advice};

/// Counts of people and photos.
#[derive(Default)]
struct Counts {
    /// People.
    enrolled: usize,
    /// Photos that were added.
    added: usize,
    /// Photos that were enrolled before.
    known: usize,
    /// Photos that were refused.
    skipped: usize,
}

pub fn enroll(enroller: &mut FileEnroller, folder: &Path) -> anyhow::Result<ExitCode> {
    let PeopleFolder { people, passed_over } = person_folders(folder)?;
    let mut exit_code = report_passed_over(&passed_over);
    if people.is_empty() {
        bail!("{}: there are no photos; put them into FOLDER/NAME/*.jpg, *.png or *.webp", folder.display());
    }
    let photos: usize = people.iter().map(|person| person.photos.len()).sum();
    // Drawn only if standard error is a terminal.
    let bar = ProgressBar::new(photos as u64)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} photos, {eta} left  {msg}")?);
    let mut counts = Counts::default();
    for person in &people {
        bar.set_message(person.name.clone());
        enroll_one(enroller, person, &bar, &mut counts)?;
    }
    bar.finish_and_clear();
    // Only now: the thresholds depend on the number of people.
    for problem in enroller.enroller.problems() {
        eprintln!("warning: {problem}; {}", problem.fix());
    }
    let Counts { enrolled, added, known, skipped } = counts;
    if enroller.json {
        let people = people.len();
        json_line(&json!({ "summary": {
            "people": people, "enrolled": enrolled, "photos": photos, "added": added, "known": known,
            "skipped": skipped,
        }}))?;
    } else {
        println!(
            "{enrolled} of {} people enrolled; of {photos} photos {added} were added, {known} were enrolled before, \
             {skipped} were skipped",
            people.len()
        );
    }
    exit_code = exit_code.max(u8::from(enrolled < people.len()));
    Ok(ExitCode::from(exit_code))
}

fn enroll_one(
    enroller: &mut FileEnroller,
    person: &PersonFolder,
    bar: &ProgressBar,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let name = &person.name;
    let refused = |why: String, problems| -> anyhow::Result<()> {
        bar.suspend(|| eprintln!("{name} was not enrolled: {why}"));
        match problems {
            Some(problems) => json_line(&json!({
                "person": name, "enrolled": false, "why": why, "problems": problems,
            })),
            None => Ok(()),
        }
    };
    let without_photos = person.without_photos();
    if let Some(why) =
        without_photos.or_else(|| enroller.enroller.facebank.check_name(name).err().map(|e| e.to_string()))
    {
        counts.skipped += person.photos.len();
        bar.inc(person.photos.len() as u64);
        return refused(why, enroller.json.then(Vec::new));
    }
    let photos = person.photos.iter().map(|path| PhotoFile { path: path.clone(), bytes: None });
    let photos: Vec<_> = photos.collect();
    let batch = enroller.enroller.read(name, &photos, || bar.inc(1))?;
    bar.suspend(|| {
        for problem in &batch.problems {
            eprintln!("{}: {}, skipped", problem.photo.display(), problem.problem);
        }
    });
    let (problems, known, similar) = (batch.problems.clone(), batch.duplicates.len(), batch.similar);
    counts.known += known;
    // A single photo that is similar to another person may be in the folder by mistake. If most of them are, this person is
    // enrolled under another name.
    if similar > batch.photos.len() + known {
        counts.skipped += person.photos.len() - known;
        return refused(
            "most photos look like another enrolled person".into(),
            enroller.json.then_some(problems),
        );
    }
    counts.skipped += problems.len();
    if batch.photos.is_empty() && known == 0 {
        return refused("no photo is good enough".into(), enroller.json.then_some(problems));
    }
    let model = enroller.enroller.encoder.model().clone();
    let qualities = batch.qualities();
    let enrolled = enroller.enroller.facebank.enroll(name, &model, &batch.into_templates())?;
    if enrolled.added > 0 {
        enroller.record(name, enrolled.added);
        // The next people are compared with this one, at the thresholds of the grown facebank.
        enroller.enroller.update_gallery()?;
    }
    let advice = advice(enroller.enroller.facebank.show(name)?.templates, &qualities);
    bar.suspend(|| advice.iter().for_each(|advice| eprintln!("{name}: {advice}")));
    counts.enrolled += 1;
    counts.added += enrolled.added;
    if enroller.json {
        json_line(&json!({
            "person": name, "enrolled": true, "new": enrolled.new, "added": enrolled.added, "known": known,
            "problems": problems, "advice": advice.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
    }
    Ok(())
}
