//! Summaries of unknown request bodies for the log, without values.

use std::fmt::Write as _;

/// Most fields of a record that are listed.
const MAX_FIELDS: usize = 24;

/// Longest text that is taken for the name of a field or a record, bytes.
const MAX_NAME_BYTES: usize = 24;

/// Summarises an undocumented body by its first line: `IDCARD PIN=(4) Name=(11), 3 lines, 412 bytes`.
///
/// Names of records and fields are shown only when they cannot be anything else; values are shown as lengths. An
/// unknown body may hold passwords, cards, templates and keys in unknown forms.
pub fn sketch(body: &[u8]) -> String {
    let lines = crate::count_lines(body);
    let what = match body {
        [] => "nothing".to_owned(),
        [0x1f, 0x8b, ..] => "gzip".to_owned(),
        [0xff, 0xd8, ..] => "JPEG".to_owned(),
        _ => first_line(body),
    };
    format!("{what}, {lines} lines, {} bytes", body.len())
}

fn first_line(body: &[u8]) -> String {
    let line =
        body.trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    match line.first() {
        Some(b'{' | b'[') => return "JSON".to_owned(),
        Some(b'<') => return "XML".to_owned(),
        _ if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') => return "binary".to_owned(),
        _ => {}
    }
    let pieces: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    let Some(fields) = fields(&pieces) else {
        return format!("text in {} columns", pieces.len());
    };
    fields
}

/// `TAG KEY=(length) …`; `None` if the line has another form.
fn fields(pieces: &[&[u8]]) -> Option<String> {
    let mut shown = String::new();
    for (place, piece) in pieces.iter().take(MAX_FIELDS).enumerate() {
        let (key, value) = piece.split_at_checked(piece.iter().position(|&byte| byte == b'=')?)?;
        // The first key may follow the name of the record.
        let key = match key.iter().rposition(|&byte| byte == b' ').filter(|_| place == 0) {
            Some(blank) => {
                shown.push_str(tag(key.get(..blank)?)?);
                shown.push(' ');
                key.get(blank + 1..)?
            }
            None => key,
        };
        let blank = if place > 0 { " " } else { "" };
        // A text that ends in `=` may be a part of base64.
        let key = if value.iter().all(|&byte| byte == b'=') { "?" } else { name(key)? };
        let _ = write!(shown, "{blank}{key}=({})", value.len().saturating_sub(1));
    }
    Some(shown)
}

/// A text that can be the name of a record: capitals.
fn tag(text: &[u8]) -> Option<&str> {
    name(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
}

/// A text that can be a name: letters, optionally followed by digits.
fn name(text: &[u8]) -> Option<&str> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let letters = text.trim_start_matches('~').trim_end_matches(|c: char| c.is_ascii_digit());
    let is_name = (1..=MAX_NAME_BYTES).contains(&text.len())
        && !letters.is_empty()
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    is_name.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 17.
    #[test]
    fn a_body_is_described_without_its_values() {
        for (body, shown) in [
            (&b""[..], "nothing, 0 lines, 0 bytes"),
            (
                b"VISITOR PIN=7\tPasswd=4711\tTMP=QUI=",
                "VISITOR PIN=(1) Passwd=(4) TMP=(4), 1 lines, 34 bytes",
            ),
            (b"~OS=1\tFPVersion10=", "~OS=(1) ?=(0), 1 lines, 18 bytes"),
            (b"QUJDREVG=", "?=(0), 1 lines, 9 bytes"),
            (b"\n\n7\t4711\n8\t4712\n", "text in 2 columns, 2 lines, 16 bytes"),
            (b"kqpvre", "text in 1 columns, 1 lines, 6 bytes"),
            (b"ocoVzJF9FTD618y3cJfL7Ep2==", "?=(1), 1 lines, 26 bytes"),
            (b"kqpvre word=x", "text in 1 columns, 1 lines, 13 bytes"),
            (b"4711 PIN=7", "text in 1 columns, 1 lines, 10 bytes"),
            (b"{\"password\":\"x\"}", "JSON, 1 lines, 16 bytes"),
            (b"\x1f\x8b\x08", "gzip, 1 lines, 3 bytes"),
            (b"\x00\x01secret=x", "binary, 1 lines, 10 bytes"),
        ] {
            assert_eq!(sketch(body), shown);
        }
    }
}
