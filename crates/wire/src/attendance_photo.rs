//! Photos that devices take at a punch (§11.3).

use std::borrow::Cow;
use std::fmt;

use crate::attendance::is_local_time;
use crate::{Base64, FieldError};

/// The photo that a device took when somebody identified, or failed to.
///
/// Wire form (§11.3): `PIN=20270312080115-1007.jpg<lf>SN=…<lf>size=24310<lf>CMD=uploadphoto<nul>`, then the JPEG
/// up to the end of the body. A device that was told `ATTPHOTOBase64=1` sends the JPEG as base64. Some devices
/// send a last line `picture=<base64>` instead of the NUL and the JPEG. A request holds one photo.
#[derive(Clone, PartialEq, Eq)]
pub struct AttendancePhoto<'a> {
    /// The device's file name, made safe for a file system.
    pub file_name: String,
    /// The parts of the file name.
    pub name: PhotoName,
    /// Announced size, bytes.
    pub announced_bytes: Option<usize>,
    /// The photo, decoded if it came as base64.
    pub picture: Cow<'a, [u8]>,
    /// Whether the photo has the announced size, decoded or as sent.
    pub fits: bool,
}

/// The parts of a photo's file name: `20270312080115-1007.jpg`; `20270312080115.jpg` when the person was not
/// recognised; `20270312080115-3-1007-990101198001011234.jpg` on devices that read identity cards.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PhotoName {
    /// The device's local time, `YYYY-MM-DD HH:MM:SS`.
    pub time: Option<String>,
    /// The user in the photo.
    pub pin: Option<String>,
    /// 0 attendance succeeded, 1 attendance failed, 2 on the blacklist, 3 verification succeeded, 4 verification
    /// failed.
    pub photo_type: Option<u8>,
    /// The citizen's number on the identity card.
    pub id_number: Option<String>,
}

impl fmt::Debug for AttendancePhoto<'_> {
    /// Leaves out the photo.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttendancePhoto")
            .field("name", &self.name)
            .field("announced_bytes", &self.announced_bytes)
            .field("bytes", &self.picture.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PhotoName {
    /// Leaves out the citizen's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhotoName")
            .field("time", &self.time)
            .field("pin", &self.pin)
            .field("photo_type", &self.photo_type)
            .finish_non_exhaustive()
    }
}

impl<'a> AttendancePhoto<'a> {
    /// Reads a whole request body.
    ///
    /// # Errors
    /// The body has no photo, or the photo is damaged base64.
    pub fn read(body: &'a [u8]) -> Result<Self, FieldError> {
        let nul = body.iter().position(|&byte| byte == 0);
        let (header, behind) = match nul {
            Some(nul) => body.split_at(nul),
            None => (body, &[][..]),
        };
        let picture = match behind.split_first() {
            Some((_, picture)) => raw_or_base64(picture)?,
            None => from_picture_line(header)?,
        };
        let field = |name: &str| {
            let (_, value) = pairs(header).find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))?;
            Some(value)
        };
        let file_name = sanitised(field("PIN").unwrap_or_default());
        let announced_bytes = field("size").and_then(|size| str::from_utf8(size).ok()?.parse().ok());
        let lengths = [picture.bytes.len(), picture.wire_bytes];
        Ok(Self {
            name: PhotoName::read(&file_name),
            file_name,
            announced_bytes,
            fits: announced_bytes.is_none_or(|announced| lengths.contains(&announced)),
            picture: picture.bytes,
        })
    }

    /// Whether the photo begins like a JPEG, the only format that devices send.
    pub fn is_jpeg(&self) -> bool {
        self.picture.starts_with(JPEG)
    }
}

const JPEG: &[u8] = b"\xff\xd8";

/// A photo, and its size on the wire.
struct Picture<'a> {
    bytes: Cow<'a, [u8]>,
    wire_bytes: usize,
}

