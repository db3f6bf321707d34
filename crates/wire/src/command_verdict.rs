//! Verdicts on return codes of commands that have codes of their own (reference 11.4).

use std::borrow::Cow;

use crate::{Form, ReturnCode, Verdict};

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
    pub fn describe_for(self, form: Form) -> Cow<'static, str> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let finger = ReturnCode(code).describe_for(Form::EnrollFingerprint);
            assert_ne!(finger, ReturnCode(code).describe(), "{code}");
            assert_eq!(ReturnCode(code).verdict_of(Form::Query), done, "a query answers with a count");
        }
        assert_ne!(
            ReturnCode(5).describe_for(Form::EnrollCard),
            ReturnCode(5).describe_for(Form::EnrollFingerprint)
        );
    }

    /// Obligation 178.
    #[test]
    fn files_answer_with_a_length_and_a_shell_with_an_exit_status() {
        let of = |form, code| (ReturnCode(code).verdict_of(form), ReturnCode(code).describe_for(form));
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
                assert_eq!(code.describe_for(form), code.describe());
            }
        }
    }
}
