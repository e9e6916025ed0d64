//! Finding faces: MTCNN, three small networks in a cascade (Zhang et al., "Joint Face Detection and Alignment
//! Using Multitask Cascaded Convolutional Networks", 2016).
//!
//! P-Net slides over a pyramid of shrunken frames and proposes boxes ([`proposal`]), R-Net throws most of them
//! away, O-Net places what remains and gives the landmarks ([`refine`]). Overlapping boxes are thinned out
//! after every stage ([`nms`]).

mod nms;
mod proposal;
mod refine;
mod square;

use nms::{Overlap, suppress};
use ostiary_config as config;
use ostiary_core::{BBox, Detection, Detections, Frame, MAX_FACES, Point};
use ostiary_engine::{Backend, Onnx};
use ostiary_models::Bundle;
use proposal::Proposer;
use refine::Refiner;

use super::VisionError;

/// The most boxes that go from P-Net to R-Net; the least probable beyond that are left out.
const MAX_PROPOSALS: usize = 256;

/// A box on its way through the cascade: as the network looked at it, which is what overlaps are measured on,
/// and as the network would move it. Thinning out the moved boxes would throw away more of the hard faces.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    bbox: BBox,
    moved: BBox,
    score: f32,
}

/// The cascade, with all its buffers.
pub struct Detector {
    proposer: Proposer,
    rnet: Refiner,
    onet: Refiner,
    thresholds: [f32; 3],
    proposals: Vec<Candidate>,
    faces: Vec<Detection>,
}

impl Detector {
    /// Loads and verifies the three networks.
    pub fn load(
        bundle: &Bundle,
        settings: &config::Detector,
        backend: &Backend,
    ) -> Result<Self, VisionError> {
        let load = |role: &str| -> Result<Onnx, VisionError> {
            let bytes = bundle.read(role)?;
            let path = bundle.path(role)?.display().to_string();
            Ok(Onnx::parse(&path, &bytes, &bundle.entry(role)?.input, backend)?)
        };
        Ok(Self {
            proposer: Proposer::new(load("pnet")?, settings.min_face as f32)?,
            rnet: Refiner::new(&load("rnet")?, 24, false)?,
            onet: Refiner::new(&load("onet")?, 48, true)?,
            thresholds: settings.thresholds,
            proposals: Vec::with_capacity(MAX_PROPOSALS),
            faces: Vec::with_capacity(MAX_PROPOSALS),
        })
    }

    /// Finds all faces of the frame, most probable first.
    pub fn detect(&mut self, frame: &Frame, found: &mut Detections) -> Result<(), VisionError> {
        found.clear();
        self.proposer.propose(frame, self.thresholds[0], &mut self.proposals)?;
        self.proposals.truncate(MAX_PROPOSALS);

        self.rnet.run(frame, self.proposals.iter().map(|proposal| proposal.moved))?;
        self.proposals.clear();
        for index in 0..self.rnet.len() {
            let seen = self.rnet.seen(index);
            if seen.score >= self.thresholds[1] {
                let (bbox, moved) = (self.rnet.square(index), seen.bbox);
                self.proposals.push(Candidate { bbox, moved, score: seen.score });
            }
        }
        suppress(&mut self.proposals, 0.7, Overlap::Union);

        self.onet.run(frame, self.proposals.iter().map(|proposal| proposal.moved))?;
        self.faces.clear();
        for index in 0..self.onet.len() {
            self.faces.extend(self.face(frame, index));
        }
        suppress(&mut self.faces, 0.7, Overlap::Smaller);
        self.faces.truncate(MAX_FACES);
        self.look_again(frame)?;
        found.extend(self.faces.iter().copied());
        Ok(())
    }

    /// Looks at every face once more where O-Net placed it: from a box that is off, O-Net can be sure of a face
    /// and still misplace its landmarks; from its own box it does not.
    fn look_again(&mut self, frame: &Frame) -> Result<(), VisionError> {
        self.onet.run(frame, self.faces.iter().map(|face| face.bbox))?;
        for index in 0..self.onet.len() {
            if let Some(better) = self.face(frame, index) {
                self.faces[index] = better;
            }
        }
        self.faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        Ok(())
    }

    /// Looks at each box with O-Net alone: the face that is there, `None` where there is none any more. As
    /// many results as boxes, of which at most [`MAX_FACES`] are looked at.
    pub fn refine(
        &mut self,
        frame: &Frame,
        boxes: &[BBox],
        found: &mut heapless::Vec<Option<Detection>, MAX_FACES>,
    ) -> Result<(), VisionError> {
        found.clear();
        self.onet.run(frame, boxes.iter().take(MAX_FACES).copied())?;
        found.extend((0..self.onet.len()).map(|index| self.face(frame, index)));
        Ok(())
    }

    /// What O-Net saw in a box, where that is a face which could be aligned.
    fn face(&self, frame: &Frame, index: usize) -> Option<Detection> {
        let seen = self.onet.seen(index);
        let eyes = Point::distance(seen.landmarks[0], seen.landmarks[1]);
        let inside = seen.bbox.intersection(&BBox::of_frame(frame)) > 0.0;
        (seen.score >= self.thresholds[2] && eyes > 1.0 && inside).then_some(seen)
    }
}
