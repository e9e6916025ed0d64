//! Pairs in the format of Labeled Faces in the Wild (Huang et al. 2007, `pairs.txt`), and its names of files.
//!
//! The first line has the number of folds and, for each, the number of pairs of one person, which is also that of pairs of
//! two. A pair of one person is `NAME TAB i TAB j`, of two `NAME TAB i TAB NAME TAB j`; `i` is the picture
//! `NAME/NAME_000i.jpg`, from 1.

use std::io::Write;

use anyhow::Result;

/// What a list is called.
pub const LIST: &str = "pairs.txt";

/// Two pictures: each a name and a number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair([(String, usize); 2]);

impl Pair {
    /// Two pictures of one person.
    pub fn intra(name: String, first: usize, second: usize) -> Self {
        Self([(name.clone(), first), (name, second)])
    }

    /// Pictures of two people.
    pub fn inter(first: (String, usize), second: (String, usize)) -> Self {
        Self([first, second])
    }

    /// Whether both are of one person.
    pub fn is_intra(&self) -> bool {
        self.0[0].0 == self.0[1].0
    }

    pub fn pictures(&self) -> [(&str, usize); 2] {
        self.0.each_ref().map(|(name, number)| (name.as_str(), *number))
    }
}

/// What a picture's file is called.
pub fn file_name(name: &str, number: usize) -> String {
    format!("{name}_{number:04}.jpg")
}

/// Writes a list. In each fold there are as many pairs as in any other.
pub fn write(file: &mut dyn Write, folds: usize, pairs: &[Pair]) -> Result<()> {
    let intra = pairs.iter().filter(|pair| pair.is_intra()).count();
    writeln!(file, "{folds}\t{}", intra / folds)?;
    for pair in pairs {
        let [(name, first), (other, second)] = pair.pictures();
        if pair.is_intra() {
            writeln!(file, "{name}\t{first}\t{second}")?;
        } else {
            writeln!(file, "{name}\t{first}\t{other}\t{second}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_lfw_has_them() {
        let pairs = [
            Pair::intra("Ada_Lovelace".into(), 1, 4),
            Pair::inter(("Ada_Lovelace".into(), 2), ("Grace_Hopper".into(), 1)),
        ];
        let mut list = Vec::new();
        write(&mut list, 1, &pairs).unwrap();
        let wanted = "1\t1\nAda_Lovelace\t1\t4\nAda_Lovelace\t2\tGrace_Hopper\t1\n";
        assert_eq!(String::from_utf8(list).unwrap(), wanted);
        assert_eq!(file_name("Ada_Lovelace", 4), "Ada_Lovelace_0004.jpg");
    }
}
