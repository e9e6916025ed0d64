//! The model card: description, training and accuracy of an exported network.

use std::fmt::{self, Write as _};

use super::accuracy::{MeasuredAccuracy, SetAccuracy};
use super::{NO_ASSERTION, Origin};
use crate::net::{Architecture, Layer, Role};

/// File name of the card.
pub const FILE: &str = "model.md";

/// The contents of a card.
pub struct Card<'a> {
    /// Base name of the files.
    pub name: &'a str,
    pub architecture: Architecture,
    pub origin: &'a Origin,
    /// As the owner describes it.
    pub training_data: Option<&'a str>,
    /// Mean cosine of 8-bit embeddings to float embeddings, over the calibration pictures; `None` without an 8-bit file.
    pub int8: Option<f64>,
    pub measured: &'a [MeasuredAccuracy],
}

impl Card<'_> {
    /// The text in Markdown.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let Self { name, architecture, origin, .. } = self;
        let embedding = architecture.embedding();
        let files = if self.int8.is_some() {
            format!("{name}.onnx, {name}-int8.onnx")
        } else {
            format!("{name}.onnx")
        };
        let mut text = format!("# {architecture}: {files}\n\n");
        writeln!(
            text,
            "**Purpose.** Converts an aligned face of 112x112 pixels to an embedding of {embedding} numbers. The cosine between \
             two embeddings is compared with a threshold.\n"
        )?;
        writeln!(
            text,
            "**Architecture.** {architecture} ({paper}), {trainable} parameters. The input is RGB as `(p - 127.5) / 128`. Batch \
             norms are folded into neighboring layers if this does not change the result.\n",
            paper = paper(architecture),
            trainable = trainable(architecture)
        )?;
        writeln!(
            text,
            "**Origin.** Made by `ostiary-trainer export` {} from {} (SHA-256 {}). License: {}. Copyright: {}.\n",
            env!("CARGO_PKG_VERSION"),
            origin.file,
            origin.sha256,
            stated(&origin.license),
            stated(&origin.copyright)
        )?;
        match self.int8 {
            Some(cosine) => writeln!(
                text,
                "**8 bits.** `{name}-int8.onnx` is the same network, quantized as by `ostiary-trainer quantize --pixels`; its input \
                 is pixels. Mean cosine to the float model over the calibration pictures: {cosine:.4}.\n"
            )?,
            None => writeln!(text, "**8 bits.** Not made: a door computes in floats.\n")?,
        }
        self.training(&mut text)?;
        self.accuracy(&mut text)?;
        writeln!(
            text,
            "**Golden embedding.** `golden` in the manifest is the embedding of a computed pattern, not of a face. `ostiary \
             doctor` checks that the processor gives the same.\n\n\
             **The other networks** in this folder detect faces. They are unchanged copies; the manifest has their origin.\n\n\
             **Limits.** One threshold does not give the same error rates for every population. The calibration has the \
             strictest threshold that a measured set needs; other cameras and people can need a stricter one. The model does not \
             distinguish a printed face from a live one."
        )?;
        Ok(text)
    }

    fn training(&self, text: &mut String) -> fmt::Result {
        let said = self.training_data.unwrap_or("Not stated.");
        writeln!(text, "**Training data, as stated by the owner.** {said}\n")?;
        match &self.origin.run {
            Some(run) => writeln!(text, "**Training settings.**\n\n```toml\n{}\n```\n", run.trim()),
            None => Ok(()),
        }
    }

    fn accuracy(&self, text: &mut String) -> fmt::Result {
        if self.measured.is_empty() {
            return writeln!(
                text,
                "**Accuracy.** Not measured, so there is no calibration, and doors use a strict threshold. Export it again with \
                 `--people`.\n"
            );
        }
        writeln!(text, "**Accuracy**, measured with the door's own engine:\n")?;
        writeln!(text, "| set | people | pictures | precision | EER | TAR at FAR 0.1 % | threshold |")?;
        writeln!(text, "|---|---|---|---|---|---|---|")?;
        for MeasuredAccuracy { precision, sets, .. } in self.measured {
            for SetAccuracy { set, people, pictures, eer, tar, threshold } in sets {
                writeln!(
                    text,
                    "| {set} | {people} | {pictures} | {precision} | {eer:.2} % | {tar:.2} % | {threshold:.3} |"
                )?;
            }
        }
        for MeasuredAccuracy { precision, calibrated, .. } in self.measured {
            writeln!(text, "\n**Calibration**, {precision}. {}", calibrated.text())?;
        }
        Ok(())
    }
}

fn paper(architecture: &Architecture) -> &'static str {
    match architecture {
        Architecture::MobileFaceNet { .. } => "Chen, Liu, Gao, Han: MobileFaceNets, 2018",
        Architecture::Ir { squeeze: false, .. } => "Deng et al.: ArcFace, 2019",
        Architecture::Ir { squeeze: true, .. } => {
            "Deng et al.: ArcFace, 2019; Hu et al.: Squeeze-and-Excitation Networks, 2018"
        }
    }
}

fn trainable(architecture: &Architecture) -> usize {
    let parameters = Layer::parameters(&architecture.layers());
    let trainable = parameters.iter().filter(|p| !matches!(p.role, Role::Mean | Role::Variance));
    trainable.map(|p| p.shape.iter().product::<usize>()).sum()
}

fn stated(given: &str) -> &str {
    if given == NO_ASSERTION { "not stated" } else { given }
}
