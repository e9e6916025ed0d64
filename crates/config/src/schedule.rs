//! Who may come in when: weekly times for groups of people.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Weekday};
use ostiary_core::fold_group;

/// The hours of all groups, by the folded name of each ([`fold_group`]).
///
/// If no group has hours, groups are labels and restrict nobody. Once a group has hours, a group without hours may not
/// come in: its name may be a typing error. A person in no group may come in at any time: hours restrict groups. A group
/// with an empty list may never come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(BTreeMap<String, Vec<Span>>);

/// A time of a group that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\": {why}; hours are written \"mon-fri 08:00-18:00\", \"22:00-06:00\", \"always\" or \"never\""
)]
pub struct HoursError {
    /// The group.
    pub group: String,
    /// The text of the time.
    pub text: String,
    /// What is wrong with it.
    pub why: TimeError,
}

/// What is wrong with the text of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither `always` nor `never`, and no two times of day with a `-` between them.
    #[error("there is no range of times")]
    NoRange,
    /// A day that does not exist.
    #[error("the days are mon, tue, wed, thu, fri, sat, sun")]
    Day,
    /// A time of day that does not exist.
    #[error("a time is written HH:MM, from 00:00 to 24:00")]
    TimeOfDay,
    /// A range from 24:00 on.
    #[error("a range cannot begin at 24:00")]
    BeginsAtMidnight,
    /// A range without length: it could mean no time, or the whole day.
    #[error("the range ends as it begins")]
    Empty,
}

/// From a minute of each of some days to another minute. It is on the next day if it is not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// The days on which it begins, Monday first.
    days: [bool; 7],
    /// Minutes from midnight, begin from 0 to 1439, end from 0 to 1440.
    begin: u16,
    end: u16,
}

const DAY: u16 = 24 * 60;

impl Hours {
    /// Reads the hours of each group: a list of times. A group may come in if one of them applies.
    ///
    /// A time is `always`, `never`, or days and a range, `mon-fri 08:00-18:00`. Days are a day, a range of days that may
    /// include Sunday and Monday, or several of these with commas; without days it is every day. The range includes its
    /// begin and not its end. A range that ends no later than it begins ends on the next day.
    ///
    /// # Errors
    /// The first text that is not a time.
    pub fn parse(groups: &BTreeMap<String, Vec<String>>) -> Result<Self, HoursError> {
        let group = |(group, texts): (&String, &Vec<String>)| {
            let spans = texts.iter().filter_map(|text| {
                let error = |why| HoursError { group: group.clone(), text: text.clone(), why };
                span(text).map_err(error).transpose()
            });
            Ok((fold_group(group), spans.collect::<Result<_, _>>()?))
        };
        groups.iter().map(group).collect::<Result<_, _>>().map(Self)
    }

    /// Whether no group has hours, so that groups are labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The groups that have hours, by their folded names.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The hours of this group, if it has some; upper and lower case are the same group.
    pub fn schedule(&self, group: &str) -> Option<Schedule<'_>> {
        // The facebank has folded names, which are found without an allocation.
        let spans = self.0.get(group).or_else(|| self.0.get(&fold_group(group)));
        spans.map(|spans| Schedule(spans))
    }

    /// Whether this group has hours.
    pub fn has(&self, group: &str) -> bool {
        self.schedule(group).is_some()
    }
}

/// The hours of one group.
#[derive(Debug, Clone, Copy)]
pub struct Schedule<'a>(&'a [Span]);

impl Schedule<'_> {
    /// Whether this time, the door's local time, is within the hours.
    pub fn contains(self, time: DateTime) -> bool {
        let minute = time.hour() as u16 * 60 + time.minute() as u16;
        self.0.iter().any(|span| span.contains(time.weekday(), minute))
    }
}

impl Span {
    fn contains(&self, day: Weekday, minute: u16) -> bool {
        let begins_on = |day: Weekday| {
            let day = usize::from(day.to_monday_zero_offset().unsigned_abs());
            self.days.get(day).is_some_and(|begins| *begins)
        };
        if self.begin < self.end {
            begins_on(day) && (self.begin..self.end).contains(&minute)
        } else {
            begins_on(day) && minute >= self.begin || begins_on(day.previous()) && minute < self.end
        }
    }
}

/// One time; `None` for `never`.
fn span(text: &str) -> Result<Option<Span>, TimeError> {
    let text = text.trim().to_lowercase();
    let (days, range) = match text.rsplit_once(char::is_whitespace) {
        None => match text.as_str() {
            "never" => return Ok(None),
            "always" => return Ok(Some(Span { days: [true; 7], begin: 0, end: DAY })),
            range => ([true; 7], range),
        },
        Some((list, range)) => (days(list)?, range),
    };
    let (begin, end) = range.split_once('-').ok_or(TimeError::NoRange)?;
    let (begin, end) = (minute(begin)?, minute(end)?);
    if begin == DAY {
        return Err(TimeError::BeginsAtMidnight);
    }
    if begin == end {
        return Err(TimeError::Empty);
    }
    Ok(Some(Span { days, begin, end }))
}

/// `mon`, `mon-fri`, `sat,sun`.
fn days(list: &str) -> Result<[bool; 7], TimeError> {
    let mut days = [false; 7];
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + 7 - first) % 7 + 1;
        for (n, included) in days.iter_mut().enumerate() {
            *included |= (n + 7 - first) % 7 < count;
        }
    }
    Ok(days)
}

fn day(name: &str) -> Result<usize, TimeError> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    names.iter().position(|day| *day == name.trim()).ok_or(TimeError::Day)
}

