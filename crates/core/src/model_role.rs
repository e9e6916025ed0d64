//! The roles of the networks in a bundle.

/// What a network does: a stage of the detector MTCNN (Zhang et al., 2016), the embedder, or presentation attack detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelRole {
    /// The detector's first stage: proposes faces at all places and sizes.
    PNet,
    /// The detector's second stage: refuses most proposals.
    RNet,
    /// The detector's third stage: gives the boxes and the landmarks.
    ONet,
    /// Turns a crop into an embedding.
    Embedder,
    /// Tells a face before the camera from a picture of one, by the face with its surroundings. A bundle need not have it.
    Liveness,
}

impl ModelRole {
    /// All roles, in the order in which a frame passes them.
    pub const ALL: [Self; 5] = [Self::PNet, Self::RNet, Self::ONet, Self::Embedder, Self::Liveness];

    /// The name in the manifest and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PNet => "pnet",
            Self::RNet => "rnet",
            Self::ONet => "onet",
            // The name of the network of the first bundle. Networks of other architectures have it too.
            Self::Embedder => "mobilefacenet",
            Self::Liveness => "liveness",
        }
    }
}

impl std::fmt::Display for ModelRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`ModelRole`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role of a network: pnet, rnet, onet, mobilefacenet or liveness")]
pub struct UnknownModelRole(pub String);

/// Parses what [`ModelRole`] prints.
impl std::str::FromStr for ModelRole {
    type Err = UnknownModelRole;

    fn from_str(text: &str) -> Result<Self, UnknownModelRole> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| UnknownModelRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_parsed_from_its_name() {
        for role in ModelRole::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for text in ["", "PNet", "mobilefacenet-int8", "embedder"] {
            assert_eq!(text.parse::<ModelRole>(), Err(UnknownModelRole(text.to_owned())));
        }
    }
}
