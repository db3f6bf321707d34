//! Forms of commands: the units in which a firmware supports or refuses commands.

use std::{fmt, str::FromStr};

use crate::FieldError;

/// A form of command. Muster remembers per firmware which forms it refuses.
///
/// The text of a form is stored with devices and must not change. It is the table of a data command, or the words
/// of another command: `FINGERTMP`, `BIODATA 9` (with the biometric type), `CHECK`.
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
    /// `BIODATA` of a biometric type; type 0 is a deletion of all types.
    BioData(u8),
    /// `USERPIC`
    UserPic,
    /// `BIOPHOTO`
    BioPhoto,
    /// `DATA QUERY` of users.
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
    /// `SMS`
    Sms,
    /// `USER_SMS`
    UserSms,
    /// `ADPIC`
    AdPic,
    /// `WORKCODE`
    WorkCode,
    /// `ShortcutKey`
    ShortcutKey,
    /// `AccGroup`
    AccGroup,
    /// `AccTimeZone`
    AccTimeZone,
    /// `AccHoliday`
    AccHoliday,
    /// `AccUnLockComb`
    AccUnlockComb,
    /// `BLACKLIST`
    Blacklist,
    /// `WHITELIST`
    Whitelist,
    /// `WALLPAPER`
    Wallpaper,
    /// `IDCARD`
    IdCard,
    /// `DATA QUERY FINGERTMP` of all fingers.
    QueryFingerprints,
    /// `DATA QUERY FINGERTMP` of one finger, by `FingerID`.
    QueryFingerId,
    /// `DATA QUERY FINGERTMP` of one finger, by `FID`.
    QueryFid,
    /// `DATA QUERY BIODATA`
    QueryBioData,
    /// `DATA QUERY ATTLOG`
    QueryAttLog,
    /// `DATA QUERY ATTPHOTO`
    QueryAttPhoto,
    /// `VERIFY SUM`
    VerifySum,
    /// `CLEAR PHOTO`
    ClearPhoto,
    /// `CLEAR BIODATA`
    ClearBioData,
    /// `CLEAR ALL USERINFO`
    ClearUsers,
    /// `AC_UNALARM`
    Unalarm,
    /// `ENROLL_FP`
    EnrollFingerprint,
    /// `ENROLL_MF`
    EnrollCard,
    /// `ENROLL_BIO` of a biometric type.
    EnrollBioData(u8),
    /// `GetFile`
    GetFile,
    /// `PutFile`
    PutFile,
    /// `SHELL`
    Shell,
    /// `UPGRADE`
    Upgrade,
}

/// The forms whose text has no number.
const PLAIN: [(Form, &str); 46] = [
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
    (Form::Sms, "SMS"),
    (Form::UserSms, "USER_SMS"),
    (Form::AdPic, "ADPIC"),
    (Form::WorkCode, "WORKCODE"),
    (Form::ShortcutKey, "ShortcutKey"),
    (Form::AccGroup, "AccGroup"),
    (Form::AccTimeZone, "AccTimeZone"),
    (Form::AccHoliday, "AccHoliday"),
    (Form::AccUnlockComb, "AccUnLockComb"),
    (Form::Blacklist, "BLACKLIST"),
    (Form::Whitelist, "WHITELIST"),
    (Form::Wallpaper, "WALLPAPER"),
    (Form::IdCard, "IDCARD"),
    (Form::QueryFingerprints, "DATA QUERY FINGERTMP"),
    (Form::QueryFingerId, "DATA QUERY FINGERTMP FingerID"),
    (Form::QueryFid, "DATA QUERY FINGERTMP FID"),
    (Form::QueryBioData, "DATA QUERY BIODATA"),
    (Form::QueryAttLog, "DATA QUERY ATTLOG"),
    (Form::QueryAttPhoto, "DATA QUERY ATTPHOTO"),
    (Form::VerifySum, "VERIFY SUM"),
    (Form::ClearPhoto, "CLEAR PHOTO"),
    (Form::ClearBioData, "CLEAR BIODATA"),
    (Form::ClearUsers, "CLEAR ALL USERINFO"),
    (Form::Unalarm, "AC_UNALARM"),
    (Form::EnrollFingerprint, "ENROLL_FP"),
    (Form::EnrollCard, "ENROLL_MF"),
    (Form::GetFile, "GetFile"),
    (Form::PutFile, "PutFile"),
    (Form::Shell, "SHELL"),
    (Form::Upgrade, "UPGRADE"),
];

const UNIFIED: &str = "BIODATA";
const ENROLL: &str = "ENROLL_BIO";

impl Form {
    /// The table of the form, or the words of a command without a table. `BIODATA` comes without its type.
    pub(super) fn words(self) -> &'static str {
        let other = if matches!(self, Self::EnrollBioData(_)) { ENROLL } else { UNIFIED };
        PLAIN.iter().find(|(form, _)| *form == self).map_or(other, |(_, text)| text)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BioData(bio_type) | Self::EnrollBioData(bio_type) => {
                write!(f, "{} {bio_type}", self.words())
            }
            plain => f.write_str(plain.words()),
        }
    }
}

impl FromStr for Form {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |word: &str| text.strip_prefix(word)?.strip_prefix(' ')?.parse().ok();
        let unified =
            || number(UNIFIED).map(Self::BioData).or_else(|| number(ENROLL).map(Self::EnrollBioData));
        let plain = PLAIN.iter().find(|(_, known)| *known == text).map(|(form, _)| *form);
        plain
            .or_else(unified)
            .ok_or(FieldError::Invalid { field: "form", want: "the text of a command form" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_form_reads_back() {
        let forms = PLAIN.iter().map(|(form, _)| *form).chain((0..=u8::MAX).map(Form::BioData));
        let forms = forms.chain((0..=u8::MAX).map(Form::EnrollBioData));
        for form in forms {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        assert_eq!(
            (Form::BioData(9).to_string(), Form::FingerTmp.words()),
            ("BIODATA 9".into(), "FINGERTMP")
        );
    }

    #[test]
    fn an_unknown_text_is_no_form() {
        for text in ["", "BIODATA", "BIODATA x", "BIODATA 256", "fingertmp", "ENROLL_BIO", "MEETINFO"] {
            assert!(text.parse::<Form>().is_err(), "{text}");
        }
    }
}
