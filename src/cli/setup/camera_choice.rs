//! The choice of the camera.

use ostiary_capture::{list_devices, list_ribbon_cameras};
use ostiary_config::SourceKind;

use super::dialog::Dialog;
use crate::cli::output::line;

/// Lists the cameras and asks for one. Returns the value for `camera.source`.
pub(super) fn choose(dialog: &mut Dialog, current: &str) -> anyhow::Result<String> {
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
        let listed = answer.parse::<usize>().ok().and_then(|number| cameras.get(number.checked_sub(1)?));
        let source = listed.map_or(answer, |(source, _)| source.clone());
        match SourceKind::of(&source) {
            Ok(_) => return Ok(source),
            Err(error) => line(&error.to_string())?,
        }
    }
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
