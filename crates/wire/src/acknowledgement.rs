//! Acknowledgements: the answers of a device to its commands.

use std::fmt;

use crate::{
    ReturnCode,
    fields::trimmed,
    parameters::{MAX_PARAMETERS, is_secret_parameter},
    read_parameters,
};

/// Longest command id that is read, bytes. Muster's own ids have at most 16 characters.
const MAX_ID_BYTES: usize = 64;
/// Most answers of one body that are read. No device sends as many; Muster treats the rest like answers that were
/// lost.
const MAX_ANSWERS: usize = 10_000;
/// Most other keys that are read, over all answers of one body.
const MAX_PAIRS: usize = 65_536;
/// Longest answer that is kept, bytes.
const MAX_VERBATIM_BYTES: usize = 1_000;

/// A device's answer to one command, from the body of a `devicecmd` request (§13).
///
/// Devices use two forms, with LF or CR LF at the end of lines:
/// - one answer a line, `ID=7f2a&Return=0&CMD=DATA`; after `CMD=INFO` follows one parameter a line;
/// - one key a line; the last key may be `Content=`, followed by any bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The id of the command as the device returned it: any text of 1 to 64 bytes.
    pub id: String,
    /// `None` when the return code is missing or no number. Such an answer does not tell the outcome.
    pub return_code: Option<ReturnCode>,
    /// The `CMD=` of the answer, which may be missing or cut. Muster matches an answer by its id alone.
    pub command: Option<String>,
    /// All other keys in their order; for `INFO` the parameters of the device.
    pub pairs: Vec<(String, String)>,
    /// The bytes after `Content=`, unchanged.
    pub content: Option<Vec<u8>>,
}

/// Reads the answers in the body of a `devicecmd` request.
///
/// An answer without an id is dropped, and so is a line that belongs to no answer: no command can be matched with
/// it. The other answers of the body are still read.
pub fn acknowledgements(body: &[u8]) -> Vec<Acknowledgement> {
    let (head, content) = split_content(body);
    let mut answers: Vec<Acknowledgement> = Vec::new();
    // Whether the current line belongs to an answer that is kept.
    let mut within = false;
    let mut pairs = 0;
    for line in head.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_matches(|character: char| character == '\0' || character.is_ascii_whitespace());
        if let Some(id_and_more) = strip_key(text, "ID") {
            pairs += answers.last().map_or(0, |answer| answer.pairs.len());
            if answers.len() == MAX_ANSWERS || pairs >= MAX_PAIRS {
                break;
            }
            let answer = Acknowledgement::begin(id_and_more);
            within = answer.is_some();
            answers.extend(answer);
        } else if within && let Some(answer) = answers.last_mut() {
            answer.take_line(text);
        }
    }
    if within && let Some(answer) = answers.last_mut() {
        answer.content = content.map(<[u8]>::to_vec);
    }
    answers
}

