//! Events for the tests of this crate.

use std::time::Duration;

use ostiary_access::NetworkRules;
use ostiary_config::{CameraKind, LivenessLevel};
use ostiary_core::{ModelId, Quality, Similarity, TrackId};

use super::{
    AttackCount, AttackKind, Event, EventKind, Evidence, LivenessReport, TestCamera, TestConditions,
    VisitCount, VisitTime,
};

/// An event at the start of 1970.
pub fn event(kind: EventKind) -> Event {
    Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front")
}

/// What a decision about a face with similarity 0.71 rests on.
pub fn evidence() -> Evidence {
    Evidence {
        track: TrackId(3),
        similarity: Some(Similarity(0.71)),
        cosine: Some(Similarity(0.84)),
        second: Some(Similarity(0.1)),
        threshold: Some(Similarity(0.56)),
        quality: Quality { size: 120.1, sharpness: 88.25, exposure: 0.3, yaw: -12.7, pitch: 4.0, roll: 0.1 },
        faces_in_view: 2,
        frames: 3,
        latency: Duration::from_millis(213),
        model: ModelId("0123456789abcdef".into()),
        visit: None,
    }
}

/// What a test of liveness counted.
pub fn liveness_report() -> LivenessReport {
    LivenessReport {
        conditions: TestConditions {
            level: LivenessLevel::Passive,
            steps: None,
            network: NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 2.0 },
            liveness_model: Some("fedcba9876543210".into()),
            embedder: "0123456789abcdef".into(),
            detector: ["1111111111111111", "2222222222222222", "3333333333333333"].map(str::to_owned),
            camera: TestCamera {
                source: "/dev/video0".into(),
                kind: CameraKind::Color,
                width: 640,
                height: 480,
                rotate: 0,
                mirror: false,
                region: None,
            },
        },
        attacks: vec![
            AttackCount { kind: AttackKind::SmallPrint, presentations: 20, let_in: 0 },
            AttackCount { kind: AttackKind::LargePrint, presentations: 20, let_in: 3 },
        ],
        visits: vec![VisitCount { time: VisitTime::Day, visits: 20, refused: 1 }],
        is_complete: true,
    }
}
