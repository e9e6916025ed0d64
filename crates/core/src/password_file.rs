//! Passwords in files, which only their owner may read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::regular_file::{RegularFileError, open_regular_file, read_at_most};

/// Limit of the size of a file, bytes: more than any password.
const MAX_FILE: u64 = 1 << 12;

/// Why a password could not be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFileError {
    /// The file is missing, no regular file, too large, or cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Others may read the file.
    #[error("{0}: others may read it (mode {mode:o}); run `chmod 600 {0}`", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file of a credential may only be read by root, and systemd has passed no credential.
    #[error(
        "{0}: this user may not read it. systemd passes it to the service from version 247 on; with an older one (see \
         `systemctl --version`) run `chown ostiary {0}`",
        path.display()
    )]
    NotPassed {
        /// The file.
        path: PathBuf,
    },
}

/// The password in a file of its own, without the line break at its end.
///
/// # Errors
/// The file cannot be read, is no regular file, has more than 4 KiB or no UTF-8, or group or others have rights on it.
pub fn read_password_file(path: &Path) -> Result<String, PasswordFileError> {
    let unreadable = |why| PasswordFileError::Unreadable { path: path.to_owned(), why };
    let file = open_regular_file(path).map_err(|error| unreadable(error.into()))?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PasswordFileError::Mode { path: path.to_owned(), mode });
    }
    read_password(file).map_err(unreadable)
}

/// The password that systemd gives to its service as a credential; `None` if there is no such credential. systemd sets the
/// mode of the file.
///
/// # Errors
/// The file cannot be read, is no regular file, or has more than 4 KiB or no UTF-8.
pub fn read_password_credential(
    name: &str,
    folder: Option<&Path>,
) -> Result<Option<String>, PasswordFileError> {
    let Some(path) = folder.map(|folder| folder.join(name)).filter(|path| path.exists()) else {
        return Ok(None);
    };
    let opened = open_regular_file(&path).map_err(RegularFileError::into);
    match opened.and_then(read_password) {
        Ok(password) => Ok(Some(password)),
        Err(why) => Err(PasswordFileError::Unreadable { path, why }),
    }
}

/// The password of the service, and the file that it is in: the credential if systemd passes one, else the file from which systemd
/// reads it; `None` if there is neither. systemd before version 247 passes no credentials.
///
/// # Errors
/// As [`read_password_credential`] and [`read_password_file`].
pub fn read_service_password(
    credential: &str,
    folder: Option<&Path>,
    file: &Path,
) -> Result<Option<(PathBuf, String)>, PasswordFileError> {
    if let Some(folder) = folder
        && let Some(password) = read_password_credential(credential, Some(folder))?
    {
        return Ok(Some((folder.join(credential), password)));
    }
    if !file.exists() {
        return Ok(None);
    }
    let password = read_password_file(file).map_err(|error| match error {
        PasswordFileError::Unreadable { path, why } if why.kind() == io::ErrorKind::PermissionDenied => {
            PasswordFileError::NotPassed { path }
        }
        error => error,
    })?;
    Ok(Some((file.to_owned(), password)))
}

fn read_password(file: fs::File) -> io::Result<String> {
    let text = String::from_utf8(read_at_most(file, MAX_FILE)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the password is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "se cret#\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let message = read_password_file(&path).unwrap_err().to_string();
        assert!(message.contains("640") && message.contains("chmod 600"), "{message}");
        assert!(!message.contains("cret"), "{message}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_password_file(&path).unwrap(), "se cret#");
        let missing = read_password_file(&folder.path().join("missing")).unwrap_err().to_string();
        assert!(missing.contains("missing"), "{missing}");
    }

    #[test]
    fn only_a_short_regular_file_is_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let large = folder.path().join("large");
        fs::write(&large, vec![b'x'; 5000]).unwrap();
        fs::set_permissions(&large, fs::Permissions::from_mode(0o600)).unwrap();
        for (path, why) in [
            (pipe.as_path(), "not a regular file"),
            (Path::new("/dev/zero"), "not a regular file"),
            (&large, "larger than 4 KiB"),
        ] {
            let error = read_password_file(path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains(why), "{error}");
        }
        let error = read_password_credential("large", Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("larger than 4 KiB"), "{error}");
    }

    #[test]
    fn a_credential_may_be_absent() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_password_credential("name", None).unwrap(), None);
        assert_eq!(read_password_credential("name", Some(folder.path())).unwrap(), None);
        fs::write(folder.path().join("name"), "from systemd\r\n").unwrap();
        assert_eq!(
            read_password_credential("name", Some(folder.path())).unwrap().as_deref(),
            Some("from systemd")
        );
    }

    #[test]
    fn the_credential_of_the_service_comes_before_the_file_that_it_is_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("etc");
        let read = || read_service_password("name", Some(folder.path()), &file).unwrap();
        assert_eq!(read(), None);
        fs::write(&file, "from the file\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(), Some((file.clone(), "from the file".into())));
        let credential = folder.path().join("name");
        fs::write(&credential, "from systemd").unwrap();
        assert_eq!(read(), Some((credential, "from systemd".into())));
        assert_eq!(read_service_password("name", None, &file).unwrap().unwrap().1, "from the file");
    }

    #[test]
    fn a_password_that_an_old_systemd_does_not_pass_says_what_to_do() {
        let text = PasswordFileError::NotPassed { path: "/etc/ostiary/mqtt-password".into() }.to_string();
        assert!(text.contains("version 247"), "{text}");
        assert!(text.ends_with("run `chown ostiary /etc/ostiary/mqtt-password`"), "{text}");
    }
}
