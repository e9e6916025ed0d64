//! What the door looks at while nobody is there, and when somebody comes.

use std::time::Duration;

use ostiary::demo::{DemoVisit, Pace, SyntheticSource};
use ostiary_capture::{FrameSource, Next};
use ostiary_config::Config;
use ostiary_core::{Detections, Frame};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pipeline::RecognitionPipeline;
use ostiary_self_test::DEMO_VISITORS;
use ostiary_vision::Detector;

#[test]
fn an_empty_hall_is_searched_now_and_then_and_a_person_is_found_in_the_same_frame_as_by_a_detector() {
    let mut config = Config::default();
    config.models.dir = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/models").into());
    let bundle = Bundle::find(&config.models, config.engine.precision).unwrap();
    let backend = Backend::new(&config.engine, &config.ort).unwrap();
    let mut detector = Detector::load(&bundle, &config.detector, &backend).unwrap();
    let mut pipeline = RecognitionPipeline::load(&config).unwrap();
    let mut source = SyntheticSource::new(&[DemoVisit::Person(DEMO_VISITORS[1])], Pace::Unpaced).unwrap();
    let (mut frame, mut detections) = (Frame::default(), Detections::new());

    // The first frame of the demo has nobody in it.
    assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    let start = frame.time;
    let mut searched = 0;
    for number in 0..60 {
        frame.time = start + Duration::from_millis(100) * number;
        assert!(pipeline.process(&frame).unwrap().is_empty());
        searched += usize::from(pipeline.ran_full_detection());
    }
    assert!(pipeline.is_idle());
    assert_eq!(searched, 21, "in the first two seconds, and three seconds after");

    let offset = frame.time;
    for _ in 0..200 {
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        frame.time += offset;
        detector.detect(&frame, &mut detections).unwrap();
        let is_found = !pipeline.process(&frame).unwrap().is_empty();
        assert_eq!(is_found, !detections.is_empty(), "at {:?}", frame.time - offset);
        if is_found {
            assert!(!pipeline.is_idle());
            return;
        }
    }
    panic!("the person of the demo did not come");
}
