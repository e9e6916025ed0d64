//! A QR code on a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The QR code of a text in half blocks, dark on light also on a dark terminal; `None` if the text is too long.
pub fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (light, dark) = (Dense1x2::Light, Dense1x2::Dark);
    Some(code.render::<Dense1x2>().dark_color(light).light_color(dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_fits_on_a_terminal() {
        let code = qr_code("https://door.local:8443/pair#ABCDEFGHJK").unwrap();
        let lines: Vec<_> = code.lines().collect();
        assert!(lines.len() <= 22 && lines.iter().all(|line| line.chars().count() <= 44), "{code}");
        assert!(qr_code(&"x".repeat(5000)).is_none());
    }
}
