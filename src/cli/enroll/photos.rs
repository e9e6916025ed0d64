//! `enroll NAME PHOTO...`: all photos are good, or nobody is enrolled.

use std::process::ExitCode;

use serde_json::json;

use super::desk::{Batch, Desk};
use crate::cli::output::json_line;

pub fn enroll(desk: &mut Desk<'_>, name: &str) -> anyhow::Result<ExitCode> {
    let batch = desk.read(name, &desk.args.photos, || ())?;
    store(desk, name, batch)
}

/// Stores a person's templates, unless there is a problem with any of them.
pub fn store(desk: &mut Desk<'_>, name: &str, batch: Batch) -> anyhow::Result<ExitCode> {
    for photo in &batch.known {
        eprintln!("{}: the same photo is there already, passed over", photo.display());
    }
    if !batch.problems.is_empty() {
        for problem in &batch.problems {
            eprintln!("{}: {}", problem.photo.display(), problem.problem);
        }
        eprintln!("{name} was not enrolled: nothing was stored");
        if desk.json {
            json_line(&json!({ "person": name, "enrolled": false, "problems": batch.problems }))?;
        }
        return Ok(ExitCode::from(1));
    }
    let known = batch.known.len();
    let model = desk.recogniser.model().clone();
    let enrolled = desk.facebank.enroll(name, &model, &batch.into_templates())?;
    let person = desk.facebank.show(name)?;
    if desk.json {
        json_line(&json!({
            "person": person.person.name, "enrolled": true, "id": enrolled.person, "new": enrolled.new,
            "added": enrolled.added, "known": enrolled.known + known, "templates": person.templates,
        }))?;
    } else {
        let (verb, name) = (if enrolled.new { "enrolled" } else { "added to" }, &person.person.name);
        println!("{verb} {name}; templates: {} new, {} in all", enrolled.added, person.templates);
    }
    Ok(ExitCode::SUCCESS)
}
