//! The result table, and its merge with earlier runs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum as _;

use crate::row::{On, Row};
use crate::scenario::Scenario;

/// The lines before and after the table in a page.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// All figures in the order of the table. New figures replace those of an earlier run.
///
/// All earlier figures of a scenario and engine that was measured now are dropped, because their names may have
/// changed.
pub fn merged(earlier: Vec<Row>, now: &[Row]) -> Vec<Row> {
    let replaced = |row: &Row| {
        now.iter().any(|new| new.same_figure(row) || (new.scenario == row.scenario && new.on == row.on))
    };
    let mut rows: Vec<Row> = earlier.into_iter().filter(|row| !replaced(row)).collect();
    rows.extend_from_slice(now);
    rows.sort_by_key(|row| {
        Scenario::value_variants().iter().position(|scenario| scenario.name() == row.scenario)
    });
    rows
}

/// The figures as a Markdown table with the engines side by side.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "| scenario | what | SQLite | MariaDB | aim |\n|---|---|---|---|---|\n".to_owned();
    let mut shown: Vec<&Row> = Vec::new();
    for row in rows {
        if shown.iter().any(|other| other.scenario == row.scenario && other.what == row.what) {
            continue;
        }
        shown.push(row);
        let on = |on: On| {
            let same =
                |other: &&Row| other.scenario == row.scenario && other.what == row.what && other.on == on;
            rows.iter().find(same)
        };
        let cell = |row: Option<&Row>| row.map_or_else(|| "–".to_owned(), figure);
        let mut goal = rows.iter().filter(|other| other.scenario == row.scenario && other.what == row.what);
        let goal = goal.find_map(|row| row.goal.clone()).unwrap_or_default();
        let figures = match on(On::Neither) {
            Some(neither) => format!("{} (no database) | ", figure(neither)),
            None => format!("{} | {}", cell(on(On::Sqlite)), cell(on(On::MariaDb))),
        };
        let _ = writeln!(text, "| {} | {} | {figures} | {goal} |", row.scenario, row.what);
    }
    text
}

/// The median, and the range if there are several rounds.
fn figure(row: &Row) -> String {
    if row.rounds < 2 {
        return number(row.value);
    }
    format!("**{}** ({} to {})", number(row.value), number(row.low), number(row.high))
}

/// At least three digits; a number below 100 has decimals.
fn number(number: f64) -> String {
    let digits = match number.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && digit != '-' && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// Reads the figures of an earlier run, if there was one.
///
/// # Errors
/// The file has another format.
pub fn earlier(file: &Path) -> anyhow::Result<Vec<Row>> {
    match std::fs::read(file) {
        Ok(json) => serde_json::from_slice(&json).with_context(|| format!("{}", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("{}", file.display())),
    }
}

/// Puts the table between the marks of a page.
///
/// # Errors
/// The page has no marks.
pub fn write_into(page: &Path, table: &str) -> anyhow::Result<()> {
    let (before, after) = around(page)?;
    Ok(std::fs::write(page, format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))?)
}

/// Checks before the measurements whether the table can be written into the page.
///
/// # Errors
/// As of [`write_into`].
pub fn is_page(page: &Path) -> anyhow::Result<()> {
    around(page).map(drop)
}

/// The parts of a page before and after the marks.
fn around(page: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(page).with_context(|| format!("{}", page.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.with_context(|| format!("{} lacks the lines {BEGIN} and {END}", page.display()))?;
    Ok((before.to_owned(), after.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_separated_thousands() {
        let cases = [
            (0.012_34, "0.0123"),
            (0.876, "0.876"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (48_384.2, "48,384"),
            (1_234_567.0, "1,234,567"),
            (-1_234.0, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn new_figures_replace_those_of_the_same_scenario_and_engine() {
        let old = vec![
            Row::new("uploads", "users", On::Sqlite, &[1.0]),
            Row::new("uploads", "users", On::MariaDb, &[2.0]),
            Row::new("idle", "polls", On::Sqlite, &[3.0]),
        ];
        let new = [Row::new("uploads", "users", On::Sqlite, &[4.0, 6.0, 5.0])];
        let rows = merged(old, &new);
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        assert_eq!(values, [3.0, 2.0, 5.0]);
        assert!(markdown(&rows).contains("| uploads | users | **5.00** (4.00 to 6.00) | 2.00 |  |"));
    }
}
