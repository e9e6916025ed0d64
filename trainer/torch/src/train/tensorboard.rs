//! Writes curves for TensorBoard: event files with scalars.
//!
//! A file is a sequence of records as TensorFlow writes them: the length (64 bits), its masked CRC-32C, a protobuf `Event`, its
//! masked CRC-32C, all little-endian. The crates that write this format are not maintained.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;
use ostiary_trainer::storage::write_error;
use prost::Message;

#[derive(Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// An event file. Written records stay readable if the program is ended.
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Creates a new file in a folder. TensorBoard joins all files of a folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(folder: &Path) -> Result<Self> {
        let now = Timestamp::now();
        // Files of the same second are sorted by nanoseconds.
        let name = format!("events.out.tfevents.{}.{:09}.ostiary", now.as_second(), now.subsec_nanosecond());
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(write_error(&path))?;
        let mut events = Self { path, file };
        events.write(Event { file_version: Some("brain.Event:2".into()), ..events.now(0) })?;
        Ok(events)
    }

    /// Adds a point to each named curve.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, step: usize, values: &[(&str, f64)]) -> Result<()> {
        let value = |(tag, value): &(&str, f64)| Value { tag: (*tag).into(), simple_value: *value as f32 };
        let summary = Summary { values: values.iter().map(value).collect() };
        self.write(Event { summary: Some(summary), ..self.now(step) })
    }

    fn now(&self, step: usize) -> Event {
        let wall_time = Timestamp::now().as_nanosecond() as f64 / 1e9;
        Event { wall_time, step: step as i64, file_version: None, summary: None }
    }

    fn write(&mut self, event: Event) -> Result<()> {
        let body = event.encode_to_vec();
        let length = (body.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(body.len() + 16);
        record.extend(length);
        record.extend(masked(&length).to_le_bytes());
        record.extend(&body);
        record.extend(masked(&body).to_le_bytes());
        self.file.write_all(&record).map_err(write_error(&self.path))
    }
}

/// TensorFlow's masked CRC: a checksum of data that can contain checksums itself.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_format_of_tensorflow() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventWriter::begin(folder.path()).unwrap();
        events.add(7, &[("loss", 1.5), ("rate", 0.1)]).unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let mut rest = &bytes[..];
        let mut read = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked(&rest[..8]).to_le_bytes());
            let body = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked(body).to_le_bytes());
            read.push(Event::decode(body).unwrap());
            rest = &rest[16 + length..];
        }
        assert_eq!(read[0].file_version.as_deref(), Some("brain.Event:2"));
        let summary = read[1].summary.as_ref().unwrap();
        assert_eq!(
            (read[1].step, summary.values[0].tag.as_str(), summary.values[0].simple_value),
            (7, "loss", 1.5)
        );
        // The check value of CRC-32C.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // A second file of the same folder has another name.
        EventWriter::begin(folder.path()).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }
}
