//! Which learning rate a network can take: the range test of Smith (2017, arXiv:1506.01186). The rate grows with each step;
//! where the loss falls fastest, and well before it rises, is a good highest one.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ostiary_trainer::figure::{self, Figure};
use ostiary_trainer::storage::{failed, write_whole};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::json;

use super::data::{Data, Epoch};
use super::lesson::Lesson;

const LOWEST: f64 = 1e-5;
const HIGHEST: f64 = 10.0;
const STEPS: usize = 200;
/// The share of what came before in the smoothed loss.
const SMOOTH: f64 = 0.9;
/// So many times the lowest loss ends the test.
const RISEN: f64 = 3.0;

const PLOT: &str = "find-rate";

/// A rate, and the smoothed loss behind the step that took it.
type Point = (f64, f64);

pub fn find(mut lesson: Lesson, data: &Arc<Data>, folder: &Path, json: bool) -> Result<ExitCode> {
    let points = measure(&mut lesson, data)?;
    let best =
        suggestion(&points).context("the losses are not finite from the first step on; look at the set")?;
    if json {
        points.iter().for_each(|(rate, loss)| println!("{}", json!({"rate": rate, "loss": loss})));
        println!("{}", json!({"suggested_rate": best}));
    } else {
        println!("    rate    loss");
        points.iter().step_by(5).for_each(|(rate, loss)| println!("{rate:8.1e}  {loss:6.3}"));
        println!("suggested: --lr {best:.1e}");
    }
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let drawn = Losses { points, best };
    let (svg, png) = (figure::svg(&drawn)?, figure::png(&drawn)?);
    for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &png[..])] {
        let path = folder.join(format!("{PLOT}.{ending}"));
        write_whole(&path, |file| file.write_all(bytes).map_err(failed(&path)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(lesson: &mut Lesson, data: &Arc<Data>) -> Result<Vec<Point>> {
    let batch = lesson.settings.batch;
    let (mut points, mut smoothed, mut lowest) = (Vec::new(), 0.0, f64::INFINITY);
    for epoch in 0.. {
        for pictures in Epoch::begin(data.clone(), epoch, batch, 0, lesson.settings.seed)? {
            let step = points.len();
            if step == STEPS {
                return Ok(points);
            }
            let rate = LOWEST * (HIGHEST / LOWEST).powf(step as f64 / (STEPS - 1) as f64);
            let loss = lesson.learn(&pictures, step, rate)?.f_double_value(&[])?;
            smoothed = SMOOTH * smoothed + (1.0 - SMOOTH) * loss;
            let fair = smoothed / (1.0 - SMOOTH.powi(step as i32 + 1));
            if !fair.is_finite() || fair > RISEN * lowest {
                return Ok(points);
            }
            lowest = lowest.min(fair);
            points.push((rate, fair));
        }
    }
    Ok(points)
}

/// Where the loss falls fastest over the logarithm of the rate, before its lowest.
fn suggestion(points: &[Point]) -> Option<f64> {
    let lowest = points.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1))?.0;
    let fall = |pair: &&[Point]| pair[0].1 - pair[pair.len() - 1].1;
    let falls = points[..=lowest].windows(8.min(lowest + 1));
    Some(falls.max_by(|a, b| fall(a).total_cmp(&fall(b)))?[0].0)
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
            .build_cartesian_2d((LOWEST..HIGHEST).log_scale(), 0.0..most * 1.05)
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
