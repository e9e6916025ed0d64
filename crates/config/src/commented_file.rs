//! The configuration file that is installed: every key in a comment, with what it means, its default and its range.

use std::fmt::Write;

use crate::error::ConfigError;
use crate::key::Key;
use crate::loaded::Setting;
use crate::sections::SECTIONS;

const HEAD: &str = r#"# Ostiary's configuration. Every key is here with its default. Remove the # before a key to change it.
#
# Later sources win: the defaults, this file, /etc/ostiary/conf.d/*.toml in the order of their names, the
# environment (OSTIARY_DOOR__FPIR=0.003), flags (--set door.fpir=0.003).
#
#   ostiary config check            reports everything that is wrong, with file and line
#   ostiary config show --origin    shows the values in use and where they come from
#   man ostiary.toml                explains every key
#
# `systemctl reload ostiary` applies a change. A key that says "restart" needs `systemctl restart ostiary`.
"#;

/// The text of the commented file, `config/ostiary.toml`.
///
/// # Errors
/// If the defaults cannot be written as TOML, which is a defect of the program.
pub fn commented_file() -> Result<String, ConfigError> {
    let defaults = Setting::defaults()?;
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, section.doc());
        line(&mut text, format_args!("[{}]", section.name()));
        for key in section.keys() {
            comment(&mut text, key.doc());
            let default = defaults.iter().find(|setting| setting.key == key.name());
            let default = default.and_then(|setting| setting.value.clone());
            let remarks = remarks(key, default.is_none());
            let value = default.or_else(|| key.example()).map(|value| value.to_string()).unwrap_or_default();
            line(&mut text, format_args!("#{} = {value}{remarks}", key.short_name()));
        }
        for example in section.examples() {
            line(&mut text, format_args!("#{example}  # example"));
        }
    }
    Ok(text)
}

/// What follows the value, as a comment.
fn remarks(key: &Key, is_example: bool) -> String {
    let example = is_example.then(|| "example".to_owned());
    let restart = key.needs_restart().then(|| "restart".to_owned());
    let remarks: Vec<String> = [example, key.range(), restart].into_iter().flatten().collect();
    if remarks.is_empty() { String::new() } else { format!("  # {}", remarks.join("; ")) }
}

fn comment(text: &mut String, doc: impl Iterator<Item = &'static str>) {
    for doc in doc {
        line(text, format_args!("# {}", without_marks(doc)));
    }
}

/// Without the backticks around values and sections, which are marked by their quotes and brackets. Commands keep theirs.
fn without_marks(doc: &str) -> String {
    let parts = doc.split('`').enumerate();
    let part = |(n, part): (usize, &str)| {
        if n % 2 == 0 || part.starts_with(['"', '[']) { part.to_owned() } else { format!("`{part}`") }
    };
    parts.map(part).collect()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A `String` takes every line.
    let _ = writeln!(text, "{line}");
}
