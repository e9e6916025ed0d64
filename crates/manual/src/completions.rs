//! Completions for bash, fish and zsh.
//!
//! `clap_complete` writes what the command line declares. The names of people and the keys of the configuration are added to
//! it, and those of the accounts of the console: for them the shell asks `ostiary complete`.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::{Arg, Command, ValueHint};
use clap_complete::{Shell, generate};

use super::command_line::command_line;

/// Values that `ostiary complete` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    People,
    Keys,
    SettableKeys,
    Accounts,
}

impl Values {
    /// The values of an argument, by its id.
    fn of(argument: &Arg) -> Option<Self> {
        match argument.get_id().as_str() {
            "name" | "old" | "person" | "without" => Some(Self::People),
            "key" => Some(Self::SettableKeys),
            "account" => Some(Self::Accounts),
            "set" => Some(Self::Keys),
            _ => None,
        }
    }

    /// The argument of `ostiary complete`.
    fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Keys => "keys",
            Self::SettableKeys => "settable-keys",
            Self::Accounts => "accounts",
        }
    }

    /// What stands after a value: a key of `--set` goes on with its value.
    fn suffix(self) -> &'static str {
        if self == Self::Keys { "=" } else { "" }
    }
}

/// A command whose first argument has such values.
struct Named {
    /// The words of the command.
    words: Vec<String>,
    values: Values,
    /// Whether its other arguments are files.
    takes_files: bool,
}

/// What is added to the generated completions.
struct Added {
    commands: Vec<Named>,
    /// Flags with such values.
    flags: Vec<(String, Values)>,
    /// All flags that take a value.
    valued_flags: Vec<String>,
}

