//! One look at a frame: from pixels to whom each face in view may be.

use std::time::Duration;

use ostiary_config::{Config, QualityLimits};
use ostiary_core::{
    Candidate, Crop, Detection, Frame, MAX_FACES, ModelId, Quality, QualityFault, Similarity, TrackId,
};
use ostiary_engine::Backend;
use ostiary_facebank::Gallery;
use ostiary_models::Bundle;
use ostiary_vision::{Detector, Embedder, Tracker, VisionError, align, measure_quality};

/// Faces that are embedded in one frame at most; where there are more good ones, they take turns.
const EMBEDDED_A_FRAME: usize = 4;

/// Detector, tracker, embedder and gallery, with all their buffers: what the vision thread works with, and
/// whoever wants to see what the door would see.
pub struct Eye {
    detector: Detector,
    tracker: Tracker,
    embedder: Embedder,
    backend: Backend,
    gallery: Gallery,
    limits: QualityLimits,
    /// Of the faces that are embedded in a frame, and one more to look at the others by.
    crops: [Crop; EMBEDDED_A_FRAME + 1],
    seen: heapless::Vec<Seen, MAX_FACES>,
    /// Where in the list of tracks embedding begins, so that everybody has their turn.
    turn: usize,
    detected: bool,
}

/// One face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    pub track: TrackId,
    /// The time of the track's first frame.
    pub first_seen: Duration,
    pub detection: Detection,
    pub quality: Quality,
    /// What is wrong with the face; `None` where it is good enough.
    pub fault: Option<QualityFault>,
    /// Whether it was embedded in this frame.
    pub embedded: bool,
    /// Whom it is most alike; `None` where it was not embedded or the gallery is empty.
    pub candidate: Option<Candidate>,
}

impl Eye {
    /// Loads and verifies the models. The gallery must be of the embedding model's templates.
    pub fn load(config: &Config, gallery: Gallery) -> Result<Self, VisionError> {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        let backend = Backend::new(&config.engine, &config.ort)?;
        Ok(Self {
            detector: Detector::load(&bundle, &config.detector, &backend)?,
            tracker: Tracker::new(config.detector.every),
            embedder: Embedder::load(&bundle, &config.embedder, &backend)?,
            backend,
            gallery,
            limits: config.quality.clone(),
            crops: Default::default(),
            seen: heapless::Vec::new(),
            turn: 0,
            detected: false,
        })
    }

    /// What runs the networks.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The embedding model.
    pub fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    /// The cosine threshold that holds a false accept rate.
    pub fn threshold(&self, far: f64) -> Result<Similarity, VisionError> {
        self.embedder.threshold(far)
    }

    /// Whom faces are compared with.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// Compares with others from the next frame on. The gallery must be of the embedding model's templates.
    pub fn set_gallery(&mut self, gallery: Gallery) {
        self.gallery = gallery;
    }

    /// Looks at the next frame, taken at `frame.time`: the faces in it, in no order. Does not allocate once it
    /// has seen a frame of this size, other than inside the networks.
    pub fn look(&mut self, frame: &Frame) -> Result<&[Seen], VisionError> {
        self.seen.clear();
        self.detected = self.tracker.look(frame, &mut self.detector)?;
        let tracks = self.tracker.tracks().len();
        let first = self.turn;
        // Where in `seen` those are that are embedded in this frame.
        let mut places = heapless::Vec::<usize, EMBEDDED_A_FRAME>::new();
        for place in 0..tracks {
            let index = (first + place) % tracks;
            let track = &self.tracker.tracks()[index];
            // The crop of a face that is not embedded is written over by the next.
            let crop = &mut self.crops[places.len()];
            if !track.is_seen() || !align(frame, &track.detection.landmarks, crop) {
                continue;
            }
            let detection = track.detection;
            let quality = measure_quality(&detection, crop);
            let fault = self.limits.fault(&quality);
            if fault.is_none() && places.push(self.seen.len()).is_ok() {
                self.turn = index + 1;
            }
            // There is room: a face a track, and as many of both.
            let _ = self.seen.push(Seen {
                track: track.id,
                first_seen: track.first_seen,
                detection,
                quality,
                fault,
                embedded: false,
                candidate: None,
            });
        }
        let Self { embedder, gallery, tracker, seen, crops, .. } = self;
        embedder.embed_all(&crops[..places.len()], |number, embedding| {
            let seen = &mut seen[places[number]];
            seen.embedded = true;
            seen.candidate = gallery.best(&embedding);
            if let Some(fresh) = tracker.embedded(seen.track, frame.time, &embedding) {
                seen.track = fresh;
                seen.first_seen = frame.time;
            }
        })?;
        Ok(&self.seen)
    }

    /// What the latest look saw.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// The track that begins next.
    pub fn next_track(&self) -> TrackId {
        self.tracker.next_id()
    }

    /// Goes on naming tracks from here, so that an eye that takes over from another gives no name twice.
    pub fn begin_at(&mut self, next: TrackId) {
        self.tracker.begin_at(next);
    }

    /// Whether the latest look was a full detection.
    pub fn detected(&self) -> bool {
        self.detected
    }

    /// The tracks that ended with the latest look.
    pub fn ended(&self) -> &[TrackId] {
        self.tracker.ended()
    }
}
