//! `.env`: variables in a file.
//!
//! A line is `NAME=VALUE`, with `export` before it or not; `#` begins a comment. In single quotes everything stands for
//! itself. In double quotes `\n`, `\r`, `\t`, `\\`, `\"` and `\$` mean what they mean in a shell. A quoted value may go on
//! over lines. `$` is a character like others: nothing is put in its place, since passwords hold it.

use std::path::Path;

use crate::failure::usage;

/// One variable of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1: where the variable begins.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its value, without quotes.
    pub text: String,
}

/// Reads all variables of a file. Where one stands twice the last one counts.
///
/// # Errors
/// [`crate::failure::Usage`] with file and line, without anything that stands there: a line may hold a password.
pub fn read(path: &Path, content: &str) -> anyhow::Result<Vec<Line>> {
    let mut reader = Reader { rest: content.strip_prefix('\u{feff}').unwrap_or(content), number: 1 };
    let mut lines: Vec<Line> = Vec::new();
    while !reader.rest.is_empty() {
        let number = reader.number;
        let line =
            reader.line().map_err(|want| usage(format!("{} line {number}: {want}", path.display())))?;
        if let Some(line) = line {
            lines.retain(|earlier| earlier.name != line.name);
            lines.push(line);
        }
    }
    Ok(lines)
}

struct Reader<'a> {
    rest: &'a str,
    number: usize,
}

impl Reader<'_> {
    /// Takes a line, or several where a quoted value goes on; `None` where it sets nothing.
    fn line(&mut self) -> Result<Option<Line>, String> {
        let number = self.number;
        let line = self.rest.split('\n').next().unwrap_or_default();
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') {
            self.skip_line();
            return Ok(None);
        }
        let wrong = || "want NAME=VALUE, or a comment after #".to_owned();
        let (before, value) = line.split_once('=').ok_or_else(wrong)?;
        let name = before.trim();
        let name = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name);
        let name = name.trim_start().to_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_name) {
            return Err(wrong());
        }
        let quote = value.trim_start().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let text = if let Some(quote) = quote {
            let opening = line.len() - value.trim_start().len();
            self.advance(opening + 1);
            self.quoted(quote)?
        } else {
            let text = unquoted(value).to_owned();
            self.skip_line();
            text
        };
        Ok(Some(Line { number, name, text }))
    }

    /// Takes the rest of a quoted value, and of its last line.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let unfinished = || format!("the quote {quote} is opened and never closed");
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        let end = loop {
            let (at, c) = characters.next().ok_or_else(unfinished)?;
            match c {
                c if c == quote => break at + 1,
                '\\' if quote == '"' => {
                    let (_, escaped) = characters.next().ok_or_else(unfinished)?;
                    match escaped {
                        'n' => text.push('\n'),
                        'r' => text.push('\r'),
                        't' => text.push('\t'),
                        '\\' | '"' | '$' | '`' => text.push(escaped),
                        other => text.extend(['\\', other]),
                    }
                }
                c => text.push(c),
            }
        };
        self.advance(end);
        let after = self.rest.split('\n').next().unwrap_or_default().trim();
        if !after.is_empty() && !after.starts_with('#') {
            return Err(format!("want nothing but a comment after the closing {quote}"));
        }
        self.skip_line();
        Ok(text)
    }

    fn skip_line(&mut self) {
        self.advance(self.rest.find('\n').map_or(self.rest.len(), |end| end + 1));
    }

    fn advance(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.number += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }
}

/// A value without quotes ends at a `#` that stands after a blank: `pass#word` is a password.
fn unquoted(value: &str) -> &str {
    let comment = value.match_indices('#').map(|(at, _)| at).find(|at| value[..*at].ends_with([' ', '\t']));
    value[..comment.unwrap_or(value.len())].trim()
}

/// A value as it has to be written to be read back.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/@%+=?[]".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else if text.contains(['\'', '\n', '\r']) {
        let mut quoted = String::from('"');
        for c in text.chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\\' | '"' | '$' | '`' => quoted.extend(['\\', c]),
                c => quoted.push(c),
            }
        }
        quoted + "\""
    } else {
        format!("'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(content: &str) -> Vec<(usize, String, String)> {
        let lines = read(Path::new(".env"), content).expect("right lines");
        lines.into_iter().map(|line| (line.number, line.name, line.text)).collect()
    }

    fn refused(content: &str) -> String {
        let message = read(Path::new(".env"), content).expect_err(content).to_string();
        assert!(!message.contains("geheim"), "{message}");
        message
    }

    fn value(line: &str) -> String {
        match pairs(&format!("A={line}")).as_slice() {
            [(1, _, value)] => value.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn variables_stand_in_lines_between_comments() {
        let content = "\u{feff}# the old server\r\n\r\nDB_HOST=db\r\n  export DB_PORT = 3306 # usual\n\tDB_NAME=''\nDEBUG=";
        let expected = [(3, "DB_HOST", "db"), (4, "DB_PORT", "3306"), (5, "DB_NAME", ""), (6, "DEBUG", "")];
        let expected = expected.map(|(number, name, text)| (number, name.to_owned(), text.to_owned()));
        assert_eq!(pairs(content), expected);
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn a_value_is_what_a_shell_would_take_it_for_but_a_dollar_stays() {
        for (line, expected) in [
            ("pa$word", "pa$word"),
            ("\"pa${word}\"", "pa${word}"),
            ("pass#word", "pass#word"),
            ("#abc", "#abc"),
            (" # nothing", ""),
            ("pass word  # two words", "pass word"),
            ("a=b=c", "a=b=c"),
            (r"a\b", r"a\b"),
            (r"'a\n#b' # literally", r"a\n#b"),
            (r#""a\n\t\\\"\$\x" "#, "a\n\t\\\"$\\x"),
            ("\"it's\"", "it's"),
            ("'two\nlines'", "two\nlines"),
            ("don't", "don't"),
            ("grün", "grün"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn of_a_variable_that_stands_twice_the_last_one_counts() {
        assert_eq!(
            pairs("A=1\nB='x\ny'\nA=2"),
            [(2, "B".to_owned(), "x\ny".to_owned()), (4, "A".to_owned(), "2".to_owned())]
        );
    }

    #[test]
    fn a_bad_line_is_told_by_its_number_and_without_what_stands_there() {
        for (content, expected) in [
            ("A=1\ngeheim\n", ".env line 2: want NAME=VALUE, or a comment after #"),
            ("=geheim", ".env line 1: want NAME=VALUE, or a comment after #"),
            ("DB PASSWORD=geheim", ".env line 1: want NAME=VALUE, or a comment after #"),
            ("1A=geheim", ".env line 1: want NAME=VALUE, or a comment after #"),
            ("export A", ".env line 1: want NAME=VALUE, or a comment after #"),
            ("\nA=\"geheim\nB=2", ".env line 2: the quote \" is opened and never closed"),
            ("A='x'\nB='x'geheim", ".env line 2: want nothing but a comment after the closing '"),
        ] {
            assert_eq!(refused(content), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "",
            "plain",
            "mysql://m:p%40@db:3306/m?ssl-mode=REQUIRED",
            "a b",
            "a#b",
            "it's",
            "\"$`\\n'",
            "\n\r",
            "é",
        ] {
            assert_eq!(value(&quoted(text)), text);
        }
        assert_eq!(quoted("00:00;14:05"), "'00:00;14:05'", "a shell would end the value at the semicolon");
    }
}