/// The photo after the NUL: a JPEG, or the base64 of one. Other content is kept as it came.
fn raw_or_base64(picture: &[u8]) -> Result<Picture<'_>, FieldError> {
    let mut text = picture;
    while let [rest @ .., b'\r' | b'\n' | b' ' | 0] = text {
        text = rest;
    }
    if text.is_empty() {
        return Err(FieldError::Missing { field: "picture" });
    }
    let plain = Picture { bytes: Cow::Borrowed(picture), wire_bytes: picture.len() };
    if picture.starts_with(JPEG) {
        return Ok(plain);
    }
    Ok(Base64::read(text)
        .map(|payload| Picture { bytes: Cow::Owned(payload.decode()), wire_bytes: text.len() })
        .unwrap_or(plain))
}

/// The photo of a `picture=` line.
fn from_picture_line(body: &[u8]) -> Result<Picture<'_>, FieldError> {
    const FIELD: &str = "picture";
    let (_, text) = pairs(body)
        .find(|(key, _)| key.eq_ignore_ascii_case(FIELD.as_bytes()))
        .ok_or(FieldError::Missing { field: FIELD })?;
    let payload = Base64::read(text).map_err(|error| match error {
        FieldError::Missing { .. } => FieldError::Missing { field: FIELD },
        _ => FieldError::Invalid { field: FIELD, want: "valid base64" },
    })?;
    Ok(Picture { bytes: Cow::Owned(payload.decode()), wire_bytes: text.len() })
}

/// The fields of a header, separated by line feeds or tabs.
fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|byte| matches!(byte, b'\n' | b'\t')).filter_map(|pair| {
        let (key, value) = pair.split_at_checked(pair.iter().position(|&byte| byte == b'=')?)?;
        Some((key.trim_ascii(), value.get(1..)?.trim_ascii()))
    })
}

/// A file name that is safe in a directory: letters, digits, `-`, `_` and single dots inside the name.
fn sanitised(name: &[u8]) -> String {
    const MAX_CHARACTERS: usize = 96;
    let mut clean = String::new();
    for &byte in name.iter().take(MAX_CHARACTERS) {
        let within = !clean.is_empty() && !clean.ends_with('.');
        clean.push(match byte {
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') => char::from(byte),
            b'.' if within => '.',
            _ => '_',
        });
    }
    let clean = clean.trim_end_matches('.');
    if clean.is_empty() { "unnamed".to_owned() } else { clean.to_owned() }
}

impl PhotoName {
    /// Reads the parts of a name that has one of the known forms.
    pub fn read(name: &str) -> Self {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let parts: Vec<&str> = stem.split('-').collect();
        let text = |text: &&str| Some((*text).to_owned()).filter(|text| !text.is_empty());
        let photo_type = |text: &str| text.parse().ok().filter(|number| *number <= 4 && text.len() == 1);
        let of = |time: &str| Self { time: time_of(time), ..Self::default() };
        match parts.as_slice() {
            [time] => of(time),
            [time, pin] => Self { pin: text(pin), ..of(time) },
            [time, kind, pin, number] if photo_type(kind).is_some() => {
                Self { photo_type: photo_type(kind), pin: text(pin), id_number: text(number), ..of(time) }
            }
            _ => Self::default(),
        }
    }
}

