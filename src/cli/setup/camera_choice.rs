//! The choice of the camera.

use std::path::Path;

use ostiary_capture::{list_devices, list_ribbon_cameras};
use ostiary_config::{Camera, SourceKind};
use ostiary_core::redact_address;

use super::dialog::Dialog;
use crate::cli::output::line;

/// Lists the cameras and asks for one.
pub(super) fn choose(dialog: &mut Dialog, current: &Camera) -> anyhow::Result<ChosenCamera> {
    let user = current.user.as_deref();
    let current = redact_address(&current.source);
    let current = current.as_str();
    let cameras = cameras();
    line("Cameras:")?;
    for (number, (source, name)) in (1..).zip(&cameras) {
        line(&format!("  {number}  {source}  {name}"))?;
    }
    if cameras.is_empty() {
        line(
            "  none was found. Plug one in and run this again, or give the address of a network camera (rtsp://...).",
        )?;
    }
    let is_listed = cameras.iter().any(|(source, _)| source == current);
    // A device that is not there is no default.
    let is_other = !current.starts_with("/dev/");
    let default = match cameras.first() {
        Some((source, _)) if !is_listed && !is_other => Some(source.as_str()),
        _ if is_listed || is_other => Some(current),
        _ => None,
    };
    loop {
        let answer = dialog.ask("Number or source of the camera", default)?;
        let source = match answer.parse::<usize>() {
            Ok(number) => match number.checked_sub(1).and_then(|place| cameras.get(place)) {
                Some((source, _)) => source.clone(),
                None => {
                    line(&format!("there is no camera {number}"))?;
                    continue;
                }
            },
            Err(_) => answer,
        };
        match SourceKind::of(&source) {
            Ok(SourceKind::Stream(address)) if address.login().is_some() => {
                line("Give the address without user and password: they are asked for next.")?;
            }
            Ok(SourceKind::Stream(_)) => return with_login(dialog, source, user),
            Ok(SourceKind::Device(_) | SourceKind::Path(_)) if !Path::new(&source).exists() => {
                line(&format!("{source}: there is no such device or file"))?;
            }
            Ok(_) => return Ok(ChosenCamera { source, login: None }),
            Err(error) => line(&error.to_string())?,
        }
    }
}

/// A camera, with what it asks for.
pub(super) struct ChosenCamera {
    /// The value for `camera.source`.
    pub source: String,
    /// The user, and the password unless that of before is kept.
    pub login: Option<(String, Option<String>)>,
}

fn with_login(dialog: &mut Dialog, source: String, user: Option<&str>) -> anyhow::Result<ChosenCamera> {
    let user = dialog.ask("User name at the camera; Enter for none", user.or(Some("")))?;
    if user.is_empty() {
        return Ok(ChosenCamera { source, login: None });
    }
    let password = dialog.ask_secret("Password; Enter keeps the one before")?;
    Ok(ChosenCamera { source, login: Some((user, Some(password).filter(|password| !password.is_empty()))) })
}

/// The sources and names of the cameras that can be used.
fn cameras() -> Vec<(String, String)> {
    let devices = list_devices();
    let ribbon = list_ribbon_cameras(&devices).unwrap_or_default();
    let ribbon = ribbon.into_iter().map(|camera| (camera.source, camera.sensor));
    let usable = devices.into_iter().filter(|device| device.formats.iter().any(|format| format.usable));
    let devices = usable.map(|device| {
        let path = device.by_id.unwrap_or(device.path);
        (path.display().to_string(), device.name)
    });
    ribbon.chain(devices).collect()
}
