//! `ostiary cameras`: lists the cameras with their formats.

use std::io::{self, Write};
use std::process::ExitCode;

use ostiary_capture::{DeviceInfo, FormatInfo, RibbonCamera, SizeInfo, list_devices, list_ribbon_cameras};

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ostiary cameras
  ostiary cameras --json | jq -r .by_id

Set camera.source to the path below /dev/v4l/by-id: it does not change if cameras are connected in another order.
For a ribbon camera set it to rpicam:0 (Raspberry Pi) or argus:0 (Jetson), as it is listed.

Exit code: 0 a camera was found, 1 there is no camera.")]
pub struct Args {}

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    let devices = list_devices();
    let ribbon_cameras = list_ribbon_cameras(&devices).unwrap_or_else(|error| {
        eprintln!("warning: ribbon cameras cannot be listed: {error}");
        Vec::new()
    });
    if globals.json {
        devices.iter().try_for_each(json_line)?;
        ribbon_cameras.iter().try_for_each(json_line)?;
    } else {
        print(&ribbon_cameras, &devices)?;
    }
    if devices.is_empty() && ribbon_cameras.is_empty() {
        eprintln!(
            "No camera found: there is no video capture device under /dev. Plug one in, or set camera.source \
             to a stream, a video or a folder of pictures."
        );
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

fn print(ribbon_cameras: &[RibbonCamera], devices: &[DeviceInfo]) -> anyhow::Result<()> {
    let ribbon_cameras =
        ribbon_cameras.iter().map(|camera| format!("{}  {}\n", camera.source, camera.sensor));
    let text: Vec<String> = ribbon_cameras.chain(devices.iter().map(describe)).collect();
    match io::stdout().lock().write_all(text.join("\n").as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// A camera as lines of text, each with a line break.
fn describe(device: &DeviceInfo) -> String {
    let mut text = device.path.display().to_string();
    for part in [&device.name, &device.driver] {
        if !part.is_empty() {
            text += &format!("  {part}");
        }
    }
    text.push('\n');
    if let Some(by_id) = &device.by_id {
        text += &format!("  {}\n", by_id.display());
    }
    if let Some(problem) = &device.problem {
        text += &format!("  {problem}\n");
    }
    for format in &device.formats {
        text += &describe_format(format);
    }
    text
}

fn describe_format(format: &FormatInfo) -> String {
    let mut text = String::new();
    let note = if format.usable { "" } else { "  (not supported by Ostiary)" };
    if let Some(range) = &format.range {
        text += &format!(
            "  {:<4}  {}x{} to {}x{}{note}\n",
            format.format, range.min_width, range.min_height, range.max_width, range.max_height
        );
    } else if format.sizes.is_empty() {
        text += &format!("  {:<4}{note}\n", format.format);
    } else {
        for SizeInfo { width, height, fps } in &format.sizes {
            let size = format!("{width}x{height}");
            let rates: Vec<String> =
                fps.iter().map(|fps| format!("{}", (fps * 100.0).round() / 100.0)).collect();
            let rates = if rates.is_empty() { String::new() } else { format!("{}/s", rates.join(", ")) };
            text += format!("  {:<4}  {size:<10}{rates}{note}", format.format).trim_end();
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_printed_with_its_path_by_id_and_its_formats() {
        let sizes = vec![SizeInfo { width: 640, height: 480, fps: vec![30.0, 30000.0 / 2002.0] }];
        let format =
            |format: &str, usable, sizes| FormatInfo { format: format.into(), usable, sizes, range: None };
        let device = DeviceInfo {
            path: "/dev/video0".into(),
            by_id: Some("/dev/v4l/by-id/usb-Maker_Cam-index0".into()),
            name: "Maker Cam".into(),
            driver: "uvcvideo".into(),
            formats: vec![format("YUYV", true, sizes), format("H264", false, Vec::new())],
            problem: None,
        };
        assert_eq!(
            describe(&device),
            "/dev/video0  Maker Cam  uvcvideo\n  /dev/v4l/by-id/usb-Maker_Cam-index0\n  \
             YUYV  640x480   30, 14.99/s\n  H264  (not supported by Ostiary)\n"
        );
    }
}
