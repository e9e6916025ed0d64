//! What networks are made of.

/// What a norm adds to the variance before it takes the root.
pub const EPSILON: f64 = 1e-5;

/// One step from a feature map `[batch, channels, height, width]` (or a vector `[batch, numbers]`, after [`Self::Flatten`])
/// to the next.
///
/// The names of a step's parameters begin with its place in its list, as in a `Sequential` of PyTorch's:
/// `3.body.0.weight`.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution without a bias: a norm follows that has one.
    Conv(Conv),
    /// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) over maps, or over vectors.
    BatchNorm { channels: usize },
    /// `max(x, 0) + slope * min(x, 0)`, with a slope for each channel (He et al. 2015, arXiv:1502.01852).
    Prelu { channels: usize },
    /// Scales each channel by what a small network makes of all channels' means: squeeze and excitation (Hu et al. 2018,
    /// arXiv:1709.01507): to `channels / 16` numbers, ReLU, back to `channels`, sigmoid.
    Squeeze { channels: usize },
    /// The sum of two ways to the same shape. An empty shortcut is the input itself.
    Residual { body: Vec<Layer>, shortcut: Vec<Layer> },
    /// The middle columns of a picture.
    Middle { columns: usize },
    /// Every `stride`-th pixel of every `stride`-th row.
    Subsample { stride: usize },
    /// While training, sets half of the numbers to zero and doubles the others.
    Dropout,
    /// Maps of any size to one vector: channel by channel, row by row.
    Flatten,
    /// A matrix without a bias.
    Linear { inputs: usize, outputs: usize },
}

/// A convolution's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv {
    pub inputs: usize,
    pub outputs: usize,
    /// Height and width.
    pub kernel: [usize; 2],
    pub stride: usize,
    /// Rows and columns of zeros before.
    pub pad_before: usize,
    /// Rows and columns of zeros behind.
    pub pad_behind: usize,
    /// 1, or `inputs` where each channel is convolved alone.
    pub groups: usize,
}

impl Conv {
    /// `[outputs, inputs / groups, height, width]`
    pub fn shape(&self) -> [usize; 4] {
        let [height, width] = self.kernel;
        [self.outputs, self.inputs / self.groups, height, width]
    }
}

/// What a parameter does, which says how it begins and whether it decays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of a convolution or a matrix. Decays.
    Weight,
    /// A norm's factor.
    Scale,
    /// A norm's bias.
    Shift,
    /// A PReLU's slope.
    Slope,
    /// A norm's running mean: not learnt, but measured.
    Mean,
    /// A norm's running variance: not learnt, but measured.
    Variance,
}

/// One of a network's tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
}

impl Layer {
    /// All tensors of a list of layers, in the order in which they run.
    pub fn parameters(layers: &[Self]) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        collect(layers, "", &mut parameters);
        parameters
    }

    /// The tensors of this layer alone: the names behind its own, shapes and roles. None for one made of others.
    pub fn own(&self) -> Vec<(&'static str, Vec<usize>, Role)> {
        match *self {
            Self::Conv(ref conv) => vec![("weight", conv.shape().to_vec(), Role::Weight)],
            Self::BatchNorm { channels } => vec![
                ("weight", vec![channels], Role::Scale),
                ("bias", vec![channels], Role::Shift),
                ("running_mean", vec![channels], Role::Mean),
                ("running_var", vec![channels], Role::Variance),
            ],
            Self::Prelu { channels } => vec![("weight", vec![channels], Role::Slope)],
            Self::Squeeze { channels } => vec![
                ("fc1.weight", vec![channels / SQUEEZE, channels, 1, 1], Role::Weight),
                ("fc2.weight", vec![channels, channels / SQUEEZE, 1, 1], Role::Weight),
            ],
            Self::Linear { inputs, outputs } => vec![("weight", vec![outputs, inputs], Role::Weight)],
            Self::Residual { .. }
            | Self::Middle { .. }
            | Self::Subsample { .. }
            | Self::Dropout
            | Self::Flatten => Vec::new(),
        }
    }
}

/// By how much [`Layer::Squeeze`] cuts the number of channels.
const SQUEEZE: usize = 16;

/// The name of the layer at a place below `prefix`, which is empty or ends in a dot.
pub fn name(prefix: &str, place: usize) -> String {
    format!("{prefix}{place}.")
}

fn collect(layers: &[Layer], prefix: &str, parameters: &mut Vec<Parameter>) {
    for (place, layer) in layers.iter().enumerate() {
        let name = name(prefix, place);
        if let Layer::Residual { body, shortcut } = layer {
            collect(body, &format!("{name}body."), parameters);
            collect(shortcut, &format!("{name}shortcut."), parameters);
        }
        let own = layer.own().into_iter();
        parameters.extend(own.map(|(part, shape, role)| Parameter {
            name: format!("{name}{part}"),
            shape,
            role,
        }));
    }
}
