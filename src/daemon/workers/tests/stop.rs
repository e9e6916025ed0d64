//! The end of the daemon: the relay at rest, and no event lost.

use super::*;

#[test]
fn denials_of_strangers_that_repeat_are_one_event_and_none_is_lost_at_a_stop() {
    let mut door = TestDoor::with(Failure::None);
    for _ in 0..113 {
        door.decide(Outcome::Denied(DenialReason::LowQuality));
        thread::sleep(Duration::from_millis(1));
    }
    door.wait_for("denial", |door| door.kinds().contains(&EventName::Denied));
    door.workers.end(&Ok(()));
    let events = door.events.0.lock().unwrap();
    let denials = events.iter().filter_map(|event| match &event.kind {
        EventKind::Denied(Denial::Repeated { reason, count, .. }) => Some((*reason, *count)),
        EventKind::Denied(Denial::Face { reason, .. }) => Some((*reason, 1)),
        _ => None,
    });
    let denials: Vec<_> = denials.collect();
    assert_eq!(denials.iter().map(|(_, count)| count).sum::<u32>(), 113, "{denials:?}");
    // Events of the camera may come between them.
    assert!(denials.len() <= 6, "{denials:?}");
}

#[test]
fn a_stop_leaves_the_relay_at_rest_and_stores_all_events() {
    let mut door = TestDoor::with(Failure::None);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    // The camera is not plugged in, which its thread reports at some time.
    door.wait_for("loss", |door| door.kinds().contains(&EventName::CameraLost));
    door.workers.end(&Ok(()));
    assert_eq!(door.relay.levels(), [true, false]);
    let kinds = door.kinds();
    let wanted = [
        EventName::RelayOn,
        EventName::Granted,
        EventName::CameraLost,
        EventName::RelayOff,
        EventName::Stopped,
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&EventName::Stopped));
}
