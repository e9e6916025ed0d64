//! Reads a file whose kind and size were checked first: a pipe would wait for a writer, and a device may never end.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum RegularFileError {
    /// It is missing, or cannot be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a folder, a pipe, a socket or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It has more bytes than the limit.
    #[error("the file is larger than {}", size(*.limit))]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
}

/// A limit in words.
fn size(limit: u64) -> String {
    match limit {
        0..0x10_0000 => format!("{limit} bytes"),
        limit => format!("{} MiB", limit.div_ceil(1 << 20)),
    }
}

/// Opens a regular file for reading, or refuses at once.
///
/// # Errors
/// The file is missing, cannot be opened, or is a folder, a pipe, a socket or a device.
pub fn open_regular_file(path: &Path) -> Result<fs::File, RegularFileError> {
    // Before it is opened: opening some devices has an effect of its own.
    if !fs::metadata(path)?.is_file() {
        return Err(RegularFileError::NotRegular);
    }
    // Another file can be there by now. With this flag, opening a pipe does not wait.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(RegularFileError::NotRegular);
    }
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open_regular_file`]; the file is larger or cannot be read.
pub fn read_regular_file(path: &Path, limit: u64) -> Result<Vec<u8>, RegularFileError> {
    let file = open_regular_file(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(RegularFileError::TooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // Files of the kernel have the length 0, and a file can grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(RegularFileError::TooLarge { limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"12345").unwrap();
        assert_eq!(read_regular_file(&file, 5).unwrap(), b"12345");
        let error = read_regular_file(&file, 4).unwrap_err();
        assert!(matches!(error, RegularFileError::TooLarge { limit: 4 }));
        assert_eq!(error.to_string(), "the file is larger than 4 bytes");
        let error = RegularFileError::TooLarge { limit: 3 << 20 };
        assert_eq!(error.to_string(), "the file is larger than 3 MiB");
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for other in [folder.path(), &pipe, Path::new("/dev/zero")] {
            let error = read_regular_file(other, 5).unwrap_err();
            assert!(matches!(error, RegularFileError::NotRegular), "{}: {error}", other.display());
        }
        let missing = read_regular_file(&folder.path().join("absent"), 5).unwrap_err();
        assert!(matches!(missing, RegularFileError::Io(error) if error.kind() == io::ErrorKind::NotFound));
    }
}
