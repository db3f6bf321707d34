//! Photos that a command contains as an address (§12.1.1.7, §12.1.1.8).

use super::Session;
use crate::{content::Payload, device::Command};

impl Session {
    /// Downloads a photo with `Format=1` from its `Url`, below `/iclock/`, and returns the command with the photo
    /// inline. If the download fails, the command stays as it is and the device refuses it.
    pub(super) async fn with_photo(&mut self, line: &[u8]) -> Vec<u8> {
        let Some(url) = photo_url(line) else { return line.to_vec() };
        match self.send(format!("/iclock/{url}"), None).await {
            Ok(answer) if answer.status == 200 => inline(line, &answer.body),
            _ => line.to_vec(),
        }
    }
}

/// The address of the photo; `None` for every other command.
fn photo_url(line: &[u8]) -> Option<String> {
    let keys = Command::read(line)?.photo()?;
    (keys.number("Format") == Some(1_u8)).then(|| keys.text("Url").map(str::to_owned)).flatten()
}

/// The command with the photo inline.
fn inline(line: &[u8], photo: &[u8]) -> Vec<u8> {
    let payload = Payload::of_bytes(photo);
    let text = payload.as_str();
    let fields: Vec<Vec<u8>> = line
        .split(|byte| *byte == b'\t')
        .map(|field| match field.split(|byte| *byte == b'=').next().unwrap_or_default() {
            b"Size" => format!("Size={}", text.len()).into_bytes(),
            b"Content" => format!("Content={text}").into_bytes(),
            b"Format" => b"Format=0".to_vec(),
            b"Url" => b"Url=".to_vec(),
            _ => field.to_vec(),
        })
        .collect();
    fields.join(&b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_by_url_becomes_one_in_the_command() {
        let line = b"C:1:DATA UPDATE BIOPHOTO PIN=7\tType=9\tSize=0\tContent=\tFormat=1\tUrl=file/x/photo.jpg\tPostBackTmpFlag=1";
        assert_eq!(photo_url(line).as_deref(), Some("file/x/photo.jpg"));
        assert_eq!(
            inline(line, b"ABC"),
            b"C:1:DATA UPDATE BIOPHOTO PIN=7\tType=9\tSize=4\tContent=QUJD\tFormat=0\tUrl=\tPostBackTmpFlag=1"
        );
        assert_eq!(photo_url(b"C:1:DATA UPDATE USERPIC PIN=7\tSize=4\tContent=QUJD"), None);
        assert_eq!(photo_url(b"C:1:DATA UPDATE USERINFO PIN=7\tFormat=1\tUrl=file/x/y"), None);
        assert_eq!(photo_url(b"C:1:CHECK"), None);
    }
}
