//! A run, from its first epoch or from where it was, to its last.
//!
//! Its folder: `run.toml` has the settings, `last.safetensors` and `best.safetensors` the network after the last epoch and
//! after that with the lowest EER, `resume.safetensors` all that the run goes on from, and `events.out.tfevents.*` the curves
//! for TensorBoard.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_trainer::aligner::Aligner;
use ostiary_trainer::evaluate::data::Data as ValidationSet;
use ostiary_trainer::evaluate::figures::Figures;
use ostiary_trainer::evaluate::figures_of;
use ostiary_trainer::evaluate::model::Named;
use ostiary_trainer::net::RUN;
use ostiary_trainer::storage::{failed, write_whole};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use tch::{Device, Tensor};

use super::checkpoint::{self, Progress};
use super::data::{Data, Epoch};
use super::events::Events;
use super::lesson::Lesson;
use super::settings::Settings;
use crate::checkpoint::TorchModel;
use crate::network::Network;

const RESUME: &str = "resume.safetensors";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";

/// Steps after which losses are fetched from the device: fetching waits for it.
const LOOK: usize = 20;
/// A run ends where so great a share of the steps between two looks had to be left out.
const MOST_SKIPPED: f64 = 0.5;

pub struct Run<'a> {
    pub lesson: Lesson,
    pub data: Arc<Data>,
    pub validation: Vec<ValidationSet>,
    pub aligner: Aligner<'a>,
    pub folder: &'a Path,
    pub json: bool,
}

/// How an epoch ended.
enum End {
    Done { images_a_second: f64 },
    Signal,
}

