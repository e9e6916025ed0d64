//! The layers of networks, and their parameters.

/// Added to the variance by batch norms, as in PyTorch.
pub const BATCH_NORM_EPSILON: f64 = 1e-5;

/// A layer. Its input and output are feature maps `[batch, channels, height, width]`, or vectors `[batch, numbers]` after
/// [`Self::Flatten`].
///
/// The names of parameters begin with the index of the layer in its list, as in a `Sequential` of PyTorch:
/// `3.body.0.weight`.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution without a bias; the norm that follows has one.
    Conv(Conv),
    /// Batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167) over maps, or over vectors.
    BatchNorm {
        /// Number of channels.
        channels: usize,
    },
    /// `max(x, 0) + slope * min(x, 0)`, with a slope for each channel (He et al. 2015, arXiv:1502.01852).
    Prelu {
        /// Number of channels.
        channels: usize,
    },
    /// Squeeze and excitation (Hu et al. 2018, arXiv:1709.01507): scales each channel by the output of a small network whose
    /// input is the mean of each channel. That network has a matrix to `channels / 16` numbers, ReLU, a matrix back to `channels`,
    /// and a sigmoid.
    SqueezeExcitation {
        /// Number of channels.
        channels: usize,
    },
    /// The sum of two paths of layers. An empty shortcut is the identity.
    Residual {
        /// The long path.
        body: Vec<Layer>,
        /// The short path.
        shortcut: Vec<Layer>,
    },
    /// The center columns of a picture.
    CenterColumns {
        /// Number of columns.
        columns: usize,
    },
    /// Every `stride`-th pixel of every `stride`-th row.
    Subsample {
        /// Distance of pixels.
        stride: usize,
    },
    /// In training, sets a random half of the values to zero and doubles the others.
    Dropout,
    /// Flattens a map to a vector, in the order channels, rows, columns.
    Flatten,
    /// A matrix without a bias.
    Linear {
        /// Numbers of the input.
        inputs: usize,
        /// Numbers of the output.
        outputs: usize,
    },
}

/// A convolution's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Height and width.
    pub kernel: [usize; 2],
    /// Stride along rows and columns.
    pub stride: usize,
    /// Zero padding at the top and left.
    pub pad_begin: usize,
    /// Zero padding at the bottom and right.
    pub pad_end: usize,
    /// 1, or `inputs` for a depthwise convolution.
    pub groups: usize,
}

impl Conv {
    /// Shape of the weights: `[outputs, inputs / groups, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        let [height, width] = self.kernel;
        [self.outputs, self.inputs / self.groups, height, width]
    }
}

/// The role of a parameter. Its initial value and its weight decay depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution or matrix. Only weights decay.
    Weight,
    /// Factor of a batch norm.
    Scale,
    /// Bias of a batch norm.
    Shift,
    /// Slope of a PReLU.
    Slope,
    /// Running mean of a batch norm: a statistic, not trained.
    Mean,
    /// Running variance of a batch norm: a statistic, not trained.
    Variance,
}

/// A tensor of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name in checkpoints.
    pub name: String,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// What it is used for.
    pub role: Role,
}

impl Layer {
    /// All parameters of a list of layers, in the order in which the layers run.
    pub fn parameters(layers: &[Self]) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        collect(layers, "", &mut parameters);
        parameters
    }

    /// The parameters of this layer itself: name suffix, shape and role. Empty for a layer of layers.
    pub fn own_parameters(&self) -> Vec<(&'static str, Vec<usize>, Role)> {
        match *self {
            Self::Conv(ref conv) => vec![("weight", conv.shape().to_vec(), Role::Weight)],
            Self::BatchNorm { channels } => vec![
                ("weight", vec![channels], Role::Scale),
                ("bias", vec![channels], Role::Shift),
                ("running_mean", vec![channels], Role::Mean),
                ("running_var", vec![channels], Role::Variance),
            ],
            Self::Prelu { channels } => vec![("weight", vec![channels], Role::Slope)],
            Self::SqueezeExcitation { channels } => vec![
                ("fc1.weight", vec![channels / SQUEEZE_RATIO, channels, 1, 1], Role::Weight),
                ("fc2.weight", vec![channels, channels / SQUEEZE_RATIO, 1, 1], Role::Weight),
            ],
            Self::Linear { inputs, outputs } => vec![("weight", vec![outputs, inputs], Role::Weight)],
            Self::Residual { .. }
            | Self::CenterColumns { .. }
            | Self::Subsample { .. }
            | Self::Dropout
            | Self::Flatten => Vec::new(),
        }
    }
}

/// [`Layer::SqueezeExcitation`] divides the number of channels by this number.
const SQUEEZE_RATIO: usize = 16;

/// Prefix of the parameters of the layer at an index below `prefix`, which is empty or ends with a point. The result ends with
/// a point.
pub fn layer_name(prefix: &str, place: usize) -> String {
    format!("{prefix}{place}.")
}

fn collect(layers: &[Layer], prefix: &str, parameters: &mut Vec<Parameter>) {
    for (place, layer) in layers.iter().enumerate() {
        let name = layer_name(prefix, place);
        if let Layer::Residual { body, shortcut } = layer {
            collect(body, &format!("{name}body."), parameters);
            collect(shortcut, &format!("{name}shortcut."), parameters);
        }
        let own = layer.own_parameters().into_iter();
        parameters.extend(own.map(|(part, shape, role)| Parameter {
            name: format!("{name}{part}"),
            shape,
            role,
        }));
    }
}
