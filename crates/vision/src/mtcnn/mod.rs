//! Face detection with MTCNN: a cascade of three small networks (Zhang et al., "Joint Face Detection and Alignment Using
//! Multitask Cascaded Convolutional Networks", 2016).
//!
//! P-Net runs on a pyramid of shrunken frames and proposes boxes ([`proposal`]). R-Net rejects most of them. O-Net places the
//! remaining ones and gives the landmarks ([`refine`]). Non-maximum suppression after every stage removes overlapping boxes
//! ([`nms`]).

#![expect(
    clippy::indexing_slicing,
    reason = "indices are computed from shapes and lists that a stage has itself made or checked"
)]

mod nms;
mod proposal;
mod refine;
mod square_sampler;

use nms::{Overlap, suppress};
use ostiary_config as config;
use ostiary_core::{BBox, Detection, Detections, Frame, MAX_FACES, ModelRole, Point};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use proposal::Proposer;
use refine::Refiner;

use super::{VisionError, load_network};

/// Maximum number of boxes that go from P-Net to R-Net. If there are more, the least probable ones are left out.
const MAX_PROPOSALS: usize = 256;
/// Side of the input of R-Net, pixels.
const RNET_SIDE: usize = 24;
/// Side of the input of O-Net, pixels.
const ONET_SIDE: usize = 48;
/// Largest overlap of two boxes after R-Net and after O-Net, as in the paper's reference implementation.
const MAX_OVERLAP: f32 = 0.7;
/// Smallest distance between the eyes of a face that can be aligned, pixels.
const MIN_EYE_DISTANCE: f32 = 1.0;

/// A box in the cascade. Overlaps are measured on the window, because suppression on the regressed boxes would remove more
/// of the difficult faces.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Proposal {
    /// The part of the frame that was the input of the network.
    window: BBox,
    /// The window after bounding-box regression.
    regressed: BBox,
    /// Probability of a face, 0 to 1.
    score: f32,
}

/// The cascade with all its buffers.
pub struct Detector {
    proposer: Proposer,
    rnet: Refiner,
    onet: Refiner,
    /// Smallest score after P-Net, R-Net and O-Net.
    thresholds: [f32; 3],
    proposals: Vec<Proposal>,
    faces: Vec<Detection>,
}

impl Detector {
    /// Loads the three networks and checks their hashes and outputs.
    ///
    /// # Errors
    /// A file is missing or damaged, or a network does not fit its role.
    pub fn load(
        bundle: &Bundle,
        settings: &config::Detector,
        backend: &Backend,
    ) -> Result<Self, VisionError> {
        let load = |role| load_network(bundle, role, backend);
        Ok(Self {
            proposer: Proposer::new(load(ModelRole::PNet)?, settings.min_face as f32)?,
            rnet: Refiner::new(&load(ModelRole::RNet)?, RNET_SIDE, false)?,
            onet: Refiner::new(&load(ModelRole::ONet)?, ONET_SIDE, true)?,
            thresholds: settings.thresholds,
            proposals: Vec::with_capacity(MAX_PROPOSALS),
            faces: Vec::with_capacity(MAX_PROPOSALS),
        })
    }

    /// Finds the faces of a frame, most probable first: at most [`MAX_FACES`]. `detections` is cleared first.
    ///
    /// # Errors
    /// A network fails, or the frame cannot be resized.
    pub fn detect(&mut self, frame: &Frame, detections: &mut Detections) -> Result<(), VisionError> {
        detections.clear();
        self.proposer.propose(frame, self.thresholds[0], &mut self.proposals)?;
        self.proposals.truncate(MAX_PROPOSALS);

        self.rnet.run(frame, self.proposals.iter().map(|proposal| proposal.regressed))?;
        self.proposals.clear();
        for index in 0..self.rnet.len() {
            let detection = self.rnet.detection(index);
            if detection.score >= self.thresholds[1] {
                let (window, regressed) = (self.rnet.square(index), detection.bbox);
                self.proposals.push(Proposal { window, regressed, score: detection.score });
            }
        }
        suppress(&mut self.proposals, MAX_OVERLAP, Overlap::Union);

        self.onet.run(frame, self.proposals.iter().map(|proposal| proposal.regressed))?;
        self.faces.clear();
        for index in 0..self.onet.len() {
            self.faces.extend(self.accept_face(frame, index));
        }
        suppress(&mut self.faces, MAX_OVERLAP, Overlap::Smaller);
        self.faces.truncate(MAX_FACES);
        self.refine_landmarks(frame)?;
        detections.extend(self.faces.iter().copied());
        Ok(())
    }

    /// Runs O-Net a second time on the box of each face: if a box is misplaced, O-Net can be certain of the face and still
    /// misplace its landmarks; on its own box it does not.
    fn refine_landmarks(&mut self, frame: &Frame) -> Result<(), VisionError> {
        self.onet.run(frame, self.faces.iter().map(|face| face.bbox))?;
        for index in 0..self.onet.len() {
            if let Some(refined) = self.accept_face(frame, index) {
                self.faces[index] = refined;
            }
        }
        self.faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        Ok(())
    }

    /// Runs only O-Net on given boxes, of which at most [`MAX_FACES`] are used. `faces` is cleared and filled with one entry
    /// for each box: its face, or `None` if there is none.
    ///
    /// # Errors
    /// The network fails.
    pub fn refine(
        &mut self,
        frame: &Frame,
        boxes: &[BBox],
        faces: &mut heapless::Vec<Option<Detection>, MAX_FACES>,
    ) -> Result<(), VisionError> {
        faces.clear();
        self.onet.run(frame, boxes.iter().take(MAX_FACES).copied())?;
        faces.extend((0..self.onet.len()).map(|index| self.accept_face(frame, index)));
        Ok(())
    }

    /// The detection of O-Net in a box if its score suffices, it is inside the frame, and it can be aligned.
    fn accept_face(&self, frame: &Frame, index: usize) -> Option<Detection> {
        let detection = self.onet.detection(index);
        let eye_distance = Point::distance(detection.landmarks[0], detection.landmarks[1]);
        let is_inside = detection.bbox.intersection(&BBox::of_frame(frame)) > 0.0;
        (detection.score >= self.thresholds[2] && eye_distance > MIN_EYE_DISTANCE && is_inside)
            .then_some(detection)
    }
}
