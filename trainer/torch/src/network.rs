//! A network that torch runs and differentiates.

use anyhow::{Context, Result, ensure};
use ostiary_trainer::net::{Architecture, Conv, EPSILON, Layer, Parameter, Role, SIDE, Weights};
use ostiary_trainer::tensors;
use tch::{Device, Kind, TchError, Tensor};

/// The share of the newest batch in a norm's running mean and variance.
const MOMENTUM: f64 = 0.1;

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Norms take the batch's own mean and variance, and note them; dropout drops.
    Train,
    /// Norms take what was noted.
    Infer,
    /// Norms give what they would infer, and note the batch's mean and variance, with their factor and bias made to fit.
    Measure,
}

/// The numbers of a network lie in three pieces, each one tensor: an optimiser then takes a handful of steps, not some for
/// each of hundreds of tensors, and a gradient is one tensor as well.
pub struct Network {
    architecture: Architecture,
    layers: Vec<Layer>,
    parameters: Vec<Parameter>,
    pieces: [Piece; 3],
    device: Device,
}

/// Which piece a parameter lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Place {
    /// Convolutions and matrices, which decay.
    Weights,
    /// Of norms and PReLUs, which do not.
    Rest,
    /// What norms have measured, which is not learnt.
    Measured,
}

impl Place {
    fn of(role: Role) -> Self {
        match role {
            Role::Weight => Self::Weights,
            Role::Scale | Role::Shift | Role::Slope => Self::Rest,
            Role::Mean | Role::Variance => Self::Measured,
        }
    }
}

struct Piece {
    /// `[numbers]`
    flat: Tensor,
    /// Numbers of each parameter.
    sizes: Vec<i64>,
    shapes: Vec<Vec<i64>>,
}

impl Piece {
    /// Views of the parameters, in order. The gradient of all of them is one concatenation.
    fn split(&self) -> Result<Vec<Tensor>, TchError> {
        let parts = self.flat.f_split_with_sizes(&self.sizes, 0)?;
        parts.iter().zip(&self.shapes).map(|(part, shape)| part.f_view(&shape[..])).collect()
    }
}

/// The parameters of one pass, taken in the order in which the layers stand.
struct Pass {
    parts: [std::vec::IntoIter<Tensor>; 3],
    mode: Mode,
    kind: Kind,
}

impl Pass {
    fn next(&mut self, place: Place) -> Result<Tensor, TchError> {
        let missing = || TchError::Convert("a layer has more tensors than it names".into());
        self.parts[place as usize].next().ok_or_else(missing)
    }

    fn run(&mut self, layers: &[Layer], input: &Tensor) -> Result<Tensor, TchError> {
        layers.iter().try_fold(input.shallow_clone(), |value, layer| self.layer(layer, &value))
    }

    fn layer(&mut self, layer: &Layer, x: &Tensor) -> Result<Tensor, TchError> {
        match layer {
            Layer::Conv(conv) => convolve(x, &self.next(Place::Weights)?.f_to_kind(self.kind)?, conv),
            Layer::BatchNorm { .. } => {
                let [scale, shift] = [self.next(Place::Rest)?, self.next(Place::Rest)?];
                let [mean, variance] = [self.next(Place::Measured)?, self.next(Place::Measured)?];
                if self.mode == Mode::Measure {
                    return measure(x, [scale, shift], [mean, variance]);
                }
                let train = self.mode == Mode::Train;
                x.f_batch_norm(
                    Some(scale),
                    Some(shift),
                    Some(mean),
                    Some(variance),
                    train,
                    MOMENTUM,
                    EPSILON,
                    true,
                )
            }
            Layer::Prelu { .. } => x.f_prelu(&self.next(Place::Rest)?.f_to_kind(self.kind)?),
            Layer::Squeeze { .. } => {
                let [down, up] = [self.next(Place::Weights)?, self.next(Place::Weights)?];
                let means = x.f_adaptive_avg_pool2d([1, 1])?;
                let few = convolve_plain(&means, &down.f_to_kind(self.kind)?)?.f_relu()?;
                x.f_mul(&convolve_plain(&few, &up.f_to_kind(self.kind)?)?.f_sigmoid()?)
            }
            Layer::Residual { body, shortcut } => {
                let long = self.run(body, x)?;
                long.f_add(&self.run(shortcut, x)?)
            }
            Layer::Middle { columns } => {
                let columns = *columns as i64;
                x.f_narrow(3, (SIDE as i64 - columns) / 2, columns)
            }
            Layer::Subsample { stride } => x.f_max_pool2d([1, 1], [*stride as i64; 2], [0, 0], [1, 1], false),
            Layer::Dropout => x.f_dropout(0.5, self.mode == Mode::Train),
            Layer::Flatten => x.f_flatten(1, -1),
            Layer::Linear { .. } => {
                x.f_linear(&self.next(Place::Weights)?.f_to_kind(self.kind)?, None::<Tensor>)
            }
        }
    }
}

