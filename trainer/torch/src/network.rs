//! A network that torch runs and trains.

use anyhow::{Context, Result, ensure};
use ostiary_trainer::net::{Architecture, BATCH_NORM_EPSILON, Conv, Layer, Parameter, Role, SIDE, Weights};
use ostiary_trainer::tensors;
use tch::{Device, Kind, TchError, Tensor};

/// Share of the newest batch in the running mean and variance of norms, as in PyTorch.
const MOMENTUM: f64 = 0.1;
/// Initial slope of PReLUs, as in PyTorch.
const INITIAL_SLOPE: f64 = 0.25;
/// Share of values that dropout sets to 0.
const DROPOUT: f64 = 0.5;

/// How norms and dropout work in a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Norms use mean and variance of the batch, and update their running statistics. Dropout is active.
    Train,
    /// Norms use their running statistics.
    Infer,
    /// Norms use their running statistics, then replace them by mean and variance of the batch, and adapt factor and bias so that
    /// their output stays the same.
    EstimateNorms,
}

/// A network. Its parameters are stored in three flat tensors. An optimizer then needs a few operations instead of some for each of
/// hundreds of tensors, and a gradient is one tensor too.
pub struct Network {
    architecture: Architecture,
    layers: Vec<Layer>,
    parameters: Vec<Parameter>,
    groups: [FlatParameters; 3],
    device: Device,
}

/// The groups of parameters, each one flat tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParameterGroup {
    /// Weights of convolutions and matrices, with weight decay.
    Weights,
    /// Factors and biases of norms, and slopes of PReLUs, without weight decay.
    NormsAndSlopes,
    /// Running statistics of norms, which are not trained.
    Statistics,
}

impl ParameterGroup {
    fn of(role: Role) -> Self {
        match role {
            Role::Weight => Self::Weights,
            Role::Scale | Role::Shift | Role::Slope => Self::NormsAndSlopes,
            Role::Mean | Role::Variance => Self::Statistics,
        }
    }
}

/// A group of parameters as one flat tensor.
struct FlatParameters {
    /// All parameters of the group, `[numbers]`.
    flat: Tensor,
    /// Number of values of each parameter.
    sizes: Vec<i64>,
    shapes: Vec<Vec<i64>>,
}

impl FlatParameters {
    /// Views of the parameters, in order. Their gradient is one concatenation.
    fn split(&self) -> Result<Vec<Tensor>, TchError> {
        let parts = self.flat.f_split_with_sizes(&self.sizes, 0)?;
        parts.iter().zip(&self.shapes).map(|(part, shape)| part.f_view(&shape[..])).collect()
    }
}

/// A forward pass. It takes the parameters in the order of the layers.
struct ForwardPass {
    parts: [std::vec::IntoIter<Tensor>; 3],
    mode: Mode,
    kind: Kind,
}

impl ForwardPass {
    fn take(&mut self, place: ParameterGroup) -> Result<Tensor, TchError> {
        let missing = || TchError::Convert("a layer needs more tensors than the network has".into());
        let [weights, norms, statistics] = &mut self.parts;
        let part = match place {
            ParameterGroup::Weights => weights,
            ParameterGroup::NormsAndSlopes => norms,
            ParameterGroup::Statistics => statistics,
        };
        part.next().ok_or_else(missing)
    }

    fn run(&mut self, layers: &[Layer], input: &Tensor) -> Result<Tensor, TchError> {
        layers.iter().try_fold(input.shallow_clone(), |value, layer| self.layer(layer, &value))
    }

