//! Return codes: the numbers with which devices answer commands.

use std::fmt;

/// The return code of a command (appendix 1).
///
/// Code 0 says that the device executed the command, not that it had an effect (field note 7.5). A query may
/// answer with the number of its records. Commands that open a dialog (`ENROLL_*`), answer with a length
/// (`GetFile`, `PutFile`) or answer with an exit status (`SHELL`) have their own codes:
/// [`ReturnCode::verdict_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnCode(pub i32);

/// The consequence of a device's answer for the server (appendix 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The device executed the command.
    Done,
    /// The device does not have the user: send the user, then repeat the command.
    UserMissing,
    /// The device is busy, timed out, or has no memory left for now: repeat the command later.
    RetryLater,
    /// The device is full: send nothing of this kind until the device holds less.
    Full,
    /// This firmware does not know this form of command: use another form, or wait for other firmware.
    Unsupported,
    /// The device will never accept this content: wait for newer content.
    Refused,
    /// The device received the command and has not executed it yet: the final answer follows.
    Pending,
}

impl ReturnCode {
    /// The device executed the command.
    pub const DONE: Self = Self(0);

    /// A code of Muster, which no device sends: after the command the device reported an error of its data in an
    /// `ERRORLOG` record (§11.16), mostly after answering 0.
    pub const INEFFECTIVE: Self = Self(-9999);

    /// The verdict for commands with the common codes: `DATA`, `CLEAR`, `CHECK` and others.
    pub const fn verdict(self) -> Verdict {
        match self.0 {
            0.. => Verdict::Done,
            -10 => Verdict::UserMissing,
            -3 | -1003 | -1005 | -1007 | -1008 => Verdict::RetryLater,
            -1001 => Verdict::Full,
            // -629: a table of the other dialect; -22: an unknown command of old firmware (field note 7.7).
            -22 | -629 | -1002 | -1004 => Verdict::Unsupported,
            -5000 => Verdict::Pending,
            _ => Verdict::Refused,
        }
    }

    /// Describes the code in words.
    pub const fn describe(self) -> &'static str {
        match self.0 {
            0 => "done",
            1.. => "done, with a count",
            -1 => "a parameter of the command is wrong or missing",
            -2 => "the photo does not have the announced size",
            -3 => "the device could not read or write its storage",
            -4 => "the number of the template part is not valid",
            -9 => "the template does not have the announced size",
            -10 => "the user does not exist on the device",
            -11 => "the template is not of a format that the device knows",
            -12 => "the template or photo is damaged or not valid",
            -20 => "the command lacks the PIN",
            -21 => "the command lacks the size",
            -22 => "the device does not know the command",
            -30 => "the template was made by another version of the algorithm",
            -629 => "the device does not know this table",
            -1001 => "the device has no room, or the photo is too large",
            -1002 => "the device does not support this",
            -1003 => "the command timed out on the device",
            -1004 => "the device is not configured for this",
            -1005 => "the device is busy",
            -1006 => "a value is too long for the device",
            -1007 => "the device is out of memory",
            -1008 => "the device could not fetch what the command refers to",
            -5000 => "received, not executed yet",
            -9999 => "executed, then reported as without effect",
            _ => "refused with an undocumented code",
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Obligation 177.
    #[test]
    fn each_documented_code_has_its_verdict() {
        let verdicts = [
            (0, Verdict::Done),
            (-1, Verdict::Refused),
            (-2, Verdict::Refused),
            (-3, Verdict::RetryLater),
            (-9, Verdict::Refused),
            (-10, Verdict::UserMissing),
            (-11, Verdict::Refused),
            (-12, Verdict::Refused),
            (-22, Verdict::Unsupported),
            (-30, Verdict::Refused),
            (-629, Verdict::Unsupported),
            (-1001, Verdict::Full),
            (-1002, Verdict::Unsupported),
            (-1003, Verdict::RetryLater),
            (-1004, Verdict::Unsupported),
            (-1005, Verdict::RetryLater),
            (-1006, Verdict::Refused),
            (-1007, Verdict::RetryLater),
            (-1008, Verdict::RetryLater),
            (-5000, Verdict::Pending),
        ];
        for (code, verdict) in verdicts {
            assert_eq!(ReturnCode(code).verdict(), verdict, "{code}");
        }
    }

    /// Fault 8: positive codes of queries, negative codes of refusals.
    #[test]
    fn a_count_is_success_and_an_unknown_negative_is_a_refusal() {
        for count in [1, 3, 40_960, i32::MAX] {
            assert_eq!(ReturnCode(count).verdict(), Verdict::Done);
        }
        for code in [-5, -13, -1009, -4999, -5001, i32::MIN] {
            assert_eq!(ReturnCode(code).verdict(), Verdict::Refused);
        }
    }

    #[test]
    fn each_code_has_its_own_description() {
        let codes = [
            0, 1, -1, -2, -3, -4, -9, -10, -11, -12, -20, -21, -22, -30, -629, -1001, -1002, -1003, -1004,
            -1005, -1006, -1007, -1008, -5000, -7777,
        ];
        let words: BTreeSet<_> = codes.iter().map(|code| ReturnCode(*code).describe()).collect();
        assert_eq!(words.len(), codes.len());
        assert_eq!(ReturnCode(-1001).to_string(), "-1001");
    }
}
