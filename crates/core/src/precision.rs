//! In what numbers networks compute.

use serde::{Deserialize, Serialize};

/// In what numbers networks compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Bytes where the bundle has a quantized file for a role, and 32-bit floats where it has none.
    #[default]
    Int8,
    /// 32-bit floats.
    Fp32,
}

impl Precision {
    /// What a role's entry in the manifest is called at this precision, where there is such an entry.
    pub fn of(self, role: &str) -> Option<String> {
        match self {
            Self::Int8 => Some(format!("{role}-int8")),
            Self::Fp32 => None,
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

/// Parses what [`Precision`] prints.
impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "int8" => Ok(Self::Int8),
            "fp32" => Ok(Self::Fp32),
            _ => Err(format!("{text:?} is neither int8 nor fp32")),
        }
    }
}
