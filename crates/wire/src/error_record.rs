//! Errors that devices report (§11.16).

use crate::{FieldError, Fields};

/// An error that a device reports.
///
/// Wire form (§11.16): `ERRORLOG
/// ErrCode=D01E0003<tab>ErrMsg=<tab>DataOrigin=cmd<tab>CmdId=7f2k<tab>Additional=<base64>`. A device that has
/// answered a command with 0 reports here, for example, that it could make no template from a comparison photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Eight characters (appendix 10): place, part, `E`, number.
    pub code: String,
    /// The message of the device; may be empty.
    pub message: String,
    /// The origin of the data that the error is about.
    pub origin: Origin,
    /// JSON text; `None` when it is absent or unreadable.
    pub additional: Option<String>,
}

/// The origin of the data that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `dev`: the device itself. Also when the record names no origin.
    Device,
    /// `cmd`: a command of the server, with its id.
    Command(String),
}

/// Longest text of one field that is accepted, bytes.
const MAX_TEXT_BYTES: usize = 1_024;

impl ErrorRecord {
    /// Reads the fields of one `ERRORLOG` record.
    ///
    /// # Errors
    /// The code is missing or malformed, or the record names a command as its origin without an id.
    pub fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        const CODE: &str = "ErrCode";
        let code = fields.get(CODE)?.trim_ascii();
        if code.len() > 16 || !code.iter().all(u8::is_ascii_alphanumeric) {
            return Err(FieldError::Invalid { field: CODE, want: "eight letters and digits" });
        }
        let text = |field| {
            let value = fields.find(field).unwrap_or_default();
            let value = value.get(..MAX_TEXT_BYTES).unwrap_or(value);
            String::from_utf8_lossy(value.trim_ascii()).into_owned()
        };
        let origin = if text("DataOrigin").eq_ignore_ascii_case("cmd") {
            fields.get("CmdId")?;
            Origin::Command(text("CmdId"))
        } else {
            Origin::Device
        };
        let additional =
            fields.base64("Additional").ok().filter(|payload| payload.decoded_len() <= MAX_TEXT_BYTES);
        Ok(Self {
            code: String::from_utf8_lossy(code).into_owned(),
            message: text("ErrMsg"),
            origin,
            additional: additional.and_then(|payload| String::from_utf8(payload.decode()).ok()),
        })
    }

    /// Whether the code reports a failure.
    pub fn is_failure(&self) -> bool {
        self.code != "00000000"
    }

    /// Describes the code in words (appendix 10).
    pub fn describe(&self) -> &'static str {
        match self.code.to_ascii_uppercase().as_str() {
            "00000000" => "success",
            "D01E0001" => "no face in the photo",
            "D01E0002" => "the face in the photo is covered",
            "D01E0003" => "the photo is not sharp enough",
            "D01E0004" => "the face in the photo looks to the side",
            "D01E0005" => "the photo was not taken of a living face",
            "D01E0006" => "the device could make no template from the photo",
            _ => "an undocumented error",
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
    fn a_malformed_error_record_names_its_field() {
        assert_eq!(read("ErrMsg=x"), Err(FieldError::Missing { field: "ErrCode" }));
        let wrong = FieldError::Invalid { field: "ErrCode", want: "eight letters and digits" };
        assert_eq!(read("ErrCode=a b"), Err(wrong));
        assert_eq!(read("ErrCode=D01E0003\tDataOrigin=cmd"), Err(FieldError::Missing { field: "CmdId" }));
    }
}
