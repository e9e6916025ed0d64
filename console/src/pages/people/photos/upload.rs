//! Reads a form with photos (multipart/form-data), one photo after the other. It blocks: a thread of its own reads it.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::enrollment::EnrollOptions;

/// The most bytes of one photo, as the door has it.
const MAX_PHOTO: usize = 12_000_000;
/// The most bytes of all photos, as the door has it.
const MAX_PHOTOS: usize = 64_000_000;
/// The most bytes of another field.
const MAX_TEXT: usize = 1024;
/// The longest name of a file that is shown, characters.
const MAX_FILE_NAME: usize = 100;
/// The most fields of a form.
const MAX_FIELDS: usize = 200;
/// How long the browser may send nothing.
const PAUSE: Duration = Duration::from_secs(30);
/// What JPEG and PNG files begin with.
const PICTURES: [&[u8]; 2] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"];

/// A form that is being read.
pub struct Upload {
    multipart: Multipart,
    runtime: Handle,
    /// The other fields, as far as they were read. They are before the photos in the form.
    pub fields: Fields,
    photo_bytes: usize,
    field_count: usize,
    has_ended: bool,
}

/// The fields that are no photos.
#[derive(Debug, Default)]
pub struct Fields {
    /// The name of who is enrolled.
    pub name: String,
    /// Whether the form had the name of somebody who is enrolled.
    pub is_fixed: bool,
    /// What is accepted.
    pub options: EnrollOptions,
}

/// Why a form cannot be read.
#[derive(Debug)]
pub enum UploadError {
    /// It is larger than any form may be.
    TooLarge,
    /// It ended early, came too slowly, or is no form.
    Broken,
}

/// Why a file is not sent to the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhotoFault {
    /// There is none.
    Missing,
    /// It has no bytes.
    Empty,
    /// It is larger than the door takes.
    TooLarge,
    /// All are larger than the door takes.
    TooLargeTogether,
    /// It is no JPEG or PNG file.
    NoPicture,
}

/// The name of a file, and its content if it can be a photo.
pub type NamedPhoto = (String, Result<Vec<u8>, PhotoFault>);

impl PhotoFault {
    /// The identifier of the text that says so.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "photo-missing",
            Self::Empty => "photo-empty",
            Self::TooLarge => "photo-too-large",
            Self::TooLargeTogether => "photo-too-large-together",
            Self::NoPicture => "photo-no-picture",
        }
    }
}

impl Upload {
    /// Of this request.
    pub fn new(multipart: Multipart, runtime: Handle) -> Self {
        let fields = Fields::default();
        Self { multipart, runtime, fields, photo_bytes: 0, field_count: 0, has_ended: false }
    }

    /// The next photo; `None` after the last one.
    ///
    /// # Errors
    /// The form cannot be read.
    pub fn next_photo(&mut self) -> Result<Option<NamedPhoto>, UploadError> {
        let next = self.find_photo();
        self.has_ended = !matches!(next, Ok(Some(_)));
        next
    }

    fn find_photo(&mut self) -> Result<Option<NamedPhoto>, UploadError> {
        loop {
            let Some(field) = wait(&self.runtime, self.multipart.next_field())? else { return Ok(None) };
            self.field_count += 1;
            if self.field_count > MAX_FIELDS {
                return Err(UploadError::Broken);
            }
            let name = field.name().unwrap_or_default().to_owned();
            if name == "photos" {
                let file: String =
                    field.file_name().unwrap_or_default().chars().take(MAX_FILE_NAME).collect();
                let photo = read_photo(&self.runtime, field, &mut self.photo_bytes)?;
                // Browsers send a field without a file in this way.
                if file.is_empty() && photo == Err(PhotoFault::Empty) {
                    continue;
                }
                return Ok(Some((file, photo)));
            }
            let text = read_text(&self.runtime, field)?;
            self.fields.set(&name, text);
        }
    }

    /// Reads what is left. Otherwise the browser does not show the answer.
    pub fn read_to_end(&mut self) {
        while !self.has_ended {
            let _ = self.next_photo();
        }
    }
}

impl Fields {
    fn set(&mut self, field: &str, text: String) {
        match field {
            "name" => self.name = text.trim().to_owned(),
            "fixed" => self.is_fixed = true,
            "force" => self.options.force = true,
            "allow_similar" => self.options.allow_similar = true,
            "allow_unlike" => self.options.allow_unlike = true,
            _ => {}
        }
    }
}

/// Reads a file. One that is refused is read to its end.
fn read_photo(
    runtime: &Handle,
    mut field: Field<'_>,
    all: &mut usize,
) -> Result<Result<Vec<u8>, PhotoFault>, UploadError> {
    let (mut photo, mut fault) = (Vec::new(), None);
    while let Some(chunk) = next_chunk(runtime, &mut field)? {
        *all += chunk.len();
        if *all > MAX_PHOTOS {
            fault = fault.or(Some(PhotoFault::TooLargeTogether));
        } else if photo.len() + chunk.len() > MAX_PHOTO {
            fault = fault.or(Some(PhotoFault::TooLarge));
        }
        if fault.is_some() {
            photo = Vec::new();
        } else {
            photo.extend_from_slice(&chunk);
        }
    }
    Ok(match fault {
        Some(fault) => Err(fault),
        None if photo.is_empty() => Err(PhotoFault::Empty),
        None if !PICTURES.iter().any(|start| photo.starts_with(start)) => Err(PhotoFault::NoPicture),
        None => Ok(photo),
    })
}

fn read_text(runtime: &Handle, mut field: Field<'_>) -> Result<String, UploadError> {
    let mut text = Vec::new();
    while let Some(chunk) = next_chunk(runtime, &mut field)? {
        if text.len() + chunk.len() > MAX_TEXT {
            return Err(UploadError::Broken);
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|_| UploadError::Broken)
}

fn next_chunk(runtime: &Handle, field: &mut Field<'_>) -> Result<Option<Bytes>, UploadError> {
    wait(runtime, field.chunk())
}

fn wait<T>(
    runtime: &Handle,
    part: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, UploadError> {
    match runtime.block_on(async { timeout(PAUSE, part).await }) {
        Ok(Ok(part)) => Ok(part),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(UploadError::TooLarge),
        Ok(Err(_)) | Err(_) => Err(UploadError::Broken),
    }
}
