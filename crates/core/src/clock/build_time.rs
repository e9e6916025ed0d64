//! The time at which the program was built. It is compiled in and not read from the program's file, so that a copy keeps
//! it. It comes from the sources, so that the same sources give the same program.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The package's changelog, whose newest entry is the first and ends with its date.
const CHANGELOG: &str = include_str!("../../../../debian/changelog");
/// Seconds since 1970, if the build was given a date (<https://reproducible-builds.org/specs/source-date-epoch/>).
const SOURCE_DATE: Option<&str> = option_env!("SOURCE_DATE_EPOCH");
/// Used if neither can be read.
const AT_LEAST: &str = "2026-01-01T00:00:00Z";

/// When the program was built: the later of the changelog's newest entry and the build's `SOURCE_DATE_EPOCH`. A clock
/// that shows less was never set.
pub fn build_time() -> Timestamp {
    newest_date(CHANGELOG, SOURCE_DATE)
}

/// The later of the two dates.
fn newest_date(changelog: &str, source_date: Option<&str>) -> Timestamp {
    let entry = changelog.lines().find_map(|line| line.strip_prefix(" -- ")?.split_once(">  "));
    let entry = entry.and_then(|(_, date)| rfc2822::parse(date.trim()).ok()).map(|date| date.timestamp());
    let seconds = source_date.and_then(|seconds| seconds.trim().parse().ok());
    let source_date = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    // Some builds give a constant that stands for no date, so that the later one counts.
    let dates = entry.into_iter().chain(source_date).chain(AT_LEAST.parse());
    dates.max().unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_date_is_that_of_the_newest_entry_or_of_the_build() {
        let changelog = "ostiary (2) unstable; urgency=low\n\n  * B.\n\n \
                         -- The authors <a@b>  Tue, 24 Nov 2026 12:00:00 +0100\n\nostiary (1) unstable\n\n \
                         -- The authors <a@b>  Mon, 05 Jan 2026 12:00:00 +0000\n";
        assert_eq!(newest_date(changelog, None), at("2026-11-24T11:00:00Z"));
        assert_eq!(newest_date(changelog, Some("1798761600")), at("2027-01-01T00:00:00Z"));
        for no_date in ["1", "0", "", "soon"] {
            assert_eq!(newest_date(changelog, Some(no_date)), at("2026-11-24T11:00:00Z"), "{no_date}");
        }
        assert_eq!(newest_date("", None), at(AT_LEAST));
    }

    #[test]
    fn the_shipped_changelog_can_be_read() {
        assert!(newest_date(CHANGELOG, None) > at(AT_LEAST));
        assert!(build_time() <= Timestamp::now());
    }
}
