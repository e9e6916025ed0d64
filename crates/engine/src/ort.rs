//! onnxruntime, loaded at run time: for boards with an accelerator that it supports.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProvider, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{TensorElementType, TensorRef};
use ostiary_config::{Ort, Provider};
use ostiary_core::NetworkInput;
use prost::Message;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{ModelProto, TensorShapeProto};

use super::input_planes::{normalize, to_planes};
use super::{EngineError, Network};

/// The library if the configuration names none; the dynamic linker searches it.
const DEFAULT_LIBRARY: &str = "libonnxruntime.so";

/// The library that this process has loaded: a process can load only one.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// A loaded onnxruntime with its execution provider. `Display` gives its name for users.
#[derive(Clone)]
pub struct Runtime {
    library: PathBuf,
    environment: Environment,
    provider: Provider,
    options: Vec<(String, String)>,
    threads: usize,
}

impl Runtime {
    /// Loads the library and checks that it has the configured provider.
    ///
    /// # Errors
    /// The library cannot be loaded, another one was loaded before, or it does not have the provider.
    pub fn load(settings: &Ort, threads: usize) -> Result<Self, EngineError> {
        let library = settings.library.clone().unwrap_or_else(|| DEFAULT_LIBRARY.into());
        let environment = load(&library)?;
        let options = settings.options.iter().filter_map(|option| option.split_once('='));
        let options =
            options.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        let runtime = Self { library, environment, provider: settings.provider, options, threads };
        let available = match runtime.provider {
            Provider::Cpu => ep::CPU::is_available(),
            Provider::Cuda => ep::CUDA::is_available(),
            Provider::TensorRt => ep::TensorRT::is_available(),
        };
        match available {
            Ok(true) => Ok(runtime),
            Ok(false) => Err(runtime.no_provider("it was built without it")),
            Err(error) => Err(runtime.no_provider(&one_line(&error.to_string()))),
        }
    }

    /// Prepares the network for inputs of this shape. The provider runs the whole network: an operator that it does not
    /// support is an error, and does not run on the processor instead.
    ///
    /// # Errors
    /// The file does not have one input tensor, or the provider cannot run it on this shape.
    pub fn prepare(
        &self,
        model: &str,
        file: &ModelProto,
        input: &NetworkInput,
        shape: &[usize],
    ) -> Result<OrtNetwork, EngineError> {
        let mut builder =
            self.session_builder().map_err(|error| self.no_provider(&one_line(&error.to_string())))?;
        let bytes = bind_shape(file, shape)
            .ok_or_else(|| EngineError::Load {
                model: model.to_owned(),
                why: "it does not have one input that is a tensor".into(),
            })?
            .encode_to_vec();
        let shape_failed = |why: String| EngineError::Shape {
            model: model.to_owned(),
            shape: shape.to_vec(),
            why: format!("{self} says: {}", one_line(&why)),
        };
        let session = builder.commit_from_memory(&bytes).map_err(|error| {
            if self.provider == Provider::Cpu || !is_quantized(file) {
                return shape_failed(error.to_string());
            }
            EngineError::Quantized {
                model: model.to_owned(),
                provider: self.name(),
                why: one_line(&error.to_string()),
            }
        })?;
        let wants_bytes = match session.inputs() {
            [input] => input.dtype().tensor_type() == Some(TensorElementType::Uint8),
            _ => return Err(shape_failed("it does not have one input".into())),
        };
        let mut network = OrtNetwork {
            model: model.to_owned(),
            session,
            input: input.clone(),
            shape: shape.to_vec(),
            output_shapes: Vec::new(),
            bytes: if wants_bytes { vec![0; shape.iter().product()] } else { Vec::new() },
            floats: if wants_bytes { Vec::new() } else { vec![0.0; shape.iter().product()] },
        };
        // The first run is much slower than the following ones, and gives the shapes of the outputs.
        let mut shapes = Vec::new();
        let first_run = network.infer(|_, shape, _| shapes.push(shape.to_vec()));
        first_run.map_err(|error| shape_failed(error.to_string()))?;
        network.output_shapes = shapes;
        Ok(network)
    }

    /// A session builder with this provider only.
    fn session_builder(&self) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            // Threads must not spin between frames.
            .with_intra_op_spinning(false)?;
        let Some(provider) = self.provider_dispatch() else { return Ok(builder) };
        let builder = builder.with_execution_providers([provider.error_on_failure()])?;
        Ok(builder.with_disable_cpu_fallback()?)
    }

    /// The provider to register with a session; `None` for the processor, which every session has.
    fn provider_dispatch(&self) -> Option<ExecutionProviderDispatch> {
        fn with<P: ArbitrarilyConfigurableExecutionProvider>(provider: P, options: &[(String, String)]) -> P {
            options
                .iter()
                .fold(provider, |provider, (name, value)| provider.with_arbitrary_config(name, value))
        }
        match self.provider {
            Provider::Cpu => None,
            Provider::Cuda => Some(with(ep::CUDA::default(), &self.options).build()),
            Provider::TensorRt => Some(with(ep::TensorRT::default(), &self.options).build()),
        }
    }

    /// Name of the provider in onnxruntime.
    fn name(&self) -> &'static str {
        match self.provider {
            Provider::Cpu => ep::CPU::NAME,
            Provider::Cuda => ep::CUDA::NAME,
            Provider::TensorRt => ep::TensorRT::NAME,
        }
    }

    fn no_provider(&self, why: &str) -> EngineError {
        EngineError::Provider { library: self.library.clone(), provider: self.name(), why: why.to_owned() }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The real file has the version in its name.
        let library = self.library.canonicalize().unwrap_or_else(|_| self.library.clone());
        write!(f, "{} of {}", self.name(), library.display())
    }
}

