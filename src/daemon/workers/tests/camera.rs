//! A camera that is lost, comes back, or is frozen.

use super::*;

#[test]
fn each_loss_and_return_of_the_camera_is_one_event() {
    let mut door = TestDoor::with(Failure::None);
    let count = |door: &TestDoor, kind| door.kinds().into_iter().filter(|k| *k == kind).count();
    for round in 1..=3 {
        door.camera.store(false, Ordering::SeqCst);
        door.wait_for("loss", |door| count(door, EventName::CameraLost) == round);
        door.camera.store(true, Ordering::SeqCst);
        door.wait_for("return", |door| count(door, EventName::CameraBack) == round);
    }
    assert!(door.workers.ended().is_none(), "a missing camera does not lock the door");
    door.workers.end(&Ok(()));
}

#[test]
fn a_frozen_camera_gives_no_frames_and_is_reported() {
    let mut door = TestDoor::with(Failure::None);
    door.event(EventName::CameraLost, 0);
    door.camera.store(true, Ordering::SeqCst);
    door.event(EventName::CameraBack, 0);
    let before = door.kinds().len();
    door.is_frozen.store(true, Ordering::SeqCst);
    let lost = door.event(EventName::CameraLost, before);
    let EventKind::CameraLost { detail } = &lost.kind else { panic!("{lost:?}") };
    assert!(detail.contains("frozen"), "{detail}");
    let frames = door.shared.progress.frames();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(door.shared.progress.frames(), frames, "no frame is processed");
    assert!(door.workers.ended().is_none(), "a frozen camera does not lock the door");
    door.inputs.press(Duration::ZERO);
    door.event(EventName::Granted, before);
    door.is_frozen.store(false, Ordering::SeqCst);
    door.event(EventName::CameraBack, before);
    door.wait_for("frames", |door| door.shared.progress.frames() > frames);
    door.workers.end(&Ok(()));
}

#[test]
fn the_camera_is_told_how_soon_a_frame_is_needed() {
    let mut door = TestDoor::with(Failure::None);
    assert_eq!(*door.interval.lock().unwrap(), Duration::ZERO, "the first frame at once");
    door.camera.store(true, Ordering::SeqCst);
    // Nobody is there.
    door.wait_for("a pause", |door| *door.interval.lock().unwrap() == Duration::from_millis(50));
    door.workers.end(&Ok(()));
}
