//! The manual page of the configuration file, ostiary.toml(5).

use clap_mangen::roff::{Inline, Roff, bold, line_break, roman};
use ostiary_config::{ConfigError, Key, SECTIONS, Setting};

use super::surroundings;

/// What holds for all keys. A paragraph a line; what stands between backticks is bold.
const DESCRIPTION: &[&str] = &[
    "The configuration of the face recognition door controller `ostiary`, in TOML: sections in brackets, and lines \
     `key = value`. Every key has a default or may be left out, so that the file may be empty or missing.",
    "Later sources win: the defaults, /etc/ostiary/ostiary.toml, the files /etc/ostiary/conf.d/*.toml in the order of their \
     names, the environment, flags. In the environment a key is `OSTIARY_SECTION__KEY`, as in `OSTIARY_DOOR__FPIR=0.003`. As \
     a flag it is `--set section.key=value`, as in `--set door.fpir=0.003`. Both take text without quotes.",
    "An unknown key, a value of the wrong type or out of range, and values that contradict each other are errors: the door \
     does not start. A key that an older version had is ignored with a warning. `ostiary config check` reports all of them at once, with file and line. `ostiary config show --origin` \
     shows the values in use and where they come from.",
    "`systemctl reload ostiary` applies a change while the door runs. If the new configuration has an error, the door keeps the \
     old one. Keys that need a restart say so below: a reload that changes one of them is refused, and \
     `systemctl restart ostiary` applies it.",
];

/// The page in roff.
pub(crate) fn text() -> Result<String, ConfigError> {
    let defaults = Setting::defaults()?;
    let mut roff = Roff::new();
    let version = concat!("ostiary ", env!("CARGO_PKG_VERSION"));
    // An empty date has to be quoted, or the version would stand in its place.
    roff.control("TH", ["ostiary.toml", "5", "\"\"", version]);
    roff.control("SH", ["NAME"])
        .text([roman("ostiary.toml - configuration of the face recognition door controller")]);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([roman("/etc/ostiary/ostiary.toml"), line_break(), roman("/etc/ostiary/conf.d/*.toml")]);
    roff.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        roff.control("PP", []).text(inlines(paragraph));
    }
    for section in SECTIONS {
        roff.control("SH", [format!("[{}] SECTION", section.name()).as_str()]);
        roff.text(inlines(&section.doc().collect::<Vec<_>>().join(" ")));
        for key in section.keys() {
            let setting = defaults.iter().find(|setting| setting.key == key.name());
            let default = setting.and_then(|setting| setting.value.as_ref()).map(ToString::to_string);
            roff.control("TP", []).text([bold(key.short_name())]);
            let mut text = inlines(&key.doc().collect::<Vec<_>>().join(" "));
            text.push(line_break());
            text.extend(facts(key, default));
            roff.text(text);
        }
        if !section.examples().is_empty() {
            roff.control("PP", []).text([roman("Example:")]);
            roff.control("PP", []);
            roff.control("EX", []);
            for example in section.examples() {
                roff.text([roman(*example)]);
            }
            roff.control("EE", []);
        }
    }
    let sections = [surroundings::environment(), surroundings::files()?];
    let mut end = Roff::new();
    end.control("SH", ["SEE ALSO"]);
    end.text([bold("ostiary"), roman("(1), "), bold("ostiary-config"), roman("(1)")]);
    Ok([roff.render(), sections.concat(), end.to_roff()].concat())
}

/// Default, range, and whether a change needs a restart.
fn facts(key: &Key, default: Option<String>) -> Vec<Inline> {
    let mut facts = match (default, key.example()) {
        (Some(default), _) => vec![roman("Default: "), bold(default)],
        (None, Some(example)) => vec![roman("No default; example: "), bold(example.to_string())],
        (None, None) => vec![roman("No default")],
    };
    facts.push(roman(format!(". Allowed: {}.", key.allowed())));
    if key.needs_restart() {
        facts.push(roman(" A change needs a restart."));
    }
    facts
}

/// Text with what stands between backticks in bold.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(n, part)| if n % 2 == 0 { roman(part) } else { bold(part) }).collect()
}
