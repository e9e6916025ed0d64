//! Tables of people and their groups (CSV).

use ostiary_trainer::evaluate::Groups;

use super::Target;
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "groups",
    about: "tables of groups of people (CSV)",
    run,
    seeds,
    dictionary: &[
        b"person,group\n",
        b",",
        b"\n",
        b"\r\n",
        b"\"",
        b"\"\"",
        b"\xef\xbb\xbf",
        b" ",
        b"Ann",
        b"\0",
    ],
    max_len: 4 << 10,
};

fn run(data: &[u8]) {
    let folder = folder_with(&[("groups.csv", data)]);
    let _ = Groups::read(&folder.path().join("groups.csv"));
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let texts = ["person,group\nAnn,old\nBob,young\n", "group,person\r\n\"a, b\",\"An\"\"n\"\r\n"];
    Ok(texts.map(|text| text.as_bytes().to_vec()).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_valid_tables() {
        for seed in seeds().unwrap() {
            let folder = folder_with(&[("groups.csv", &seed)]);
            Groups::read(&folder.path().join("groups.csv")).map(drop).unwrap();
        }
    }
}
