//! Threads that fail, die or hang, and a door that a fault has locked.

use super::*;

/// Causes a failure while the relay is on: the relay must go to rest and must not be switched on again.
fn check_fail_secure(failure: Failure, expected: &str) {
    let mut door = TestDoor::with(failure);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    door.camera.store(true, Ordering::SeqCst);
    if failure == Failure::Hangs {
        door.wait_for("frame taken", |door| door.shared.frames.dropped() > 0);
        // Time passes; the other threads make progress.
        for _ in 0..15 {
            door.clock.advance(Duration::from_secs(1));
            thread::sleep(Duration::from_millis(60));
        }
    }
    let why = door.wait_for_end().unwrap_err().to_string();
    assert!(why.contains(expected), "{why}");
    assert_eq!(door.relay.levels().first(), Some(&true));
    assert!(door.relay.levels()[1..].iter().all(|on| !on) && door.relay.levels().len() > 1);
    assert!(door.kinds().contains(&EventName::Locked), "{:?}", door.kinds());
    let events = door.events.0.lock().unwrap();
    let locked = events.iter().find_map(|event| match &event.kind {
        EventKind::Locked { detail } => Some(detail),
        _ => None,
    });
    assert!(locked.unwrap().contains(expected), "{locked:?}");
    assert!(events.iter().all(|event| event.id > 0), "all events are stored");
}

#[test]
fn a_vision_thread_that_panics_locks_the_door() {
    check_fail_secure(Failure::Panics, "the vision thread died: broken on purpose");
}

#[test]
fn a_vision_thread_that_fails_locks_the_door() {
    check_fail_secure(Failure::Fails, "vision failed: the model gave no usable embedding");
}

#[test]
fn a_vision_thread_that_hangs_locks_the_door() {
    check_fail_secure(Failure::Hangs, "the vision thread made no progress");
}

#[test]
fn a_locked_door_does_not_open_for_a_grant() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("a fault");
    door.wait_for("lock", |door| door.shared.is_locked());
    door.grant();
    door.wait_for("denial", |door| door.kinds().contains(&EventName::Denied));
    assert!(door.relay.levels().iter().all(|on| !on));
    let events = door.events.0.lock().unwrap().clone();
    let reason = events.iter().find_map(|event| match &event.kind {
        EventKind::Denied(Denial::Face { reason, .. }) => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Some(DenialReason::Locked));
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn an_inputs_thread_that_panics_locks_the_door() {
    let mut door = TestDoor::with(Failure::None);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    door.inputs.0.lock().unwrap().panics = true;
    let why = door.wait_for_end().unwrap_err().to_string();
    assert!(why.contains("the inputs thread died: broken on purpose"), "{why}");
    assert_eq!(door.relay.levels()[1..].iter().find(|on| **on), None);
    assert!(door.kinds().contains(&EventName::Locked));
}

#[test]
fn progress_does_not_need_inputs() {
    for has_inputs in [false, true] {
        let mut door = TestDoor::with_inputs(Failure::None, has_inputs);
        door.clock.advance(Duration::from_secs(3600));
        door.wait_for("progress of all workers", |door| door.workers.make_progress(Duration::from_secs(1)));
        assert!(door.workers.ended().is_none());
        door.workers.end(&Ok(()));
    }
}

#[test]
fn a_full_queue_of_decisions_locks_the_door() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::default());
    let shared = Arc::new(Shared::new(clock, WallClock::new(None), "door", 1000));
    while shared.door_messages.push(DoorMessage::End).is_ok() {}
    let mut processor = TestProcessor::new(Failure::None);
    processor.faces.push(TrackedFace {
        track: TrackId(1),
        first_seen: Duration::ZERO,
        detection: Detection { bbox: [0.0; 4].into(), score: 1.0, landmarks: Default::default() },
        quality: Quality::default(),
        fault: None,
        embedded: true,
        moments: 8,
        candidate: None,
        liveness: TrackLiveness::default(),
    });
    let vision_worker =
        VisionWorker::new(shared.clone(), Box::new(processor), rules(), FirstState::None, || Some(1), None);
    shared.frames.put(&mut Frame::from_rgb(1, 1, vec![0; 3]).unwrap(), Duration::ZERO);
    let why = vision_worker.run().unwrap_err().to_string();
    assert!(why.contains("queue is full"), "{why}");
    assert_eq!(shared.fault(), Some(why));
}
