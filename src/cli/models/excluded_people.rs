//! The flag for people who may have no template after a change of models.

/// The people who may have no template after the change.
#[derive(Debug, clap::Args)]
pub struct ExcludedPeople {
    /// Continue without this person, who must be enrolled again; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub without: Vec<String>,
}
