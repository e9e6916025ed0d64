//! The pipeline for the frames of a camera or a video: detect or track, align, measure, embed, match.

use std::borrow::Cow;
use std::time::Duration;

use ostiary_config::{CameraKind, Config, LivenessLevel, QualityLimits};
use ostiary_core::{Candidate, Crop, Detection, Frame, MAX_FACES, ModelId, Quality, QualityFault, TrackId};
use ostiary_engine::Backend;
use ostiary_facebank::Gallery;
use ostiary_models::{Bundle, LivenessTest, UprightTest};
use ostiary_vision::{Detector, Embedder, LivenessNetwork, Tracker, VisionError, align, measure_quality};

use super::liveness_scores::{LivenessScores, TrackLiveness};
use super::track_template::{MOMENT_INTERVAL, TrackTemplate};
use super::{Thresholds, face_fault};

/// Maximum number of faces that are embedded in one frame. If there are more good ones, they take turns.
const MAX_EMBEDDED_FACES: usize = 4;

/// Detector, tracker, embedder and gallery with their buffers. The vision thread of the daemon and the commands that
/// process videos use it.
pub struct RecognitionPipeline {
    detector: Detector,
    tracker: Tracker,
    embedder: Embedder,
    backend: Backend,
    gallery: Gallery,
    thresholds: Thresholds,
    limits: QualityLimits,
    /// The test of upright heads, if the model has one.
    upright: Option<UprightTest>,
    /// The network for presentation attack detection, if the configuration asks for it and there is one.
    liveness: Option<LivenessNetwork>,
    /// How far back the template of a track reaches ([`Door::window`](ostiary_config::Door::window)).
    window: Duration,
    /// The templates of the tracks.
    templates: Vec<TemplateSlot>,
    /// Crops of the faces that are embedded, and one more in which the quality of the others is measured.
    crops: [Crop; MAX_EMBEDDED_FACES + 1],
    faces: heapless::Vec<TrackedFace, MAX_FACES>,
    /// Index of the track that is embedded first in the next frame: all faces take turns.
    next_turn: usize,
    ran_full_detection: bool,
}

/// The place of a track's template.
#[derive(Default)]
struct TemplateSlot {
    track: Option<TrackId>,
    template: TrackTemplate,
    /// The person that the template was most similar to at its latest moment.
    candidate: Option<Candidate>,
    /// Frame time of the latest embedding.
    embedded_at: Option<Duration>,
    liveness: LivenessScores,
}

/// One face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedFace {
    /// The track of the face.
    pub track: TrackId,
    /// Time of the first frame of the track.
    pub first_seen: Duration,
    /// Where the face is.
    pub detection: Detection,
    /// Its image quality.
    pub quality: Quality,
    /// The quality limit that the face does not meet; `None` if it meets all.
    pub fault: Option<QualityFault>,
    /// Whether the face was embedded in this frame, so that the template of the track has a new moment.
    pub embedded: bool,
    /// The number of moments of the template, as evidence ([`TrackTemplate::evidence`]).
    pub moments: u32,
    /// The enrolled person that the template of the track was most similar to at its latest moment; `None` if there was no
    /// moment or the gallery is empty.
    pub candidate: Option<Candidate>,
    /// What the network for presentation attack detection says of the track. It looks only at faces that match somebody.
    pub liveness: TrackLiveness,
}

impl RecognitionPipeline {
    /// Loads the models that the configuration names.
    ///
    /// # Errors
    /// The models are missing, damaged or do not fit their roles, or the backend is not available.
    pub fn load(config: &Config) -> Result<Self, VisionError> {
        Self::from_bundle(&Bundle::find(&config.models, config.engine.precision)?, config)
    }

    /// Loads the models of a bundle. The thresholds are those of `door.fpir`, or the strictest if the model does not support it
    /// ([`Thresholds::nearest`]). The gallery is empty.
    ///
    /// # Errors
    /// The models are damaged or do not fit their roles, or the backend is not available.
    pub fn from_bundle(bundle: &Bundle, config: &Config) -> Result<Self, VisionError> {
        let backend = Backend::new(&config.engine, &config.ort)?;
        let embedder = Embedder::load(bundle, &config.embedder, &backend)?;
        let calibration = embedder.entry().calibration.as_ref();
        let upright = calibration.and_then(|calibration| calibration.upright.clone());
        let (thresholds, _) = Thresholds::nearest(embedder.entry(), config.door.fpir);
        Ok(Self {
            detector: Detector::load(bundle, &config.detector, &backend)?,
            liveness: load_liveness(bundle, config, &backend)?,
            tracker: Tracker::new(config.detector.every, config.detector.min_face),
            embedder,
            backend,
            gallery: Gallery::default(),
            thresholds,
            limits: config.quality.clone(),
            upright,
            window: config.door.window(),
            templates: std::iter::repeat_with(TemplateSlot::default).take(MAX_FACES).collect(),
            crops: Default::default(),
            faces: heapless::Vec::new(),
            next_turn: 0,
            ran_full_detection: false,
        })
    }

