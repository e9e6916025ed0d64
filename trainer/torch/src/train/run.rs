//! A training run, from its first epoch or from where it was interrupted, to its last.
//!
//! Its folder has the settings (`run.toml`), the network after the last epoch and after the epoch with the lowest EER
//! (`last.safetensors`, `best.safetensors`), the state from which the run continues (`resume.safetensors`), and the curves for
//! TensorBoard (`events.out.tfevents.*`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_trainer::aligner::Aligner;
use ostiary_trainer::evaluate::evaluation_set::EvaluationSet as ValidationSet;
use ostiary_trainer::evaluate::metrics::Metrics;
use ostiary_trainer::evaluate::metrics_of;
use ostiary_trainer::evaluate::model::NamedModel;
use ostiary_trainer::net::RUN;
use ostiary_trainer::storage::{write_atomic, write_error};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use tch::{Device, Tensor};

use super::resume::{self, Progress};
use super::settings::Settings;
use super::tensorboard::EventWriter;
use super::train_step::TrainStep;
use super::training_set::{EpochBatches, TrainingSet};
use crate::network::Network;
use crate::torch_model::TorchModel;

/// File names in the folder of a run.
const RESUME: &str = "resume.safetensors";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";

/// Number of steps after which losses are fetched from the device. A fetch waits for the device.
const FETCH_INTERVAL: usize = 20;
/// A run ends if more than this share of the steps between two fetches was skipped.
const MAX_SKIPPED_SHARE: f64 = 0.5;

/// A training run.
pub struct Run<'a> {
    /// The network and its optimizer.
    pub train_step: TrainStep,
    /// The pictures to train on.
    pub data: Arc<TrainingSet>,
    /// The sets to measure after each epoch.
    pub validation: Vec<ValidationSet>,
    /// Aligns pictures of these sets.
    pub aligner: Aligner<'a>,
    /// The folder of the run.
    pub folder: &'a Path,
    /// Whether to print JSON.
    pub json: bool,
}

/// Why an epoch ended.
enum End {
    /// All batches were processed.
    Done { images_a_second: f64 },
    /// The program received a signal.
    Signal,
}