impl Acknowledgement {
    /// Writes the answer as a device does. It ends in LF unless it has content.
    ///
    /// An answer without content is one line. The parameters of an `INFO` reply follow, one a line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let one_line = self.content.is_none();
        let separator = if one_line { "&" } else { "\n" };
        let mut parts = vec![format!("ID={}", self.id)];
        parts.extend(self.return_code.map(|return_code| format!("Return={return_code}")));
        parts.extend(self.command.as_ref().map(|command| format!("CMD={command}")));
        let pairs = self.pairs.iter().map(|(key, value)| format!("{key}={value}"));
        let mut text = if self.is_info() {
            [parts.join(separator)].into_iter().chain(pairs).collect::<Vec<_>>().join("\n")
        } else {
            parts.into_iter().chain(pairs).collect::<Vec<_>>().join(separator)
        };
        text.push('\n');
        out.extend_from_slice(text.as_bytes());
        if let Some(content) = &self.content {
            out.extend_from_slice(b"Content=");
            out.extend_from_slice(content);
        }
    }

    /// Starts an answer from the text after `ID=`: the id, and in the one-line form all other keys.
    fn begin(id_and_more: &str) -> Option<Self> {
        // One device was seen to separate the keys with tabs.
        let separator = if id_and_more.contains('&') { '&' } else { '\t' };
        let mut fragments = id_and_more.split(separator);
        let id = trimmed(fragments.next().unwrap_or_default());
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return None;
        }
        let mut answer = Self { id: id.to_owned(), ..Self::default() };
        for fragment in fragments {
            answer.take_pair(fragment);
        }
        Some(answer)
    }

    fn take_line(&mut self, line: &str) {
        if self.is_info() {
            let room = MAX_PARAMETERS.saturating_sub(self.pairs.len());
            let parameters = read_parameters(line.as_bytes()).into_iter().filter(|(key, _)| !is_id(key));
            self.pairs.extend(parameters.take(room));
        } else {
            self.take_pair(line);
        }
    }

    fn take_pair(&mut self, pair: &str) {
        let Some((key, value)) = pair.split_once('=') else { return };
        let (key, value) = (trimmed(key), trimmed(value));
        if self.return_code.is_none() && key.eq_ignore_ascii_case("Return") {
            self.return_code = value.parse().ok().map(ReturnCode);
        } else if self.command.is_none() && key.eq_ignore_ascii_case("CMD") {
            self.command = Some(value.to_owned());
        } else if !key.is_empty() && !is_id(key) && self.pairs.len() < MAX_PARAMETERS {
            self.pairs.push((key.to_owned(), value.to_owned()));
        }
    }

    /// Whether this is the answer to `INFO`, with the parameters of the device.
    pub fn is_info(&self) -> bool {
        self.command.as_deref().is_some_and(|command| command.eq_ignore_ascii_case("INFO"))
    }

    /// The answer as the device gave it, for the log of commands: without content, without the parameters of
    /// `INFO`, and without values that may be secrets.
    pub fn verbatim(&self) -> String {
        let mut parts = vec![format!("ID={}", self.id)];
        parts.extend(self.return_code.map(|return_code| format!("Return={return_code}")));
        parts.extend(self.command.as_ref().map(|command| format!("CMD={command}")));
        if self.is_info() {
            parts.push(format!("({} parameters)", self.pairs.len()));
        } else {
            parts.extend(self.pairs.iter().map(|(key, value)| {
                let value = if is_secret_parameter(key) { "***" } else { value };
                format!("{key}={value}")
            }));
        }
        parts.extend(self.content.as_ref().map(|content| format!("Content=({} bytes)", content.len())));
        let mut text = parts.join("&");
        text.truncate(text.floor_char_boundary(MAX_VERBATIM_BYTES));
        text
    }

    /// The number under another key than `Return`, in any case: `AttlogSum` (§12.3).
    pub fn number(&self, key: &str) -> Option<u64> {
        let pair = self.pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        pair.and_then(|(_, value)| value.parse().ok())
    }

    /// Whether the answer to `GetFile` holds the whole file: the return code is its length (§12.5).
    pub fn is_whole_file(&self) -> bool {
        let held = self.content.as_ref().map_or(0, Vec::len);
        self.return_code.is_some_and(|code| usize::try_from(code.0).is_ok_and(|announced| announced == held))
    }
}

impl fmt::Debug for Acknowledgement {
    /// Shows the number of parameters and of content bytes only: both may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgement")
            .field("id", &self.id)
            .field("return_code", &self.return_code)
            .field("command", &self.command)
            .field("pairs", &self.pairs.len())
            .field("content_bytes", &self.content.as_ref().map(Vec::len))
            .finish()
    }
}

/// Splits a body at the first line that begins with `Content=`.
fn split_content(body: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut start = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let key = line.split_at_checked(b"Content=".len());
        if key.is_some_and(|(key, _)| key.eq_ignore_ascii_case(b"Content=")) {
            let (head, content) = body.split_at(start);
            return (head, content.split_at_checked(b"Content=".len()).map(|(_, content)| content));
        }
        start += line.len();
    }
    (body, None)
}

/// The text after `<key>=`; the key matches in any case.
fn strip_key<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (found, rest) = line.split_once('=')?;
    found.trim().eq_ignore_ascii_case(key).then_some(rest)
}

