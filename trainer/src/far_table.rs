//! The FAR table of a manifest: for each target FAR the threshold that holds it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ostiary_models::FarPoint;

use crate::scores::Scores;

/// The FARs of the table, highest first.
const RATES: [f64; 9] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];

/// One row for each FAR that the data support, with the highest threshold that any of the sets needs: the FAR then holds
/// on every set. An error if the data support no FAR of the table.
pub fn points(sets: &[Scores]) -> Result<Vec<FarPoint>> {
    let mut least = f32::NEG_INFINITY;
    let mut points = Vec::new();
    for far in RATES {
        let worst = sets
            .iter()
            .filter(|scores| Scores::supports(scores.impostor_pairs(), far))
            .filter_map(|scores| scores.threshold_at_far(far))
            .max_by(f32::total_cmp);
        // Fewer sets support the lower FARs. The threshold must not fall because a demanding set is left out.
        let Some(threshold) = worst.map(|t| t.max(least)) else { break };
        least = threshold;
        points.push(FarPoint { far, threshold: (threshold * 1000.0).ceil() / 1000.0 });
    }
    ensure!(
        !points.is_empty(),
        "the sets have too few people for a FAR table: every FAR needs three expected false accepts"
    );
    Ok(points)
}

/// Writes the table as TOML.
pub fn write(path: &Path, sets: &[Scores]) -> Result<()> {
    let mut text = String::from(
        "# Target FAR and the cosine threshold that holds it on every set measured.\n\
         # Written by `ostiary-trainer measure-door --far-table`.\n",
    );
    for FarPoint { far, threshold } in points(sets)? {
        writeln!(text, "\n[[far]]\nfar = {far:e}\nthreshold = {threshold:.3}")?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardest_set_decides_and_thresholds_never_fall() {
        let easy = Scores::new(vec![0.9], (0..100_000).map(|i| i as f32 / 250_000.0).collect());
        let hard = Scores::new(vec![0.9], (0..1_000).map(|i| i as f32 / 1_250.0).collect());
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), &[easy, hard]).unwrap();
        let table: toml::Table = toml::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        let rows: Vec<(f64, f64)> = table["far"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["far"].as_float().unwrap(), row["threshold"].as_float().unwrap()))
            .collect();
        assert_eq!(rows[0], (0.1, 0.72));
        assert!(rows.is_sorted_by(|a, b| a.0 > b.0 && a.1 <= b.1));
        assert_eq!(rows.last().unwrap().0, 3e-5);
    }
}
