//! Reads a file whose kind and size were checked first: a pipe would wait for a writer, and a device may never end.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Limit of the size of a file with certificates, bytes: several times what all authorities of a system need.
pub const MAX_CERTIFICATES: u64 = 1 << 20;

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

impl From<RegularFileError> for io::Error {
    fn from(error: RegularFileError) -> Self {
        match error {
            RegularFileError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// A limit in the unit that it is a whole number of.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", bytes.div_ceil(0x400)),
        _ => format!("{} MiB", bytes.div_ceil(0x10_0000)),
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
    read_at_most(open_regular_file(path)?, limit)
}

/// Reads an open file of at most `limit` bytes.
///
/// # Errors
/// The file is larger or cannot be read.
pub fn read_at_most(file: fs::File, limit: u64) -> Result<Vec<u8>, RegularFileError> {
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
        assert!(matches!(read_regular_file(&file, 4), Err(RegularFileError::TooLarge { limit: 4 })));
        for (limit, text) in [(4, "4 bytes"), (4096, "4 KiB"), (1 << 20, "1 MiB"), (3 << 19, "2 MiB")] {
            let error = RegularFileError::TooLarge { limit }.to_string();
            assert_eq!(error, format!("the file is larger than {text}"));
        }
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
