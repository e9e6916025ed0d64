//! The list of this board's ribbon cameras.

use super::device::DeviceInfo;
use super::ribbon_camera::RibbonCamera;
use super::{CaptureError, rpicam};

/// The driver of a Jetson's ribbon cameras. Its devices give only what the sensor delivers, without colors.
const JETSON_DRIVER: &str = "tegra-video";

/// The ribbon cameras of this board: those that `rpicam-vid` lists, and those of a Jetson among these devices.
///
/// # Errors
/// `rpicam-vid` is installed, and cannot be run or does not end.
pub fn list_ribbon_cameras(devices: &[DeviceInfo]) -> Result<Vec<RibbonCamera>, CaptureError> {
    let mut cameras = rpicam::list()?;
    let jetson = devices.iter().filter(|device| device.driver == JETSON_DRIVER);
    cameras.extend(jetson.enumerate().map(|(number, device)| RibbonCamera {
        source: format!("argus:{number}"),
        sensor: device.name.clone(),
    }));
    Ok(cameras)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cameras_of_a_jetson_are_numbered_among_themselves() {
        let device = |name: &str, driver: &str| DeviceInfo {
            path: "/dev/video0".into(),
            by_id: None,
            name: name.into(),
            driver: driver.into(),
            formats: Vec::new(),
            problem: None,
        };
        let devices = [
            device("Webcam", "uvcvideo"),
            device("vi-output, imx219 9-0010", JETSON_DRIVER),
            device("b", JETSON_DRIVER),
        ];
        let listed = list_ribbon_cameras(&devices).unwrap();
        let sources: Vec<&str> = listed.iter().map(|camera| camera.source.as_str()).collect();
        assert_eq!(sources, ["argus:0", "argus:1"]);
    }
}
