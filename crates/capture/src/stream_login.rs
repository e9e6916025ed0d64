//! The user and the password of a stream.

use std::env;
use std::path::{Path, PathBuf};

use ostiary_config::Camera;
use ostiary_core::{AddressError, Login, PasswordFileError, read_password_file, read_service_password};

use super::CaptureError;

/// The password of `camera.user`, if the configuration names no other file. systemd reads it for the service.
pub const DEFAULT_PASSWORD_FILE: &str = "/etc/ostiary/camera-password";
/// The name of the service's credential.
const CREDENTIAL: &str = "camera-password";

/// The user of the configuration with the password; `None` if no user is set. The password comes from `camera.password_file`,
/// else from the service's credential, else from [`DEFAULT_PASSWORD_FILE`], else it is empty. The file is read again for each
/// connection, so that a new password is used. systemd makes the credential when the service starts: a new password in it takes
/// a restart.
///
/// # Errors
/// The file cannot be read, or others may read it.
pub fn login(camera: &Camera) -> Result<Option<Login>, CaptureError> {
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    login_from(camera, credentials.as_deref(), Path::new(DEFAULT_PASSWORD_FILE))
}

fn login_from(
    camera: &Camera,
    credentials: Option<&Path>,
    default: &Path,
) -> Result<Option<Login>, CaptureError> {
    let Some(user) = &camera.user else { return Ok(None) };
    let failed = |path: &Path, why: String| CaptureError::Setting {
        key: "camera.password_file",
        value: path.display().to_string(),
        why,
    };
    let read = match &camera.password_file {
        Some(path) => read_password_file(path).map(|password| Some((path.clone(), password))),
        None => read_service_password(CREDENTIAL, credentials, default),
    };
    let read = read.map_err(|error| match error {
        PasswordFileError::Unreadable { path, why } => failed(&path, why.to_string()),
        PasswordFileError::Mode { ref path, .. } | PasswordFileError::NotPassed { ref path } => {
            failed(path, error.to_string())
        }
    })?;
    let (path, password) = read.unwrap_or_default();
    if password.contains(char::is_control) {
        return Err(failed(&path, "the password has a line break or another control character".into()));
    }
    Login::new(user.as_str(), password).map(Some).map_err(|error: AddressError| CaptureError::Setting {
        key: "camera.user",
        value: user.clone(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_comes_before_the_credential_and_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let nobody = Camera::default();
        let anna = Camera { user: Some("anna".into()), ..Camera::default() };
        let default = folder.path().join("default");
        assert_eq!(login_from(&nobody, Some(folder.path()), &default).unwrap(), None);
        let password = |camera: &Camera, credentials: Option<&Path>| {
            let login = login_from(camera, credentials, &default).unwrap().unwrap();
            String::from_utf8(login.password).unwrap()
        };
        assert_eq!(password(&anna, None), "");
        file("default", "from /etc\n");
        assert_eq!(password(&anna, None), "from /etc");
        file("camera-password", "from systemd\n");
        assert_eq!(password(&anna, Some(folder.path())), "from systemd");
        let own = file("own", "p#s/s'w? r:d@\n");
        let with_file = Camera { password_file: Some(own.clone()), ..anna };
        assert_eq!(password(&with_file, Some(folder.path())), "p#s/s'w? r:d@");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = login_from(&with_file, None, &default).unwrap_err().to_string();
        assert!(error.contains("camera.password_file") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_error_has_the_value_that_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let default = folder.path().join("default");
        let error =
            |camera: Camera| login_from(&camera, Some(folder.path()), &default).unwrap_err().to_string();
        let anna = Camera { user: Some("anna".into()), ..Camera::default() };
        let missing = folder.path().join("missing");
        let text = error(Camera { password_file: Some(missing.clone()), ..anna.clone() });
        assert!(
            text.starts_with(&format!("camera.password_file = {}: No such", missing.display())),
            "{text}"
        );
        let text = error(Camera { password_file: Some("/dev/zero".into()), ..anna.clone() });
        assert!(text.starts_with("camera.password_file = /dev/zero: it is not a regular file"), "{text}");
        let credential = folder.path().join("camera-password");
        std::fs::write(&credential, "two\nlines").unwrap();
        let text = error(anna);
        assert!(text.starts_with(&format!("camera.password_file = {}: the", credential.display())), "{text}");
        assert!(text.contains("line break") && !text.contains("two"), "{text}");
        std::fs::write(&credential, "one").unwrap();
        let text = error(Camera { user: Some("an:na".into()), ..Camera::default() });
        assert!(text.starts_with("camera.user = an:na: ") && text.contains("colon"), "{text}");
    }
}
