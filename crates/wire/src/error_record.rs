//! Errors that devices report (§11.16).

use crate::{FieldError, Fields};

/// Something that went wrong on a device.
///
/// Wire form (§11.16): `ERRORLOG ErrCode=D01E0003<tab>ErrMsg=<tab>DataOrigin=cmd<tab>CmdId=7f2k<tab>Additional=<base64>`.
/// It is how a device tells, after it has answered 0, that it could make no template of a comparison photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Eight characters (appendix 10): where, which part, `E`, a number.
    pub code: String,
    /// In the device's words; perhaps empty.
    pub message: String,
    /// Where the data came from.
    pub origin: Origin,
    /// A text of JSON; `None` where there is none that can be read.
    pub additional: Option<String>,
}

/// Where the data came from that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `dev`: from the device itself, or it does not say.
    Device,
    /// `cmd`: from a command of the server, with its id.
    Command(String),
}

/// Longest text that is taken for one of the fields, bytes.
const MOST_TEXT_BYTES: usize = 1_024;

impl ErrorRecord {
    /// Reads the fields of one `ERRORLOG` record.
    ///
    /// # Errors
    /// A code that is missing or none, or a command that is not named.
    pub fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        const CODE: &str = "ErrCode";
        let code = fields.get(CODE)?.trim_ascii();
        if code.len() > 16 || !code.iter().all(u8::is_ascii_alphanumeric) {
            return Err(FieldError::Invalid { field: CODE, want: "eight letters and digits" });
        }
        let text = |field| {
            let value = fields.find(field).unwrap_or_default();
            let value = value.get(..MOST_TEXT_BYTES).unwrap_or(value);
            String::from_utf8_lossy(value.trim_ascii()).into_owned()
        };
        let origin = if text("DataOrigin").eq_ignore_ascii_case("cmd") {
            fields.get("CmdId")?;
            Origin::Command(text("CmdId"))
        } else {
            Origin::Device
        };
        let additional =
            fields.base64("Additional").ok().filter(|payload| payload.decoded_len() <= MOST_TEXT_BYTES);
        Ok(Self {
            code: String::from_utf8_lossy(code).into_owned(),
            message: text("ErrMsg"),
            origin,
            additional: additional.and_then(|payload| String::from_utf8(payload.decode()).ok()),
        })
    }

    /// Whether it tells that something failed.
    pub fn is_failure(&self) -> bool {
        self.code != "00000000"
    }

    /// The code in words for people (appendix 10).
    pub fn describe(&self) -> &'static str {
        match self.code.to_ascii_uppercase().as_str() {
            "00000000" => "success",
            "D01E0001" => "no face in the photo",
            "D01E0002" => "the face in the photo is covered",
            "D01E0003" => "the photo is not sharp enough",
            "D01E0004" => "the face in the photo looks to the side",
            "D01E0005" => "the photo was not taken of a living face",
            "D01E0006" => "no template could be made of the photo",
            _ => "an error that is documented nowhere",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ErrorRecord, FieldError> {
        ErrorRecord::read(&Fields::parse(text.as_bytes()))
    }

    /// Obligation 142.
    #[test]
    fn an_error_names_the_command_it_is_about() {
        let record = read("ErrCode=D01E0003\tErrMsg=\tDataOrigin=cmd\tCmdId=7f2k\tAdditional=eyJhIjoxfQ==");
        let record = record.expect("an error record");
        assert_eq!(record.origin, Origin::Command("7f2k".into()));
        assert_eq!((record.describe(), record.is_failure()), ("the photo is not sharp enough", true));
        assert_eq!(record.additional.as_deref(), Some(r#"{"a":1}"#));
        let record = read("ErrCode=D02E0001\tErrMsg=full\tDataOrigin=dev\tCmdId=\tAdditional=").expect("one");
        assert_eq!((record.origin, record.message.as_str()), (Origin::Device, "full"));
        assert!(!read("ErrCode=00000000").expect("one").is_failure());
    }

    #[test]
    fn what_is_no_error_record_says_why() {
        assert_eq!(read("ErrMsg=x"), Err(FieldError::Missing { field: "ErrCode" }));
        let wrong = FieldError::Invalid { field: "ErrCode", want: "eight letters and digits" };
        assert_eq!(read("ErrCode=a b"), Err(wrong));
        assert_eq!(read("ErrCode=D01E0003\tDataOrigin=cmd"), Err(FieldError::Missing { field: "CmdId" }));
    }
}
