//! A facebank's export, imported into another facebank.

use std::path::Path;

use ostiary_facebank::Facebank;

use super::Target;
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "facebank-import",
    about: "an export of a facebank (lines of JSON)",
    run,
    seeds,
    dictionary: &[
        b"\"format\":1",
        b"\"name\":",
        b"\"enabled\":true",
        b"\"group\":\"staff\"",
        b"\"created\":\"2026-01-01T00:00:00Z\"",
        b"\"templates\":[",
        b"\"model\":",
        b"\"photo\":",
        b"\"embedding\":[1.0]",
        b"\"crop\":\"AAAA\"",
        b"\n",
        b"{",
        b"}",
        b"]",
        b",",
        b"null",
        b"\\u0000",
        b"\\ud800",
        b"1e38",
        b"1e-45",
        b"\xc4\xb0",
        b"\xc3\x9f",
    ],
    max_len: 8 << 10,
};

fn run(data: &[u8]) {
    let folder = folder_with(&[]);
    let open = |name: &str| match Facebank::open(&folder.path().join(name)) {
        Ok(facebank) => facebank,
        Err(error) => panic!("cannot make a facebank: {error}"),
    };
    let mut facebank = open("first");
    let Ok(count) = facebank.import(data) else {
        assert!(
            facebank.people().is_ok_and(|people| people.is_empty()),
            "a failed import left people behind"
        );
        return;
    };
    let mut export = Vec::new();
    assert_eq!(facebank.export(&mut export, Path::new("export")).ok(), Some(count));
    let again = open("second").import(export.as_slice());
    assert_eq!(again.as_ref().ok(), Some(&count), "an export cannot be imported: {again:?}");
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let photo = "0f".repeat(32);
    let person = |name: &str, embedding: &str| {
        format!(
            "{{\"format\":1,\"name\":\"{name}\",\"enabled\":true,\"group\":\"staff\",\"created\":\"2026-01-01T00:00:00Z\",\
             \"templates\":[{{\"model\":\"0123456789abcdef\",\"photo\":\"{photo}\",\"embedding\":{embedding}}}]}}\n"
        )
    };
    Ok(vec![(person("Ann", "[0.6,0.8]") + &person("Bob", "[0.0,-1.0]")).into_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_is_a_valid_export() {
        let folder = folder_with(&[]);
        let mut facebank = Facebank::open(&folder.path().join("facebank")).unwrap();
        assert_eq!(facebank.import(seeds().unwrap().remove(0).as_slice()).unwrap(), 2);
    }
}
