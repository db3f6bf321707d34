//! Columns of text.

use std::fmt;

/// A table with a head. The last column is not padded. A line break in a cell becomes a blank.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<&'static str>,
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    /// A table with these columns.
    pub fn new<const N: usize>(head: [&'static str; N]) -> Self {
        Self { head: head.to_vec(), right: Vec::new(), rows: Vec::new() }
    }

    /// Sets these columns, from 0, to the right: numbers.
    #[must_use]
    pub fn right<const N: usize>(mut self, columns: [usize; N]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.into_iter().map(|cell| super::output::printable(&cell.replace('\n', " "))).collect());
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: Vec<String> = self.head.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&head).chain(&self.rows).collect();
        let width_of = |column: usize| {
            lines.iter().filter_map(|cells| cells.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width_of).collect();
        for cells in lines {
            let mut line = String::new();
            for ((column, cell), wanted) in cells.iter().enumerate().zip(&widths) {
                if column > 0 {
                    line.push_str(GAP);
                }
                let blanks = " ".repeat(wanted.saturating_sub(width(cell)));
                if self.right.contains(&column) {
                    line.push_str(&blanks);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&blanks);
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Lines of `name  value`, the values below each other. Those without a value are left out.
pub fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, Option<String>)>) -> String {
    let pairs: Vec<(&str, String)> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let widest = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let value = super::output::printable(&value.replace('\n', " "));
        let blanks = " ".repeat(widest.saturating_sub(width(name)));
        format!("{name}{blanks}{GAP}{value}").trim_end().to_owned() + "\n"
    };
    pairs.iter().map(line).collect()
}

/// The width of a text in columns of the console: East Asian characters take two, combining marks none.
pub fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

fn character_width(character: char) -> usize {
    match u32::from(character) {
        // Combining marks, joiners, variation selectors.
        0x0300..=0x036f
        | 0x0591..=0x05bd
        | 0x0610..=0x061a
        | 0x064b..=0x065f
        | 0x0e31
        | 0x0e34..=0x0e3a
        | 0x0e47..=0x0e4e
        | 0x200b..=0x200f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        // Hangul, CJK, kana, full-width forms, emoji.
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_the_script() {
        let mut table = Table::new(["pin", "name", "fingers", "card"]).right([2]);
        table.row(["7".into(), "Ada".into(), "2".into(), String::new()]);
        table.row(["1001".into(), "李娜".into(), "10".into(), "77".into()]);
        table.row(["8".into(), "Zoe\u{308}".into(), "0".into(), "1".into()]);
        let lines = [
            "pin   name  fingers  card",
            "7     Ada         2",
            "1001  李娜       10  77",
            "8     Zoe\u{308}         0  1",
        ];
        assert_eq!(table.to_string(), lines.join("\n") + "\n");
    }

    #[test]
    fn a_cell_stays_on_its_line_and_steers_nothing() {
        let mut table = Table::new(["name"]);
        table.row(["Ada\nB\u{1b}".into()]);
        assert_eq!(table.to_string(), "name\nAda B\u{fffd}\n");
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        let text =
            pairs([("state", Some("new".into())), ("model", None), ("last seen", Some("never".into()))]);
        assert_eq!(text, "state      new\nlast seen  never\n");
    }
}
