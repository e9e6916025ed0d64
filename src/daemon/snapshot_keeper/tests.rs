//! The pictures of strangers that are kept, with a clock and a record that the tests set.

use std::cell::RefCell;
use std::path::PathBuf;

use jiff::SignedDuration;
use ostiary_access::DenialReason;
use ostiary_core::clock::build_time;
use ostiary_events::{Denial, Evidence};
use ostiary_testkit::evidence;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A keeper with its folder and a record of events.
struct Door {
    _folder: tempfile::TempDir,
    path: PathBuf,
    keeper: SnapshotKeeper,
    slots: SnapshotSlots,
    events: RefCell<Vec<Event>>,
    days: u32,
    now: Duration,
    clock: Option<Timestamp>,
}

impl Door {
    fn new(days: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        let keeper = SnapshotKeeper::new(SnapshotStore::beside(&path));
        let clock = Some(build_time() + SignedDuration::from_hours(24));
        let (slots, events) = (SnapshotSlots::default(), RefCell::default());
        Self { _folder: folder, path, keeper, slots, events, days, now: SECOND, clock }
    }

    fn store(&self) -> SnapshotStore {
        SnapshotStore::beside(&self.path)
    }

    fn ids(&self) -> Vec<u64> {
        self.store().list().unwrap().iter().map(|snapshot| snapshot.event).collect()
    }

    /// The vision thread leaves the picture of a track.
    fn picture(&self, track: u64) {
        self.slots.put(TrackId(track), &mut Frame::from_rgb(8, 8, vec![100; 192]).unwrap());
    }

    fn record(&mut self, kind: EventKind) {
        let id = self.events.borrow().len() as u64 + 1;
        let event = Event { id, ..Event::new(kind, self.clock.unwrap_or_default(), "front") };
        self.keeper.recorded(&event, self.now);
        self.events.borrow_mut().push(event);
    }

    fn stranger(&mut self, track: u64) {
        let evidence = Evidence { track: TrackId(track), ..evidence() };
        let reason = DenialReason::Unknown;
        self.record(EventKind::Denied(Denial::Face { reason, person: None, evidence, detail: None }));
    }

    fn tick(&mut self, after: Duration) {
        self.tick_at(after, false);
        // One picture is deleted at a time.
        while !self.keeper.doomed.is_empty() {
            self.tick_at(Duration::ZERO, false);
        }
    }

    fn tick_at(&mut self, after: Duration, is_end: bool) {
        self.now += after;
        self.clock = self.clock.map(|clock| clock + SignedDuration::try_from(after).unwrap());
        let (events, clock) = (&self.events, self.clock);
        let find = |id| Ok(events.borrow().iter().find(|event| event.id == id).cloned());
        self.keeper.tick(&self.slots, self.days, (self.now, || clock), &find, is_end);
    }

    /// A visit of a stranger, long enough ago that the picture is stored.
    fn visit(&mut self, track: u64) {
        self.stranger(track);
        self.picture(track);
        self.tick(Duration::ZERO);
        self.tick(4 * SECOND);
    }
}

#[test]
fn a_picture_is_stored_with_the_id_of_its_event_which_may_come_later() {
    let mut door = Door::new(7);
    door.stranger(1);
    door.picture(1);
    door.tick(SECOND);
    assert_eq!(door.ids(), [] as [u64; 0], "the person may be recognized at the second attempt");
    door.tick(3 * SECOND);
    door.tick(SECOND);
    assert_eq!(door.ids(), [1]);
    let (_, jpeg) = door.store().read(1).unwrap();
    assert_eq!(image::load_from_memory(&jpeg).unwrap().width(), 8);

    // A minute's refusals become one event, with the track of one of them.
    [2, 3].iter().for_each(|track| door.picture(*track));
    door.tick(60 * SECOND);
    door.stranger(3);
    door.tick(SECOND);
    door.tick(4 * SECOND);
    assert_eq!(door.ids(), [1, 2]);
    door.tick(EVENT_WAIT);
    assert!(door.keeper.waiting.is_empty());

    // At the end nothing waits.
    door.picture(4);
    door.stranger(4);
    door.tick_at(Duration::ZERO, true);
    assert_eq!(door.ids(), [1, 2, 3]);
}

#[test]
fn an_enrolled_person_who_is_recognized_at_the_second_attempt_leaves_no_picture() {
    let mut door = Door::new(7);
    door.stranger(1);
    door.picture(1);
    door.tick(SECOND);
    door.record(EventKind::Granted(Grant::Face { person: Some("Ann".into()), evidence: evidence() }));
    door.tick(10 * SECOND);
    assert_eq!(door.ids(), [] as [u64; 0]);
}

#[test]
fn days_that_are_over_and_a_key_that_is_turned_off_delete_pictures() {
    let mut door = Door::new(7);
    door.visit(1);
    door.tick(5 * 24 * 3600 * SECOND);
    door.visit(2);
    assert_eq!(door.ids(), [1, 2]);
    door.tick(2 * 24 * 3600 * SECOND);
    assert_eq!(door.ids(), [2]);
    // After a restart, with a clock that cannot be right.
    door.keeper = SnapshotKeeper::new(door.store());
    door.clock = None;
    door.tick(SECOND);
    assert_eq!(door.ids(), [2]);
    door.days = 0;
    door.tick(SECOND);
    assert!(!door.store().folder().exists());
    door.visit(3);
    assert!(!door.store().folder().exists(), "no picture is kept any longer");
}

#[test]
fn a_picture_without_its_event_is_deleted() {
    let mut door = Door::new(7);
    for track in 1..=4 {
        door.visit(track);
    }
    {
        let mut events = door.events.borrow_mut();
        events[0].kind = EventKind::Erased;
        // The record was replaced by one whose event 2 is another one.
        events[1].time += SignedDuration::from_secs(5);
        events.truncate(3);
    }
    door.tick(SWEEP_INTERVAL);
    assert_eq!(door.ids(), [3]);
    // A record that cannot be read says nothing.
    door.now += SWEEP_INTERVAL;
    let find = |_| Err(StoreError::NotOpen { path: "events.sqlite".into() });
    door.keeper.tick(&door.slots, 7, (door.now, || None), &find, false);
    assert_eq!(door.ids(), [3]);
}

#[test]
fn of_too_many_pictures_the_oldest_are_deleted() {
    let mut door = Door::new(7);
    for track in 1..=4 {
        door.visit(track);
    }
    let (_, jpeg) = door.store().read(1).unwrap();
    for event in 5..=MAX_SNAPSHOTS as u64 {
        let time = Timestamp::from_second(door.clock.unwrap().as_second()).unwrap();
        std::fs::write(door.store().folder().join(Snapshot { event, time }.file_name()), &jpeg).unwrap();
    }
    assert_eq!(door.ids().len(), MAX_SNAPSHOTS);
    door.events.borrow_mut().resize(MAX_SNAPSHOTS, Event::new(EventKind::Stopped, Timestamp::now(), "front"));
    door.visit(9);
    assert_eq!((door.ids().len(), door.ids()[0]), (MAX_SNAPSHOTS, 2));
}

#[test]
fn a_folder_that_cannot_be_written_keeps_nothing_from_working() {
    let mut door = Door::new(7);
    std::fs::write(door.store().folder(), "no folder").unwrap();
    door.visit(1);
    assert!(door.keeper.is_failing);
    std::fs::remove_file(door.store().folder()).unwrap();
    door.visit(2);
    assert!(!door.keeper.is_failing);
    assert_eq!(door.ids(), [2]);
}
