//! The instruction sets with kernels, and the detection of those that this processor has.

/// An instruction set. Among those of one architecture, later ones are faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Portable Rust: the reference of the other kernels.
    Scalar,
    /// x86-64 with SSSE3 and SSE4.1, without AVX2: Celeron J4125 and N5105.
    Sse41,
    /// x86-64 with AVX2 and FMA: 16-bit multiplications, exact for all weights.
    Avx2,
    /// x86-64 with AVX-VNNI: 8-bit dot products in 256-bit registers.
    AvxVnni,
    /// x86-64 with AVX-512 VNNI.
    Avx512Vnni,
    /// aarch64 without the dot product: Cortex-A53, A57, A72.
    Neon,
    /// aarch64 with the dot product: Cortex-A55, A76 and later.
    NeonDot,
}

impl Isa {
    /// All instruction sets, slowest first.
    pub const ALL: [Self; 7] =
        [Self::Scalar, Self::Sse41, Self::Avx2, Self::AvxVnni, Self::Avx512Vnni, Self::Neon, Self::NeonDot];

    /// The fastest instruction set of this host.
    pub fn best() -> Self {
        Self::ALL.into_iter().rfind(|isa| isa.is_available()).unwrap_or(Self::Scalar)
    }

    /// The instruction sets of this host.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// What the kernels combine each byte of an activation with, by exclusive or, to keep it in memory. 0: bytes are kept as they
    /// are. 0x80, the highest bit: bytes are kept as signed ones, the value minus 128, because the multiplications of ARM take
    /// two signed operands. Code that writes the input of a network or a border, or reads an 8-bit output, applies it.
    pub fn storage_mask(self) -> u8 {
        match self {
            Self::Scalar | Self::Sse41 | Self::Avx2 | Self::AvxVnni | Self::Avx512Vnni => 0,
            Self::Neon | Self::NeonDot => 0x80,
        }
    }

    /// Whether this host has the instructions.
    pub fn is_available(self) -> bool {
        self.features().is_some_and(|features| features.iter().all(|(_, has)| *has))
    }

    /// The features of a processor that the kernels need, as Linux names them in `/proc/cpuinfo`, and whether this host has them;
    /// `None` for an instruction set of another architecture. Linux offers what all cores have: on ARM it combines them for the
    /// auxiliary vector.
    pub fn features(self) -> Option<Vec<(&'static str, bool)>> {
        Some(match self {
            Self::Scalar => Vec::new(),
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => vec![
                ("ssse3", is_x86_feature_detected!("ssse3")),
                ("sse4_1", is_x86_feature_detected!("sse4.1")),
            ],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                vec![("avx2", is_x86_feature_detected!("avx2")), ("fma", is_x86_feature_detected!("fma"))]
            }
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => {
                let added = ("avx_vnni", is_x86_feature_detected!("avxvnni"));
                Self::Avx2.features()?.into_iter().chain([added]).collect()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                let added = [
                    ("avx512f", is_x86_feature_detected!("avx512f")),
                    ("avx512bw", is_x86_feature_detected!("avx512bw")),
                    ("avx512_vnni", is_x86_feature_detected!("avx512vnni")),
                ];
                Self::Avx2.features()?.into_iter().chain(added).collect()
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => vec![("asimd", std::arch::is_aarch64_feature_detected!("neon"))],
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => {
                let added = ("asimddp", std::arch::is_aarch64_feature_detected!("dotprod"));
                Self::Neon.features()?.into_iter().chain([added]).collect()
            }
            #[allow(unreachable_patterns, reason = "all patterns are reachable on one architecture only")]
            _ => return None,
        })
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Sse41 => "sse4.1",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx-vnni",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Neon => "neon",
            Self::NeonDot => "neon-dotprod",
        })
    }
}
