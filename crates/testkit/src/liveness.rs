//! Values of presentation attack detection.

use ostiary_access::{Access, LivenessEvidence, NetworkRules, Step};
use ostiary_config::{CameraKind, LivenessLevel};
use ostiary_events::{TestCamera, TestConditions};

/// A moment of a face that may come in, of which this is known.
pub fn moment(liveness: LivenessEvidence) -> Step {
    Step {
        at_ms: 400,
        weight: 1.0,
        moments: 3,
        unblocked: 3,
        since_grant_ms: None,
        is_same_visit: false,
        access: Access::Allowed,
        liveness,
        scores: [None; 3],
        reported: None,
    }
}

/// The conditions of a test of liveness at a door at the level passive.
pub fn test_conditions() -> TestConditions {
    TestConditions {
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
    }
}
