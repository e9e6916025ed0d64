//! The learning rate range test (Smith 2017, arXiv:1506.01186). The rate grows with each step. A good highest rate is where the
//! loss falls fastest, well before it rises.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ostiary_trainer::figure::{self, Figure};
use ostiary_trainer::storage::{write_atomic, write_error};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::json;

use super::train_step::TrainStep;
use super::training_set::{EpochBatches, TrainingSet};

/// Range of the rates.
const MIN_RATE: f64 = 1e-5;
const MAX_RATE: f64 = 10.0;
/// Number of steps.
const STEPS: usize = 200;
/// The slope of the loss is measured over this number of points.
const SLOPE_POINTS: usize = 8;
/// Share of the earlier losses in the smoothed loss.
const SMOOTHING: f64 = 0.9;
/// The test ends when the smoothed loss is this many times its lowest value.
const MAX_RISE: f64 = 3.0;

/// Base name of the plot.
const PLOT: &str = "find-rate";

/// A rate, and the smoothed loss of the step with this rate.
type Point = (f64, f64);

/// Runs the test, prints the losses and a suggested rate, and writes a plot to the folder.
///
/// # Errors
/// If the losses are not finite, or the plot cannot be written.
pub fn find(
    mut train_step: TrainStep,
    data: &Arc<TrainingSet>,
    folder: &Path,
    json: bool,
) -> Result<ExitCode> {
    let points = measure(&mut train_step, data)?;
    let best = suggestion(&points).context("the loss of the first step is not finite; check the set")?;
    if json {
        points.iter().for_each(|(rate, loss)| println!("{}", json!({"rate": rate, "loss": loss})));
        println!("{}", json!({"suggested_rate": best}));
    } else {
        println!("    rate    loss");
        points.iter().step_by(5).for_each(|(rate, loss)| println!("{rate:8.1e}  {loss:6.3}"));
        println!("suggested: --lr {best:.1e}");
    }
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    let drawn = Losses { points, best };
    let (svg, png) = (figure::svg(&drawn)?, figure::png(&drawn)?);
    for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &png[..])] {
        let path = folder.join(format!("{PLOT}.{ending}"));
        write_atomic(&path, |file| file.write_all(bytes).map_err(write_error(&path)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(train_step: &mut TrainStep, data: &Arc<TrainingSet>) -> Result<Vec<Point>> {
    let batch = train_step.settings.batch;
    let (mut points, mut smoothed, mut lowest) = (Vec::new(), 0.0, f64::INFINITY);
    for epoch in 0.. {
        for pictures in EpochBatches::begin(data.clone(), epoch, batch, 0, train_step.settings.seed)? {
            let step = points.len();
            if step == STEPS {
                return Ok(points);
            }
            let rate = MIN_RATE * (MAX_RATE / MIN_RATE).powf(step as f64 / (STEPS - 1) as f64);
            let loss = train_step.run(&pictures, step, rate)?.f_double_value(&[])?;
            smoothed = SMOOTHING * smoothed + (1.0 - SMOOTHING) * loss;
            // Corrects the bias of the first smoothed values, as Adam does.
            let corrected = smoothed / (1.0 - SMOOTHING.powi(step as i32 + 1));
            if !corrected.is_finite() || corrected > MAX_RISE * lowest {
                return Ok(points);
            }
            lowest = lowest.min(corrected);
            points.push((rate, corrected));
        }
    }
    Ok(points)
}

/// The rate at which the loss falls fastest over the logarithm of the rate, before its lowest value.
fn suggestion(points: &[Point]) -> Option<f64> {
    let (lowest, _) = points.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
    let fall = |points: &[Point]| points.first().zip(points.last()).map_or(0.0, |(a, b)| a.1 - b.1);
    let falling = points.get(..=lowest)?.windows(SLOPE_POINTS.min(lowest + 1));
    let steepest = falling.max_by(|a, b| fall(a).total_cmp(&fall(b)))?;
    steepest.first().map(|(rate, _)| *rate)
}

struct Losses {
    points: Vec<Point>,
    best: f64,
}

impl Figure for Losses {
    const SIZE: (u32, u32) = (720, 360);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        area.fill(&WHITE)?;
        let most = self.points.iter().map(|(_, loss)| *loss).fold(0.1, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d((MIN_RATE..MAX_RATE).log_scale(), 0.0..most * 1.05)
            .map_err(|error| anyhow!("{error}"))?;
        chart
            .configure_mesh()
            .x_desc("learning rate")
            .y_desc("loss")
            .x_label_formatter(&|rate| format!("{rate:.0e}"))
            .draw()
            .map_err(|error| anyhow!("{error}"))?;
        chart
            .draw_series(LineSeries::new(self.points.iter().copied(), &BLUE))
            .map_err(|error| anyhow!("{error}"))?;
        let line = [(self.best, 0.0), (self.best, most)];
        chart.draw_series(LineSeries::new(line, &RED)).map_err(|error| anyhow!("{error}"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steepest_fall_is_suggested() {
        let loss = |rate: f64| {
            let exponent = rate.log10();
            10.0 - 8.0 / (1.0 + (-4.0 * (exponent + 2.0)).exp()) + (exponent - 0.5).max(0.0) * 50.0
        };
        let points: Vec<Point> = (0..200)
            .map(|i| 10f64.powf(-5.0 + 6.0 * f64::from(i) / 199.0))
            .map(|rate| (rate, loss(rate)))
            .collect();
        let best = suggestion(&points).unwrap();
        assert!((3e-3..3e-2).contains(&best), "{best}");
        assert_eq!(suggestion(&[]), None);
        assert_eq!(suggestion(&[(1e-5, 3.0)]), Some(1e-5));
    }
}