impl Run<'_> {
    /// Trains until the last epoch, or until a signal. `save_every` is the number of steps between two checkpoints.
    ///
    /// # Errors
    /// If the folder is that of another run, a file cannot be written, or the loss diverges.
    pub fn train(mut self, save_every: usize) -> Result<ExitCode> {
        fs::create_dir_all(self.folder).map_err(write_error(self.folder))?;
        let mut progress = self.start_or_resume()?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.clone()).context("cannot listen for signals")?;
        }
        let mut events = EventWriter::begin(self.folder)?;
        while progress.epoch < self.train_step.settings.schedule.epochs {
            let End::Done { images_a_second } = self.epoch(&mut progress, &mut events, &stop, save_every)?
            else {
                self.save(&progress)?;
                eprintln!("stopped after {} steps; the same command continues the run", progress.step);
                return Ok(ExitCode::FAILURE);
            };
            self.finish_epoch(&mut progress, &mut events, images_a_second)?;
        }
        if self.data.broken() > 0 {
            eprintln!("{} pictures were skipped: damaged, or not aligned", self.data.broken());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Creates the folder of a new run, or restores the state of an interrupted one.
    fn start_or_resume(&mut self) -> Result<Progress> {
        let path = self.folder.join(RUN);
        if !path.exists() {
            let mut there = self.folder.read_dir().with_context(|| self.folder.display().to_string())?;
            if there.next().is_some() {
                bail!(
                    "{}: is not empty, and not the folder of a run; choose another --output",
                    self.folder.display()
                );
            }
            let text = format!(
                "# A run of ostiary-trainer {} ({}).\n{}",
                env!("CARGO_PKG_VERSION"),
                env!("OSTIARY_COMMIT"),
                toml::to_string(&self.train_step.settings)?
            );
            write_atomic(&path, |file| file.write_all(text.as_bytes()).map_err(write_error(&path)))?;
            return Ok(Progress::begin());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let begun: Settings = toml::from_str(&text)
            .with_context(|| format!("{}: does not have the settings of a run", path.display()))?;
        self.train_step.settings.ensure_same(&begun).with_context(|| self.folder.display().to_string())?;
        let resume = self.folder.join(RESUME);
        if !resume.exists() {
            return Ok(Progress::begin());
        }
        let TrainStep { network, optimizer, classifier, .. } = &mut self.train_step;
        let progress = resume::restore(&resume, network, optimizer, classifier)?;
        if !self.json {
            println!("continuing after {} epochs and {} batches", progress.epoch, progress.batch);
        }
        Ok(progress)
    }

    fn save(&self, progress: &Progress) -> Result<()> {
        let TrainStep { network, optimizer, classifier, .. } = &self.train_step;
        resume::write(&self.folder.join(RESUME), progress, network, optimizer, classifier)
    }

    /// Trains for one epoch, or for the rest of one.
    fn epoch(
        &mut self,
        progress: &mut Progress,
        events: &mut EventWriter,
        stop: &AtomicBool,
        save_every: usize,
    ) -> Result<End> {
        let Settings { batch, seed, .. } = self.train_step.settings;
        let schedule = self.train_step.settings.schedule.clone();
        let batches = self.data.batches(batch);
        let style = ProgressStyle::with_template(
            "epoch {prefix} {wide_bar} {pos}/{len} images, {per_sec}, {eta} left  {msg}",
        )?;
        let bar = ProgressBar::new((batches * batch) as u64)
            .with_style(style)
            .with_prefix(format!("{}/{}", progress.epoch + 1, schedule.epochs))
            .with_position((progress.batch * batch) as u64);
        bar.reset_eta();
        let (begun, mut images) = (Instant::now(), 0);
        let mut losses: Vec<Tensor> = Vec::with_capacity(FETCH_INTERVAL);
        for pictures in EpochBatches::begin(self.data.clone(), progress.epoch, batch, progress.batch, seed)? {
            // Norms have no variance of one picture.
            if pictures.labels.len() > 1 {
                let moment = progress.epoch as f64 + (progress.batch + 1) as f64 / batches as f64;
                let rate = schedule.rate(moment);
                losses.push(self.train_step.run(&pictures, progress.step, rate)?);
            }
            progress.step += 1;
            progress.batch += 1;
            images += pictures.labels.len();
            bar.inc(batch as u64);
            let is_last = progress.batch == batches;
            if losses.len() == FETCH_INTERVAL || is_last || stop.load(Ordering::Relaxed) {
                self.fetch_losses(&mut losses, progress, events, &bar)?;
            }
            if stop.load(Ordering::Relaxed) {
                bar.finish_and_clear();
                return Ok(End::Signal);
            }
            if progress.step.is_multiple_of(save_every) && !is_last {
                self.save(progress)?;
            }
        }
        bar.finish_and_clear();
        Ok(End::Done { images_a_second: images as f64 / begun.elapsed().as_secs_f64() })
    }

    /// Fetches the losses since the last call, and writes their mean to the curves.
    fn fetch_losses(
        &mut self,
        losses: &mut Vec<Tensor>,
        progress: &mut Progress,
        events: &mut EventWriter,
        bar: &ProgressBar,
    ) -> Result<()> {
        let steps = losses.len();
        if steps == 0 {
            return Ok(());
        }
        let fetched = Vec::<f32>::try_from(&Tensor::f_stack(losses, 0)?.f_to_device(Device::Cpu)?)?;
        losses.clear();
        let finite: Vec<f64> = fetched.into_iter().map(f64::from).filter(|loss| loss.is_finite()).collect();
        let skipped = self.train_step.optimizer.take_skipped()?;
        progress.skipped += skipped;
        if skipped as f64 > MAX_SKIPPED_SHARE * steps as f64 {
            bail!(
                "the loss diverges: {skipped} of the last {steps} steps gave values that are not finite; start again with a lower \
                 --lr or a longer --warm-up in another --output ({} has the last checkpoint)",
                self.folder.display()
            );
        }
        if finite.is_empty() {
            return Ok(());
        }
        let sum: f64 = finite.iter().sum();
        progress.loss = (progress.loss.0 + sum, progress.loss.1 + finite.len());
        let mean = sum / finite.len() as f64;
        let moment = progress.step as f64 / self.data.batches(self.train_step.settings.batch) as f64;
        let rate = self.train_step.settings.schedule.rate(moment);
        bar.set_message(format!("loss {mean:.3}"));
        events.add(progress.step, &[("train/loss", mean), ("train/rate", rate)])
    }

    /// Writes the network after an epoch, and measures it on the validation sets.
    fn finish_epoch(
        &mut self,
        progress: &mut Progress,
        events: &mut EventWriter,
        images_a_second: f64,
    ) -> Result<()> {
        let weights = self.train_step.network.weights()?;
        weights.write(&self.folder.join(LAST))?;
        let network = Network::load(&weights, self.train_step.network.device())?;
        let model = NamedModel {
            name: LAST.into(),
            file: self.folder.join(LAST),
            model: Box::new(TorchModel::new(network)),
        };
        let seed = self.train_step.settings.seed;
        let of_set =
            |set: &ValidationSet| Ok((set.path.clone(), metrics_of(set, &model, &self.aligner, seed)?));
        let metrics = self.validation.iter().map(of_set).collect::<Result<Vec<(PathBuf, Metrics)>>>()?;
        let loss = progress.loss.0 / progress.loss.1.max(1) as f64;
        let eer = metrics.iter().map(|(_, m)| m.eer).sum::<f64>() / metrics.len().max(1) as f64;
        // Without a validation set, the loss decides which network is the best.
        let score = if metrics.is_empty() { -loss } else { -eer };
        let is_best = progress.best.is_none_or(|best| score >= best);
        if is_best {
            weights.write(&self.folder.join(BEST))?;
            progress.best = Some(score);
        }
        progress.epoch += 1;
        progress.batch = 0;
        progress.loss = (0.0, 0);
        self.save(progress)?;
        self.report(progress, loss, images_a_second, &metrics, is_best)?;
        let mut curves = vec![("train/images_a_second".to_owned(), images_a_second)];
        for (path, metrics) in &metrics {
            curves.push((format!("eer/{}", path.display()), metrics.eer));
            let accuracy = metrics.accuracy.iter().map(|a| (format!("accuracy/{}", path.display()), a.mean));
            curves.extend(accuracy);
        }
        let curves: Vec<(&str, f64)> = curves.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        events.add(progress.step, &curves)
    }

    /// Prints the results of an epoch.
    fn report(
        &self,
        progress: &Progress,
        loss: f64,
        images_a_second: f64,
        metrics: &[(PathBuf, Metrics)],
        is_best: bool,
    ) -> Result<()> {
        if self.json {
            let sets: Vec<_> = metrics.iter().map(|(data, m)| json!({"data": data, "figures": m})).collect();
            let line = json!({
                "epoch": progress.epoch, "step": progress.step, "loss": loss, "images_a_second": images_a_second,
                "skipped_steps": progress.skipped, "broken_pictures": self.data.broken(), "best": is_best,
                "validation": sets,
            });
            println!("{line}");
            return Ok(());
        }
        let epochs = self.train_step.settings.schedule.epochs;
        print!("epoch {}/{epochs}  loss {loss:.3}  {images_a_second:.0} images/s", progress.epoch);
        for (path, metrics) in metrics {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            print!("  {name}: EER {:.2} %", metrics.eer);
            if let Some(accuracy) = &metrics.accuracy {
                print!(", accuracy {:.2} %", accuracy.mean);
            }
        }
        if progress.skipped > 0 {
            print!("  {} steps skipped", progress.skipped);
        }
        println!("{}", if is_best { "  best" } else { "" });
        Ok(())
    }
}