    fn layer(&mut self, layer: &Layer, x: &Tensor) -> Result<Tensor, TchError> {
        match layer {
            Layer::Conv(conv) => {
                convolve(x, &self.take(ParameterGroup::Weights)?.f_to_kind(self.kind)?, conv)
            }
            Layer::BatchNorm { .. } => {
                let [scale, shift] =
                    [self.take(ParameterGroup::NormsAndSlopes)?, self.take(ParameterGroup::NormsAndSlopes)?];
                let [mean, variance] =
                    [self.take(ParameterGroup::Statistics)?, self.take(ParameterGroup::Statistics)?];
                if self.mode == Mode::EstimateNorms {
                    return estimate_norm(x, [scale, shift], [mean, variance]);
                }
                let train = self.mode == Mode::Train;
                x.f_batch_norm(
                    Some(scale),
                    Some(shift),
                    Some(mean),
                    Some(variance),
                    train,
                    MOMENTUM,
                    BATCH_NORM_EPSILON,
                    true,
                )
            }
            Layer::Prelu { .. } => {
                x.f_prelu(&self.take(ParameterGroup::NormsAndSlopes)?.f_to_kind(self.kind)?)
            }
            Layer::SqueezeExcitation { .. } => {
                let [down, up] = [self.take(ParameterGroup::Weights)?, self.take(ParameterGroup::Weights)?];
                let means = x.f_adaptive_avg_pool2d([1, 1])?;
                let few = convolve_plain(&means, &down.f_to_kind(self.kind)?)?.f_relu()?;
                x.f_mul(&convolve_plain(&few, &up.f_to_kind(self.kind)?)?.f_sigmoid()?)
            }
            Layer::Residual { body, shortcut } => {
                let long = self.run(body, x)?;
                long.f_add(&self.run(shortcut, x)?)
            }
            Layer::CenterColumns { columns } => {
                let columns = *columns as i64;
                x.f_narrow(3, (SIDE as i64 - columns) / 2, columns)
            }
            Layer::Subsample { stride } => x.f_max_pool2d([1, 1], [*stride as i64; 2], [0, 0], [1, 1], false),
            Layer::Dropout => x.f_dropout(DROPOUT, self.mode == Mode::Train),
            Layer::Flatten => x.f_flatten(1, -1),
            Layer::Linear { .. } => {
                x.f_linear(&self.take(ParameterGroup::Weights)?.f_to_kind(self.kind)?, None::<Tensor>)
            }
        }
    }
}

/// The output of a norm with its running statistics. Replaces the statistics by those of the batch, and adapts factor and bias (all
/// are views) so that the output stays the same.
fn estimate_norm(
    x: &Tensor,
    [mut scale, mut shift]: [Tensor; 2],
    [mut mean, mut variance]: [Tensor; 2],
) -> Result<Tensor, TchError> {
    let y = x.f_batch_norm(
        Some(&scale),
        Some(&shift),
        Some(&mean),
        Some(&variance),
        false,
        MOMENTUM,
        BATCH_NORM_EPSILON,
        true,
    )?;
    // All dimensions except channels.
    let over: Vec<i64> = (0..x.dim() as i64).filter(|dimension| *dimension != 1).collect();
    let (now_variance, now_mean) = x.f_var_mean_dim(&over[..], false, false)?;
    let root = |variance: &Tensor| variance.f_add_scalar(BATCH_NORM_EPSILON)?.f_sqrt();
    let slope = scale.f_div(&root(&variance)?)?;
    let bias = shift.f_add(&now_mean.f_sub(&mean)?.f_mul(&slope)?)?;
    scale.f_copy_(&slope.f_mul(&root(&now_variance)?)?)?;
    shift.f_copy_(&bias)?;
    mean.f_copy_(&now_mean)?;
    variance.f_copy_(&now_variance)?;
    Ok(y)
}

fn convolve(x: &Tensor, weight: &Tensor, conv: &Conv) -> Result<Tensor, TchError> {
    let [stride, before, behind, groups] =
        [conv.stride, conv.pad_begin, conv.pad_end, conv.groups].map(|n| n as i64);
    if before == behind {
        return x.f_conv2d(weight, None::<Tensor>, [stride; 2], [before; 2], [1, 1], groups);
    }
    let padded = x.f_constant_pad_nd([before, behind, before, behind])?;
    padded.f_conv2d(weight, None::<Tensor>, [stride; 2], [0, 0], [1, 1], groups)
}

fn convolve_plain(x: &Tensor, weight: &Tensor) -> Result<Tensor, TchError> {
    x.f_conv2d(weight, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1)
}

