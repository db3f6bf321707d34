//! Base64 texts that may have lost their padding, and the proof that nothing else is missing.
//!
//! The old server cut values at their second `=`: `…QQ==` became `…QQ`. Restoring the `=` is easy, but a text that
//! lost more would look just as well afterwards. So the padding is restored only if independent data confirms the
//! length: the header inside a template, the size that the device reported, or the end of a JPEG.

use std::borrow::Cow;

use wire::Base64;

/// A complete payload.
#[derive(PartialEq, Eq)]
pub(crate) struct Payload<'t> {
    pub text: Cow<'t, str>,
    /// Whether its padding was restored.
    pub repaired: bool,
}

/// The kind of data in a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    /// A template, whose header may hold its length.
    Template,
    /// A part of a face. It begins with 16 arbitrary bytes and has no header.
    FacePart,
    /// A JPEG.
    Photo,
}

/// Checks and repairs the payload of a text. `size` is the length that the device reported, in characters or in
/// bytes.
///
/// # Errors
/// The fault in words, without any part of the text.
pub(crate) fn whole(text: &str, size: Option<usize>, of: PayloadKind) -> Result<Payload<'_>, String> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    let size = size.filter(|&size| size > 0);
    if let Ok(payload) = Base64::read(text.as_bytes()) {
        return match (holds_length(text, of), size) {
            // The header is checked when the record is read.
            (true, _) | (false, None) => Ok(Payload { text: text.into(), repaired: false }),
            (false, Some(size)) if fits(&payload, size) => Ok(Payload { text: text.into(), repaired: false }),
            (false, Some(size)) => {
                Err(format!("has {} characters instead of the announced {size}: it was cut", text.len()))
            }
        };
    }
    let Some(padding) = missing(text) else { return Err("is not valid base64".to_owned()) };
    let padded = format!("{text}{padding}");
    let Ok(payload) = Base64::read(padded.as_bytes()) else { return Err("is not valid base64".to_owned()) };
    if of == PayloadKind::Template {
        match roster::inspect(&padded) {
            Err(error) => return Err(format!("lost more than its padding: it {error}")),
            Ok(Some(header)) if header.bio_type.is_some() => {
                return Ok(Payload { text: padded.into(), repaired: true });
            }
            Ok(_) => {}
        }
    }
    let proved = match (size, of) {
        (Some(size), _) => size == padded.len() || size == payload.decoded_len(),
        (None, PayloadKind::Photo) => is_whole_jpeg(&payload.decode()),
        (None, _) => false,
    };
    if proved {
        Ok(Payload { text: padded.into(), repaired: true })
    } else {
        Err("lost its padding, and nothing proves its length".to_owned())
    }
}

/// Whether the payload itself holds its length.
fn holds_length(text: &str, of: PayloadKind) -> bool {
    of == PayloadKind::Template
        && roster::inspect(text).map_or(true, |header| header.is_some_and(|header| header.bio_type.is_some()))
}

/// Whether a size is that of this payload: in characters with or without padding, or in bytes.
fn fits(payload: &Base64<'_>, size: usize) -> bool {
    let text = payload.as_str();
    [text.len(), text.trim_end_matches('=').len(), payload.decoded_len()].contains(&size)
}

/// Whether the bytes go from the first to the last marker of a JPEG.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8]) && bytes.ends_with(&[0xff, 0xd9])
}

/// The padding that a text lacks; `None` if no padding makes it valid base64.
fn missing(text: &str) -> Option<&'static str> {
    let body = text.trim_end_matches('=');
    let held = text.len() - body.len();
    match (body.len() % 4, held) {
        (2, 0) => Some("=="),
        (2, 1) | (3, 0) => Some("="),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, size: Option<usize>, of: PayloadKind) -> Result<(String, bool), String> {
        whole(text, size, of).map(|payload| (payload.text.into_owned(), payload.repaired))
    }

    /// A fingerprint 10.0 of this many bytes.
    fn print(bytes: u32) -> String {
        let mut all = b"ICRS21".to_vec();
        all.extend(bytes.to_be_bytes());
        all.resize(usize::try_from(bytes).expect("small"), 7);
        Base64::encode(&all).into_string()
    }

    #[test]
    fn lost_padding_is_restored_if_the_header_holds_the_length() {
        for (bytes, padding) in [(121, "=="), (122, "=")] {
            let text = print(bytes);
            assert!(text.ends_with(padding));
            let cut = text.trim_end_matches('=');
            assert_eq!(read(cut, None, PayloadKind::Template), Ok((text.clone(), true)));
            assert_eq!(
                read(&text, Some(1), PayloadKind::Template),
                Ok((text, false)),
                "the header is stronger than a size"
            );
        }
    }

    #[test]
    fn a_text_that_lost_more_than_its_padding_is_damaged() {
        let text = print(121);
        let cut = &text[..text.len() - 5];
        let error =
            read(cut, Some(cut.len() + 1), PayloadKind::Template).expect_err("it is shorter than it says");
        assert!(error.contains("lost more than its padding") && error.contains("announces 121"), "{error}");
    }

    #[test]
    fn without_a_header_the_size_proves_it_in_characters_or_in_bytes() {
        let text = Base64::encode(&[9; 40]).into_string();
        let cut = text.trim_end_matches('=');
        for size in [text.len(), 40] {
            assert_eq!(read(cut, Some(size), PayloadKind::FacePart), Ok((text.clone(), true)));
        }
        for size in [None, Some(0), Some(cut.len()), Some(1648)] {
            let error = read(cut, size, PayloadKind::FacePart).expect_err("nothing proves it");
            assert!(error.starts_with("lost its padding"), "{size:?}: {error}");
        }
    }

    #[test]
    fn a_text_without_a_header_that_is_shorter_than_announced_is_damaged() {
        let text = Base64::encode(&[9; 42]).into_string();
        assert_eq!(read(&text, Some(42), PayloadKind::FacePart), Ok((text.clone(), false)));
        assert!(
            read(&text, Some(80), PayloadKind::FacePart)
                .is_err_and(|error| error.contains("the announced 80"))
        );
    }

    #[test]
    fn the_end_of_a_jpeg_proves_that_a_photo_is_whole() {
        let text = Base64::encode(&[0xff, 0xd8, 1, 2, 0xff, 0xd9, 0xff, 0xd9]).into_string();
        assert_eq!(read(text.trim_end_matches('='), None, PayloadKind::Photo), Ok((text, true)));
        assert!(read("/9gBAg", None, PayloadKind::Photo).is_err());
    }

    #[test]
    fn invalid_base64_is_refused() {
        for text in ["", " ", "QUJDQ", "QU I", "QUI=QUI=", "Q===", "QU\nJD"] {
            assert!(read(text, None, PayloadKind::Template).is_err(), "{text:?}");
        }
    }
}
