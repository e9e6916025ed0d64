//! Converts panics of an engine to errors.
//!
//! Libraries that load and run networks panic if their assumptions do not hold, and the checks of this crate cannot find all
//! such files. This is the only place where the program catches panics: around calls of an engine, for one network, which
//! is not used after the error. All profiles of this program unwind.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::{EngineError, Network};

thread_local! {
    /// Whether this thread is in a guarded call.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Message and place of the panic.
    static PANIC_MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Calls an engine. A panic is returned as an error that names the model.
///
/// # Errors
/// The error of `work`, or [`EngineError::Panic`].
pub fn catch_panics<T>(model: &str, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    static INSTALL_HOOK: Once = Once::new();
    INSTALL_HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| match IS_GUARDED.get() {
            // It is reported as the error, and not a second time on stderr.
            true => PANIC_MESSAGE.set(info.to_string().replace('\n', " ")),
            false => previous(info),
        }));
    });
    let outer = IS_GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(outer);
    result.unwrap_or_else(|_| Err(EngineError::Panic { model: model.to_owned(), why: PANIC_MESSAGE.take() }))
}

/// A network whose panics are converted to errors.
pub struct PanicGuard<N> {
    /// Name of the model in errors.
    pub model: String,
    /// The guarded network.
    pub network: N,
}

impl<N: Network> Network for PanicGuard<N> {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let Self { model, network } = self;
        catch_panics(model, || network.run(pixels, outputs))
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        self.network.output_shapes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_the_model() {
        let failed =
            catch_panics::<()>("bad.onnx", || panic!("this was {}", "not foreseen")).unwrap_err().to_string();
        assert!(failed.contains("bad.onnx") && failed.contains("this was not foreseen"), "{failed}");
        assert!(failed.contains("panic_guard.rs"), "{failed}");
        assert!(!IS_GUARDED.get());
        assert_eq!(catch_panics("good.onnx", || Ok(7)).unwrap(), 7);
    }
}