impl Network {
    /// A network with initial weights. Weights of convolutions and matrices are normally distributed, with the variance that keeps
    /// the magnitude of values from layer to layer (He et al. 2015, arXiv:1502.01852). Norms are neutral, slopes are 0.25. Uses
    /// torch's random generator.
    ///
    /// # Errors
    /// Those of torch.
    pub fn new(architecture: Architecture, device: Device) -> Result<Self> {
        let initial = |parameter: &Parameter| {
            let shape: Vec<i64> = parameter.shape.iter().map(|d| *d as i64).collect();
            let options = (Kind::Float, Device::Cpu);
            match parameter.role {
                Role::Weight => {
                    let fan_in: usize = parameter.shape.iter().skip(1).product();
                    Tensor::f_randn(&shape, options)?.f_mul_scalar((2.0 / fan_in as f64).sqrt())
                }
                Role::Scale | Role::Variance => Tensor::f_ones(&shape, options),
                Role::Shift | Role::Mean => Tensor::f_zeros(&shape, options),
                Role::Slope => Tensor::f_full(&shape, INITIAL_SLOPE, options),
            }
        };
        Self::of(architecture, device, |parameter| Ok(initial(parameter)?))
    }

    /// A network with these weights.
    ///
    /// # Errors
    /// Those of torch.
    pub fn load(weights: &Weights, device: Device) -> Result<Self> {
        let take = |parameter: &Parameter| {
            anyhow::Ok(Tensor::f_from_slice(&weights.tensor(&parameter.name)?.values)?)
        };
        Self::of(weights.architecture(), device, take)
    }

    fn of(
        architecture: Architecture,
        device: Device,
        take: impl Fn(&Parameter) -> Result<Tensor>,
    ) -> Result<Self> {
        let layers = architecture.layers();
        let parameters = Layer::parameters(&layers);
        let group = |place: ParameterGroup| {
            let mine: Vec<&Parameter> =
                parameters.iter().filter(|p| ParameterGroup::of(p.role) == place).collect();
            let tensors = mine.iter().map(|p| Ok(take(p)?.f_view([-1])?)).collect::<Result<Vec<_>>>()?;
            anyhow::Ok(FlatParameters {
                flat: Tensor::f_cat(&tensors, 0)?
                    .f_to_device(device)?
                    .f_set_requires_grad(place != ParameterGroup::Statistics)?,
                sizes: mine.iter().map(|p| p.shape.iter().product::<usize>() as i64).collect(),
                shapes: mine.iter().map(|p| p.shape.iter().map(|d| *d as i64).collect()).collect(),
            })
        };
        let groups = [
            group(ParameterGroup::Weights)?,
            group(ParameterGroup::NormsAndSlopes)?,
            group(ParameterGroup::Statistics)?,
        ];
        Ok(Self { architecture, layers, parameters, groups, device })
    }

    /// The device that runs the network.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Embeds pictures `[batch, 3, 112, 112]` ([`SIDE`]). The result is `[batch, embedding]` of 32-bit floats, not of unit length.
    /// Convolutions and matrices compute in the number type of the input, norms in 32 bits.
    ///
    /// # Errors
    /// Those of torch.
    pub fn embed(&self, pictures: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        let [weights, norms, statistics] = &self.groups;
        let parts =
            [weights.split()?.into_iter(), norms.split()?.into_iter(), statistics.split()?.into_iter()];
        let mut pass = ForwardPass { parts, mode, kind: pictures.kind() };
        pass.run(&self.layers, pictures)?.f_to_kind(Kind::Float)
    }

    /// The trained parameters as flat tensors: those with weight decay (weights), and those without (norms and slopes).
    pub fn trainable(&self) -> [&Tensor; 2] {
        let [weights, norms_and_slopes, _] = &self.groups;
        [&weights.flat, &norms_and_slopes.flat]
    }

    /// The state for a checkpoint: all groups of parameters.
    pub fn state(&self) -> [&Tensor; 3] {
        self.groups.each_ref().map(|group| &group.flat)
    }

