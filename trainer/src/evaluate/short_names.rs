//! Short names of paths for tables and files.

use std::collections::HashSet;
use std::path::PathBuf;

/// For each path its last component without the extension if these are unique, otherwise the whole path.
pub fn short(paths: &[PathBuf]) -> Vec<String> {
    let last = |path: &PathBuf| {
        // The name of a folder can contain a dot, and `.` has no name of its own.
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        let name = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
        name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let names: Vec<String> = paths.iter().map(last).collect();
    let distinct: HashSet<&String> = names.iter().collect();
    if distinct.len() == names.len() {
        return names;
    }
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// The name as part of a file name, made unique among `taken`.
pub fn of_file(name: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._".contains(c) { c } else { '-' };
    let plain: String = name.chars().map(plain).collect();
    let plain = plain.trim_matches(|c: char| "-.".contains(c)).to_owned();
    let mut name = plain.clone();
    for number in 2.. {
        if taken.insert(name.clone()) {
            break;
        }
        name = format!("{plain}-{number}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_if_they_are_unique() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(short(&paths(&["a/lfw.bin", "a/agedb_30.bin"])), ["lfw", "agedb_30"]);
        assert_eq!(short(&paths(&["a/lfw.bin", "b/lfw.bin"])), ["a/lfw.bin", "b/lfw.bin"]);
        let mut taken = HashSet::new();
        let names = ["a/b", "a b", "../c"].map(|name| of_file(name, &mut taken));
        assert_eq!(names, ["a-b", "a-b-2", "c"]);
    }
}
