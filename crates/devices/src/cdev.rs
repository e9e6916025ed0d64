//! Output lines of the kernel's GPIO character device (`/dev/gpiochipN`).

use std::path::PathBuf;

use gpiocdev::line::Value;
use gpiocdev::{Chip, Error, Request};
use ostiary_config::ActiveLevel;

use super::{ChipState, GpioError, LineSpec, LineState, OutputLine};

/// A requested output line. The kernel releases it when the process ends. The chip's driver decides whether the level then
/// stays, so the line is switched off before.
pub(super) struct CdevLine {
    what: &'static str,
    chip: PathBuf,
    line: u32,
    request: Request,
}

impl CdevLine {
    /// Requests the line as an output that is off. The kernel sets direction and level in one step, so that the line is not
    /// on in between.
    pub fn open(spec: LineSpec<'_>) -> Result<Self, GpioError> {
        let LineSpec { what, chip: path, line, .. } = spec;
        let chip = chip_with_line(spec)?;
        check_free(&chip, spec)?;
        let mut builder = Request::builder();
        builder.on_chip(path).with_consumer(format!("ostiary {what}")).with_line(line);
        match spec.active {
            ActiveLevel::High => builder.as_active_high(),
            ActiveLevel::Low => builder.as_active_low(),
        };
        builder.as_output(Value::Inactive);
        match builder.request() {
            Ok(request) => Ok(Self { what, chip: path.into(), line, request }),
            // A program may have requested the line after the check.
            Err(error) => check_free(&chip, spec).and(Err(refused(spec, &error))),
        }
    }
}

/// The state of the line, without requesting it.
pub(super) fn line_state(spec: LineSpec<'_>) -> Result<LineState, GpioError> {
    let LineSpec { what, chip: path, line, .. } = spec;
    let info = chip_with_line(spec)?.line_info(line).map_err(|error| refused(spec, &error))?;
    let consumer = info.used.then_some(info.consumer);
    Ok(LineState { what, chip: path.into(), line, name: info.name, consumer })
}

/// The chips that can be opened, in the order of their paths.
pub(super) fn chips() -> Vec<ChipState> {
    let state = |path: PathBuf| {
        let info = Chip::from_path(&path).ok()?.info().ok()?;
        Some(ChipState { path, label: info.label, lines: info.num_lines })
    };
    gpiocdev::chip::chips().unwrap_or_default().into_iter().filter_map(state).collect()
}

/// Opens the chip, and checks that it has the line.
pub(super) fn chip_with_line(spec: LineSpec<'_>) -> Result<Chip, GpioError> {
    let LineSpec { what, chip: path, line, .. } = spec;
    let chip = Chip::from_path(path).map_err(|error| chip_error(spec, &error))?;
    let lines = chip.info().map_err(|error| refused(spec, &error))?.num_lines;
    if line >= lines {
        let last = lines.saturating_sub(1);
        return Err(GpioError::LineOutOfRange { what, chip: path.into(), line, last });
    }
    Ok(chip)
}

pub(super) fn refused(spec: LineSpec<'_>, error: &Error) -> GpioError {
    let LineSpec { what, chip, line, .. } = spec;
    GpioError::Refused { what, chip: chip.into(), line, reason: error.to_string() }
}

impl OutputLine for CdevLine {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        let value = if on { Value::Active } else { Value::Inactive };
        self.request.set_lone_value(value).map_err(|error| GpioError::Switch {
            what: self.what,
            chip: self.chip.clone(),
            line: self.line,
            on,
            reason: error.to_string(),
        })
    }
}

/// Returns [`GpioError::LineBusy`] if the line is in use.
pub(super) fn check_free(chip: &Chip, spec: LineSpec<'_>) -> Result<(), GpioError> {
    let LineSpec { what, chip: path, line, .. } = spec;
    match chip.line_info(line) {
        Ok(info) if info.used => {
            let consumer = match info.consumer.as_str() {
                "" => "a program without a name".to_owned(),
                name => format!("\"{name}\""),
            };
            Err(GpioError::LineBusy { what, chip: path.into(), line, consumer })
        }
        _ => Ok(()),
    }
}

fn chip_error(spec: LineSpec<'_>, error: &Error) -> GpioError {
    let LineSpec { what, chip, key, line, .. } = spec;
    let chip = chip.to_path_buf();
    match error {
        Error::GpioChip(..) => GpioError::NotAChip { what, chip, key },
        Error::Os(errno) => match std::io::Error::from_raw_os_error(errno.0).kind() {
            std::io::ErrorKind::NotFound => GpioError::ChipMissing { what, chip, key },
            std::io::ErrorKind::PermissionDenied => GpioError::PermissionDenied { what, chip },
            _ => GpioError::Refused { what, chip, line, reason: error.to_string() },
        },
        _ => GpioError::Refused { what, chip, line, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ostiary_config::GpioBackend;

    use super::*;

    fn failure(chip: &Path) -> String {
        let spec = LineSpec {
            what: "relay",
            backend: GpioBackend::Gpiocdev,
            chip,
            key: "relay.chip",
            line: 17,
            active: ActiveLevel::High,
        };
        CdevLine::open(spec).err().unwrap().to_string()
    }

    #[test]
    fn a_missing_chip_is_named() {
        let message = failure(Path::new("/dev/gpiochip987"));
        assert!(
            message.contains("no GPIO chip /dev/gpiochip987") && message.contains("relay.chip"),
            "{message}"
        );
    }

    #[test]
    fn another_device_or_a_file_is_no_chip() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [Path::new("/dev/null"), file.path(), Path::new("/")] {
            let message = failure(path);
            assert!(message.contains("is not a GPIO chip"), "{message}");
        }
    }

    #[test]
    fn the_error_without_permission_names_the_group() {
        let errno = std::io::Error::from_raw_os_error(libc::EACCES);
        let spec = LineSpec {
            what: "relay",
            backend: GpioBackend::Gpiocdev,
            chip: Path::new("/dev/gpiochip0"),
            key: "relay.chip",
            line: 17,
            active: ActiveLevel::Low,
        };
        let message = chip_error(spec, &Error::from(errno)).to_string();
        assert!(message.contains("no permission") && message.contains("gpio"), "{message}");
    }
}
