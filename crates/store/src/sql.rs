//! SQL texts: lists of placeholders in a few fixed lengths, so that prepared statements are reused.

use sqlx::AssertSqlSafe;

/// Rows per statement. Few lengths, so that prepared statements are reused; few statements, because each is a round
/// trip to the database server.
const BATCHES: [usize; 10] = [200, 100, 50, 30, 20, 10, 5, 3, 2, 1];

/// Rows per statement for small, frequent writes, such as the commands of one reply.
const SMALL_BATCHES: [usize; 15] = [128, 64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2, 1];

/// Maximum keys per statement.
pub(crate) const LIST: usize = 500;

/// A statement of constants and placeholders.
///
/// Only for texts of this crate: values are always bound, never written into the text.
pub(crate) fn statement(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

/// The beginning of a text, because devices may send texts of any length.
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

/// The keys in lists of one of five lengths. Each list is filled up by repeating its last key, which is harmless in
/// an `IN`.
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

/// The rows in batches of a few lengths, for statements with many rows.
///
/// `columns` values per row: the largest batch stays below the 32,766 values that SQLite accepts in a statement.
pub(crate) fn batches<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    batches_of(&BATCHES, rows)
}

/// Like [`batches`], but hardly ever more than two batches, and one for up to eight rows: for the commands of one
/// reply.
pub(crate) fn few_batches<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    batches_of(&SMALL_BATCHES, rows)
}

fn batches_of<'r, T>(lengths: &'static [usize], mut rows: &'r [T]) -> impl Iterator<Item = &'r [T]> {
    std::iter::from_fn(move || {
        let length = lengths.iter().copied().find(|length| *length <= rows.len())?;
        let (batch, rest) = rows.split_at(length);
        rows = rest;
        Some(batch)
    })
}

/// Like [`batches`], for rows that may be large: no batch of several rows exceeds [`MAX_BYTES`].
pub(crate) fn batches_of_bytes<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = rest
            .iter()
            .take_while(|row| {
                sum += bytes(row);
                sum <= MAX_BYTES
            })
            .count();
        let length = BATCHES.into_iter().find(|length| *length <= fits).unwrap_or(1);
        let (batch, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(batch)
    })
}

/// Maximum bytes of a statement with several rows. Every supported database server accepts four times as much.
const MAX_BYTES: usize = 1 << 20;

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
    fn eight_rows_take_one_statement_and_a_reply_takes_two() {
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
            "a row that is too large is a batch of its own"
        );
    }

    #[test]
    fn a_text_is_cut_between_its_characters() {
        assert_eq!((capped("Müller", 2).as_str(), capped("Müller", 99).as_str()), ("M", "Müller"));
    }
}
