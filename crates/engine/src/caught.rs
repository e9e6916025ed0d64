//! Panics inside an engine, as errors.
//!
//! Libraries that load and run networks hold to their own assumptions by panicking, and not every file that breaks one can
//! be told beforehand. This is the one place where the program catches panics: around calls into an engine, on behalf of
//! one network, which is given up with the error. All profiles of this program unwind.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::{EngineError, Network};

thread_local! {
    /// Whether this thread is in such a call.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// What the panic said, and where.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Does some work of an engine; its panic is an error that names the model.
pub fn caught<T>(model: &str, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match CATCHES.get() {
            // It is reported once, as the error.
            true => SAID.set(info.to_string().replace('\n', " ")),
            false => before(info),
        }));
    });
    let outer = CATCHES.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(outer);
    done.unwrap_or_else(|_| Err(EngineError::Panic { model: model.to_owned(), why: SAID.take() }))
}

/// A network whose panics are errors.
pub struct Caught<N> {
    pub model: String,
    pub network: N,
}

impl<N: Network> Network for Caught<N> {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let Self { model, network } = self;
        caught(model, || network.run(pixels, outputs))
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
            caught::<()>("odd.onnx", || panic!("this was {}", "not foreseen")).unwrap_err().to_string();
        assert!(failed.contains("odd.onnx") && failed.contains("this was not foreseen"), "{failed}");
        assert!(failed.contains("caught.rs"), "{failed}");
        assert!(!CATCHES.get());
        assert_eq!(caught("good.onnx", || Ok(7)).unwrap(), 7);
    }
}
