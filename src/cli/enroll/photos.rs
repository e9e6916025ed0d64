//! `enroll NAME PHOTO...`: enrolls a person if all photos are good.

use std::process::ExitCode;

use serde_json::json;

use super::advice::advice;
use super::enroller::{Batch, Enroller};
use crate::cli::output::json_line;

pub fn enroll(enroller: &mut Enroller<'_>, name: &str) -> anyhow::Result<ExitCode> {
    let batch = enroller.read(name, &enroller.args.photos, || ())?;
    store(enroller, name, batch)
}

/// Stores a person's templates if no photo has a problem. Returns exit code 1 otherwise.
pub fn store(enroller: &mut Enroller<'_>, name: &str, batch: Batch) -> anyhow::Result<ExitCode> {
    for photo in &batch.duplicates {
        eprintln!("{}: this photo is enrolled already, skipped", photo.display());
    }
    if !batch.problems.is_empty() {
        for problem in &batch.problems {
            eprintln!("{}: {}", problem.photo.display(), problem.problem);
        }
        eprintln!("{name} was not enrolled: nothing was stored");
        if enroller.json {
            json_line(&json!({ "person": name, "enrolled": false, "problems": batch.problems }))?;
        }
        return Ok(ExitCode::from(1));
    }
    let known = batch.duplicates.len();
    let model = enroller.encoder.model().clone();
    let (qualities, aspect) = (batch.qualities(), batch.frontal_aspect);
    let enrolled = enroller.facebank.enroll_from_camera(name, &model, &batch.into_templates(), aspect)?;
    let person = enroller.facebank.show(name)?;
    if enrolled.added > 0 {
        enroller.record(name, enrolled.added);
        enroller.update_gallery()?;
    }
    let alike = enroller.gallery.alike(enrolled.person).map(|other| other.name.clone());
    let advice = advice(person.templates, &qualities);
    if enroller.json {
        json_line(&json!({
            "person": person.person.name, "enrolled": true, "id": enrolled.person, "new": enrolled.new,
            "added": enrolled.added, "known": enrolled.known + known, "templates": person.templates,
            "frontal_aspect": person.frontal_aspect, "alike": alike, "advice": advice.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
    } else {
        let (verb, name) = (if enrolled.new { "enrolled" } else { "added to" }, &person.person.name);
        println!("{verb} {name}; templates: {} new, {} in all", enrolled.added, person.templates);
    }
    for problem in enroller.problems().iter().filter(|problem| problem.concerns(&person.person.name)) {
        eprintln!("warning: {problem}; {}", problem.fix());
    }
    for advice in advice {
        eprintln!("{advice}");
    }
    Ok(ExitCode::SUCCESS)
}