/// Loads the library unless this process has loaded it.
fn load(library: &Path) -> Result<Environment, EngineError> {
    let failed = |why: String, fix: &str| EngineError::Library {
        library: library.to_owned(),
        why: one_line(&why),
        fix: fix.to_owned(),
    };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, environment)) = loaded.as_ref() {
        if path == library {
            return Ok(environment.clone());
        }
        let why = format!("{} was loaded before it", path.display());
        return Err(failed(why, "a process can load one onnxruntime only: start it again"));
    }
    let fix = format!("set ort.library to the file of onnxruntime 1.{} or later", ort::MINOR_VERSION);
    let builder = ort::init_from(library).map_err(|error| failed(error.to_string(), &fix))?;
    let environment = builder
        .with_name("ostiary")
        // Nothing is sent from the device.
        .with_telemetry(false)
        .with_logger(Arc::new(forward_log))
        .build()
        .map_err(|error| failed(error.to_string(), &fix))?;
    environment.set_log_level(LogLevel::Warning);
    *loaded = Some((library.to_owned(), environment.clone()));
    Ok(environment)
}

/// Writes the messages of onnxruntime to the log of the program.
fn forward_log(level: LogLevel, _category: &str, _id: &str, _place: &str, message: &str) {
    let level = match level {
        LogLevel::Verbose => log::Level::Trace,
        LogLevel::Info => log::Level::Debug,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Error | LogLevel::Fatal => log::Level::Error,
    };
    log::log!(target: "onnxruntime", level, "{}", one_line(message));
}

/// Joins the lines of a message.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file with a fixed shape of its input and no shapes of its outputs; `None` unless it has exactly one input.
fn bind_shape(file: &ModelProto, shape: &[usize]) -> Option<ModelProto> {
    let mut file = file.clone();
    let graph = file.graph.as_mut()?;
    let weights = &graph.initializer;
    let is_fed = |name: &str| weights.iter().all(|weight| weight.name != name);
    let mut inputs = graph.input.iter_mut().filter(|input| is_fed(&input.name));
    let (Some(input), None) = (inputs.next(), inputs.next()) else { return None };
    let Some(Value::TensorType(tensor)) = &mut input.r#type.as_mut()?.value else { return None };
    let dim = shape.iter().map(|&side| Dimension {
        value: Some(dimension::Value::DimValue(side as i64)),
        ..Default::default()
    });
    tensor.shape = Some(TensorShapeProto { dim: dim.collect() });
    for output in &mut graph.output {
        if let Some(Value::TensorType(tensor)) = output.r#type.as_mut().and_then(|kind| kind.value.as_mut()) {
            tensor.shape = None;
        }
    }
    graph.value_info.clear();
    Some(file)
}

/// Whether the file is of an 8-bit network.
fn is_quantized(file: &ModelProto) -> bool {
    let graph = file.graph.iter();
    graph.flat_map(|graph| &graph.node).any(|node| node.op_type == "DequantizeLinear")
}

/// A network prepared for one shape of input.
pub struct OrtNetwork {
    model: String,
    session: Session,
    input: NetworkInput,
    shape: Vec<usize>,
    output_shapes: Vec<Vec<usize>>,
    /// The input as planes, if the file takes bytes; otherwise empty.
    bytes: Vec<u8>,
    /// The input as normalized planes, if the file takes floats; otherwise empty.
    floats: Vec<f32>,
}

impl OrtNetwork {
    /// Runs the network on the input buffer. Calls `each` with the index, the shape and the values of each output.
    fn infer(&mut self, mut each: impl FnMut(usize, &[usize], &[f32])) -> ort::Result<()> {
        let shape = self.shape.as_slice();
        let outputs = if self.bytes.is_empty() {
            self.session.run(ort::inputs![TensorRef::from_array_view((shape, self.floats.as_slice()))?])?
        } else {
            self.session.run(ort::inputs![TensorRef::from_array_view((shape, self.bytes.as_slice()))?])?
        };
        for (index, output) in outputs.values().enumerate() {
            let (shape, values) = output.try_extract_tensor::<f32>()?;
            let shape: heapless::Vec<usize, 8> = shape.iter().map(|&side| side as usize).collect();
            each(index, &shape, values);
        }
        Ok(())
    }
}

impl Network for OrtNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let failed = |why: String| EngineError::Run { model: self.model.clone(), why };
        let expected: usize = self.shape.iter().product();
        if pixels.len() != expected {
            return Err(failed(format!("{} bytes of pixels for an input of {expected}", pixels.len())));
        }
        let plane = self.shape.iter().skip(2).product();
        to_planes(pixels, &self.input, plane, &mut self.bytes, |pixel| pixel);
        to_planes(pixels, &self.input, plane, &mut self.floats, normalize(&self.input));
        let model = self.model.clone();
        self.infer(|index, _, values| {
            if let Some(output) = outputs.get_mut(index) {
                output.clear();
                output.extend_from_slice(values);
            }
        })
        .map_err(|error| EngineError::Run { model, why: one_line(&error.to_string()) })
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_in_8_bits_are_told_from_those_in_floats() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        for (name, quantized) in [("mobilefacenet-int8.onnx", true), ("mobilefacenet.onnx", false)] {
            let file = std::fs::read(folder.join(name)).unwrap();
            assert_eq!(is_quantized(&ModelProto::decode(file.as_slice()).unwrap()), quantized, "{name}");
        }
    }
}
