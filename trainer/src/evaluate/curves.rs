//! Plots of ROC, DET and histograms of scores, with one curve for each model.

use std::ops::Range;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

use crate::figure::Figure;
use crate::histogram::{self, histogram};
use crate::scores::Scores;

/// Points of a curve for each power of ten of FAR.
const STEPS: i32 = 20;
/// Least rates of the axes.
const MIN_FAR: f64 = 1e-6;
const MIN_FRR: f64 = 1e-4;
/// Least score of the axis.
const MIN_SCORE: f64 = -0.5;
/// Colors that most people with color blindness can distinguish (Okabe & Ito 2008, without yellow).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// The points of one model's curves.
pub struct Curve {
    model: String,
    /// FAR and FRR as shares, from FAR 1 down to the share of one impostor pair.
    rates: Vec<(f64, f64)>,
    /// Share of pairs in each bin.
    genuine: Vec<f64>,
    impostor: Vec<f64>,
}

impl Curve {
    /// The curves of a model's scores.
    pub fn of(model: &str, scores: &Scores) -> Self {
        let least = MIN_FAR.max(1.0 / scores.impostor_pairs().max(1) as f64);
        let fars = (0..=6 * STEPS).map(|step| 10f64.powf(-f64::from(step) / f64::from(STEPS)));
        let rate = |far: f64| {
            let threshold = scores.threshold_at_far(far)?;
            Some((scores.far(threshold).max(least), scores.frr(threshold)))
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

/// Histograms of genuine and impostor scores.
pub struct Histogram<'a>(pub &'a [Curve]);

/// The range of FAR of all curves.
fn fars(curves: &[Curve]) -> Range<f64> {
    let least = curves.iter().flat_map(|curve| &curve.rates).map(|(far, _)| *far).fold(0.1, f64::min);
    least..1.0
}

fn power(rate: &f64) -> String {
    format!("{rate:.0e}")
}

/// A curve with its label, style and points.
type Line<'a> = (String, ShapeStyle, Box<dyn Iterator<Item = (f64, f64)> + 'a>);

/// Draws curves and their legend.
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

/// The curves, each with its color.
fn colored(curves: &[Curve]) -> impl Iterator<Item = (&Curve, &RGBColor)> {
    curves.iter().zip(COLORS.iter().cycle())
}

/// Sizes in pixels.
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
        let lines = colored(self.0).map(|(curve, color)| -> Line<'_> {
            let points = curve.rates.iter().map(|(far, frr)| (*far, 1.0 - frr));
            (curve.model.clone(), color.stroke_width(STROKE), Box::new(points))
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
            .build_cartesian_2d(fars(self.0).log_scale(), (MIN_FRR..1.0).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("FAR")
            .y_desc("FRR")
            .x_label_formatter(&power)
            .y_label_formatter(&power)
            .draw()?;
        let lines = colored(self.0).map(|(curve, color)| -> Line<'_> {
            let points = curve.rates.iter().map(|(far, frr)| (*far, frr.max(MIN_FRR)));
            (curve.model.clone(), color.stroke_width(STROKE), Box::new(points))
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
            .build_cartesian_2d(MIN_SCORE..1.0, 0.0..most * 1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("score")
            .y_desc("share of pairs")
            .draw()?;
        let lines = colored(self.0).flat_map(|(curve, color)| {
            let kinds = [("one person", &curve.genuine, STROKE), ("two people", &curve.impostor, 1)];
            kinds.map(|(kind, bins, width)| -> Line<'_> {
                let points = histogram::points(bins).filter(|(score, _)| *score >= MIN_SCORE);
                (format!("{}, {kind}", curve.model), color.stroke_width(width), Box::new(points))
            })
        });
        draw_lines(&mut chart, lines, SeriesLabelPosition::UpperLeft)
    }
}
