//! The files in which the kernel, systemd and the packages tell of the machine.

use std::fs;
use std::path::{Path, PathBuf};

/// The system's own files, or in a test a tree of files that stands in for another machine's.
pub struct Host {
    root: PathBuf,
}

/// A process that has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// Its program, as `ps` shows it.
    pub name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} ({})", self.pid, self.name)
    }
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// The machine whose root is this folder.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where a file of the machine lies: `/proc/version`.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.root.join(file.strip_prefix("/").unwrap_or(file))
    }

    /// What a short file says, without space or zeros at its ends; `None` where it cannot be read.
    pub fn text(&self, file: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.path(file)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
    }

    /// The names in a folder that begin with this, in order.
    pub fn names(&self, folder: impl AsRef<Path>, beginning: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(beginning))
            .collect();
        names.sort();
        names
    }

    /// The board's name, such as `Raspberry Pi 4 Model B Rev 1.4`; that of its maker where it is a PC.
    pub fn model(&self) -> Option<String> {
        let files = ["/proc/device-tree/model", "/sys/devices/virtual/dmi/id/product_name"];
        files.into_iter().find_map(|file| self.text(file)).filter(|name| !name.is_empty())
    }

    /// The processes that have open what `is_it` is true of: a file's path, or what the kernel says in its place,
    /// such as `anon_inode:gpio-line`. Other users' processes are seen by root alone.
    pub fn holders(&self, is_it: impl Fn(&Path) -> bool) -> Vec<Holder> {
        let pids = self.names("/proc", "").into_iter().filter_map(|name| name.parse::<u32>().ok());
        let mut holders: Vec<Holder> = pids
            .filter(|pid| self.open_files(*pid).is_some_and(|open| open.iter().any(|file| is_it(file))))
            .map(|pid| Holder { pid, name: self.text(format!("/proc/{pid}/comm")).unwrap_or_default() })
            .collect();
        holders.sort_by_key(|holder| holder.pid);
        holders
    }

    /// What a process has open; `None` where that may not be seen.
    pub fn open_files(&self, pid: u32) -> Option<Vec<PathBuf>> {
        let links = fs::read_dir(self.path(format!("/proc/{pid}/fd"))).ok()?;
        Some(links.flatten().filter_map(|link| fs::read_link(link.path()).ok()).collect())
    }
}

/// A tree of files for tests: each with its content, below a folder of its own.
#[cfg(test)]
pub fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    for (file, content) in files {
        let path = host.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    (folder, host)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_board_says_its_name_and_a_pc_that_of_its_maker() {
        let (_folder, pi) = tree(&[("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")]);
        assert_eq!(pi.model().as_deref(), Some("Raspberry Pi 4 Model B Rev 1.4"));
        let (_folder, pc) = tree(&[("/sys/devices/virtual/dmi/id/product_name", "NUC7i5\n")]);
        assert_eq!(pc.model().as_deref(), Some("NUC7i5"));
        assert_eq!(tree(&[]).1.model(), None);
    }

    #[test]
    fn whoever_has_a_file_open_is_found() {
        let (folder, host) =
            tree(&[("/proc/812/comm", "motion\n"), ("/proc/1/comm", "systemd\n"), ("/proc/self", "")]);
        for (pid, target) in [(1, "/dev/null"), (812, "/dev/video0")] {
            let fd = folder.path().join(format!("proc/{pid}/fd"));
            fs::create_dir(&fd).unwrap();
            symlink(target, fd.join("3")).unwrap();
        }
        let holders = host.holders(|open| open == Path::new("/dev/video0"));
        assert_eq!(holders, [Holder { pid: 812, name: "motion".into() }]);
        assert_eq!(holders[0].to_string(), "process 812 (motion)");

        let file = tempfile::NamedTempFile::new().unwrap();
        let holders = Host::this().holders(|open| open == file.path());
        assert_eq!(holders.iter().map(|holder| holder.pid).collect::<Vec<_>>(), [std::process::id()]);
    }
}
