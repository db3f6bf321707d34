//! People and their templates in the form of uploads: readable for a server, and different in each call.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::{Random, templates};
use wire::BioType;

/// Size of a template, bytes; 1,400 characters in base64.
const TEMPLATE_BYTES: u16 = 1_050;

/// A `USER` line (§11.5).
pub fn user(pin: usize, name: &str) -> String {
    format!(
        "USER PIN={pin}\tName={name} {pin}\tPri=0\tPasswd=\tCard={pin}\tGrp=1\tTZ=0000000100000000\tVerify=-1\tViceCard=\t\
         StartDatetime=0\tEndDatetime=0\n"
    )
}

/// Users without templates.
pub fn users(pins: std::ops::Range<usize>) -> Vec<u8> {
    pins.map(|pin| user(pin, "Person")).collect::<String>().into_bytes()
}

/// Users with fingerprints (`FP`, §11.9) and optionally a face (`BIODATA`, §11.12), each of 1,400 characters.
pub fn with_templates(pins: std::ops::Range<usize>, fingers: u8, faces: bool) -> Vec<u8> {
    let mut text = String::new();
    for pin in pins {
        let mut random = Random::new(u64::try_from(pin).unwrap_or(0));
        text += &user(pin, "Person");
        for finger in 0..fingers {
            let template = STANDARD.encode(fingerprint(&mut random));
            let size = template.len();
            let _ = writeln!(text, "FP PIN={pin}\tFID={finger}\tSize={size}\tValid=1\tTMP={template}");
        }
        if faces {
            let face = templates::unified(&mut random, BioType::VISIBLE_FACE, 58, 10, TEMPLATE_BYTES);
            let face = STANDARD.encode(face);
            let _ = writeln!(
                text,
                "BIODATA Pin={pin}\tNo=0\tIndex=0\tValid=1\tDuress=0\tType=9\tMajorVer=58\tMinorVer=10\tFormat=0\tTmp={face}"
            );
        }
    }
    text.into_bytes()
}

/// A fingerprint 10.0 of full size, with its length in its header.
fn fingerprint(random: &mut Random) -> Vec<u8> {
    let mut template = templates::fingerprint_10(random);
    let missing = usize::from(TEMPLATE_BYTES).saturating_sub(template.len());
    template.extend(random.bytes(missing));
    template[6..10].copy_from_slice(&u32::from(TEMPLATE_BYTES).to_be_bytes());
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_agree_with_their_headers() {
        let fingerprint = fingerprint(&mut Random::new(7));
        assert_eq!(fingerprint.len(), usize::from(TEMPLATE_BYTES));
        assert_eq!(templates::inspect(&fingerprint, BioType::FINGERPRINT, 10), Ok(()));
        let lines = String::from_utf8(with_templates(1..3, 2, true)).expect("text");
        assert_eq!(lines.lines().count(), 2 * 4);
        assert!(lines.lines().all(|line| line.len() < 1_600));
    }
}
