//! The plots of the page.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::counts::Bin;
use super::pair_similarity::PairSimilarity;
use crate::figure::Figure;
use crate::histogram;

/// Width and height, pixels.
const SIZE: (u32, u32) = (720, 300);
/// Least cosine of the axis.
const MIN_COSINE: f64 = -0.5;
const INTRA: RGBColor = RGBColor(0x1b, 0x7f, 0x5c);
const INTER: RGBColor = RGBColor(0xb3, 0x4a, 0x2e);

/// People by their number of pictures.
pub struct PicturesPerPerson<'a>(pub &'a [Bin]);

impl Figure for PicturesPerPerson<'_> {
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
        // A label is at the center of its bar.
        let name = |at: &f64| bins.get(*at as usize).map(label).unwrap_or_default();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(bins.len() + 1)
            .x_label_formatter(&name)
            .x_label_offset(30)
            .x_desc("pictures per person")
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

/// Histograms of the cosines of pairs of one person and of pairs of two people.
pub struct SimilarityHistogram<'a>(pub &'a PairSimilarity);

impl Figure for SimilarityHistogram<'_> {
    const SIZE: (u32, u32) = SIZE;

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let similarity = self.0;
        let most = similarity.intra.iter().chain(&similarity.inter).copied().fold(0.01, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(MIN_COSINE..1.0, 0.0..most * 1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("cosine")
            .y_desc("share of pairs")
            .draw()?;
        for (name, color, shares) in
            [("one person", INTRA, &similarity.intra), ("two people", INTER, &similarity.inter)]
        {
            let points = histogram::points(shares).filter(|(cosine, _)| *cosine >= MIN_COSINE);
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
