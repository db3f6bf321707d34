//! The forms of commands, as a firmware may know or refuse them.

use std::{fmt, str::FromStr};

use crate::FieldError;

/// A form of command, for remembering per firmware which ones it refuses.
///
/// Its text is kept with devices and must not change: the table of a data command, with the type behind `BIODATA`,
/// or the words of any other: `FINGERTMP`, `BIODATA 9`, `CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `USERINFO`
    UserInfo,
    /// `FINGERTMP`
    FingerTmp,
    /// `FACE`
    Face,
    /// `FVEIN`
    FVein,
    /// `BIODATA` of a biometric type, or of all types (0) in a deletion that names none.
    BioData(u8),
    /// `USERPIC`
    UserPic,
    /// `BIOPHOTO`
    BioPhoto,
    /// `DATA QUERY`
    Query,
    /// `CHECK`
    Check,
    /// `LOG`
    Log,
    /// `INFO`
    Info,
    /// `REBOOT`
    Reboot,
    /// `RELOAD OPTIONS`
    ReloadOptions,
    /// `SET OPTION`
    SetOption,
    /// `CLEAR DATA`
    ClearData,
    /// `CLEAR LOG`
    ClearLog,
    /// `AC_UNLOCK`
    Unlock,
}

/// The forms whose text is one word or two, without a number.
const PLAIN: [(Form, &str); 16] = [
    (Form::UserInfo, "USERINFO"),
    (Form::FingerTmp, "FINGERTMP"),
    (Form::Face, "FACE"),
    (Form::FVein, "FVEIN"),
    (Form::UserPic, "USERPIC"),
    (Form::BioPhoto, "BIOPHOTO"),
    (Form::Query, "DATA QUERY"),
    (Form::Check, "CHECK"),
    (Form::Log, "LOG"),
    (Form::Info, "INFO"),
    (Form::Reboot, "REBOOT"),
    (Form::ReloadOptions, "RELOAD OPTIONS"),
    (Form::SetOption, "SET OPTION"),
    (Form::ClearData, "CLEAR DATA"),
    (Form::ClearLog, "CLEAR LOG"),
    (Form::Unlock, "AC_UNLOCK"),
];

const UNIFIED: &str = "BIODATA";

impl Form {
    /// The table of the form, or the words of a command without one; of `BIODATA` without the type.
    pub(super) fn words(self) -> &'static str {
        PLAIN.iter().find(|(form, _)| *form == self).map_or(UNIFIED, |(_, text)| text)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BioData(bio_type) => write!(f, "{UNIFIED} {bio_type}"),
            plain => f.write_str(plain.words()),
        }
    }
}

impl FromStr for Form {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unified = || text.strip_prefix(UNIFIED)?.strip_prefix(' ')?.parse().ok().map(Self::BioData);
        let plain = PLAIN.iter().find(|(_, known)| *known == text).map(|(form, _)| *form);
        plain
            .or_else(unified)
            .ok_or(FieldError::Invalid { field: "form", want: "the text of a form of command" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_form_reads_back() {
        let forms = PLAIN.iter().map(|(form, _)| *form).chain((0..=u8::MAX).map(Form::BioData));
        for form in forms {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        assert_eq!(
            (Form::BioData(9).to_string(), Form::FingerTmp.words()),
            ("BIODATA 9".into(), "FINGERTMP")
        );
    }

    #[test]
    fn another_text_is_no_form() {
        for text in ["", "BIODATA", "BIODATA x", "BIODATA 256", "fingertmp", "SMS"] {
            assert!(text.parse::<Form>().is_err(), "{text}");
        }
    }
}
