//! The card that lies beside the models: what they are, what is known of their training, how well they do.

use std::fmt::{self, Write as _};

use super::measured::{Figures, Measured};
use super::{NO_ASSERTION, Origin};
use crate::net::{Architecture, Layer, Role};

/// The name of the card.
pub const FILE: &str = "model.md";

/// What a card says.
pub struct Card<'a> {
    pub name: &'a str,
    pub architecture: Architecture,
    pub origin: &'a Origin,
    /// As its owner states it.
    pub training_data: Option<&'a str>,
    /// The mean cosine of the 8-bit embeddings to the float ones, over the pictures of calibration.
    pub int8: Option<f64>,
    pub measured: &'a [Measured],
}

impl Card<'_> {
    /// The text.
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
            "**What it does.** Turns an aligned 112x112 face into {embedding} numbers whose direction says who it is. The \
             cosine between two faces is compared with a threshold.\n"
        )?;
        writeln!(
            text,
            "**Architecture.** {architecture} ({paper}), {learnt} numbers learnt. It takes RGB as `(p - 127.5) / 128`. Batch \
             norms are multiplied into the layers beside them where that changes nothing.\n",
            paper = paper(architecture),
            learnt = learnt(architecture)
        )?;
        writeln!(
            text,
            "**Origin.** `ostiary-trainer export` {} made it of {} (SHA-256 {}). Licence: {}. Copyright: {}.\n",
            env!("CARGO_PKG_VERSION"),
            origin.file,
            origin.sha256,
            stated(&origin.licence),
            stated(&origin.copyright)
        )?;
        match self.int8 {
            Some(cosine) => writeln!(
                text,
                "**In 8 bits.** `{name}-int8.onnx` is the same network quantised as by `ostiary-trainer quantize --pixels`, \
                 with the pixels as input. Cosine to the float model over the pictures of calibration: {cosine:.4} on \
                 average.\n"
            )?,
            None => writeln!(text, "**In 8 bits.** Not made: a door computes it in floats.\n")?,
        }
        self.training(&mut text)?;
        self.accuracy(&mut text)?;
        writeln!(
            text,
            "**Golden embedding.** `golden` in the manifest is what each file makes of a computed pattern, not of a face. \
             `ostiary doctor` holds the processor to it.\n\n\
             **The other networks** in this folder find faces. They are copied as they were; the manifest has their origin.\n\n\
             **Limits.** One threshold does not hold the same false accept rate on every population. The table takes the \
             worst of the sets measured; a camera or people unlike them can need a higher one. It does not know a printed \
             face from a live one."
        )?;
        Ok(text)
    }

    fn training(&self, text: &mut String) -> fmt::Result {
        let said = self.training_data.unwrap_or("Its owner has not said what it learnt from.");
        writeln!(text, "**Training data, as its owner states it.** {said}\n")?;
        match &self.origin.run {
            Some(run) => writeln!(text, "**How it was trained.**\n\n```toml\n{}\n```\n", run.trim()),
            None => Ok(()),
        }
    }

    fn accuracy(&self, text: &mut String) -> fmt::Result {
        if self.measured.is_empty() {
            return writeln!(
                text,
                "**Accuracy.** Not measured, and so there is no table of thresholds: no door takes it. Export it again with \
                 `--far-data`.\n"
            );
        }
        writeln!(text, "**Accuracy**, by the door's own engine:\n")?;
        writeln!(text, "| set | people | pictures | in | EER | TAR at FAR 0.1 % | its threshold |")?;
        writeln!(text, "|---|---|---|---|---|---|---|")?;
        for Measured { precision, sets, .. } in self.measured {
            for Figures { set, people, pictures, eer, tar, threshold } in sets {
                writeln!(
                    text,
                    "| {set} | {people} | {pictures} | {precision} | {eer:.2} % | {tar:.2} % | {threshold:.3} |"
                )?;
            }
        }
        writeln!(
            text,
            "\nThe manifest's table has, for each false accept rate that the sets support, the strictest threshold that any of \
             them needed.\n"
        )
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

fn learnt(architecture: &Architecture) -> usize {
    let parameters = Layer::parameters(&architecture.layers());
    let learnt = parameters.iter().filter(|p| !matches!(p.role, Role::Mean | Role::Variance));
    learnt.map(|p| p.shape.iter().product::<usize>()).sum()
}

fn stated(given: &str) -> &str {
    if given == NO_ASSERTION { "not stated" } else { given }
}
