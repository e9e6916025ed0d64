//! The arithmetic that networks use: 8-bit integers or 32-bit floats.

use serde::{Deserialize, Serialize};

use super::ModelRole;

/// The arithmetic that networks use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 8-bit integers if the bundle has a quantized file for a role, 32-bit floats otherwise.
    #[default]
    Int8,
    /// 32-bit floats.
    Fp32,
}

impl Precision {
    /// The key of a network in the manifest: its role for floats, with the suffix `-int8` for integers.
    pub fn manifest_key(self, role: ModelRole) -> String {
        match self {
            Self::Int8 => format!("{role}-int8"),
            Self::Fp32 => role.to_string(),
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int8 => "int8",
            Self::Fp32 => "fp32",
        })
    }
}

/// A text that names no [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither int8 nor fp32")]
pub struct UnknownPrecision(pub String);

/// Parses what [`Precision`] prints.
impl std::str::FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        match text {
            "int8" => Ok(Self::Int8),
            "fp32" => Ok(Self::Fp32),
            _ => Err(UnknownPrecision(text.to_owned())),
        }
    }
}
