//! Lists of pairs in the format of LFW.

use ostiary_trainer::lfw::{self, Pair};

use super::Target;
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "pairs",
    about: "lists of pairs (pairs.txt)",
    run,
    seeds,
    dictionary: &[
        b"\t",
        b"\n",
        b"\r\n",
        b"Ann",
        b"Bob",
        b"\t1\t",
        b"10\t300\n",
        b"1\n",
        b"0\t0\n",
        b"..",
        b"/",
        b"\xc2\xa0",
        b"\xe2\x80\x83",
    ],
    max_len: 4 << 10,
};

fn run(data: &[u8]) {
    let read = |bytes: &[u8]| {
        let folder = folder_with(&[(lfw::LIST, bytes)]);
        lfw::read(&folder.path().join(lfw::LIST))
    };
    let Ok(list) = read(data) else { return };
    assert!(list.folds > 0);
    for (name, number) in list.pairs.iter().flat_map(Pair::pictures) {
        assert!(number > 0 && !name.contains('/') && name != "..", "{name:?} {number}");
        assert!(lfw::file_name(name, number).starts_with(name));
    }
    let mut written = Vec::new();
    assert!(lfw::write(&mut written, list.folds, &list.pairs).is_ok());
    assert_eq!(read(&written).ok(), Some(list), "a written list is read differently");
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let pairs = [
        Pair::genuine("Ann".into(), 1, 2),
        Pair::impostor(("Ann".into(), 1), ("Bob".into(), 3)),
        Pair::genuine("Bob".into(), 1, 3),
        Pair::impostor(("Cy".into(), 1), ("Bob".into(), 2)),
    ];
    let mut written = Vec::new();
    lfw::write(&mut written, 2, &pairs)?;
    Ok(vec![written, b"1\nAnn\t1\t2\nAnn\t1\tBob\t1\n".to_vec()])
}