    /// The backend that runs the networks.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The id of the embedding model.
    pub fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    /// How the network for presentation attack detection is used; `None` if there is none, or the configuration does not ask for it.
    pub fn liveness_test(&self) -> Option<&LivenessTest> {
        self.liveness.as_ref().map(LivenessNetwork::test)
    }

    /// The thresholds of the door.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The templates that faces are compared with.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// Replaces the gallery, from the next frame on. Its templates must be of the embedding model, and its thresholds set
    /// ([`Thresholds::load_gallery`]): a gallery without thresholds matches nobody.
    pub fn set_gallery(&mut self, gallery: Gallery) {
        self.gallery = gallery;
    }

    /// Processes the next frame, taken at `frame.time`. Returns its faces, in no order. Does not allocate after the first
    /// frame of a size, except inside the networks.
    ///
    /// # Errors
    /// A network fails.
    pub fn process(&mut self, frame: &Frame) -> Result<&[TrackedFace], VisionError> {
        self.faces.clear();
        self.ran_full_detection = self.tracker.update(frame, &mut self.detector)?;
        for slot in &mut self.templates {
            slot.track.take_if(|track| self.tracker.ended().contains(track));
        }
        let tracks = self.tracker.tracks().len();
        let first = self.next_turn;
        // Indices in `faces` of the faces that are embedded in this frame, in the order of `crops`.
        let mut embedded = heapless::Vec::<usize, MAX_EMBEDDED_FACES>::new();
        for offset in 0..tracks {
            let index = (first + offset) % tracks;
            // The crop of a face that is not embedded is overwritten by the next one.
            let (Some(track), Some(crop)) =
                (self.tracker.tracks().get(index), self.crops.get_mut(embedded.len()))
            else {
                continue;
            };
            if !track.is_visible() {
                continue;
            }
            let detection = track.detection;
            let Some(share_outside) = align(frame, &detection.landmarks, crop) else { continue };
            let quality = measure_quality(&detection, crop);
            let fault = face_fault(&self.limits, &quality, share_outside, crop);
            let Some(slot) = slot_of(&mut self.templates, track.id) else { continue };
            if fault.is_none() && slot.is_due(frame.time) && embedded.push(self.faces.len()).is_ok() {
                self.next_turn = index + 1;
            }
            // Cannot fail: there are at most as many faces as tracks, and both lists have the same capacity.
            let _ = self.faces.push(TrackedFace {
                track: track.id,
                first_seen: track.first_seen,
                detection,
                quality,
                fault,
                embedded: false,
                moments: slot.template.evidence(),
                candidate: slot.candidate,
                liveness: slot.liveness.liveness(),
            });
        }
        let Self { embedder, gallery, tracker, faces, crops, templates, window, upright, .. } = self;
        let crops = crops.get(..embedded.len()).unwrap_or_default();
        embedder.embed_all(crops, |number, embedding| {
            let Some(face) = embedded.get(number).and_then(|index| faces.get_mut(*index)) else { return };
            let Some(slot) = slot_of(templates, face.track) else { return };
            slot.embedded_at = Some(frame.time);
            if upright.as_ref().is_some_and(|test| !test.is_upright(&embedding)) {
                face.fault = Some(QualityFault::NotUpright);
                slot.forget_face();
                return;
            }
            if !slot.template.is_same_person(&embedding) {
                // The face of another person has a track and a template of its own.
                let Some(new_track) = tracker.restart(face.track, frame.time) else { return };
                slot.reset(new_track);
                face.track = new_track;
                face.first_seen = frame.time;
            }
            slot.template.push(frame.time, face.quality.weight(), &embedding, *window);
            slot.candidate = slot.template.mean().and_then(|mean| gallery.best(mean));
            face.embedded = true;
            face.moments = slot.template.evidence();
            face.candidate = slot.candidate;
        })?;
        self.score_liveness(frame)?;
        Ok(&self.faces)
    }

    /// Scores the liveness of one face in the frame: of those that match somebody, the one that was not scored for longest. After
    /// enough scores there is one at each moment.
    fn score_liveness(&mut self, frame: &Frame) -> Result<(), VisionError> {
        let Self { liveness: Some(network), faces, templates, window, .. } = self else { return Ok(()) };
        let is_due = |face: &TrackedFace, slot: &TemplateSlot| {
            let matches = face.candidate.is_some_and(|candidate| candidate.is_within(0.0));
            matches && face.fault.is_none() && (face.embedded || !slot.liveness.is_full())
        };
        let places = faces.iter_mut().filter_map(|face| {
            let index = templates.iter().position(|slot| slot.track == Some(face.track))?;
            let slot = templates.get(index).filter(|slot| is_due(face, slot))?;
            Some((slot.liveness.scored_at(), index, face))
        });
        let Some((_, index, face)) = places.min_by_key(|(scored_at, ..)| *scored_at) else { return Ok(()) };
        let Some(score) = network.score(frame, &face.detection.bbox)? else { return Ok(()) };
        if let Some(slot) = templates.get_mut(index) {
            slot.liveness.push(frame.time, score, *window);
            face.liveness = slot.liveness.liveness();
        }
        Ok(())
    }

