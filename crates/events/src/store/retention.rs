//! How long events are kept: grants by age, all others by number, so that no number of denials replaces a grant.

use jiff::{SignedDuration, Timestamp};
use ostiary_config as config;
use rusqlite::{Connection, params};

use super::category::Category;
use super::counters::{add_to_counter, counter};

/// The most grants that are kept, however new they are. With the moments of its decision a grant takes up to 4.5 kB: 450 MB.
const MAX_GRANTS: u64 = 100_000;
/// The most grants that one new event removes for their age. A clock that is wrong for a while must not empty the record.
const GRANTS_AT_ONCE: usize = 2;
/// The most grants that are looked at for their age.
const GRANTS_SEARCHED: u32 = 1000;

/// How long events are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    /// The most events other than grants.
    others: u64,
    /// The age up to which grants are kept.
    grants_age: SignedDuration,
}

impl Retention {
    pub fn new(config: &config::Events) -> Self {
        let grants_age = SignedDuration::from_hours(24 * i64::from(config.keep_grants_days));
        Self { others: u64::from(config.keep.max(1)), grants_age }
    }

    /// Removes what is not kept any longer, the oldest first. `now` is the time of the newest event.
    pub fn apply(&self, connection: &Connection, now: Timestamp) -> Result<(), rusqlite::Error> {
        for (category, most) in [(Category::Other, self.others), (Category::Grant, MAX_GRANTS)] {
            let excess = counter(connection, counter_of(category))?.saturating_sub(most);
            if excess > 0 {
                remove_oldest(connection, category, excess)?;
            }
        }
        let expired = self.expired_grants(connection, now)?;
        if expired > 0 {
            remove_oldest(connection, Category::Grant, expired as u64)?;
        }
        Ok(())
    }

    /// The number of grants, of the oldest ones, that are removed for their age. A grant whose time is in the future, or cannot
    /// be read, is older than those after it: it is removed with them, and does not keep them.
    fn expired_grants(&self, connection: &Connection, now: Timestamp) -> Result<usize, rusqlite::Error> {
        let mut statement = connection.prepare_cached(
            "SELECT CASE WHEN json_valid(json) THEN json ->> 'time' END FROM events
             WHERE category = ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query(params![Category::Grant.number(), GRANTS_SEARCHED])?;
        let (mut number, mut expired) = (0, 0);
        while let Some(row) = rows.next()?
            && expired < GRANTS_AT_ONCE
        {
            number += 1;
            let time = row.get_ref(0)?.as_str_or_null().ok().flatten();
            match time.and_then(|time| time.parse::<Timestamp>().ok()) {
                Some(time) if now.duration_since(time) > self.grants_age => expired = number,
                Some(time) if time <= now => break,
                _ => {}
            }
        }
        Ok(expired.min(GRANTS_AT_ONCE))
    }
}

/// Counts one more event.
pub(super) fn count(connection: &Connection, category: Category) -> Result<(), rusqlite::Error> {
    add_to_counter(connection, counter_of(category), 1)
}

/// Counts all events again, inside a transaction of the caller.
pub(super) fn recount(connection: &Connection) -> Result<(), rusqlite::Error> {
    for category in [Category::Other, Category::Grant] {
        let count: i64 = connection.query_row(
            "SELECT count(*) FROM events WHERE category = ?1",
            [category.number()],
            |row| row.get(0),
        )?;
        let name = counter_of(category);
        connection.execute("DELETE FROM counters WHERE name = ?1", [name])?;
        add_to_counter(connection, name, count)?;
    }
    Ok(())
}

fn remove_oldest(connection: &Connection, category: Category, number: u64) -> Result<(), rusqlite::Error> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE category = ?1 ORDER BY id LIMIT ?2)",
        )?
        .execute(params![category.number(), i64::try_from(number).unwrap_or(i64::MAX)])?;
    add_to_counter(connection, counter_of(category), -i64::try_from(removed).unwrap_or(i64::MAX))
}

fn counter_of(category: Category) -> &'static str {
    match category {
        Category::Other => "other_events",
        Category::Grant => "grants",
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventStore;
    use super::*;
    use crate::{Denial, Event, EventKind, Grant};

    fn store(folder: &std::path::Path, keep: u32, keep_grants_days: u32) -> EventStore {
        let path = folder.join("events.sqlite");
        let config = config::Events { path, keep, keep_grants_days, ..config::Events::default() };
        EventStore::open(&config, false).unwrap()
    }

    fn append(store: &mut EventStore, kind: EventKind, day: i64) {
        let time = Timestamp::from_second(day * 24 * 3600).unwrap();
        store.append(&mut Event::new(kind, time, "front")).unwrap();
    }

    fn granted() -> EventKind {
        EventKind::Granted(Grant::ExitButton)
    }

    fn denied() -> EventKind {
        EventKind::Denied(Denial::ExitButton)
    }

    fn ids(store: &EventStore) -> Vec<u64> {
        store.latest(1000).unwrap().iter().map(|event| event.id).collect()
    }

    #[test]
    fn denials_do_not_replace_grants() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), 3, 90);
        append(&mut store, granted(), 0);
        append(&mut store, granted(), 0);
        for _ in 0..50 {
            append(&mut store, denied(), 0);
        }
        assert_eq!(ids(&store), [1, 2, 50, 51, 52]);
        drop(store);
        // A smaller number after a restart, which counts again.
        let mut store = super::tests::store(folder.path(), 2, 90);
        append(&mut store, denied(), 0);
        assert_eq!(ids(&store), [1, 2, 52, 53]);
    }

    #[test]
    fn grants_are_removed_by_their_age_a_few_at_each_event() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), 100, 10);
        for day in 0..6 {
            append(&mut store, granted(), day);
        }
        assert_eq!(ids(&store).len(), 6);
        append(&mut store, denied(), 11);
        assert_eq!(ids(&store), [2, 3, 4, 5, 6, 7], "the first is older than ten days");
        // A clock that is wrong for a while does not empty the record.
        append(&mut store, denied(), 20_000);
        assert_eq!(ids(&store), [4, 5, 6, 7, 8]);
        append(&mut store, denied(), 12);
        assert_eq!(ids(&store), [4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn grants_of_the_future_do_not_keep_those_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), 100, 10);
        // The clock was wrong for three grants.
        for day in [20_000, 20_000, 20_000, 1, 2, 15] {
            append(&mut store, granted(), day);
        }
        assert_eq!(ids(&store), [3, 4, 5, 6], "the last one has removed two");
        append(&mut store, denied(), 15);
        assert_eq!(ids(&store), [5, 6, 7]);
        append(&mut store, denied(), 15);
        assert_eq!(ids(&store), [6, 7, 8], "a grant of day 15 stays");
        append(&mut store, denied(), 15);
        assert_eq!(ids(&store), [6, 7, 8, 9]);
        assert_eq!(store.verify_trail(None, None).unwrap().fault, None);
    }
}
