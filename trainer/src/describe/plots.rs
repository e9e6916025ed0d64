//! The page's plots.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::counts::Bin;
use super::likeness::{BINS, Likeness};
use crate::figure::Figure;

const SIZE: (u32, u32) = (720, 300);
const INTRA: RGBColor = RGBColor(0x1b, 0x7f, 0x5c);
const INTER: RGBColor = RGBColor(0xb3, 0x4a, 0x2e);

/// People by their number of pictures.
pub struct PicturesAPerson<'a>(pub &'a [Bin]);

impl Figure for PicturesAPerson<'_> {
    const SIZE: (u32, u32) = SIZE;

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let bins = self.0;
        let most = bins.iter().map(|bin| bin.people).max().unwrap_or(0).max(1);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(0f64..bins.len() as f64, 0f64..most as f64 * 1.05)?;
        let label = |bin: &Bin| match bin.to {
            Some(to) if to == bin.from => to.to_string(),
            Some(to) => format!("{} to {to}", bin.from),
            None => format!("from {}", bin.from),
        };
        // A label stands in the middle of its bar.
        let name = |at: &f64| bins.get(*at as usize).map(label).unwrap_or_default();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(bins.len() + 1)
            .x_label_formatter(&name)
            .x_label_offset(30)
            .x_desc("pictures a person")
            .y_desc("people")
            .y_label_formatter(&|people| format!("{people:.0}"))
            .draw()?;
        chart.draw_series(bins.iter().enumerate().map(|(at, bin)| {
            let (left, right) = (at as f64 + 0.1, at as f64 + 0.9);
            Rectangle::new([(left, 0.0), (right, bin.people as f64)], INTRA.filled())
        }))?;
        Ok(())
    }
}

/// Cosines of pairs of one person and of two, each as shares of its own pairs.
pub struct Hills<'a>(pub &'a Likeness);

impl Figure for Hills<'_> {
    const SIZE: (u32, u32) = SIZE;

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let likeness = self.0;
        let most = likeness.intra.iter().chain(&likeness.inter).copied().fold(0.01, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.5f64..1.0, 0.0..most * 1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("cosine")
            .y_desc("share of pairs")
            .draw()?;
        for (name, color, shares) in
            [("one person", INTRA, &likeness.intra), ("two people", INTER, &likeness.inter)]
        {
            let middle = |bin: usize| (bin as f64 + 0.5) / BINS as f64 * 2.0 - 1.0;
            let points = shares.iter().enumerate().map(|(bin, share)| (middle(bin), *share));
            let points = points.filter(|(cosine, _)| *cosine >= -0.5);
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .border_style(BLACK.mix(0.2))
            .background_style(WHITE)
            .draw()?;
        Ok(())
    }
}
