//! What people are asked to do, on lamps and displays.

use super::*;

#[test]
fn a_prompt_switches_the_lamps_and_is_shown_in_the_language_until_it_ends() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.set_language(config::Language::German);
    door.ask(Some(Prompt::Turn(Direction::Left)));
    door.wait_for("prompt", |door| door.prompts() == [Some("turn_left")]);
    door.wait_for("lamp on", |door| door.lamp.levels() == [true]);
    let message = door.events.1.lock().unwrap()[0].clone();
    assert_eq!(message.door, "door");
    assert_eq!(message.prompt.unwrap().text, "Drehen Sie den Kopf nach links.");
    door.clock.advance(Duration::from_millis(60));
    door.wait_for("short pulse", |door| door.lamp.levels() == [true, false]);
    assert_eq!(
        door.shared.active_prompt(),
        Some(active(Prompt::Turn(Direction::Left))),
        "for those who watch"
    );
    door.ask(Some(Prompt::LookAtCamera));
    door.wait_for("next prompt", |door| door.lamp.levels() == [true, false, true]);
    // A newer prompt replaces one that is not shown yet.
    door.wait_for("it is shown", |door| door.prompts().len() == 2);
    door.ask(None);
    door.wait_for("end", |door| door.prompts() == [Some("turn_left"), Some("look_at_camera"), None]);
    door.wait_for("lamp off", |door| door.lamp.levels() == [true, false, true, false]);
    assert_eq!(door.shared.active_prompt(), None);
    door.workers.end(&Ok(()));
    assert_eq!(door.prompts().len(), 3, "the end is shown once");
    assert_eq!(door.kinds(), [EventName::CameraLost, EventName::Stopped], "a prompt is no event");
}

#[test]
fn a_grant_ends_the_pattern_of_a_prompt() {
    let mut door = TestDoor::with(Failure::None);
    door.ask(Some(Prompt::LookAtCamera));
    door.wait_for("lamp on", |door| door.lamp.levels() == [true]);
    door.grant();
    door.wait_for("the grant's lamp", |door| door.lamp.levels() == [true, true]);
    // The end of a prompt that is not shown yet would not be shown.
    door.wait_for("prompt", |door| door.prompts() == [Some("look_at_camera")]);
    door.ask(None);
    door.wait_for("end of the prompt", |door| door.prompts().last() == Some(&None));
    // The prompt's pulse would have ended after 0.4 s.
    door.clock.advance(Duration::from_millis(1900));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(door.lamp.levels(), [true, true]);
    door.clock.advance(Duration::from_millis(100));
    door.wait_for("lamp off", |door| door.lamp.levels() == [true, true, false]);
    door.workers.end(&Ok(()));
}

#[test]
fn a_locked_door_asks_for_nothing() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("a fault");
    door.wait_for("lock", |door| door.shared.is_locked());
    door.ask(Some(Prompt::StepBack));
    door.grant();
    // The door thread has handled both.
    door.event(EventName::Denied, 0);
    assert!(door.prompts().is_empty() && door.shared.active_prompt().is_none());
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn a_stop_and_the_loss_of_the_camera_end_what_is_asked() {
    let mut door = TestDoor::with(Failure::None);
    door.ask(Some(Prompt::StepBack));
    door.wait_for("prompt", |door| door.prompts() == [Some("step_back")]);
    door.camera.store(true, Ordering::SeqCst);
    door.event(EventName::CameraBack, 0);
    door.camera.store(false, Ordering::SeqCst);
    door.wait_for("end", |door| door.prompts() == [Some("step_back"), None]);
    door.ask(Some(Prompt::StepBack));
    door.wait_for("prompt", |door| door.prompts().len() == 3);
    door.workers.end(&Ok(()));
    assert_eq!(door.prompts(), [Some("step_back"), None, Some("step_back"), None]);
}
