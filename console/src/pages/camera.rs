//! The camera on the page of the live picture: how it is turned, and where faces are looked for.

use axum::extract::Form;
use axum::response::Response;
use ostiary_control::interface::Setting;
use serde::Deserialize;

use crate::configuration::{change_or_fail, is_changed, settings, value};
use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::Visit;

/// What the page shows of the camera.
pub struct Camera {
    /// The rotation after the next turn, degrees.
    pub next_rotation: u64,
    /// Whether left and right are swapped.
    pub mirror: bool,
    /// `[x, y, width, height]`; the picture shows this region only.
    pub region: Option<[u64; 4]>,
    /// Whether the region was set here, and can be removed here.
    pub may_remove: bool,
    /// The limits that the door has for faces, by which the picture is judged too: a face in a picture that is darker, brighter or less
    /// sharp is hardly accepted.
    pub limits: Limits,
}

/// An input for a side of the region.
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// The identifier of the text before it.
    pub text: &'static str,
    /// The least value.
    pub least: u32,
    /// The value in use.
    pub value: Option<u64>,
}

/// Limits of a picture.
pub struct Limits {
    /// The least mean brightness, 0 to 1.
    pub dark: f64,
    /// The largest mean brightness.
    pub bright: f64,
    /// The least variance of the Laplacian, gray levels squared.
    pub blurred: f64,
}

/// How the picture is to be turned.
#[derive(Deserialize)]
pub struct Rotation {
    degrees: u32,
}

/// Whether left and right are to be swapped.
#[derive(Deserialize)]
pub struct Mirror {
    on: bool,
}

/// Where faces are to be looked for.
#[derive(Deserialize)]
pub struct Region {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Camera {
    /// The camera of the door in use.
    ///
    /// # Errors
    /// The door does not answer, or the person may not see this.
    pub async fn of(visit: &Visit) -> Result<Self, PageError> {
        let settings = settings(visit).await?;
        let number = |key: &str| value(&settings, key).and_then(serde_json::Value::as_f64);
        let region = value(&settings, "camera.region");
        let is_region = |setting: &&Setting| setting.key == "camera.region";
        let limit = |key: &str| number(key).ok_or_else(|| PageError::internal(format!("{key} is not known")));
        Ok(Self {
            next_rotation: (number("camera.rotate").unwrap_or_default() as u64 + 90) % 360,
            mirror: value(&settings, "camera.mirror")
                .and_then(serde_json::Value::as_bool)
                .unwrap_or_default(),
            region: region.and_then(|region| serde_json::from_value(region.clone()).ok()),
            may_remove: settings.iter().find(is_region).is_some_and(is_changed),
            limits: Limits {
                dark: limit("quality.min_exposure")?,
                bright: limit("quality.max_exposure")?,
                blurred: limit("quality.min_sharpness")?,
            },
        })
    }

    /// The inputs for the region.
    pub fn fields(&self) -> [Field; 4] {
        let [x, y, width, height] = self.region.map_or([None; 4], |region| region.map(Some));
        [
            Field { name: "x", text: "camera-x", least: 0, value: x },
            Field { name: "y", text: "camera-y", least: 0, value: y },
            Field { name: "width", text: "camera-width", least: 1, value: width },
            Field { name: "height", text: "camera-height", least: 1, value: height },
        ]
    }

    /// Where the picture begins, pixels from the left.
    pub fn left(&self) -> u64 {
        self.region.map_or(0, |[left, ..]| left)
    }

    /// Where the picture begins, pixels from the top.
    pub fn top(&self) -> u64 {
        self.region.map_or(0, |[_, top, ..]| top)
    }
}

/// `POST /live/rotate`. A region of the picture is removed first: it may be outside of the turned picture, which would then not be shown.
///
/// # Errors
/// The door does not answer or refuses.
pub async fn rotate(visit: Visit, Form(rotation): Form<Rotation>) -> Result<Response, PageError> {
    change_or_fail(&visit, "camera.region", None).await?;
    set(&visit, "camera.rotate", rotation.degrees.to_string()).await
}

/// `POST /live/mirror`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn mirror(visit: Visit, Form(mirror): Form<Mirror>) -> Result<Response, PageError> {
    set(&visit, "camera.mirror", mirror.on.to_string()).await
}

/// `POST /live/region`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn set_region(visit: Visit, Form(region): Form<Region>) -> Result<Response, PageError> {
    let Region { x, y, width, height } = region;
    set(&visit, "camera.region", format!("[{x}, {y}, {width}, {height}]")).await
}

/// `POST /live/region/remove`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn remove_region(visit: Visit) -> Result<Response, PageError> {
    change_or_fail(&visit, "camera.region", None).await?;
    Ok(Flash::redirect("/live", "done-camera", ""))
}

async fn set(visit: &Visit, key: &str, value: String) -> Result<Response, PageError> {
    change_or_fail(visit, key, Some(value)).await?;
    Ok(Flash::redirect("/live", "done-camera", ""))
}