/// `08:00` as minutes from midnight, up to `24:00`.
fn minute(text: &str) -> Result<u16, TimeError> {
    let wrong = TimeError::TimeOfDay;
    let (hour, minute) = text.trim().split_once(':').ok_or(wrong)?;
    let number = |digits: &str, lengths: std::ops::RangeInclusive<usize>| {
        let plain = lengths.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    match (number(hour, 1..=2), number(minute, 2..=2)) {
        (Some(hour), Some(minute)) if minute < 60 && hour * 60 + minute <= DAY => Ok(hour * 60 + minute),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn hours(times: &[&str]) -> Hours {
        Hours::parse(&one(times)).unwrap()
    }

    fn one(times: &[&str]) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("staff".to_owned(), times.iter().map(|t| (*t).to_owned()).collect())])
    }

    /// 5 January 2026 is a Monday.
    fn at(day: i8, hour: i8, minute: i8) -> DateTime {
        date(2026, 1, 5 + day).at(hour, minute, 0, 0)
    }

    fn allows(times: &[&str], time: DateTime) -> bool {
        hours(times).schedule("staff").unwrap().contains(time)
    }

    #[test]
    fn a_range_includes_its_begin_and_not_its_end() {
        let times = ["mon-fri 08:00-18:00", "sat 09:00-12:00"];
        assert!(allows(&times, at(0, 8, 0)));
        assert!(allows(&times, at(4, 17, 59)));
        assert!(!allows(&times, at(0, 7, 59)));
        assert!(!allows(&times, at(4, 18, 0)));
        assert!(allows(&times, at(5, 11, 59)));
        assert!(!allows(&times, at(5, 12, 0)));
        assert!(!allows(&times, at(6, 10, 0)));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        assert!(allows(&["fri 22:00-06:00"], at(4, 23, 0)));
        assert!(allows(&["fri 22:00-06:00"], at(5, 5, 59)));
        assert!(!allows(&["fri 22:00-06:00"], at(5, 6, 0)));
        assert!(!allows(&["fri 22:00-06:00"], at(4, 5, 0)));
        assert!(allows(&["sun 22:00-06:00"], at(0, 3, 0)), "Sunday's night ends on Monday");
        assert!(allows(&["22:00-06:00"], at(2, 0, 0)));
        assert!(!allows(&["22:00-06:00"], at(2, 12, 0)));
    }

    #[test]
    fn a_range_of_days_may_include_sunday_and_monday() {
        for day in [5, 6, 0] {
            assert!(allows(&["sat-mon 10:00-11:00"], at(day, 10, 30)));
            assert!(allows(&["sat,sun-mon 10:00-11:00"], at(day, 10, 30)));
        }
        assert!(!allows(&["sat-mon 10:00-11:00"], at(1, 10, 30)));
    }

    #[test]
    fn a_day_may_end_at_midnight() {
        assert!(allows(&["mon 18:00-24:00"], at(0, 23, 59)));
        assert!(!allows(&["mon 18:00-24:00"], at(1, 0, 0)));
        assert!(allows(&["mon 18:00-00:00"], at(0, 23, 59)));
        assert!(!allows(&["mon 18:00-00:00"], at(1, 0, 0)));
    }

    #[test]
    fn always_never_and_nothing() {
        let night = at(0, 3, 0);
        assert!(allows(&["always"], night));
        assert!(!allows(&["never"], night));
        assert!(!allows(&[], night));
        assert!(hours(&["always"]).schedule("stff").is_none());
    }

    #[test]
    fn upper_and_lower_case_are_one_group() {
        let night = at(0, 3, 0);
        for group in ["staff", "Staff", "STAFF", " staff "] {
            let hours =
                Hours::parse(&BTreeMap::from([(group.to_owned(), vec!["never".to_owned()])])).unwrap();
            for asked in ["staff", "Staff", "sTAFF"] {
                assert!(!hours.schedule(asked).unwrap().contains(night), "{group} {asked}");
            }
        }
    }

    #[test]
    fn text_that_is_not_a_time_is_refused() {
        let wrong = [
            "",
            "mon",
            "08:00",
            "08:00-25:00",
            "08:60-09:00",
            "8-9",
            "-",
            "mon-fri",
            "24:00-08:00",
            "08:00-08:00",
            "funday 08:00-09:00",
            "mon- 08:00-09:00",
            "+8:00-09:00",
            "mon 08:00 - 09:00 x",
            "sometimes",
            "mon,,tue 08:00-09:00",
            "08:00-24:01",
        ];
        for text in wrong {
            let error = Hours::parse(&one(&[text])).expect_err(text);
            assert_eq!(error.text, text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Hours::parse(&one(&[&text]));
        }

        /// Against a plain model: the minutes of the week, one by one.
        #[test]
        fn a_range_is_its_minutes(first in 0u16..7, begin in 0u16..DAY, end in 0u16..=DAY, now in 0u16..7 * DAY) {
            prop_assume!(begin != end);
            let name = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::from(first)];
            let text = format!("{name} {:02}:{:02}-{:02}:{:02}", begin / 60, begin % 60, end / 60, end % 60);
            let length = if end > begin { end - begin } else { end + DAY - begin };
            let since = (now + 7 * DAY - first * DAY - begin) % (7 * DAY);
            let time = at((now / DAY) as i8, (now % DAY / 60) as i8, (now % 60) as i8);
            prop_assert_eq!(allows(&[&text], time), since < length);
        }
    }
}
