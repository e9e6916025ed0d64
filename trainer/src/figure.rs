//! Plots as SVG and PNG, drawn by the same code.
//!
//! The PNG is drawn by the bitmap backend of plotters with a font in the program, so that it looks the same on a machine
//! without fonts. Rendering the SVG instead would need fonts on the machine; without them the text would be missing.

use std::io::Cursor;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use image::{ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

/// A plot.
pub trait Figure {
    /// Width and height, pixels.
    const SIZE: (u32, u32);

    /// Draws the plot onto an area of that size.
    ///
    /// # Errors
    /// If the backend cannot draw.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static;
}

/// The plot as the text of an SVG file.
///
/// # Errors
/// If it cannot be drawn.
pub fn svg<F: Figure>(figure: &F) -> Result<String> {
    prepare_font()?;
    let mut svg = String::new();
    finish(figure, SVGBackend::with_string(&mut svg, F::SIZE))?;
    Ok(svg)
}

/// The plot as the bytes of a PNG file.
///
/// # Errors
/// If it cannot be drawn or encoded.
pub fn png<F: Figure>(figure: &F) -> Result<Vec<u8>> {
    prepare_font()?;
    let (width, height) = F::SIZE;
    let mut picture = RgbImage::new(width, height);
    finish(figure, BitMapBackend::with_buffer(&mut picture, F::SIZE))?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

fn finish<F: Figure, B: DrawingBackend>(figure: &F, backend: B) -> Result<()>
where
    B::ErrorType: 'static,
{
    let area = backend.into_drawing_area();
    figure.draw(&area).context("cannot draw a figure")?;
    area.present().context("cannot draw a figure")
}

/// Registers DejaVu Sans under the name that plotters requests, for measuring and drawing text.
fn prepare_font() -> Result<()> {
    static IS_VALID: OnceLock<bool> = OnceLock::new();
    let register = || register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok();
    ensure!(*IS_VALID.get_or_init(register), "the font in the program is damaged; build the program again");
    Ok(())
}