/// What a norm infers; its numbers, which are views, become others that give the same.
fn measure(
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
        EPSILON,
        true,
    )?;
    // All but the channels.
    let over: Vec<i64> = (0..x.dim() as i64).filter(|dimension| *dimension != 1).collect();
    let (now_variance, now_mean) = x.f_var_mean_dim(&over[..], false, false)?;
    let root = |variance: &Tensor| variance.f_add_scalar(EPSILON)?.f_sqrt();
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
        [conv.stride, conv.pad_before, conv.pad_behind, conv.groups].map(|n| n as i64);
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
    /// With weights as learning begins: those of convolutions and matrices normal, with the variance that keeps the size of
    /// values from layer to layer (He et al. 2015, arXiv:1502.01852), norms neutral, slopes 0.25. Takes torch's random
    /// numbers.
    pub fn new(architecture: Architecture, device: Device) -> Result<Self> {
        let begin = |parameter: &Parameter| {
            let shape: Vec<i64> = parameter.shape.iter().map(|d| *d as i64).collect();
            let options = (Kind::Float, Device::Cpu);
            match parameter.role {
                Role::Weight => {
                    let fan_in: usize = parameter.shape[1..].iter().product();
                    Tensor::f_randn(&shape, options)?.f_mul_scalar((2.0 / fan_in as f64).sqrt())
                }
                Role::Scale | Role::Variance => Tensor::f_ones(&shape, options),
                Role::Shift | Role::Mean => Tensor::f_zeros(&shape, options),
                Role::Slope => Tensor::f_full(&shape, 0.25, options),
            }
        };
        Ok(Self::of(architecture, device, begin)?)
    }

    /// With these weights.
    pub fn load(weights: &Weights, device: Device) -> Result<Self> {
        let take = |parameter: &Parameter| Tensor::f_from_slice(&weights.tensor(&parameter.name).values);
        Ok(Self::of(weights.architecture(), device, take)?)
    }

    fn of(
        architecture: Architecture,
        device: Device,
        mut take: impl FnMut(&Parameter) -> Result<Tensor, TchError>,
    ) -> Result<Self, TchError> {
        let layers = architecture.layers();
        let parameters = Layer::parameters(&layers);
        let mut piece = |place: Place| {
            let mine: Vec<&Parameter> = parameters.iter().filter(|p| Place::of(p.role) == place).collect();
            let tensors = mine.iter().map(|p| take(p)?.f_view([-1])).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, TchError>(Piece {
                flat: Tensor::f_cat(&tensors, 0)?
                    .f_to_device(device)?
                    .f_set_requires_grad(place != Place::Measured)?,
                sizes: mine.iter().map(|p| p.shape.iter().product::<usize>() as i64).collect(),
                shapes: mine.iter().map(|p| p.shape.iter().map(|d| *d as i64).collect()).collect(),
            })
        };
        let pieces = [piece(Place::Weights)?, piece(Place::Rest)?, piece(Place::Measured)?];
        Ok(Self { architecture, layers, parameters, pieces, device })
    }

    pub fn device(&self) -> Device {
        self.device
    }

    /// Pictures `[batch, 3, 112, 112]` ([`SIDE`]) to embeddings `[batch, embedding]` of 32-bit floats, not of unit
    /// length. Convolutions and matrices compute in the input's kind of numbers, norms in 32 bits.
    pub fn embed(&self, pictures: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        let [weights, rest, measured] = &self.pieces;
        let parts = [weights.split()?.into_iter(), rest.split()?.into_iter(), measured.split()?.into_iter()];
        let mut pass = Pass { parts, mode, kind: pictures.kind() };
        pass.run(&self.layers, pictures)?.f_to_kind(Kind::Float)
    }

    /// What is learnt, each `[numbers]`: first what decays (weights), then what does not (norms and slopes).
    pub fn learnt(&self) -> [&Tensor; 2] {
        [&self.pieces[0].flat, &self.pieces[1].flat]
    }

    /// For a file that training goes on from: each piece.
    pub fn state(&self) -> [&Tensor; 3] {
        self.pieces.each_ref().map(|piece| &piece.flat)
    }

    /// Takes what [`Self::state`] gave.
    pub fn restore(&mut self, state: [Tensor; 3]) -> Result<()> {
        for (piece, (restored, place)) in
            self.pieces.iter_mut().zip(state.into_iter().zip([Place::Weights, Place::Rest, Place::Measured]))
        {
            ensure!(piece.flat.size() == restored.size(), "the numbers are of another network");
            piece.flat = restored.f_to_device(self.device)?.f_set_requires_grad(place != Place::Measured)?;
        }
        Ok(())
    }

    /// What norms have measured: mean and variance of each, `[numbers]`.
    pub fn measured(&self) -> &Tensor {
        &self.pieces[2].flat
    }

    /// Gives each norm the mean and the variance of what comes into it over some pictures, `[pictures, 3, 112, 112]`, and
    /// such a factor and bias that what leaves it stays the same. A network whose norms were folded away can then be trained
    /// like any other.
    pub fn measure(&mut self, pictures: &Tensor) -> Result<()> {
        let _held = tch::no_grad_guard();
        let [weights, rest, measured] = &self.pieces;
        let parts = [weights.split()?.into_iter(), rest.split()?.into_iter(), measured.split()?.into_iter()];
        let mut pass = Pass { parts, mode: Mode::Measure, kind: pictures.kind() };
        let _ = pass.run(&self.layers, pictures)?;
        Ok(())
    }

    /// As a file has them.
    pub fn weights(&self) -> Result<Weights> {
        let mut values = Vec::new();
        for piece in &self.pieces {
            let flat = piece.flat.f_to_device(Device::Cpu)?.f_detach()?;
            values.push(Vec::<f32>::try_from(&flat).context("the network's numbers cannot be read")?);
        }
        let mut read = [0; 3];
        let tensors = self.parameters.iter().map(|parameter| {
            let place = Place::of(parameter.role) as usize;
            let from = read[place];
            read[place] += parameter.shape.iter().product::<usize>();
            let values = values[place][from..read[place]].to_vec();
            (parameter.name.clone(), tensors::Tensor { shape: parameter.shape.clone(), values })
        });
        Weights::new(self.architecture, tensors.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{OfNet, Reference, architecture, filled, numbers, tensor};

    fn agree(name: &str, architecture: Architecture, mode: Mode, wanted: &OfNet) {
        let mut network = Network::load(&filled(architecture), Device::Cpu).unwrap();
        // As the reference: rounding would differ from processor to processor.
        for (piece, learnt) in network.pieces.iter_mut().zip([true, true, false]) {
            piece.flat = piece.flat.detach().to_kind(Kind::Double).set_requires_grad(learnt);
        }
        let pictures = tensor("pictures", &[4, 3, 112, 112]).to_kind(Kind::Double);
        let embeddings = network.embed(&pictures, mode).unwrap();
        let got: Vec<f32> = (&embeddings.flatten(0, -1).detach()).try_into().unwrap();
        let largest = wanted.embeddings.iter().fold(0f64, |most, v| most.max(v.abs()));
        for (got, wanted) in got.iter().zip(&wanted.embeddings) {
            let apart = (f64::from(*got) - wanted).abs();
            assert!(apart <= 1e-4 * largest, "{name}: {got} where PyTorch has {wanted}");
        }
        let loss = (&embeddings * tensor("wanted", &embeddings.size())).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[loss], &network.learnt(), false, false);
        let mut of = gradients.iter().map(|flat| Vec::<f64>::try_from(flat).unwrap()).collect::<Vec<_>>();
        let longest = wanted.gradients.values().fold(0f64, |most, [length, _]| most.max(*length));
        let mut compared = 0;
        for parameter in &network.parameters {
            let (Place::Weights | Place::Rest) = Place::of(parameter.role) else { continue };
            let rest = &mut of[Place::of(parameter.role) as usize];
            let gradient: Vec<f64> = rest.drain(..parameter.shape.iter().product::<usize>()).collect();
            let [length, product] = wanted.gradients[&parameter.name];
            let own = gradient.iter().map(|g| g.powi(2)).sum::<f64>().sqrt();
            let along = numbers(&format!("gradient {}", parameter.name), gradient.len());
            let own_product: f64 = gradient.iter().zip(along).map(|(g, n)| g * f64::from(n)).sum();
            // A gradient that is nothing but rounding, as of a bias before a norm, is held to the largest one.
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
    fn networks_and_their_gradients_are_pytorchs() {
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
    fn a_network_is_written_as_it_was_read() {
        let weights = filled(Architecture::mobilefacenet(0.25, 64));
        let network = Network::load(&weights, Device::Cpu).unwrap();
        assert_eq!(network.weights().unwrap(), weights);
        let _ = network.embed(&tensor("pictures", &[4, 3, 112, 112]), Mode::Infer).unwrap();
        assert_eq!(network.weights().unwrap(), weights, "inference notes nothing");
        let _ = network.embed(&tensor("pictures", &[4, 3, 112, 112]), Mode::Train).unwrap();
        let after = network.weights().unwrap();
        assert_ne!(after.tensor("1.running_mean"), weights.tensor("1.running_mean"));
        assert_eq!(after.tensor("0.weight"), weights.tensor("0.weight"));
    }

    #[test]
    fn measured_norms_give_the_same_and_are_the_batchs() {
        let mut network = Network::load(&filled(Architecture::mobilefacenet(0.5, 64)), Device::Cpu).unwrap();
        let pictures = tensor("pictures", &[16, 3, 112, 112]);
        let before = network.embed(&pictures, Mode::Infer).unwrap();
        network.measure(&pictures).unwrap();
        let apart = |other: &Tensor| {
            f64::try_from((other - &before).abs().max()).unwrap() / f64::try_from(before.abs().max()).unwrap()
        };
        let after = network.embed(&pictures, Mode::Infer).unwrap();
        assert!(apart(&after) < 1e-4, "{}", apart(&after));
        // Norms that have measured this batch do in training what they infer.
        let trained = network.embed(&pictures, Mode::Train).unwrap();
        assert!(apart(&trained) < 1e-3, "{}", apart(&trained));
    }

    #[test]
    fn sixteen_bits_give_nearly_the_same() {
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
