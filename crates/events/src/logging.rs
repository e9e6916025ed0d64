//! The program's log: records go to the system's journal with their fields, or to standard error in one line.

use std::io::Write;

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use ostiary_config::LogLevel;
use systemd_journal_logger::{JournalLog, connected_to_journal};

/// Sets up logging, once in a process: to the journal if systemd has connected standard error to it, else to standard error.
/// A second call only changes the level.
pub fn init(level: LogLevel) {
    let sink = match connected_to_journal().then(JournalLog::new) {
        Some(Ok(journal)) => Sink::Journal(journal),
        _ => Sink::Stderr,
    };
    // An error means that there is a logger already.
    let _ = log::set_boxed_logger(Box::new(Logger(sink)));
    set_level(level);
}

/// Changes the level, for example after a reload of the configuration.
pub fn set_level(level: LogLevel) {
    log::set_max_level(match level {
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    });
}

enum Sink {
    Journal(JournalLog),
    Stderr,
}

struct Logger(Sink);

impl Log for Logger {
    /// Records of libraries are logged only at the level `trace`; their warnings always.
    fn enabled(&self, metadata: &Metadata) -> bool {
        let ours = metadata.target().split("::").next() == Some("ostiary");
        ours || metadata.level() <= Level::Warn || log::max_level() == LevelFilter::Trace
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match &self.0 {
            Sink::Journal(journal) => journal.log(record),
            // If standard error is closed, there is nowhere to report it.
            Sink::Stderr => drop(std::io::stderr().lock().write_all(line(record).as_bytes())),
        }
    }

    fn flush(&self) {}
}

/// `LEVEL message key=value ...` in one line: line breaks and other control characters in outside text become spaces.
fn line(record: &Record) -> String {
    let mut line = Line(format!("{:5} {}", record.level(), record.args()));
    // Writing to a string does not fail.
    let _ = record.key_values().visit(&mut line);
    let mut line = line.0.replace(char::is_control, " ");
    line.push('\n');
    line
}

struct Line(String);

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        // In the journal the prefix separates our fields from those of others; here there are no others.
        let key = key.as_str().trim_start_matches("ostiary_");
        let value = value.to_string();
        let quoted = value.is_empty() || value.contains([' ', '"', '=', '\n']);
        self.0 += &if quoted { format!(" {key}={value:?}") } else { format!(" {key}={value}") };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_its_fields() {
        let fields = [("ostiary_person", "Anna Maria"), ("ostiary_reason", "granted")];
        let record = Record::builder()
            .level(Level::Info)
            .target("ostiary::event")
            .args(format_args!("Let Anna\nin."))
            .key_values(&fields)
            .build();
        assert_eq!(line(&record), "INFO  Let Anna in. person=\"Anna Maria\" reason=granted\n");
    }

    #[test]
    fn of_libraries_only_warnings_are_logged() {
        let logger = Logger(Sink::Stderr);
        let enabled =
            |target, level| logger.enabled(&Metadata::builder().target(target).level(level).build());
        assert!(enabled("ostiary::act::mqtt", Level::Debug));
        assert!(enabled("rumqttc::state", Level::Warn));
        assert!(!enabled("rumqttc::state", Level::Info));
        assert!(!enabled("ostiary_other", Level::Info));
    }
}