/// Converts `20270312080115` to `2027-03-12 08:01:15`.
fn time_of(digits: &str) -> Option<String> {
    let part = |from: usize, to: usize| digits.get(from..to);
    let time = format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        digits.get(12..)?
    );
    is_local_time(&time).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = b"\xff\xd8\0\n\tPIN=8\0\xd9";

    fn body(tail: &[u8]) -> Vec<u8> {
        let header = format!("PIN=20270312080115-1007.jpg\nSN=A1\nsize={}\nCMD=uploadphoto", PICTURE.len());
        [header.as_bytes(), tail].concat()
    }

    fn assert_whole(body: &[u8]) {
        let photo = AttendancePhoto::read(body).expect("a picture");
        assert_eq!((photo.file_name.as_str(), &*photo.picture), ("20270312080115-1007.jpg", PICTURE));
        assert_eq!((photo.fits, photo.is_jpeg()), (true, true));
        let name = PhotoName {
            time: Some("2027-03-12 08:01:15".into()),
            pin: Some("1007".into()),
            ..PhotoName::default()
        };
        assert_eq!(photo.name, name);
    }

    /// Obligations 117, 118, 119.
    #[test]
    fn a_photo_follows_the_first_nul_or_is_a_line_of_base64() {
        let encoded = Base64::encode(PICTURE);
        assert_whole(&body(&[b"\0", PICTURE].concat()));
        assert_whole(&body(&[b"\0", encoded.as_str().as_bytes()].concat()));
        assert_whole(&body(&[b"\0", encoded.as_str().as_bytes(), b"\n\0"].concat()));
        assert_whole(&body(&[b"\npicture=", encoded.as_str().as_bytes()].concat()));
        assert_whole(&body(&[b"\r\npicture=", encoded.as_str().as_bytes(), b"\r\n"].concat()));
        let tabs: Vec<u8> = body(b"").iter().map(|&byte| if byte == b'\n' { b'\t' } else { byte }).collect();
        assert_whole(&[&tabs, &b"\0"[..], PICTURE].concat());
    }

    #[test]
    fn a_photo_of_another_size_is_marked_and_a_damaged_one_is_refused() {
        let photo = body(&[b"\0", &PICTURE[..6]].concat());
        let photo = AttendancePhoto::read(&photo).expect("a picture");
        assert_eq!((photo.fits, photo.announced_bytes), (false, Some(PICTURE.len())));
        let strange = body(b"\0\x89PNG");
        assert!(!AttendancePhoto::read(&strange).expect("kept as it came").is_jpeg());
        for (tail, error) in [
            (&b""[..], FieldError::Missing { field: "picture" }),
            (b"\0", FieldError::Missing { field: "picture" }),
            (b"\npicture=", FieldError::Missing { field: "picture" }),
            (b"\npicture=/9j/4AA", FieldError::Invalid { field: "picture", want: "valid base64" }),
        ] {
            assert_eq!(AttendancePhoto::read(&body(tail)), Err(error));
        }
    }

    /// Obligation 120.
    #[test]
    fn a_file_name_cannot_leave_its_directory() {
        for (sent, kept) in [
            ("20270312080115-1007.jpg", "20270312080115-1007.jpg"),
            ("../../etc/passwd", "_._.__etc_passwd"),
            ("C:\\boot.ini", "C__boot.ini"),
            (".bashrc", "_bashrc"),
            ("a..jpg", "a._jpg"),
            ("", "unnamed"),
            ("\u{1b}[2Jx.jpg", "__2Jx.jpg"),
        ] {
            assert_eq!(sanitised(sent.as_bytes()), kept, "{sent}");
        }
        assert_eq!(sanitised(&[b'a'; 500]).len(), 96);
    }

    /// Obligation 122.
    #[test]
    fn a_file_name_holds_time_person_and_result() {
        let time = Some("2027-03-12 08:01:15".to_owned());
        let bare = PhotoName { time, ..PhotoName::default() };
        assert_eq!(PhotoName::read("20270312080115.jpg"), bare);
        for photo_type in 0..=4 {
            let expected = PhotoName {
                photo_type: Some(photo_type),
                pin: Some("1007".into()),
                id_number: Some("990101198001011234".into()),
                ..bare.clone()
            };
            let name = format!("20270312080115-{photo_type}-1007-990101198001011234.jpg");
            assert_eq!(PhotoName::read(&name), expected);
        }
        for strange in ["x.jpg", "20270312080115-9-1007-1.jpg", "20271312080115.jpg", "a-b-c-d-e.jpg", ""] {
            let read = PhotoName::read(strange);
            assert_eq!((read.time, read.photo_type, read.id_number), (None, None, None), "{strange}");
        }
    }
}
