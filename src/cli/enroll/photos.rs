//! `enroll NAME PHOTO...` and `enroll NAME --camera`: by the running door, or in the facebank if no door runs.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_capture as capture;
use ostiary_control::interface::{self, VarlinkClientInterface};
use ostiary_control::{CallError, Client};
use ostiary_core::clock::MonotonicClock;
use ostiary_pictures::read_picture_bytes;

use super::{Args, FileEnroller};
use crate::cli::output::{json_line, line};
use crate::enrollment::{CameraEnrollment, Enrollment, PhotoFile, Problem};

/// How pictures of a person are taken.
pub struct CameraOptions {
    /// The person need not turn the head.
    pub any_pose: bool,
    /// It ends without result after this time.
    pub timeout: Duration,
}

/// Enrolls a person from photos in the facebank.
pub fn enroll(enroller: &mut FileEnroller, name: &str, args: &Args) -> anyhow::Result<ExitCode> {
    let photos: Vec<_> =
        args.photos.iter().map(|path| PhotoFile { path: path.clone(), bytes: None }).collect();
    let enrollment = enroller.enroller.enroll(name, &photos, &mut say)?;
    enroller.finish(&enrollment)
}

/// Enrolls a person in the facebank, with pictures of a camera.
pub fn enroll_from_camera(
    enroller: &mut FileEnroller,
    name: &str,
    args: &Args,
    timeout: Duration,
) -> anyhow::Result<ExitCode> {
    let own = &enroller.enroller.config.camera;
    let mut camera = own.clone();
    let is_door_camera = args.source.as_ref().is_none_or(|source| *source == own.source);
    if let Some(source) = &args.source {
        // The user and the password are those of the door's camera, and not for another one.
        (camera.user, camera.password_file) = (None, None);
        camera.source.clone_from(source);
    }
    let mut source = capture::open(&camera, Arc::new(MonotonicClock::default()))?;
    let enrollment = CameraEnrollment { any_pose: args.any_pose, timeout, is_door_camera }.run(
        &mut enroller.enroller,
        name,
        source.as_mut(),
        &|| true,
        &mut say,
    )?;
    enroller.finish(&enrollment)
}

/// Has the running door enroll a person from photos.
pub fn enroll_by_door(door: &mut Client, name: &str, args: &Args, json: bool) -> anyhow::Result<ExitCode> {
    let mut problems = Vec::new();
    for path in &args.photos {
        let data = match read_picture_bytes(path) {
            Ok(bytes) => BASE64_STANDARD.encode(bytes),
            Err(error) => {
                problems.push(Problem::unreadable(path, error));
                continue;
            }
        };
        door.door().send_photo(path.display().to_string(), data).call().map_err(CallError::from)?;
    }
    if !problems.is_empty() {
        return print(&Enrollment::refused(name, problems, &mut say), json);
    }
    let call = door.door().enroll_photos(name.to_owned(), args.api_options()).call();
    let reply = call.map_err(CallError::from)?;
    reply.messages.iter().for_each(|message| say(message));
    print(&from_api(reply.result)?, json)
}

/// Has the running door enroll a person with its camera.
pub fn enroll_from_door_camera(
    door: &mut Client,
    name: &str,
    camera: &CameraOptions,
    options: interface::EnrollOptions,
) -> anyhow::Result<Enrollment> {
    let timeout_s = camera.timeout.as_secs_f64();
    let mut call = door.door().enroll_from_camera(name.to_owned(), camera.any_pose, timeout_s, options);
    for reply in call.more().map_err(CallError::from)? {
        let reply = reply.map_err(CallError::from)?;
        reply.message.iter().for_each(|message| say(message));
        if let Some(result) = reply.result {
            return from_api(result);
        }
    }
    bail!("the running door has ended the enrollment without a result; see `ostiary events`")
}

/// What became of an enrollment, as the running door describes it.
pub fn from_api(result: serde_json::Value) -> anyhow::Result<Enrollment> {
    serde_json::from_value(result)
        .context("the running door describes an enrollment in another way than this program")
}

/// Prints a line for the person who enrolls.
pub fn say(message: &str) {
    eprintln!("{message}");
}

/// Prints what became of an enrollment. The exit code is 1 if photos were refused.
pub fn print(enrollment: &Enrollment, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        json_line(enrollment)?;
    }
    match enrollment {
        Enrollment::Refused(_) => Ok(ExitCode::from(1)),
        Enrollment::Enrolled(enrolled) => {
            if !json {
                let verb = if enrolled.new { "enrolled" } else { "added to" };
                let (name, added, all) = (&enrolled.person, enrolled.added, enrolled.templates);
                line(&format!("{verb} {name}; templates: {added} new, {all} in all"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
