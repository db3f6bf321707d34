//! Punches as CSV (RFC 4180), for spreadsheets.

use fleet::time::rfc3339;
use fleet::view::punch::PunchView;

/// The names of the cells of [`line()`], as the first line.
pub const HEADER: &str = "device,pin,time,time_zone,status,verify,work_code,mask,temperature,converted_temperature,\
                      time_offset_s,id_number,card_kind,received_at\r\n";

/// A punch as a line.
pub fn line(punch: &PunchView) -> String {
    let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    let cells = [
        cell(&punch.device),
        cell(&punch.pin),
        cell(&punch.time),
        cell(&punch.time_zone),
        number(punch.status),
        number(punch.verify),
        cell(&punch.work_code),
        number(punch.mask.map(i64::from)),
        text(&punch.temperature),
        text(&punch.converted_temperature),
        number(punch.time_offset_s.map(i64::from)),
        text(&punch.id_number),
        number(punch.card_kind),
        cell(&rfc3339(punch.received_at)),
    ];
    cells.join(",") + "\r\n"
}

/// A text as a cell: quoted where it has to be, and with a `'` before what a spreadsheet would take for a formula.
fn cell(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let first = clean.trim_start().chars().next();
    let is_formula =
        first.is_some_and(|c| "=+-@|%".contains(c) || "\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c));
    let clean = if is_formula { format!("'{clean}") } else { clean };
    if clean.contains(['"', ',', ';']) || clean.starts_with(' ') {
        return format!("\"{}\"", clean.replace('"', "\"\""));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_text_and_no_formula() {
        for (text, written) in [
            ("1001", "1001"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a\rb", "a b"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
