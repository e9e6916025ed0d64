//! A verification set: pairs of pictures in a Python pickle.

use ostiary_trainer::verification::VerificationSet;

use super::Target;
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "verification",
    about: "a verification set (.bin): a pickle of pictures and answers",
    run,
    seeds,
    dictionary: PICKLE_DICTIONARY,
    max_len: 4 << 10,
};

/// Opcodes of pickles of every protocol.
pub const PICKLE_DICTIONARY: &[&[u8]] = &[
    b"\x80\x02",
    b"\x80\x05\x95",
    b"(",
    b".",
    b"]",
    b"}",
    b")",
    b"e",
    b"a",
    b"s",
    b"u",
    b"t",
    b"\x85",
    b"\x86",
    b"\x87",
    b"q\0",
    b"h\0",
    b"r\0\0\0\0",
    b"j\xff\xff\xff\xff",
    b"\x94",
    b"K\x01",
    b"J\xff\xff\xff\x7f",
    b"\x8a\xff",
    b"\x8b\xff\xff\xff\x7f",
    b"G",
    b"N",
    b"\x88",
    b"\x89",
    b"U\x03",
    b"C\x03",
    b"B\xff\xff\xff\x7f",
    b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"X\xff\xff\xff\x7f",
    b"\x8d",
    b"T\xff\xff\xff\x7f",
    b"c__builtin__\nset\n",
    b"R",
    b"b",
    b"Q",
    b"0",
    b"1",
    b"2",
    b"l",
    b"d",
    b"I01\n",
    b"L99999999999999999999L\n",
    b"Fnan\n",
    b"S'a'\n",
    b"V\\ud800\n",
    b"p0\n",
    b"g0\n",
    b"((((((((",
    b"]]]]]]]]",
    b"aaaaaaaa",
    b"\x85\x85\x85\x85\x85\x85\x85\x85",
];

fn run(data: &[u8]) {
    let folder = folder_with(&[("pairs.bin", data)]);
    let Ok(set) = VerificationSet::read(&folder.path().join("pairs.bin")) else { return };
    assert_eq!(set.pictures.len(), 2 * set.same.len());
    let mut written = Vec::new();
    assert!(set.clone().write(&mut written).is_ok());
    let folder = super::files::folder_with(&[("pairs.bin", &written)]);
    let again = VerificationSet::read(&folder.path().join("pairs.bin"));
    assert_eq!(again.ok(), Some(set), "a written set is read differently");
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let pictures = ["one", "two", "three", "four"].map(|picture| picture.as_bytes().to_vec()).to_vec();
    let mut written = Vec::new();
    VerificationSet { pictures, same: vec![true, false] }.write(&mut written)?;
    // As Python 2 writes it, with protocol 2 and with protocol 0.
    let protocol_2 = b"\x80\x02]q\0(U\x03oneq\x01U\x03twoq\x02e]q\x03\x88a\x86q\x04.";
    let protocol_0 = b"(lp0\nS'one'\np1\naS'two'\np2\na(lp3\nI01\natp4\n.";
    Ok(vec![written, protocol_2.to_vec(), protocol_0.to_vec()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seeds_are_valid_sets() {
        for seed in &seeds().unwrap()[..2] {
            let folder = folder_with(&[("pairs.bin", seed)]);
            VerificationSet::read(&folder.path().join("pairs.bin")).unwrap();
        }
    }
}