/// Writes a file for each shell.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let mut program = shown(&command_line());
    program.build();
    let added = Added::of(&program);
    for (shell, file) in
        [(Shell::Bash, "ostiary.bash"), (Shell::Fish, "ostiary.fish"), (Shell::Zsh, "_ostiary")]
    {
        let mut generated = Vec::new();
        generate(shell, &mut shown(&command_line()), "ostiary", &mut generated);
        let generated = String::from_utf8(generated)?;
        let text = match shell {
            Shell::Bash => format!("{generated}\n{}", added.bash()),
            Shell::Fish => added.fish(&generated)?,
            _ => added.zsh(&generated)?,
        };
        let file = folder.join(file);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The command without its hidden subcommands, which `clap_complete` would offer too.
fn shown(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("ostiary")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(command.get_arguments())
        .subcommands(verbs.cloned())
}

impl Added {
    fn of(program: &Command) -> Self {
        let mut added = Self { commands: Vec::new(), flags: Vec::new(), valued_flags: Vec::new() };
        added.visit(program, &[]);
        added.valued_flags.sort();
        added.valued_flags.dedup();
        added.flags.sort_by(|one, other| one.0.cmp(&other.0));
        added.flags.dedup_by(|one, other| one.0 == other.0);
        added
    }

    fn visit(&mut self, command: &Command, words: &[String]) {
        if let Some(values) = command.get_positionals().next().and_then(Values::of) {
            let is_file = |argument: &Arg| argument.get_value_hint() == ValueHint::AnyPath;
            let takes_files = command.get_positionals().any(is_file);
            self.commands.push(Named { words: words.to_vec(), values, takes_files });
        }
        for flag in command.get_opts() {
            let names = flag.get_long().map(|long| format!("--{long}"));
            let short = flag.get_short().map(|short| format!("-{short}"));
            self.valued_flags.extend(names.clone().into_iter().chain(short));
            if let (Some(name), Some(values)) = (names, Values::of(flag)) {
                self.flags.push((name, values));
            }
        }
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            self.visit(below, &[words, &[below.get_name().to_owned()]].concat());
        }
    }

    /// A function around the generated one. A name with spaces is escaped, unless it is typed in quotes.
    fn bash(&self) -> String {
        let flags =
            |(flag, values): &(String, Values)| format!("        {flag}) what={} ;;\n", values.word());
        let commands = |Named { words, values, .. }: &Named| {
            format!("                '{}') what={} ;;\n", words.join(" "), values.word())
        };
        let flags: String = self.flags.iter().map(flags).collect();
        let commands: String = self.commands.iter().map(commands).collect();
        let valued = self.valued_flags.join("|");
        format!(
            r#"# Names of people and keys, which `ostiary complete` lists; everything else as above.
_ostiary_listed() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" what='' word skip='' value
    local -a plain=()
    case "$previous" in
{flags}        *)
            # The words of the command, without flags and their values.
            for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
                if [[ -n $skip ]]; then skip=''; continue; fi
                case "$word" in
                    {valued}) skip=1 ;;
                    -*) ;;
                    *) plain+=("$word") ;;
                esac
            done
            case "${{plain[*]}}" in
{commands}            esac ;;
    esac
    if [[ -z $what || $current == -* ]]; then _ostiary "$@"; return; fi
    local typed="${{current#[\"\']}}"
    typed="${{typed//\\/}}"
    COMPREPLY=()
    while IFS= read -r value; do
        [[ $value == "$typed"* ]] || continue
        case "$what" in
            keys) value+='='; compopt -o nospace 2> /dev/null ;;
            people|accounts) [[ $current == [\"\']* ]] || printf -v value '%q' "$value" ;;
        esac
        COMPREPLY+=("$value")
    done < <("${{COMP_WORDS[0]}}" complete "$what" 2> /dev/null < /dev/null)
    # A new name is possible, and the photos of `enroll` are files.
    return 0
}}
complete -F _ostiary_listed -o nosort -o bashdefault -o default ostiary 2> /dev/null ||
    complete -F _ostiary_listed -o bashdefault -o default ostiary
"#
        )
    }

    /// The generated completions, with these values added to the flags and the commands.
    fn fish(&self, generated: &str) -> anyhow::Result<String> {
        let list = |values: Values| match values.suffix() {
            "" => format!("(ostiary complete {} 2>/dev/null)", values.word()),
            suffix => {
                format!(
                    "(ostiary complete {} 2>/dev/null | string replace -r '\\$' '{suffix}')",
                    values.word()
                )
            }
        };
        let (mut text, mut replaced) = (String::new(), 0);
        for line in generated.lines() {
            let is_in = |(flag, _): &&(String, Values)| {
                line.contains(&format!(" -l {} ", flag.trim_start_matches('-')))
            };
            match (self.flags.iter().find(is_in), line.strip_suffix(" -r")) {
                (Some((_, values)), Some(line)) => {
                    replaced += 1;
                    text += &format!("{line} -x -a \"{}\"\n", list(*values));
                }
                _ => text += &format!("{line}\n"),
            }
        }
        ensure!(replaced > self.flags.len(), "the completions for fish have another form: {replaced} places");
        for Named { words, values, takes_files } in &self.commands {
            let seen = |word: &String| format!("__fish_seen_subcommand_from {word}");
            let condition: Vec<_> = words.iter().map(seen).collect();
            let only = if *takes_files { "" } else { " -f" };
            text += &format!(
                "complete -c ostiary -n \"{}\"{only} -a \"{}\"\n",
                condition.join("; and "),
                list(*values)
            );
        }
        Ok(text)
    }

    /// The generated completions, with functions in the places of these values.
    fn zsh(&self, generated: &str) -> anyhow::Result<String> {
        let mut functions = String::new();
        for values in [Values::People, Values::Keys, Values::SettableKeys, Values::Accounts] {
            let suffix = match values.suffix() {
                "" => String::new(),
                suffix => format!(" -S '{suffix}' -q"),
            };
            let word = values.word();
            functions += &format!(
                "_ostiary_list_{word}() {{\n    local -a listed\n    listed=(\"${{(@f)$(ostiary complete {word} 2>/dev/null </dev/null)}}\")\n    \
                 listed=(${{listed:#}})\n    compadd{suffix} -a listed\n}}\n\n"
            );
        }
        let (mut text, mut replaced) = (String::new(), 0);
        for line in generated.lines() {
            let value = self.zsh_values(line);
            match (value, line.strip_suffix(":_default' \\")) {
                (Some(values), Some(start)) => {
                    replaced += 1;
                    text += &format!("{start}:_ostiary_list_{}' \\\n", values.word());
                }
                _ => text += &format!("{line}\n"),
            }
        }
        ensure!(
            replaced > self.commands.len(),
            "the completions for zsh have another form: {replaced} places"
        );
        let Some(begin) = text.find("_ostiary() {") else {
            anyhow::bail!("the completions for zsh have no function _ostiary");
        };
        text.insert_str(begin, &functions);
        Ok(text)
    }

    /// The values of the argument that a line of zsh's completions describes.
    fn zsh_values(&self, line: &str) -> Option<Values> {
        let line = line.trim_start().strip_prefix('\'')?;
        let flag = |(flag, values): &(String, Values)| {
            let is_flag = line.trim_start_matches('*').strip_prefix(flag.as_str());
            is_flag.is_some_and(|rest| rest.starts_with(['=', '['])).then_some(*values)
        };
        if let Some(values) = self.flags.iter().find_map(flag) {
            return Some(values);
        }
        let positional = line.strip_prefix("::").or_else(|| line.strip_prefix(':'))?;
        let is = |id: &str| positional.strip_prefix(id).is_some_and(|rest| rest.starts_with([':', ' ']));
        match () {
            () if is("name") || is("old") => Some(Values::People),
            () if is("key") => Some(Values::SettableKeys),
            () if is("account") => Some(Values::Accounts),
            () => None,
        }
    }
}
