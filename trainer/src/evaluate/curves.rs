//! ROC, DET and histograms of scores, with a line for each model.

use std::ops::Range;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

use crate::figure::Figure;
use crate::scores::Scores;

/// Bins of the histogram, from -1 to 1.
const BINS: usize = 100;
/// Points of a curve to each power of ten of FAR.
const STEPS: i32 = 20;
/// The least rate that is drawn.
const LEAST_FAR: f64 = 1e-6;
const LEAST_FRR: f64 = 1e-4;
/// The least score that is drawn.
const LEAST_SCORE: f64 = -0.5;
/// Colours that people of most kinds of sight tell apart (Okabe & Ito 2008, without yellow).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// What is drawn of one model's scores.
pub struct Curve {
    model: String,
    /// FAR and FRR, shares, from FAR 1 down to what one impostor pair is.
    rates: Vec<(f64, f64)>,
    genuine: Vec<f64>,
    impostor: Vec<f64>,
}

impl Curve {
    pub fn of(model: &str, scores: &Scores) -> Self {
        let least = LEAST_FAR.max(1.0 / scores.impostor_pairs().max(1) as f64);
        let fars = (0..=6 * STEPS).map(|step| 10f64.powf(-f64::from(step) / f64::from(STEPS)));
        let rate = |far: f64| {
            let threshold = scores.threshold_at_far(far)?;
            Some((scores.far(threshold).max(least), scores.frr(threshold)))
        };
        let histogram = |scores: &[f32]| {
            let mut bins = vec![0.0; BINS];
            for score in scores {
                let bin = ((f64::from(*score) + 1.0) / 2.0 * BINS as f64) as usize;
                bins[bin.min(BINS - 1)] += 1.0 / scores.len() as f64;
            }
            bins
        };
        Self {
            model: model.to_owned(),
            rates: fars.take_while(|far| *far >= least).filter_map(rate).collect(),
            genuine: histogram(scores.genuine()),
            impostor: histogram(scores.impostor()),
        }
    }
}

/// TAR over FAR.
pub struct Roc<'a>(pub &'a [Curve]);

/// FRR over FAR, both axes logarithmic.
pub struct Det<'a>(pub &'a [Curve]);

/// Shares of genuine and impostor pairs by score.
pub struct Histogram<'a>(pub &'a [Curve]);

/// The least FAR that any of the curves reaches.
fn fars(curves: &[Curve]) -> Range<f64> {
    let least = curves.iter().flat_map(|curve| &curve.rates).map(|(far, _)| *far).fold(0.1, f64::min);
    least..1.0
}

fn power(rate: &f64) -> String {
    format!("{rate:.0e}")
}

/// A line with its name and points.
type Line<'a> = (String, ShapeStyle, Box<dyn Iterator<Item = (f64, f64)> + 'a>);

/// Draws lines and their names.
fn draw_lines<'a, 'b, B, X, Y>(
    chart: &mut ChartContext<'b, B, Cartesian2d<X, Y>>,
    lines: impl Iterator<Item = Line<'a>>,
    names: SeriesLabelPosition,
) -> Result<()>
where
    B: DrawingBackend + 'b,
    B::ErrorType: 'static,
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for (name, style, points) in lines {
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .position(names)
        .border_style(BLACK.mix(0.2))
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

/// The curves with their colours.
fn coloured(curves: &[Curve]) -> impl Iterator<Item = (&Curve, &RGBColor)> {
    curves.iter().zip(COLOURS.iter().cycle())
}

const MARGIN: u32 = 16;
const LABELS: u32 = 56;
const STROKE: u32 = 2;

impl Figure for Roc<'_> {
    const SIZE: (u32, u32) = (800, 560);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .x_label_area_size(LABELS)
            .y_label_area_size(LABELS)
            .build_cartesian_2d(fars(self.0).log_scale(), 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("FAR")
            .y_desc("TAR")
            .x_label_formatter(&power)
            .draw()?;
        let lines = coloured(self.0).map(|(curve, colour)| -> Line<'_> {
            let points = curve.rates.iter().map(|(far, frr)| (*far, 1.0 - frr));
            (curve.model.clone(), colour.stroke_width(STROKE), Box::new(points))
        });
        draw_lines(&mut chart, lines, SeriesLabelPosition::LowerRight)
    }
}

impl Figure for Det<'_> {
    const SIZE: (u32, u32) = (800, 560);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .x_label_area_size(LABELS)
            .y_label_area_size(LABELS)
            .build_cartesian_2d(fars(self.0).log_scale(), (LEAST_FRR..1.0).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("FAR")
            .y_desc("FRR")
            .x_label_formatter(&power)
            .y_label_formatter(&power)
            .draw()?;
        let lines = coloured(self.0).map(|(curve, colour)| -> Line<'_> {
            let points = curve.rates.iter().map(|(far, frr)| (*far, frr.max(LEAST_FRR)));
            (curve.model.clone(), colour.stroke_width(STROKE), Box::new(points))
        });
        draw_lines(&mut chart, lines, SeriesLabelPosition::UpperRight)
    }
}

impl Figure for Histogram<'_> {
    const SIZE: (u32, u32) = (800, 400);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        area.fill(&WHITE)?;
        let shares = self.0.iter().flat_map(|curve| curve.genuine.iter().chain(&curve.impostor));
        let most = shares.copied().fold(0.01, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .x_label_area_size(LABELS)
            .y_label_area_size(LABELS)
            .build_cartesian_2d(LEAST_SCORE..1.0, 0.0..most * 1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("score")
            .y_desc("share of pairs")
            .draw()?;
        let lines = coloured(self.0).flat_map(|(curve, colour)| {
            let kinds = [("one person", &curve.genuine, STROKE), ("two people", &curve.impostor, 1)];
            kinds.map(|(kind, bins, width)| -> Line<'_> {
                let middle = |bin: usize| (bin as f64 + 0.5) / BINS as f64 * 2.0 - 1.0;
                let points = bins.iter().enumerate().map(move |(bin, share)| (middle(bin), *share));
                let points = points.filter(|(score, _)| *score >= LEAST_SCORE);
                (format!("{}, {kind}", curve.model), colour.stroke_width(width), Box::new(points))
            })
        });
        draw_lines(&mut chart, lines, SeriesLabelPosition::UpperLeft)
    }
}
