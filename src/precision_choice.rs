//! Chooses the precision of the networks where the owner has not: on a processor that only the scalar kernels run on, 32-bit floats
//! are faster than 8 bits.
//!
//! Templates of one precision cannot be compared with those of the other. So a door whose people are enrolled with 8 bits alone,
//! by an earlier program or on another board, stays with 8 bits; `ostiary doctor` says how to change it.

use ostiary_config::{Backend, Config, ConfigError, Layers, Loaded, Origin};
use ostiary_core::{ModelRole, Precision};
use ostiary_facebank::Facebank;
use ostiary_kernels::Isa;
use ostiary_models::{Bundle, ModelEntry};

/// Loads the configuration, and chooses what it leaves to the program.
///
/// # Errors
/// As [`ostiary_config::load`].
pub fn load(layers: &Layers) -> Result<Loaded, ConfigError> {
    let mut loaded = ostiary_config::load(layers)?;
    choose(&mut loaded, Isa::best());
    Ok(loaded)
}

/// Chooses the precision for the fastest kernels of this host, if no layer sets it.
pub fn choose(loaded: &mut Loaded, kernels: Isa) {
    let config = &loaded.config;
    if kernels == Isa::Scalar
        && loaded.origin("engine.precision") == Some(&Origin::Default)
        && config.engine.backend == Backend::Tract
        && !is_enrolled_with_int8_alone(config)
    {
        loaded.choose_precision(Precision::Fp32);
    }
}

/// Whether the people have templates of the 8-bit embedder, and not of the one of floats. A facebank or models that cannot be read
/// are reported by those who use them.
fn is_enrolled_with_int8_alone(config: &Config) -> bool {
    let (Ok(facebank), Ok(bundle)) =
        (Facebank::open_read_only(&config.facebank.path), Bundle::find(&config.models, Precision::Int8))
    else {
        return false;
    };
    let [int8, fp32] = [Precision::Int8, Precision::Fp32].map(|precision| {
        let model = bundle.manifest().entry(ModelRole::Embedder, precision).map(ModelEntry::id);
        model.and_then(|model| facebank.is_prepared(&model).ok())
    });
    int8 == Some(true) && fp32 == Some(false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ostiary_core::Embedding;
    use ostiary_facebank::{PhotoHash, Template};

    use super::*;

    /// The precision of a configuration on a host whose kernels are scalar, and where it came from.
    fn chosen(folder: &Path, keys: &[&str], kernels: Isa) -> (Precision, Origin) {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
        let places = [
            format!("models.dir={models}"),
            format!("facebank.path={}", folder.join("people.sqlite").display()),
        ];
        let layers = Layers {
            folder: folder.to_owned(),
            settings: None,
            set: places.into_iter().chain(keys.iter().map(|key| (*key).to_owned())).collect(),
            ..Layers::default()
        };
        let mut loaded = ostiary_config::load(&layers).unwrap();
        choose(&mut loaded, kernels);
        let shown = loaded.settings().iter().find(|setting| setting.key == "engine.precision").unwrap();
        assert_eq!(
            shown.value.as_ref().unwrap().as_str().unwrap(),
            loaded.config.engine.precision.to_string()
        );
        (loaded.config.engine.precision, shown.origin.clone())
    }

    fn enroll(folder: &Path, name: &str, precision: Precision) {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let model = Bundle::open(&models, precision).unwrap().id(ModelRole::Embedder).unwrap();
        let mut facebank = Facebank::open(&folder.join("people.sqlite")).unwrap();
        facebank.reembed(&model, &[], &[name.to_owned(), "Ann".to_owned()], |_| unreachable!()).unwrap();
        let embedding = Embedding::normalized(&[1.0; 128]).unwrap();
        let photo = PhotoHash::of(name.as_bytes());
        facebank.enroll(name, &model, &[Template { embedding, photo, weight: 1.0, crop: None }]).unwrap();
    }

    #[test]
    fn floats_are_chosen_where_only_the_scalar_kernels_run() {
        let folder = tempfile::tempdir().unwrap();
        let fp32 = (Precision::Fp32, Origin::Chosen);
        let int8 = (Precision::Int8, Origin::Default);
        assert_eq!(chosen(folder.path(), &[], Isa::Scalar), fp32);
        for fast in Isa::ALL.into_iter().filter(|isa| *isa != Isa::Scalar) {
            assert_eq!(chosen(folder.path(), &[], fast), int8, "{fast}");
        }
        let explicit = (Precision::Int8, Origin::Flag("--set"));
        assert_eq!(chosen(folder.path(), &["engine.precision=int8"], Isa::Scalar), explicit);
        // onnxruntime has other kernels.
        assert_eq!(chosen(folder.path(), &["engine.backend=ort"], Isa::Scalar), int8);
    }

    #[test]
    fn a_door_keeps_the_templates_that_its_people_have() {
        let folder = tempfile::tempdir().unwrap();
        enroll(folder.path(), "Ann", Precision::Int8);
        assert_eq!(chosen(folder.path(), &[], Isa::Scalar), (Precision::Int8, Origin::Default));
        // After `ostiary people reembed --set engine.precision=fp32` there are templates of both.
        enroll(folder.path(), "Ben", Precision::Fp32);
        assert_eq!(chosen(folder.path(), &[], Isa::Scalar), (Precision::Fp32, Origin::Chosen));
    }
}
