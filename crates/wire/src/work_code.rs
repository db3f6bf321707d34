//! Work codes: the code that a person chooses at a punch to name the work.

use std::fmt;

use crate::{FieldError, Fields, fields::FieldWriter};

/// A work code in an upload.
///
/// Wire form, as that of the command (§12.1.1.12): `WORKCODE PIN=1<tab>CODE=101<tab>NAME=Assembly`. The document
/// defines no form for uploads, only the flag that requests them (§5).
#[derive(Clone, PartialEq, Eq)]
pub struct WorkCode {
    /// `PIN`: the position in the device's list, not a user.
    pub place: Option<u32>,
    /// `CODE`, 1 to 20 letters and digits: the key, which punches contain.
    pub code: String,
    /// `NAME`, in the charset of the device.
    pub name: Vec<u8>,
}

/// Longest code that is accepted. Devices use at most eight digits.
const CODE_CHARACTERS: usize = 20;

/// Longest name that is accepted, bytes (§12.1.1.12 names no limit).
const NAME_BYTES: usize = 64;

impl WorkCode {
    /// Reads the fields of one `WORKCODE` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed.
    pub fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let code = fields.get("CODE")?.trim_ascii();
        let is_code = code.len() <= CODE_CHARACTERS && code.iter().all(u8::is_ascii_alphanumeric);
        let want = FieldError::Invalid { field: "CODE", want: "1 to 20 letters and digits" };
        let code = str::from_utf8(code).ok().filter(|text| is_code && !text.is_empty()).ok_or(want)?;
        let name = fields.find("NAME").unwrap_or_default().trim_ascii();
        if name.len() > NAME_BYTES {
            return Err(FieldError::Length { field: "NAME", announced: NAME_BYTES, held: name.len() });
        }
        Ok(Self { place: fields.optional_number("PIN")?, code: code.to_owned(), name: name.to_vec() })
    }

    /// Writes the fields.
    pub(crate) fn write(&self, fields: &mut FieldWriter<'_>) {
        if let Some(place) = self.place {
            fields.value("PIN", place);
        }
        fields.text("CODE", &self.code).bytes("NAME", &self.name);
    }
}

impl fmt::Debug for WorkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkCode")
            .field("place", &self.place)
            .field("code", &self.code)
            .field("name", &String::from_utf8_lossy(&self.name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<WorkCode, FieldError> {
        WorkCode::read(&Fields::parse(text))
    }

    /// Obligation 137.
    #[test]
    fn a_work_code_is_its_code_and_its_name() {
        let code = read(b"PIN=1\tCODE=101\tNAME=Final assembly").unwrap();
        let expected = WorkCode { place: Some(1), code: "101".to_owned(), name: b"Final assembly".to_vec() };
        assert_eq!(code, expected);
        let mut written = Vec::new();
        code.write(&mut FieldWriter::new(&mut written));
        assert_eq!(written, b"PIN=1\tCODE=101\tNAME=Final assembly");
        assert_eq!(read(b"CODE=7").map(|code| (code.place, code.name)), Ok((None, Vec::new())));
    }

    #[test]
    fn an_invalid_code_is_no_work_code() {
        for bad in
            ["NAME=x", "CODE=", "CODE= ", "CODE=1 2", "CODE=!1", "CODE=\u{e9}", "CODE=123456789012345678901"]
        {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read(b"CODE=1\tPIN=x").is_err());
        assert!(read(format!("CODE=1\tNAME={}", "x".repeat(65)).as_bytes()).is_err());
    }
}
