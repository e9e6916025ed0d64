//! The facebank: whole, of the model in use, closed to others, and with somebody in it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::Bundle;
use ostiary_vision::Embedder;

use super::Door;
use super::finding::{Finding, Status};

const ENROLL: &str = "make people known with `ostiary enroll`";

pub fn check(door: &Door) -> Vec<Finding> {
    let path = &door.config().facebank.path;
    let mut findings = match look(door, path) {
        Ok(finding) => vec![finding],
        Err(error @ FacebankError::Missing { .. }) => {
            return vec![Finding::of_error(Status::Warning, &error, ENROLL)];
        }
        Err(error) => {
            vec![Finding::of_error(Status::Fault, &error, "check the disk and who may read the file")]
        }
    };
    if let Ok(metadata) = path.metadata()
        && metadata.permissions().mode() & 0o077 != 0
    {
        findings.push(Finding::warning(
            format!(
                "{}: others may read or write people's templates (mode {:o})",
                path.display(),
                metadata.permissions().mode() & 0o777
            ),
            format!("run `chmod 600 {}`", path.display()),
        ));
    }
    findings
}

fn look(door: &Door, path: &Path) -> Result<Finding, FacebankError> {
    let facebank = Facebank::open_read_only(path)?;
    facebank.check()?;
    // Without models there is nothing to compare with, which their own check tells.
    let config = door.config();
    let bundle = Bundle::find(&config.models, config.engine.precision);
    let mut strangers = Vec::new();
    if let Ok(model) = bundle.and_then(|bundle| bundle.id(Embedder::ROLE)) {
        facebank.gallery(&model)?;
        strangers = facebank.people_without_templates(&model)?;
    }
    let people = facebank.people()?;
    let enabled = people.iter().filter(|listed| listed.person.enabled && listed.templates > 0).count();
    let templates: usize = people.iter().map(|listed| listed.templates).sum();
    let found = format!(
        "{}: {} people, {enabled} of them enabled, {templates} templates",
        path.display(),
        people.len()
    );
    if !people.is_empty() && !strangers.is_empty() {
        let found = format!("{found}; not known to the model in use: {}", strangers.join(", "));
        return Ok(Finding::warning(found, "enroll them anew, or `ostiary people remove` them"));
    }
    Ok(match (people.is_empty(), enabled) {
        (true, _) => Finding::warning(format!("{}: nobody is enrolled", path.display()), ENROLL),
        (false, 0) => Finding::warning(found, "let somebody in again with `ostiary people enable NAME`"),
        (false, _) => Finding::ok(found),
    })
}