/// Whether a key is `ID`, which begins an answer and is never a parameter.
fn is_id(key: &str) -> bool {
    key.eq_ignore_ascii_case("ID")
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn summary(body: &[u8]) -> Vec<(String, Option<i32>, Option<String>)> {
        let answers = acknowledgements(body).into_iter();
        answers.map(|answer| (answer.id, answer.return_code.map(|code| code.0), answer.command)).collect()
    }

    #[test]
    fn answers_and_keys_beyond_the_limits_are_left_out() {
        let body = "ID=1&Return=0\n".repeat(10_001);
        assert_eq!(acknowledgements(body.as_bytes()).len(), 10_000);
        for body in
            [format!("ID=1{}", "&a=".repeat(100_000)), format!("ID=1&CMD=INFO\n{}", "a=\n".repeat(100_000))]
        {
            let answers = acknowledgements(body.as_bytes());
            assert_eq!(answers.first().map(|answer| answer.pairs.len()), Some(4_096));
        }
    }

    fn answered(id: &str, return_code: i32, command: &str) -> (String, Option<i32>, Option<String>) {
        (id.into(), Some(return_code), Some(command.into()))
    }

    /// Fault 7: several answers in one body.
    ///
    /// Obligation 170.
    #[test]
    fn each_line_of_a_body_is_an_answer() {
        let body = b"ID=41&Return=0&CMD=DATA\nID=42&Return=0&CMD=CHECK\nID=43&Return=-1002&CMD=DATA\nID=44&Return=-1004&CMD=DATA\n";
        let expected = [
            answered("41", 0, "DATA"),
            answered("42", 0, "CHECK"),
            answered("43", -1002, "DATA"),
            answered("44", -1004, "DATA"),
        ];
        assert_eq!(summary(body), expected);
        let crlf = String::from_utf8_lossy(body).replace('\n', "\r\n");
        assert_eq!(summary(crlf.as_bytes()), expected);
    }

    #[test]
    fn the_answers_of_captured_devices_are_read() {
        let bodies = [
            ("ID=b7e204d19cf3586a&Return=0&CMD=DATA\n", "b7e204d19cf3586a 0 DATA"),
            ("ID=40c91d73e5ab2f68&Return=-12&CMD=DATA\n", "40c91d73e5ab2f68 -12 DATA"),
            (
                "ID=210&Return=6&CMD=ENROLL_FP\nID=211&Return=-1003&CMD=ENROLL_BIO\nID=212&Return=-1007&CMD=CHECK\n",
                "210 6 ENROLL_FP, 211 -1003 ENROLL_BIO, 212 -1007 CHECK",
            ),
            (
                "ID=info8487&Return=0&CMD=DATA\nID=info8488&Return=0&CMD=DATA",
                "info8487 0 DATA, info8488 0 DATA",
            ),
            ("ID=1&Return=3&CMD=DATA QUERY", "1 3 DATA QUERY"),
            ("ID=9&Return=-629&CMD=DATA QUERY", "9 -629 DATA QUERY"),
        ];
        for (body, expected) in bodies {
            let words = summary(body.as_bytes())
                .into_iter()
                .map(|(id, number, command)| format!("{id} {} {}", number.unwrap(), command.unwrap()));
            assert_eq!(words.collect::<Vec<_>>().join(", "), expected);
        }
    }

    /// Fault 7: an answer without `CMD=`, an answer with a foreign id, and a repeated answer.
    ///
    /// Obligation 174.
    #[test]
    fn an_answer_needs_only_an_id() {
        let body = b"ID=7f2a&Return=0\nID=info8487&Return=0&CMD=DATA\nID=7f2a&Return=0";
        let expected =
            [("7f2a".into(), Some(0), None), answered("info8487", 0, "DATA"), ("7f2a".into(), Some(0), None)];
        assert_eq!(summary(body), expected);
    }

    /// Fault 8: the return code is a count, a refusal, or missing.
    ///
    /// Obligation 176.
    #[test]
    fn the_return_code_is_a_signed_number_or_missing() {
        let body = b"ID=1&Return=3&CMD=DATA QUERY\nID=9&Return=-629&CMD=DATA QUERY\nID=2&CMD=DATA\nID=3&Return=ok&CMD=DATA\nID=4&Return=99999999999";
        let codes: Vec<_> = acknowledgements(body).into_iter().map(|answer| answer.return_code).collect();
        assert_eq!(codes, [Some(ReturnCode(3)), Some(ReturnCode(-629)), None, None, None]);
    }

    /// Obligation 171.
    #[test]
    fn keys_on_separate_lines_with_content_are_one_answer() {
        let body =
            b"ID=32\nReturn=0\nCMD=Shell\nFILENAME=shellout.txt\nContent=ID=5&Return=0\nContent=\xFF\n";
        let answers = acknowledgements(body);
        assert_eq!(
            answers,
            [Acknowledgement {
                id: "32".into(),
                return_code: Some(ReturnCode::DONE),
                command: Some("Shell".into()),
                pairs: vec![("FILENAME".into(), "shellout.txt".into())],
                content: Some(b"ID=5&Return=0\nContent=\xFF\n".to_vec()),
            }]
        );
    }

    /// Obligation 172.
    #[test]
    fn parameters_follow_the_answer_to_info() {
        let body = b"ID=7f30&Return=0&CMD=INFO\n~DeviceName=A&B\n~OEMVendor=ZKTeco Co., Ltd.\nReturn=9\nUserCount=51\nID=7f31&Return=0&CMD=DATA\n";
        let answers = acknowledgements(body);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0].return_code, Some(ReturnCode::DONE));
        assert_eq!(
            answers[0].pairs,
            [
                pair("~DeviceName", "A&B"),
                pair("~OEMVendor", "ZKTeco Co., Ltd."),
                pair("Return", "9"),
                pair("UserCount", "51"),
            ]
        );
    }

    /// Obligation 184.
    #[test]
    fn an_answer_is_kept_without_secrets() {
        let verbatim = |body: &[u8]| acknowledgements(body).first().map(Acknowledgement::verbatim);
        let sum = "ID=7f34&Return=0&CMD=VERIFY SUM&StartTime=2027-03-01 00:00:00&AttlogSum=1204";
        assert_eq!(verbatim(sum.as_bytes()).as_deref(), Some(sum));
        assert_eq!(
            verbatim(b"ID=1&Return=0&CMD=SET OPTION&CommKey=482913").as_deref(),
            Some("ID=1&Return=0&CMD=SET OPTION&CommKey=***")
        );
        assert_eq!(
            verbatim(b"ID=1&Return=0&CMD=INFO\nCommKey=482913\nUserCount=51").as_deref(),
            Some("ID=1&Return=0&CMD=INFO&(2 parameters)")
        );
        let file = verbatim(b"ID=1\nFILENAME=a.cfg\nCMD=GetFile\nReturn=6\nContent=secret").unwrap();
        assert_eq!(file, "ID=1&Return=6&CMD=GetFile&FILENAME=a.cfg&Content=(6 bytes)");
        let long = [b"ID=1&Return=0&X=".as_slice(), "ä".repeat(3_000).as_bytes()].concat();
        assert!(verbatim(&long).is_some_and(|text| text.len() <= MAX_VERBATIM_BYTES));
    }

    /// Obligation 171.
    #[test]
    fn a_file_is_whole_if_it_has_the_announced_length() {
        let whole = |body: &[u8]| acknowledgements(body).first().map(Acknowledgement::is_whole_file);
        assert_eq!(whole(b"ID=1\nCMD=GetFile\nReturn=13\nContent=DeviceID=1\nOK\n"), Some(false));
        assert_eq!(whole(b"ID=1\nCMD=GetFile\nReturn=13\nContent=DeviceID=1\nOK"), Some(true));
        assert_eq!(whole(b"ID=1\nCMD=GetFile\nReturn=0\n"), Some(true));
        assert_eq!(whole(b"ID=1\nCMD=GetFile\nReturn=-1\nContent="), Some(false));
    }

    #[test]
    fn a_sum_is_a_number_under_its_key_in_any_case() {
        for (pair, sum) in [("AttlogSum=1204", Some(1204)), ("AttLogSum=0", Some(0)), ("Sum=1", None)] {
            let answers = acknowledgements(format!("ID=1&Return=0&CMD=VERIFY SUM&{pair}").as_bytes());
            assert_eq!(answers.first().and_then(|answer| answer.number("AttlogSum")), sum, "{pair}");
        }
    }

    #[test]
    fn an_id_within_an_answer_is_no_parameter() {
        for body in [&b"ID=1&ID=2&CMD=INFO&UserCount=51"[..], b"ID=1&CMD=INFO\nUserCount=51,ID=2"] {
            let answers = acknowledgements(body);
            assert_eq!(answers.iter().map(|answer| answer.id.as_str()).collect::<Vec<_>>(), ["1"]);
            assert_eq!(answers[0].pairs, [("UserCount".to_owned(), "51".to_owned())]);
        }
    }

    #[test]
    fn further_keys_of_a_line_are_kept() {
        let body =
            b"ID=7f34&Return=0&CMD=VERIFY SUM&StartTime=2027-03-01 00:00:00&AttlogSum=1204&SN=TST7261400042";
        let answers = acknowledgements(body);
        assert_eq!(answers[0].command.as_deref(), Some("VERIFY SUM"));
        assert_eq!(answers[0].pairs[1], ("AttlogSum".into(), "1204".into()));
    }

    #[test]
    fn tabs_may_separate_the_keys() {
        assert_eq!(summary(b"id=5\treturn=-12\tcmd=DATA"), [answered("5", -12, "DATA")]);
    }

    #[test]
    fn lines_that_belong_to_no_answer_are_dropped() {
        let long = [b"ID=".to_vec(), vec![b'9'; 65], b"&Return=0\nReturn=7".to_vec()].concat();
        assert!(acknowledgements(&long).is_empty());
        assert_eq!(
            summary(b"\nReturn=0&CMD=DATA\nID=&Return=0\nCMD=X\nID=1&Return=0\n\0"),
            [("1".into(), Some(0), None)]
        );
        assert!(acknowledgements(b"").is_empty());
    }

    #[test]
    fn debug_output_holds_no_parameters_and_no_content() {
        let answers = acknowledgements(b"ID=1\nReturn=0\nCMD=GetFile\nCommKey=482913\nContent=secret");
        let printed = format!("{answers:?}");
        assert!(printed.contains("GetFile") && printed.contains("content_bytes: Some(6)"), "{printed}");
        assert!(!printed.contains("482913") && !printed.contains("secret"), "{printed}");
    }

    prop_compose! {
        fn answer()(
            id in "[A-Za-z0-9]{1,16}",
            number in prop::option::of(any::<i32>()),
            command in prop::option::of(prop_oneof![Just("DATA".to_owned()), Just("INFO".to_owned()), Just("VERIFY SUM".to_owned())]),
            pairs in prop::collection::vec(("[~a-z]{3,8}", "[A-Za-z0-9.:]{0,8}"), 0..4),
        ) -> Acknowledgement {
            Acknowledgement { id, return_code: number.map(ReturnCode), command, pairs, content: None }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_written_answer_reads_back(
            answers in prop::collection::vec(answer(), 0..6),
            content in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        ) {
            let mut answers = answers;
            if let Some(last) = answers.last_mut() {
                last.content = content;
            }
            let mut body = Vec::new();
            for answer in &answers {
                answer.write(&mut body);
            }
            prop_assert_eq!(acknowledgements(&body), answers);
        }

        #[test]
        fn no_body_breaks_the_reader(body in prop::collection::vec(any::<u8>(), 0..300)) {
            for answer in acknowledgements(&body) {
                prop_assert!(!answer.id.is_empty() && answer.id.len() <= MAX_ID_BYTES);
            }
        }

        #[test]
        fn no_text_like_an_answer_breaks_the_reader(body in "(ID=|Return=|CMD=|INFO|Content=|[0-9a&=,\n\t]){0,60}") {
            for answer in acknowledgements(body.as_bytes()) {
                prop_assert!(!answer.id.is_empty() && answer.id.len() <= MAX_ID_BYTES);
            }
        }
    }
}
