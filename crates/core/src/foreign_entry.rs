//! Files and folders that other programs leave among a user's files.

use std::ffi::OsStr;

/// Folders and files of network storage, macOS and Windows, in lower case.
const NAMES: [&str; 17] = [
    "@eadir",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "#tmp",
    "__macosx",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "network trash folder",
];

/// Endings of the files of editors and of incomplete downloads, in lower case.
const ENDINGS: [&str; 9] =
    ["~", ".swp", ".swo", ".swx", ".bak", ".tmp", ".part", ".crdownload", "@synoeastream"];

/// Whether a file or a folder of this name belongs to another program, and is passed over where a folder is read: hidden ones
/// (`.name`, and macOS's `._name`), copies and locks of editors (`name~`, `#name#`, `name.swp`), and the folders and
/// thumbnails of network storage, macOS and Windows.
pub fn is_foreign_entry(name: &OsStr) -> bool {
    let lower = name.to_string_lossy().to_lowercase();
    lower.starts_with('.')
        || (lower.len() > 1 && lower.starts_with('#') && lower.ends_with('#'))
        || NAMES.contains(&lower.as_str())
        || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_leave_is_found_by_its_name() {
        for name in [
            ".git",
            "._hopper.jpg",
            ".DS_Store",
            ".#10.toml",
            "#10.toml#",
            "10.toml~",
            "10.toml.swp",
            "@eaDir",
            "#recycle",
            "__MACOSX",
            "Thumbs.db",
            "desktop.ini",
            "$RECYCLE.BIN",
            "System Volume Information",
            "lost+found",
            "a.jpg@SynoEAStream",
            "a.jpg.part",
        ] {
            assert!(is_foreign_entry(OsStr::new(name)), "{name}");
        }
        for name in ["Ann", "hopper.jpg", "10.toml", "#1 Ann", "@home", "Trash", "a.b.jpg"] {
            assert!(!is_foreign_entry(OsStr::new(name)), "{name}");
        }
    }
}
