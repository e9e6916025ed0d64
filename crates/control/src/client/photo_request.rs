//! The request of `SendPhoto`, written as it is encoded: a photo is large, and is not copied.

use std::io::{self, Write};

use base64::prelude::BASE64_STANDARD;
use base64::write::EncoderWriter;

/// Writes a request that sends a photo.
pub fn write_photo_request(
    mut writer: impl Write,
    name: &str,
    photo: &[u8],
    token: Option<&str>,
) -> io::Result<()> {
    writer.write_all(br#"{"method":"io.ostiary.Door.SendPhoto","parameters":{"name":"#)?;
    serde_json::to_writer(&mut writer, name)?;
    if let Some(token) = token {
        writer.write_all(br#","token":"#)?;
        serde_json::to_writer(&mut writer, token)?;
    }
    writer.write_all(br#","data":""#)?;
    let mut encoder = EncoderWriter::new(&mut writer, &BASE64_STANDARD);
    encoder.write_all(photo)?;
    encoder.finish()?;
    drop(encoder);
    writer.write_all(b"\"}}\0")?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_request_is_the_one_that_a_call_makes() {
        let photo: Vec<u8> = (0..10_000_u32).map(|at| (at * 7) as u8).collect();
        for (name, token) in [("a \"b\" \\ \u{eb}.jpg", Some("t\"oken")), ("", None)] {
            let mut bytes = Vec::new();
            write_photo_request(&mut bytes, name, &photo, token).unwrap();
            assert_eq!(bytes.pop(), Some(0));
            let mut parameters = json!({ "name": name, "data": BASE64_STANDARD.encode(&photo) });
            if let Some(token) = token {
                parameters["token"] = token.into();
            }
            let request: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(request, json!({ "method": "io.ostiary.Door.SendPhoto", "parameters": parameters }));
        }
    }
}
