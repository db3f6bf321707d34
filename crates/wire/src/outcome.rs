//! Outcomes of a command: return codes that depend on the command (reference 11.4), and the readable form of an
//! answer.

use std::borrow::Cow;

use crate::{Acknowledgement, Form, ReturnCode, Verdict, parameters::names_secret};

impl ReturnCode {
    /// The verdict on this code in the answer to a command of this form.
    ///
    /// Positive codes are success, except for the dialogs of `ENROLL_*`, where each code is one way in which the
    /// dialog ended. `SHELL` answers with an exit status, of which only 0 is success. A code outside of the range
    /// of exit statuses comes from a device that does not know `SHELL`.
    pub const fn verdict_of(self, form: Form) -> Verdict {
        match (form, self.0) {
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 7) => Verdict::RetryLater,
            (Form::EnrollFingerprint | Form::EnrollBioData(_) | Form::EnrollCard, 1..)
            | (Form::Shell, -255..=-1 | 1..) => Verdict::Refused,
            _ => self.verdict(),
        }
    }

    /// Describes the code in words, as the answer to a command of this form.
    pub fn describe_of(self, form: Form) -> Cow<'static, str> {
        let words = match (form, self.0) {
            (Form::EnrollFingerprint | Form::EnrollCard | Form::EnrollBioData(_), 0) => "enrolled",
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 2) => {
                "the person has this template already; --overwrite replaces it"
            }
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 4) => {
                "enrolment failed: poor quality, or the attempts did not match"
            }
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 5) => {
                "the device already has it under another person"
            }
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 6) => {
                "cancelled at the device, or the model refuses remote enrolment"
            }
            (Form::EnrollFingerprint | Form::EnrollBioData(_), 7) => {
                "the device is busy and cannot enrol now"
            }
            (Form::EnrollCard, 4) => "no card was read in any attempt",
            (Form::EnrollCard, 5) => "nobody held a card to the device in time",
            (Form::EnrollCard, 6) => "cancelled at the device with Esc",
            (Form::EnrollCard, -3) => "the card could not be accessed",
            (Form::EnrollFingerprint | Form::EnrollBioData(_), -1003) => {
                "nobody enrolled in time, or the model does not understand the request"
            }
            (Form::GetFile, bytes @ 0..) => return format!("a file of {bytes} bytes").into(),
            (Form::PutFile, bytes @ 0..) => return format!("taken, {bytes} bytes or lines").into(),
            (Form::Shell, 0) => "ended well",
            (Form::Shell, status @ (-255..=-1 | 1..)) => {
                return format!("ended with exit status {status}").into();
            }
            _ => self.describe(),
        };
        words.into()
    }
}

impl Acknowledgement {
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
                let value = if names_secret(key) { "***" } else { value };
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

/// Longest answer that is kept, bytes.
const MAX_VERBATIM_BYTES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledgements;

    /// Obligation 178.
    #[test]
    fn enrolment_dialogs_have_their_own_codes() {
        let verdicts = |form: Form, codes: &[i32]| {
            codes.iter().map(|code| ReturnCode(*code).verdict_of(form)).collect::<Vec<_>>()
        };
        let (done, later, refused) = (Verdict::Done, Verdict::RetryLater, Verdict::Refused);
        for form in [Form::EnrollFingerprint, Form::EnrollBioData(9)] {
            assert_eq!(
                verdicts(form, &[0, 2, 4, 5, 6, 7, -1005, -1002]),
                [done, refused, refused, refused, refused, later, later, Verdict::Unsupported]
            );
        }
        assert_eq!(
            verdicts(Form::EnrollCard, &[0, -1, -3, 4, 5, 6, 7]),
            [done, refused, later, refused, refused, refused, refused]
        );
        for code in [2, 4, 5, 6, 7] {
            let finger = ReturnCode(code).describe_of(Form::EnrollFingerprint);
            assert_ne!(finger, ReturnCode(code).describe(), "{code}");
            assert_eq!(ReturnCode(code).verdict_of(Form::Query), done, "a query answers with a count");
        }
        assert_ne!(
            ReturnCode(5).describe_of(Form::EnrollCard),
            ReturnCode(5).describe_of(Form::EnrollFingerprint)
        );
    }

    /// Obligation 178.
    #[test]
    fn files_answer_with_a_length_and_a_shell_with_an_exit_status() {
        let of = |form, code| (ReturnCode(code).verdict_of(form), ReturnCode(code).describe_of(form));
        assert_eq!(of(Form::GetFile, 40_960), (Verdict::Done, "a file of 40960 bytes".into()));
        assert_eq!(of(Form::PutFile, 7), (Verdict::Done, "taken, 7 bytes or lines".into()));
        assert_eq!(of(Form::GetFile, -1002).0, Verdict::Unsupported);
        assert_eq!(of(Form::PutFile, -1008).0, Verdict::RetryLater);
        assert_eq!(of(Form::Shell, 0), (Verdict::Done, "ended well".into()));
        assert_eq!(of(Form::Shell, 2), (Verdict::Refused, "ended with exit status 2".into()));
        assert_eq!(of(Form::Shell, -1), (Verdict::Refused, "ended with exit status -1".into()));
        assert_eq!(of(Form::Shell, -1002).0, Verdict::Unsupported);
    }

    #[test]
    fn other_commands_have_the_common_codes() {
        for form in [Form::Check, Form::Info, Form::ClearData, Form::Upgrade, Form::VerifySum, Form::Query] {
            for code in [0, 3, -1, -10, -1001, -1002, -1005, -5000] {
                let code = ReturnCode(code);
                assert_eq!(code.verdict_of(form), code.verdict());
                assert_eq!(code.describe_of(form), code.describe());
            }
        }
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
}
