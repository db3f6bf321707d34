//! Prints results on standard output: text for people, or JSON.

use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;

/// Standard output, as text or as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON, or text for people.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is wanted.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or the text that `words` makes of it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn print<T: Serialize>(self, value: &T, words: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value).context("cannot write JSON")?
        } else {
            printable(words(value).trim_end())
        };
        write(&text)
    }

    /// Prints one line of a sequence: compact JSON, or the text that `words` makes of it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn print_line<T: Serialize>(self, value: &T, words: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string(value).context("cannot write JSON")?
        } else {
            printable(&words(value))
        };
        write(&text)
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("cannot print")
}

/// Replaces characters that would control the console or reverse its text: names come from devices.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("Ada\u{1b}[2J\rB\u{202e}C\n李"), "Ada\u{fffd}[2J\u{fffd}B\u{fffd}C\n李");
    }
}