    /// The faces of the latest frame.
    pub fn faces(&self) -> &[TrackedFace] {
        &self.faces
    }

    /// The id of the next new track.
    pub fn next_track_id(&self) -> TrackId {
        self.tracker.next_id()
    }

    /// Sets the id of the next new track, so that a pipeline that replaces another one uses no id twice.
    pub fn start_track_ids_at(&mut self, next: TrackId) {
        self.tracker.start_ids_at(next);
    }

    /// Whether the full detector ran on the latest frame.
    pub fn ran_full_detection(&self) -> bool {
        self.ran_full_detection
    }

    /// Whether nobody was in the latest frame, and nothing in it has changed for two seconds.
    pub fn is_idle(&self) -> bool {
        self.tracker.is_idle()
    }

    /// The tracks that ended with the latest frame.
    pub fn ended_tracks(&self) -> &[TrackId] {
        self.tracker.ended()
    }
}

impl TemplateSlot {
    /// Whether a face at this time is embedded: it is a new moment. A face that was embedded and refused is not due before either.
    fn is_due(&self, time: Duration) -> bool {
        self.embedded_at.is_none_or(|last| time.abs_diff(last) >= MOMENT_INTERVAL)
    }

    /// Forgets whose face this is and whether it is live. To be called for a face that was not compared: it may be another one.
    fn forget_face(&mut self) {
        self.candidate = None;
        self.liveness.clear();
    }

    /// Gives the place to a new track.
    fn reset(&mut self, track: TrackId) {
        self.track = Some(track);
        self.template.clear();
        self.embedded_at = None;
        self.forget_face();
    }
}

/// The network for presentation attack detection: that of the bundle, or the installed one if the bundle, which may be older, has none.
/// `None` if the configuration does not ask for it, if the camera sees near infrared, or if there is none.
fn load_liveness(
    bundle: &Bundle,
    config: &Config,
    backend: &Backend,
) -> Result<Option<LivenessNetwork>, VisionError> {
    if config.liveness.level() == LivenessLevel::Off || config.camera.kind == CameraKind::Nir {
        return Ok(None);
    }
    let Some(source) = bundle.with_liveness() else { return Ok(None) };
    if let Cow::Owned(installed) = &source {
        log::warn!(
            "the models in {} have no network for liveness: the installed one in {} is used",
            bundle.folder().display(),
            installed.folder().display()
        );
    }
    LivenessNetwork::load(&source, backend)
}

/// The place of a track's template, an empty one if the track is new. `None` if there is no room, which cannot happen: there are
/// as many places as tracks.
fn slot_of(slots: &mut [TemplateSlot], track: TrackId) -> Option<&mut TemplateSlot> {
    if let Some(index) = slots.iter().position(|slot| slot.track == Some(track)) {
        return slots.get_mut(index);
    }
    let slot = slots.iter_mut().find(|slot| slot.track.is_none())?;
    slot.reset(track);
    Some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_that_was_not_compared_has_no_person_and_no_scores() {
        let mut slot = TemplateSlot::default();
        for time in 0..5 {
            let score = ostiary_vision::LivenessScore { live: 0.9, scale: 2.7 };
            slot.liveness.push(Duration::from_millis(time), score, Duration::from_secs(2));
        }
        slot.candidate = ostiary_core::Candidate::from_scores([
            Some(ostiary_core::Score {
                person: ostiary_core::PersonId(1),
                similarity: ostiary_core::Similarity(0.9),
                cosine: ostiary_core::Similarity(0.9),
                threshold: ostiary_core::Similarity(0.4),
                photos: 1,
            }),
            None,
            None,
        ]);
        assert_eq!(slot.liveness.liveness().score, Some(0.9));
        slot.forget_face();
        assert_eq!((slot.candidate, slot.liveness.liveness()), (None, TrackLiveness::default()));
    }

    #[test]
    fn frames_within_the_interval_are_one_moment() {
        let ms = Duration::from_millis;
        let mut slot = TemplateSlot::default();
        assert!(slot.is_due(ms(0)));
        slot.embedded_at = Some(ms(1000));
        assert!(!slot.is_due(ms(1149)) && slot.is_due(ms(1150)));
        assert!(slot.is_due(ms(850)), "a time that goes back is a new moment");
    }
}
