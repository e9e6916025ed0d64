//! Folders of models that are incomplete, altered or mixed up.

use super::*;

/// The models of each precision.
const ROLES: [(&str, [&str; 4]); 2] = [
    ("int8", ["pnet-int8", "rnet-int8", "onet", "mobilefacenet-int8"]),
    ("fp32", ["pnet", "rnet", "onet", "mobilefacenet"]),
];

/// Copies the shipped models to a temporary folder.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(MODELS).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

/// Replaces the file of a model, and its hash in the manifest.
fn replace(folder: &Path, role: &str, bytes: &[u8]) {
    let file = folder.join(role).with_extension("onnx");
    let manifest = folder.join("manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = text.replace(&sha256(&fs::read(&file).unwrap()), &sha256(bytes));
    assert!(changed != text || sha256(&fs::read(&file).unwrap()) == sha256(bytes));
    fs::write(manifest, changed).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Embeds a portrait with these models. Asserts that it fails with an error that contains all parts.
fn refused(models: &Path, precision: &str, parts: &[&str]) {
    let setting = models.with_extension("toml");
    fs::write(&setting, format!("[engine]\nprecision = {precision:?}")).unwrap();
    let output = run_with(models, &[&"embed", &"--config", &setting, &portrait("hopper.jpg")]);
    fs::remove_file(setting).unwrap();
    let message = error(&output);
    assert_eq!(code(&output), 2, "{message}");
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn a_folder_without_a_valid_manifest_is_named() {
    let empty = tempfile::tempdir().unwrap();
    refused(&empty.path().join("absent"), "int8", &["absent/manifest.toml", "install the models again"]);
    refused(empty.path(), "int8", &["manifest.toml", "install the models again"]);
    let text = fs::read_to_string(Path::new(MODELS).join("manifest.toml")).unwrap();
    for broken in [
        String::new(),
        "not a manifest".into(),
        text[..text.len() / 2].into(),
        text.replace("format = 2", "format = 99"),
        text.replace("[models.onet", "[models.other"),
        text.replace("onet.onnx", "../onet.onnx"),
        text.replace("channels = \"RGB\"", "channels = \"CMYK\""),
    ] {
        let folder = models();
        assert_ne!(broken, text);
        fs::write(folder.path().join("manifest.toml"), broken).unwrap();
        refused(folder.path(), "int8", &["manifest.toml", "install the models again"]);
    }
}

#[test]
fn a_model_file_that_is_missing_truncated_or_altered_is_named() {
    for (precision, role) in ROLES.iter().flat_map(|(precision, roles)| roles.map(|role| (precision, role))) {
        let folder = models();
        let file = folder.path().join(role).with_extension("onnx");
        let named = [file.to_str().unwrap(), "install the models again"];
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        refused(folder.path(), precision, &named);
        let mut altered = whole;
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        fs::write(&file, altered).unwrap();
        refused(folder.path(), precision, &named);
        fs::remove_file(&file).unwrap();
        refused(folder.path(), precision, &named);
    }
}

#[test]
fn an_invalid_network_with_the_right_hash_is_refused() {
    for (precision, role) in ROLES.iter().flat_map(|(precision, roles)| roles.map(|role| (precision, role))) {
        let whole = fs::read(Path::new(MODELS).join(role).with_extension("onnx")).unwrap();
        for bytes in [&b""[..], b"this is no network", &[0xff; 4096], &whole[..whole.len() / 2]] {
            let folder = models();
            replace(folder.path(), role, bytes);
            refused(folder.path(), precision, &[&format!("{role}.onnx"), "install the models again"]);
        }
    }
}

#[test]
fn a_model_in_the_place_of_another_is_refused() {
    for (precision, roles) in ROLES {
        let pairs = roles.into_iter().flat_map(|role| roles.map(|other| (role, other)));
        for (role, other) in pairs.filter(|(role, other)| role != other) {
            let folder = models();
            replace(
                folder.path(),
                role,
                &fs::read(Path::new(MODELS).join(other).with_extension("onnx")).unwrap(),
            );
            refused(
                folder.path(),
                precision,
                &[&format!("{role}.onnx"), "not the model that its role needs"],
            );
        }
    }
}
