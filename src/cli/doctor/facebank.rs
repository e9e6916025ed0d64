//! Checks the facebank: not damaged, with templates of the model in use, not readable by others, and not empty.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ostiary_core::ModelRole;
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::Bundle;

use super::CheckContext;
use super::finding::{Finding, Status};

/// How to fix an empty facebank.
const ENROLL_FIX: &str = "enroll people with `ostiary enroll`";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let path = &context.config().facebank.path;
    let mut findings = match check_contents(context, path) {
        Ok(finding) => vec![finding],
        Err(error @ FacebankError::Missing { .. }) => {
            return vec![Finding::from_error(Status::Warning, &error, ENROLL_FIX)];
        }
        Err(error) => {
            vec![Finding::from_error(Status::Fault, &error, "check the disk and the permissions of the file")]
        }
    };
    if let Ok(metadata) = path.metadata()
        && metadata.permissions().mode() & 0o077 != 0
    {
        findings.push(Finding::warning(
            format!(
                "{}: others may read or write the templates (mode {:o})",
                path.display(),
                metadata.permissions().mode() & 0o777
            ),
            format!("run `chmod 600 {}`", path.display()),
        ));
    }
    findings
}

fn check_contents(context: &CheckContext, path: &Path) -> Result<Finding, FacebankError> {
    let facebank = Facebank::open_read_only(path)?;
    facebank.check()?;
    // Missing models are reported by their own check.
    let config = context.config();
    let bundle = Bundle::find(&config.models, config.engine.precision);
    let mut strangers = Vec::new();
    if let Ok(model) = bundle.and_then(|bundle| bundle.id(ModelRole::Embedder)) {
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
        let found = format!("{found}; without a template of the model in use: {}", strangers.join(", "));
        return Ok(Finding::warning(found, "enroll them again, or remove them with `ostiary people remove`"));
    }
    Ok(match (people.is_empty(), enabled) {
        (true, _) => Finding::warning(format!("{}: nobody is enrolled", path.display()), ENROLL_FIX),
        (false, 0) => Finding::warning(found, "enable a person with `ostiary people enable NAME`"),
        (false, _) => Finding::ok(found),
    })
}
