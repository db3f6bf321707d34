//! Commands in the answer to a poll, read without the server's own crates.

use crate::connection::find;

/// One line of the answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The line as it came, without its line end.
    pub raw: Vec<u8>,
    /// The text between `C:` and the next colon; empty if the line has another form.
    pub id: String,
    /// `DATA UPDATE`, `DATA DELETE`, `DATA QUERY`, or the first word of anything else.
    pub verb: String,
    /// The table of a data command.
    pub table: String,
    /// Keys and values, in their order and spelling.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Command {
    /// Reads a line.
    pub(crate) fn read(line: &[u8]) -> Self {
        let raw = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        let after = raw.strip_prefix(b"C:").unwrap_or_default();
        let at = after.iter().position(|byte| *byte == b':').unwrap_or(0);
        let id = String::from_utf8_lossy(after.get(..at).unwrap_or_default()).into_owned();
        let text = if id.is_empty() { raw.as_slice() } else { after.get(at + 1..).unwrap_or_default() };
        let mut words =
            text.splitn(4, |byte| *byte == b' ').map(|word| String::from_utf8_lossy(word).into_owned());
        let first = words.next().unwrap_or_default();
        let mut command =
            Self { id, verb: first.clone(), table: String::new(), fields: Vec::new(), raw: Vec::new() };
        if first == "DATA" {
            let [verb, table] = [words.next().unwrap_or_default(), words.next().unwrap_or_default()];
            let begin = first.len() + verb.len() + table.len() + 3;
            let arguments = text.get(begin..).unwrap_or_default();
            command.fields = arguments.split(|byte| *byte == b'\t').filter_map(field).collect();
            (command.verb, command.table) = (format!("DATA {verb}"), table);
        }
        command.raw = raw;
        command
    }

    /// The command lines in the answer to a poll; empty for `OK`.
    pub(crate) fn of_reply(body: &[u8]) -> Vec<Self> {
        if body.starts_with(b"OK") {
            return Vec::new();
        }
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(Self::read).collect()
    }

    /// The value of a key in any case.
    pub(crate) fn bytes(&self, key: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_slice())
    }

    /// A value as text; empty if the key is absent.
    pub(crate) fn text(&self, key: &str) -> String {
        self.bytes(key).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }

    /// Whether the command writes or deletes in this table for this PIN.
    pub(crate) fn is(&self, verb: &str, table: &str, pin: &str) -> bool {
        self.verb == verb && self.table == table && self.is_about(pin)
    }

    /// Whether the command is about this PIN.
    pub(crate) fn is_about(&self, pin: &str) -> bool {
        self.bytes("PIN") == Some(pin.as_bytes())
    }

    /// The payload: a template or a photo.
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        ["TMP", "Content"].into_iter().find_map(|key| self.bytes(key))
    }

    /// Whether the command contains these bytes.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        find(&self.raw, bytes).is_some()
    }
}

fn field(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    let (key, value) = text.split_at_checked(at)?;
    Some((String::from_utf8_lossy(key).into_owned(), value.get(1..).unwrap_or_default().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_command_has_a_table_and_fields() {
        let command =
            Command::read(b"C:7f2b:DATA UPDATE FINGERTMP PIN=7\tFID=6\tSize=4\tValid=1\tTMP=YQ==\r");
        assert_eq!(
            (command.id.as_str(), command.verb.as_str(), command.table.as_str()),
            ("7f2b", "DATA UPDATE", "FINGERTMP")
        );
        assert_eq!(command.payload(), Some(&b"YQ=="[..]));
        assert!(command.is("DATA UPDATE", "FINGERTMP", "7") && !command.is_about("77"));
    }

    #[test]
    fn other_commands_and_lines_without_an_id_are_read_too() {
        let all =
            Command::of_reply(b"C:1:CHECK\n\nC:2:SET OPTION Delay=5\nDATA UPDATE USERINFO PIN=7\tName=A B\n");
        let verbs: Vec<_> = all.iter().map(|command| (command.id.as_str(), command.verb.as_str())).collect();
        assert_eq!(verbs, [("1", "CHECK"), ("2", "SET"), ("", "DATA UPDATE")]);
        assert_eq!(all.last().map(|command| command.text("name")).as_deref(), Some("A B"));
        assert!(Command::of_reply(b"OK").is_empty());
    }
}
