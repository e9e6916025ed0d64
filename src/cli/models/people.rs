//! The people whom a change of models may leave without templates.

/// Who may be left behind.
#[derive(Debug, clap::Args)]
pub struct People {
    /// Go on without this person, who has to be enrolled anew; may be given often.
    #[arg(long, value_name = "NAME")]
    pub without: Vec<String>,
}
