//! Figures as SVG and PNG, drawn by the same code.
//!
//! The PNG is drawn by plotters' own bitmap backend, with a font that the program carries: it looks the same on a machine
//! without fonts. Rendering the SVG instead would need the fonts of the machine, and would leave the text out where
//! there are none.

use std::io::Cursor;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use image::{ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

/// Something that can be drawn.
pub trait Figure {
    /// Width and height, pixels.
    const SIZE: (u32, u32);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static;
}

pub fn svg<F: Figure>(figure: &F) -> Result<String> {
    prepare_font()?;
    let mut svg = String::new();
    finish(figure, SVGBackend::with_string(&mut svg, F::SIZE))?;
    Ok(svg)
}

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

/// Text is measured and drawn in DejaVu Sans, under the name that plotters asks for.
fn prepare_font() -> Result<()> {
    static IS_SOUND: OnceLock<bool> = OnceLock::new();
    let register = || register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok();
    ensure!(*IS_SOUND.get_or_init(register), "the program's own font is damaged; build it again");
    Ok(())
}
