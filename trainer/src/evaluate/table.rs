//! Results as a table of text.

use std::fmt::Write as _;

use super::Row;
use super::metrics::{FARS, TarAtFar};

/// An overview of all rows, then further tables.
pub fn table(rows: &[Row]) -> String {
    let mut text = columns(overview(rows));
    text += "\nexact 95 % interval of TAR at each FAR, % (-: too few impostor pairs)\n";
    text += &columns(tars(rows));
    let identified = identifications(rows);
    if identified.len() > 1 {
        text += "\nidentification, one template per person: rank-1 rate, and FNIR at FPIR 1 % by number of enrolled people, %\n";
        text += &columns(identified);
    }
    let grouped = groups(rows);
    if grouped.len() > 1 {
        text += "\ngroups at the threshold of all people, %\n";
        text += &columns(grouped);
    }
    text
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A value, or a dash.
fn or_dash<T>(figure: Option<T>, show: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

fn percent(rate: f64) -> String {
    format!("{rate:.2}")
}

fn overview(rows: &[Row]) -> Vec<Vec<String>> {
    let mut header =
        cells(["data", "model", "pictures", "genuine", "impostor", "accuracy %", "threshold", "EER %"]);
    header.extend(FARS.iter().map(|far| format!("TAR@{far:.0e}")));
    let mut lines = vec![header];
    for row in rows {
        let figures = &row.figures;
        let accuracy = figures.accuracy.as_ref();
        let mut line = vec![
            row.data.clone(),
            row.model.clone(),
            row.pictures.to_string(),
            figures.genuine_pairs.to_string(),
            figures.impostor_pairs.to_string(),
            or_dash(accuracy, |accuracy| format!("{:.2} ± {:.2}", accuracy.mean, accuracy.deviation)),
            or_dash(accuracy, |accuracy| format!("{:.3}", accuracy.threshold)),
            percent(figures.eer),
        ];
        line.extend(figures.tar.iter().map(|at| or_dash(at.tar, percent)));
        lines.push(line);
    }
    lines
}

fn tars(rows: &[Row]) -> Vec<Vec<String>> {
    let mut header = cells(["data", "model"]);
    header.extend(FARS.iter().map(|far| format!("{far:.0e}")));
    let mut lines = vec![header];
    for row in rows {
        let interval = |at: &TarAtFar| or_dash(at.interval, |[low, high]| format!("{low:.2} to {high:.2}"));
        let mut line = vec![row.data.clone(), row.model.clone()];
        line.extend(row.figures.tar.iter().map(interval));
        lines.push(line);
    }
    lines
}

fn identifications(rows: &[Row]) -> Vec<Vec<String>> {
    let found = || rows.iter().filter_map(|row| Some((row, row.identification.as_ref()?)));
    let mut sizes: Vec<usize> =
        found().flat_map(|(_, found)| found.open.iter().map(|set| set.gallery)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut header = cells(["data", "model", "people", "rank-1"]);
    header.extend(sizes.iter().map(|size| format!("of {size}")));
    let mut lines = vec![header];
    for (row, found) in found() {
        let at = |size: &usize| {
            let set = found.open.iter().find(|set| set.gallery == *size);
            or_dash(set.and_then(|set| set.fnir), percent)
        };
        let mut line =
            vec![row.data.clone(), row.model.clone(), found.people.to_string(), percent(found.rank1)];
        line.extend(sizes.iter().map(at));
        lines.push(line);
    }
    lines
}

fn groups(rows: &[Row]) -> Vec<Vec<String>> {
    let names = ["data", "model", "group", "people", "genuine", "impostor", "EER", "FAR", "TAR", "threshold"];
    let mut lines = vec![cells(names)];
    for row in rows {
        lines.extend(row.groups.iter().flatten().map(|group| {
            vec![
                row.data.clone(),
                row.model.clone(),
                group.group.clone(),
                group.people.to_string(),
                group.genuine_pairs.to_string(),
                group.impostor_pairs.to_string(),
                or_dash(group.eer, percent),
                or_dash(group.far, |far| format!("{far:.3}")),
                or_dash(group.tar, percent),
                or_dash(group.threshold, |threshold| format!("{threshold:.3}")),
            ]
        }));
    }
    lines
}

/// Pads cells to the width of their column. The first two columns are names and left-aligned, others are right-aligned.
fn columns(lines: Vec<Vec<String>>) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut padded = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 | 1 => write!(padded, "{cell:<width$}  "),
                _ => write!(padded, "{cell:>width$}  "),
            };
        }
        text += padded.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest() {
        let lines = vec![cells(["set", "model", "EER"]), cells(["é", "m", "12.50"])];
        assert_eq!(columns(lines), "set  model    EER\né    m      12.50\n");
    }
}