impl Run<'_> {
    pub fn go(mut self, save_every: usize) -> Result<ExitCode> {
        fs::create_dir_all(self.folder).map_err(failed(self.folder))?;
        let mut progress = self.take_up()?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.clone()).context("cannot listen for signals")?;
        }
        let mut events = Events::begin(self.folder)?;
        while progress.epoch < self.lesson.settings.schedule.epochs {
            let End::Done { images_a_second } = self.epoch(&mut progress, &mut events, &stop, save_every)?
            else {
                self.save(&progress)?;
                eprintln!("stopped after {} steps; the same command goes on", progress.step);
                return Ok(ExitCode::FAILURE);
            };
            self.close(&mut progress, &mut events, images_a_second)?;
        }
        if self.data.broken() > 0 {
            eprintln!("{} pictures were passed over: damaged, or not aligned", self.data.broken());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Begins the folder, or goes on from what is in it.
    fn take_up(&mut self) -> Result<Progress> {
        let path = self.folder.join(RUN);
        if !path.exists() {
            let mut there = self.folder.read_dir().with_context(|| self.folder.display().to_string())?;
            if there.next().is_some() {
                bail!(
                    "{}: is no run's folder, and not empty; choose another --output",
                    self.folder.display()
                );
            }
            let text = format!(
                "# A run of ostiary-trainer {} ({}).\n{}",
                env!("CARGO_PKG_VERSION"),
                env!("OSTIARY_COMMIT"),
                toml::to_string(&self.lesson.settings)?
            );
            write_whole(&path, |file| file.write_all(text.as_bytes()).map_err(failed(&path)))?;
            return Ok(Progress::begin());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let begun: Settings =
            toml::from_str(&text).with_context(|| format!("{}: is no run's settings", path.display()))?;
        self.lesson.settings.same_as(&begun).with_context(|| self.folder.display().to_string())?;
        let resume = self.folder.join(RESUME);
        if !resume.exists() {
            return Ok(Progress::begin());
        }
        let Lesson { network, optimiser, classifier, .. } = &mut self.lesson;
        let progress = checkpoint::restore(&resume, network, optimiser, classifier)?;
        if !self.json {
            println!("going on after {} epochs and {} batches", progress.epoch, progress.batch);
        }
        Ok(progress)
    }

    fn save(&self, progress: &Progress) -> Result<()> {
        let Lesson { network, optimiser, classifier, .. } = &self.lesson;
        checkpoint::write(&self.folder.join(RESUME), progress, network, optimiser, classifier)
    }

    fn epoch(
        &mut self,
        progress: &mut Progress,
        events: &mut Events,
        stop: &AtomicBool,
        save_every: usize,
    ) -> Result<End> {
        let Settings { batch, seed, .. } = self.lesson.settings;
        let schedule = self.lesson.settings.schedule.clone();
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
        let mut losses: Vec<Tensor> = Vec::with_capacity(LOOK);
        for pictures in Epoch::begin(self.data.clone(), progress.epoch, batch, progress.batch, seed)? {
            // Of one picture, norms have no variance.
            if pictures.labels.len() > 1 {
                let moment = progress.epoch as f64 + (progress.batch + 1) as f64 / batches as f64;
                let rate = schedule.rate(moment);
                losses.push(self.lesson.learn(&pictures, progress.step, rate)?);
            }
            progress.step += 1;
            progress.batch += 1;
            images += pictures.labels.len();
            bar.inc(batch as u64);
            let is_last = progress.batch == batches;
            if losses.len() == LOOK || is_last || stop.load(Ordering::Relaxed) {
                self.look(&mut losses, progress, events, &bar)?;
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

    /// Fetches the losses since the last look.
    fn look(
        &mut self,
        losses: &mut Vec<Tensor>,
        progress: &mut Progress,
        events: &mut Events,
        bar: &ProgressBar,
    ) -> Result<()> {
        let steps = losses.len();
        if steps == 0 {
            return Ok(());
        }
        let fetched = Vec::<f32>::try_from(&Tensor::f_stack(losses, 0)?.f_to_device(Device::Cpu)?)?;
        losses.clear();
        let finite: Vec<f64> = fetched.into_iter().map(f64::from).filter(|loss| loss.is_finite()).collect();
        let skipped = self.lesson.optimiser.take_skipped()?;
        progress.skipped += skipped;
        if skipped as f64 > MOST_SKIPPED * steps as f64 {
            bail!(
                "the loss has run away: {skipped} of the last {steps} steps gave numbers that are not finite; lower --lr, or \
                 begin with a longer --warm-up, in another --output ({} has what was saved last)",
                self.folder.display()
            );
        }
        if finite.is_empty() {
            return Ok(());
        }
        let sum: f64 = finite.iter().sum();
        progress.loss = (progress.loss.0 + sum, progress.loss.1 + finite.len());
        let mean = sum / finite.len() as f64;
        let moment = progress.step as f64 / self.data.batches(self.lesson.settings.batch) as f64;
        let rate = self.lesson.settings.schedule.rate(moment);
        bar.set_message(format!("loss {mean:.3}"));
        events.add(progress.step, &[("train/loss", mean), ("train/rate", rate)])
    }

    /// Measures and writes what an epoch gave.
    fn close(&mut self, progress: &mut Progress, events: &mut Events, images_a_second: f64) -> Result<()> {
        let weights = self.lesson.network.weights()?;
        weights.write(&self.folder.join(LAST))?;
        let network = Network::load(&weights, self.lesson.network.device())?;
        let model = Named {
            name: LAST.into(),
            file: self.folder.join(LAST),
            model: Box::new(TorchModel::new(network)),
        };
        let seed = self.lesson.settings.seed;
        let of_set =
            |set: &ValidationSet| Ok((set.path.clone(), figures_of(set, &model, &self.aligner, seed)?));
        let figures = self.validation.iter().map(of_set).collect::<Result<Vec<(PathBuf, Figures)>>>()?;
        let loss = progress.loss.0 / progress.loss.1.max(1) as f64;
        let eer = figures.iter().map(|(_, f)| f.eer).sum::<f64>() / figures.len().max(1) as f64;
        // Without a set to validate on, the loss is all there is.
        let figure = if figures.is_empty() { -loss } else { -eer };
        let is_best = progress.best.is_none_or(|best| figure >= best);
        if is_best {
            weights.write(&self.folder.join(BEST))?;
            progress.best = Some(figure);
        }
        progress.epoch += 1;
        progress.batch = 0;
        progress.loss = (0.0, 0);
        self.save(progress)?;
        self.tell(progress, loss, images_a_second, &figures, is_best)?;
        let mut curves = vec![("train/images_a_second".to_owned(), images_a_second)];
        for (path, figures) in &figures {
            curves.push((format!("eer/{}", path.display()), figures.eer));
            let accuracy = figures.accuracy.iter().map(|a| (format!("accuracy/{}", path.display()), a.mean));
            curves.extend(accuracy);
        }
        let curves: Vec<(&str, f64)> = curves.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        events.add(progress.step, &curves)
    }

    fn tell(
        &self,
        progress: &Progress,
        loss: f64,
        images_a_second: f64,
        figures: &[(PathBuf, Figures)],
        is_best: bool,
    ) -> Result<()> {
        if self.json {
            let sets: Vec<_> = figures.iter().map(|(data, f)| json!({"data": data, "figures": f})).collect();
            let line = json!({
                "epoch": progress.epoch, "step": progress.step, "loss": loss, "images_a_second": images_a_second,
                "skipped_steps": progress.skipped, "broken_pictures": self.data.broken(), "best": is_best,
                "validation": sets,
            });
            println!("{line}");
            return Ok(());
        }
        let epochs = self.lesson.settings.schedule.epochs;
        print!("epoch {}/{epochs}  loss {loss:.3}  {images_a_second:.0} images/s", progress.epoch);
        for (path, figures) in figures {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            print!("  {name}: EER {:.2} %", figures.eer);
            if let Some(accuracy) = &figures.accuracy {
                print!(", accuracy {:.2} %", accuracy.mean);
            }
        }
        if progress.skipped > 0 {
            print!("  {} steps left out", progress.skipped);
        }
        println!("{}", if is_best { "  best" } else { "" });
        Ok(())
    }
}
