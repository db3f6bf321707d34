//! Putting statements together: lists of placeholders in a few fixed lengths, so that prepared statements are used again.

use sqlx::AssertSqlSafe;

/// How many rows go into one statement: few different lengths, so that prepared statements are used again, and few
/// statements, since each is a way to the database server and back.
const BATCHES: [usize; 10] = [200, 100, 50, 30, 20, 10, 5, 3, 2, 1];

/// The same where rows come a few at a time, and often: what a device is sent at once.
const FEW: [usize; 15] = [128, 64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2, 1];

/// How many keys go into one statement at most.
pub(crate) const LIST: usize = 500;

/// A statement made of constants and placeholders.
///
/// Only for texts of this crate: values are always bound, never written into the text.
pub(crate) fn statement(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

/// The start of a text that devices may make as long as they like.
pub(crate) fn capped(text: &str, most_bytes: usize) -> String {
    text[..text.floor_char_boundary(most_bytes)].to_owned()
}

/// `?, ?, ?`
pub(crate) fn places(n: usize) -> String {
    let mut text = "?, ".repeat(n);
    text.truncate(text.len().saturating_sub(2));
    text
}

/// `(?, ?), (?, ?)`: `n` rows of `columns` values.
pub(crate) fn rows(n: usize, columns: usize) -> String {
    let row = format!("({}), ", places(columns));
    let mut text = row.repeat(n);
    text.truncate(text.len().saturating_sub(2));
    text
}

/// The keys in lists of one of five lengths, each filled up by repeating its last key: harmless in an `IN`.
pub(crate) fn lists<T>(keys: &[T]) -> impl Iterator<Item = Vec<&T>> {
    keys.chunks(LIST).map(|chunk| {
        let length = [1, 8, 32, 128, LIST].into_iter().find(|length| *length >= chunk.len()).unwrap_or(LIST);
        let mut list: Vec<&T> = chunk.iter().collect();
        if let Some(last) = chunk.last() {
            list.resize(length, last);
        }
        list
    })
}

/// The rows in batches of a few lengths, for statements of many rows.
///
/// `columns` values a row: with the most rows still below the 32,766 values that SQLite takes in a statement.
pub(crate) fn batches<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    batches_of(&BATCHES, rows)
}

/// As [`batches`], in hardly ever more than two, and up to eight rows in one: for what every device is sent.
pub(crate) fn few_batches<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    batches_of(&FEW, rows)
}

fn batches_of<'r, T>(lengths: &'static [usize], mut rows: &'r [T]) -> impl Iterator<Item = &'r [T]> {
    std::iter::from_fn(move || {
        let length = lengths.iter().copied().find(|length| *length <= rows.len())?;
        let (batch, rest) = rows.split_at(length);
        rows = rest;
        Some(batch)
    })
}

/// As [`batches`], for rows that may be large: no batch of several rows takes more than [`MOST_BYTES`].
pub(crate) fn batches_of_bytes<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = rest
            .iter()
            .take_while(|row| {
                sum += bytes(row);
                sum <= MOST_BYTES
            })
            .count();
        let length = BATCHES.into_iter().find(|length| *length <= fits).unwrap_or(1);
        let (batch, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(batch)
    })
}

/// What a statement of many rows takes: every database server lets four times as much through.
const MOST_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_separated() {
        assert_eq!(places(3), "?, ?, ?");
        assert_eq!(rows(2, 2), "(?, ?), (?, ?)");
    }

    #[test]
    fn lists_hold_every_key_and_have_few_lengths() {
        let keys: Vec<u32> = (0..1_073).collect();

        let lists: Vec<_> = lists(&keys).collect();

        assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500, 128]);
        let mut all: Vec<u32> = lists.into_iter().flatten().copied().collect();
        all.dedup();
        assert_eq!(all, keys);
    }

    #[test]
    fn batches_hold_every_row_once_and_have_few_lengths() {
        let rows: Vec<u32> = (0..377).collect();

        let batches: Vec<_> = batches(&rows).collect();

        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [200, 100, 50, 20, 5, 2]);
        assert_eq!(batches.concat(), rows);
    }

    #[test]
    fn a_few_rows_go_in_one_statement_and_those_of_a_reply_in_two() {
        for (rows, statements) in [(0, 0), (1, 1), (3, 1), (4, 1), (8, 1), (27, 2), (36, 2), (50, 2)] {
            let rows: Vec<usize> = (0..rows).collect();
            let batches: Vec<_> = few_batches(&rows).collect();
            assert_eq!(batches.len(), statements, "{}", rows.len());
            assert_eq!(batches.concat(), rows);
        }
    }

    #[test]
    fn batches_of_large_rows_stay_small() {
        let rows: Vec<usize> = [vec![900_000; 2], vec![60_000; 20], vec![10; 200]].concat();

        let batches: Vec<_> = batches_of_bytes(&rows, |bytes| *bytes).collect();

        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [1, 3, 10, 200, 5, 3]);
        assert_eq!(batches.concat(), rows);
        assert_eq!(
            batches_of_bytes(&[2 << 20, 1], |bytes| *bytes).count(),
            2,
            "one that is too large goes alone"
        );
    }

    #[test]
    fn a_text_is_cut_between_its_characters() {
        assert_eq!((capped("Müller", 2).as_str(), capped("Müller", 99).as_str()), ("M", "Müller"));
    }
}
