//! The files of the kernel, systemd and the packages that describe the host.

use std::fs;
use std::path::{Path, PathBuf};

/// The file tree of a host: the root of this one, or a folder in tests.
pub struct Host {
    root: PathBuf,
}

/// A process that has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// The name of its program, as `ps` shows it.
    pub name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} ({})", self.pid, self.name)
    }
}

impl Host {
    /// This host.
    pub fn local() -> Self {
        Self::with_root(Path::new("/"))
    }

    /// The host whose root is this folder.
    pub fn with_root(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The path of a file of the host, for example `/proc/version`, below the root.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.root.join(file.strip_prefix("/").unwrap_or(file))
    }

    /// Reads a short text file, without white space and zero bytes at both ends; `None` if it cannot be read.
    pub fn read_text(&self, file: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.path(file)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
    }

    /// The names in a folder that begin with `prefix`, sorted.
    pub fn list_names(&self, folder: impl AsRef<Path>, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }

    /// The name of the board, for example `Raspberry Pi 4 Model B Rev 1.4`; the product name of a PC.
    pub fn board_model(&self) -> Option<String> {
        let files = ["/proc/device-tree/model", "/sys/devices/virtual/dmi/id/product_name"];
        files.into_iter().find_map(|file| self.read_text(file)).filter(|name| !name.is_empty())
    }

    /// The processes that have an open file for which `matches` is true. It gets the path of the file, or the kernel's
    /// name for it, for example `anon_inode:gpio-line`. Only root can see the processes of other users.
    pub fn holders(&self, matches: impl Fn(&Path) -> bool) -> Vec<Holder> {
        let pids = self.list_names("/proc", "").into_iter().filter_map(|name| name.parse::<u32>().ok());
        let mut holders: Vec<Holder> = pids
            .filter(|pid| self.open_files(*pid).is_some_and(|open| open.iter().any(|file| matches(file))))
            .map(|pid| Holder { pid, name: self.read_text(format!("/proc/{pid}/comm")).unwrap_or_default() })
            .collect();
        holders.sort_by_key(|holder| holder.pid);
        holders
    }

    /// The open files of a process; `None` if this user may not read them.
    pub fn open_files(&self, pid: u32) -> Option<Vec<PathBuf>> {
        let links = fs::read_dir(self.path(format!("/proc/{pid}/fd"))).ok()?;
        Some(links.flatten().filter_map(|link| fs::read_link(link.path()).ok()).collect())
    }
}

/// A host for tests, whose root is a temporary folder with these files and contents.
#[cfg(test)]
pub fn host_with_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::with_root(folder.path());
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
    fn the_name_of_a_board_and_of_a_pc_are_read() {
        let (_folder, pi) =
            host_with_files(&[("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")]);
        assert_eq!(pi.board_model().as_deref(), Some("Raspberry Pi 4 Model B Rev 1.4"));
        let (_folder, pc) = host_with_files(&[("/sys/devices/virtual/dmi/id/product_name", "NUC7i5\n")]);
        assert_eq!(pc.board_model().as_deref(), Some("NUC7i5"));
        assert_eq!(host_with_files(&[]).1.board_model(), None);
    }

    #[test]
    fn processes_with_an_open_file_are_found() {
        let (folder, host) = host_with_files(&[
            ("/proc/812/comm", "motion\n"),
            ("/proc/1/comm", "systemd\n"),
            ("/proc/self", ""),
        ]);
        for (pid, target) in [(1, "/dev/null"), (812, "/dev/video0")] {
            let fd = folder.path().join(format!("proc/{pid}/fd"));
            fs::create_dir(&fd).unwrap();
            symlink(target, fd.join("3")).unwrap();
        }
        let holders = host.holders(|open| open == Path::new("/dev/video0"));
        assert_eq!(holders, [Holder { pid: 812, name: "motion".into() }]);
        assert_eq!(holders[0].to_string(), "process 812 (motion)");

        let file = tempfile::NamedTempFile::new().unwrap();
        let holders = Host::local().holders(|open| open == file.path());
        assert_eq!(holders.iter().map(|holder| holder.pid).collect::<Vec<_>>(), [std::process::id()]);
    }
}