    /// Restores a [`Self::state`].
    ///
    /// # Errors
    /// If a tensor has another size.
    pub fn restore(&mut self, state: [Tensor; 3]) -> Result<()> {
        for (group, (restored, place)) in self.groups.iter_mut().zip(state.into_iter().zip([
            ParameterGroup::Weights,
            ParameterGroup::NormsAndSlopes,
            ParameterGroup::Statistics,
        ])) {
            ensure!(group.flat.size() == restored.size(), "the checkpoint is of another network");
            group.flat = restored
                .f_to_device(self.device)?
                .f_set_requires_grad(place != ParameterGroup::Statistics)?;
        }
        Ok(())
    }

    /// The running statistics of all norms as a flat tensor.
    pub fn norm_statistics(&self) -> &Tensor {
        let [_, _, statistics] = &self.groups;
        &statistics.flat
    }

    /// Sets the running statistics of each norm to those of its inputs over some pictures, `[pictures, 3, 112, 112]`, and adapts
    /// factor and bias so that its output stays the same. A network whose norms were folded can then be trained.
    ///
    /// # Errors
    /// Those of torch.
    pub fn estimate_norms(&mut self, pictures: &Tensor) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let [weights, norms, statistics] = &self.groups;
        let parts =
            [weights.split()?.into_iter(), norms.split()?.into_iter(), statistics.split()?.into_iter()];
        let mut pass = ForwardPass { parts, mode: Mode::EstimateNorms, kind: pictures.kind() };
        let _ = pass.run(&self.layers, pictures)?;
        Ok(())
    }

    /// The weights, for a checkpoint.
    ///
    /// # Errors
    /// If a value is not finite, or those of torch.
    pub fn weights(&self) -> Result<Weights> {
        let values = |group: &FlatParameters| {
            let flat = group.flat.f_to_device(Device::Cpu)?.f_detach()?;
            let values = Vec::<f32>::try_from(&flat).context("the weights cannot be read from the device")?;
            anyhow::Ok(values.into_iter())
        };
        let [weights, norms, statistics] = &self.groups;
        let (mut weights, mut norms, mut statistics) =
            (values(weights)?, values(norms)?, values(statistics)?);
        let tensors = self.parameters.iter().map(|parameter| {
            let values = match ParameterGroup::of(parameter.role) {
                ParameterGroup::Weights => &mut weights,
                ParameterGroup::NormsAndSlopes => &mut norms,
                ParameterGroup::Statistics => &mut statistics,
            };
            let values = values.take(parameter.shape.iter().product()).collect();
            (parameter.name.clone(), tensors::Tensor { shape: parameter.shape.clone(), values })
        });
        Weights::new(self.architecture, tensors.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{NetReference, Reference, architecture, filled, numbers, tensor};

    fn agree(name: &str, architecture: Architecture, mode: Mode, wanted: &NetReference) {
        let mut network = Network::load(&filled(architecture), Device::Cpu).unwrap();
        // In double precision like the reference, because rounding differs between processors.
        for (group, trainable) in network.groups.iter_mut().zip([true, true, false]) {
            group.flat = group.flat.detach().to_kind(Kind::Double).set_requires_grad(trainable);
        }
        let pictures = tensor("pictures", &[4, 3, 112, 112]).to_kind(Kind::Double);
        let embeddings = network.embed(&pictures, mode).unwrap();
        let got: Vec<f32> = (&embeddings.flatten(0, -1).detach()).try_into().unwrap();
        let largest = wanted.embeddings.iter().fold(0f64, |most, v| most.max(v.abs()));
        for (got, wanted) in got.iter().zip(&wanted.embeddings) {
            let apart = (f64::from(*got) - wanted).abs();
            assert!(apart <= 1e-4 * largest, "{name}: {got}, but PyTorch has {wanted}");
        }
        let loss = (&embeddings * tensor("wanted", &embeddings.size())).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[loss], &network.trainable(), false, false);
        let of: Vec<_> = gradients.iter().map(|flat| Vec::<f64>::try_from(flat).unwrap()).collect();
        let mut of: Vec<_> = of.iter().map(Vec::as_slice).collect();
        let longest = wanted.gradients.values().fold(0f64, |most, [length, _]| most.max(*length));
        let mut compared = 0;
        for parameter in &network.parameters {
            let (ParameterGroup::Weights | ParameterGroup::NormsAndSlopes) =
                ParameterGroup::of(parameter.role)
            else {
                continue;
            };
            let rest = &mut of[ParameterGroup::of(parameter.role) as usize];
            let gradient = rest.split_off(..parameter.shape.iter().product::<usize>()).unwrap();
            let [length, product] = wanted.gradients[&parameter.name];
            let own = gradient.iter().map(|g| g.powi(2)).sum::<f64>().sqrt();
            let along = numbers(&format!("gradient {}", parameter.name), gradient.len());
            let own_product: f64 = gradient.iter().zip(along).map(|(g, n)| g * f64::from(n)).sum();
            // A gradient that consists of rounding errors only, as of a bias before a norm, is compared with the largest one.
            let allowed = 1e-4 * length + 1e-6 * longest;
            assert!((own - length).abs() <= allowed, "{name} {}: {own} {length}", parameter.name);
            assert!(
                (own_product - product).abs() <= allowed,
                "{name} {}: {own_product} {product}",
                parameter.name
            );
            compared += 1;
        }
        assert_eq!(compared, wanted.gradients.len(), "{name}");
    }

    #[test]
    fn networks_and_their_gradients_are_those_of_pytorch() {
        let reference = Reference::stored();
        assert_eq!(reference.nets.len(), 10);
        for (name, wanted) in &reference.nets {
            agree(name, architecture(name), Mode::Infer, wanted);
        }
        for (name, wanted) in &reference.nets_in_training {
            agree(name, architecture(name), Mode::Train, wanted);
        }
    }

    #[test]
    fn a_network_that_was_read_is_written_unchanged() {
        let weights = filled(Architecture::mobilefacenet(0.25, 64));
        let network = Network::load(&weights, Device::Cpu).unwrap();
        assert_eq!(network.weights().unwrap(), weights);
        let _ = network.embed(&tensor("pictures", &[4, 3, 112, 112]), Mode::Infer).unwrap();
        assert_eq!(network.weights().unwrap(), weights, "inference does not change the weights");
        let _ = network.embed(&tensor("pictures", &[4, 3, 112, 112]), Mode::Train).unwrap();
        let after = network.weights().unwrap();
        assert_ne!(after.tensor("1.running_mean").unwrap(), weights.tensor("1.running_mean").unwrap());
        assert_eq!(after.tensor("0.weight").unwrap(), weights.tensor("0.weight").unwrap());
    }

    #[test]
    fn estimated_norms_keep_the_output_and_have_the_statistics_of_the_batch() {
        let mut network = Network::load(&filled(Architecture::mobilefacenet(0.5, 64)), Device::Cpu).unwrap();
        let pictures = tensor("pictures", &[16, 3, 112, 112]);
        let before = network.embed(&pictures, Mode::Infer).unwrap();
        network.estimate_norms(&pictures).unwrap();
        let apart = |other: &Tensor| {
            f64::try_from((other - &before).abs().max()).unwrap() / f64::try_from(before.abs().max()).unwrap()
        };
        let after = network.embed(&pictures, Mode::Infer).unwrap();
        assert!(apart(&after) < 1e-4, "{}", apart(&after));
        // With the statistics of this batch, training and inference give the same.
        let trained = network.embed(&pictures, Mode::Train).unwrap();
        assert!(apart(&trained) < 1e-3, "{}", apart(&trained));
    }

    #[test]
    fn sixteen_bits_give_almost_the_same() {
        let network = Network::load(&filled(Architecture::mobilefacenet(1.0, 192)), Device::Cpu);
        let network = network.unwrap();
        let pictures = tensor("pictures", &[4, 3, 112, 112]);
        let full = network.embed(&pictures, Mode::Infer).unwrap();
        let half = network.embed(&pictures.to_kind(Kind::BFloat16), Mode::Infer).unwrap();
        assert_eq!(half.kind(), Kind::Float);
        let cosine = f64::try_from(Tensor::cosine_similarity(&full, &half, 1, 1e-9).min()).unwrap();
        assert!(cosine > 0.995, "{cosine}");
    }
}
