//! Checks the facebank: not damaged, with templates of the model in use, not readable by others, not empty, with people
//! whom the model can tell apart and whose names are allowed, and with the frontal aspects that the challenge compares.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ostiary_config::{Config, LivenessLevel};
use ostiary_core::ModelRole;
use ostiary_facebank::{Facebank, FacebankError, PersonSummary};
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;

use super::CheckContext;
use super::finding::{Finding, Status};
use crate::people_check::PeopleProblem;

/// How to fix an empty facebank.
const ENROLL_FIX: &str = "enroll people with `ostiary enroll`";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let path = &context.config().facebank.path;
    let mut findings = match check_contents(context, path) {
        Ok(findings) => findings,
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

fn check_contents(context: &CheckContext, path: &Path) -> Result<Vec<Finding>, FacebankError> {
    let facebank = Facebank::open_read_only(path)?;
    facebank.check()?;
    // Missing models are reported by their own check.
    let config = context.config();
    let bundle = Bundle::find(&config.models, config.engine.precision);
    let (mut strangers, mut problems) = (Vec::new(), Vec::new());
    if let Ok(model) = bundle.and_then(|bundle| bundle.entry(ModelRole::Embedder).cloned()) {
        let (thresholds, _) = Thresholds::nearest(&model, config.door.fpir);
        let gallery = thresholds.load_gallery(&facebank, &model.id())?;
        problems = PeopleProblem::find(&gallery, config.door.alike);
        strangers = facebank.people_without_templates(&model.id())?;
    }
    let people = facebank.people()?;
    let enabled = people.iter().filter(|listed| listed.person.enabled && listed.templates > 0).count();
    let templates: usize = people.iter().map(|listed| listed.templates).sum();
    let found = format!(
        "{}: {} people, {enabled} of them enabled, {templates} templates",
        path.display(),
        people.len()
    );
    let summary = match (people.is_empty(), enabled) {
        (true, _) => Finding::warning(format!("{}: nobody is enrolled", path.display()), ENROLL_FIX),
        _ if !strangers.is_empty() => Finding::warning(
            format!("{found}; without a template of the model in use: {}", strangers.join(", ")),
            "enroll them again, or remove them with `ostiary people remove`",
        ),
        (false, 0) => Finding::warning(found, "enable a person with `ostiary people enable NAME`"),
        (false, _) => Finding::ok(found),
    };
    let names = facebank.name_problems()?;
    let names = names.iter().map(|problem| {
        let fix = format!("give the person another name with `ostiary people rename {:?} NEW`", problem.name);
        Finding::warning(problem.to_string(), fix)
    });
    let problems = problems.iter().map(|problem| Finding::warning(problem.to_string(), problem.fix()));
    Ok([summary].into_iter().chain(names).chain(problems).chain(missing_aspects(config, &people)).collect())
}

/// The people whose own frontal aspect the challenge cannot compare, because they were enrolled without the camera or by an earlier
/// program.
fn missing_aspects(config: &Config, people: &[PersonSummary]) -> Option<Finding> {
    let is_missing = |listed: &&PersonSummary| listed.person.enabled && listed.frontal_aspect.is_none();
    let names: Vec<&str> =
        people.iter().filter(is_missing).map(|listed| listed.person.name.as_str()).collect();
    (config.liveness.level() == LivenessLevel::Active && !names.is_empty()).then(|| {
        Finding::warning(
            format!(
                "without a frontal aspect, so that folded photos of them are refused less often (liveness.level is \"active\"): {}",
                names.join(", ")
            ),
            "stop the daemon and run `ostiary enroll NAME --camera --any-pose` for each of them, looking straight at the camera: it \
             adds pictures and keeps the others",
        )
    })
}
