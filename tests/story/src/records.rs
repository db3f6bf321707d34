//! Upload records in the form of devices, with payloads whose headers are right and whose content is noise.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use simulator::{Random, templates};
use wire::BioType;

/// The base64 text of a fingerprint 10.0 of this many bytes, at least 10.
pub fn fingerprint_10(random: &mut Random, bytes: usize) -> String {
    let mut template = random.bytes(bytes);
    template[..6].copy_from_slice(b"\x4a\xd7SS21");
    let length = u32::try_from(bytes).expect("a template is small");
    template[6..10].copy_from_slice(&length.to_be_bytes());
    BASE64_STANDARD.encode(template)
}

/// The base64 text of a unified template, or of one part of it.
pub fn unified(random: &mut Random, bio_type: BioType, version: (u16, u16), bytes: u16) -> String {
    BASE64_STANDARD.encode(templates::unified(random, bio_type, version.0, version.1, bytes))
}

/// The base64 text of bytes that resemble a JPEG file.
pub fn photo(random: &mut Random, bytes: usize) -> String {
    BASE64_STANDARD.encode(templates::photo(random, bytes))
}

/// A `USER` line.
pub fn user(pin: &str, name: &str) -> String {
    format!(
        "USER PIN={pin}\tName={name}\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=0000000100000000\tVerify=-1\tViceCard=\t\
         StartDatetime=0\tEndDatetime=0\n"
    )
}

/// An `FP` line.
pub fn fp(pin: &str, finger: u8, text: &str) -> String {
    format!("FP PIN={pin}\tFID={finger}\tSize={}\tValid=1\tTMP={text}\n", text.len())
}

/// A `FACE` line: one of the twelve parts of a face 7.0.
pub fn face(pin: &str, part: u8, text: &str) -> String {
    format!("FACE PIN={pin}\tFID={part}\tSIZE={}\tVALID=1\tTMP={text}\n", text.len())
}

/// A `BIODATA` line.
pub fn biodata(
    pin: &str,
    number: u8,
    index: u8,
    bio_type: BioType,
    version: (u16, u16),
    text: &str,
) -> String {
    let (BioType(kind), (major, minor)) = (bio_type, version);
    format!(
        "BIODATA Pin={pin}\tNo={number}\tIndex={index}\tValid=1\tDuress=0\tType={kind}\tMajorVer={major}\t\
         MinorVer={minor}\tFormat=0\tTmp={text}\n"
    )
}

/// A `USERPIC` line.
pub fn userpic(pin: &str, text: &str) -> String {
    format!("USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={}\tContent={text}\n", text.len())
}

/// A `BIOPHOTO` line.
pub fn biophoto(pin: &str, text: &str) -> String {
    format!("BIOPHOTO PIN={pin}\tFileName={pin}.jpg\tType=9\tSize={}\tContent={text}\n", text.len())
}
