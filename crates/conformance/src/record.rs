//! Upload records about invented people.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use simulator::{Random, templates};
use wire::BioType;

/// A `USER` line as newer devices write it.
pub(crate) fn user(pin: &str, name: &str) -> String {
    user_with(pin, &format!("Name={name}"), "0")
}

/// A `USER` line with another name field and privilege.
pub(crate) fn user_with(pin: &str, name: &str, privilege: &str) -> String {
    format!(
        "USER PIN={pin}\t{name}\tPri={privilege}\tPasswd=\tCard=\tGrp=1\tTZ=0000000100000000\tVerify=-1\tViceCard=\t\
         StartDatetime=0\tEndDatetime=0\n"
    )
}

/// An `FP` line.
pub(crate) fn fp(pin: &str, finger: u8, text: &str) -> String {
    format!("FP PIN={pin}\tFID={finger}\tSize={}\tValid=1\tTMP={text}\n", text.len())
}

/// A `BIODATA` line.
pub(crate) fn biodata(pin: &str, number: u8, kind: BioType, version: (u16, u16), text: &str) -> String {
    let (BioType(kind), (major, minor)) = (kind, version);
    format!(
        "BIODATA Pin={pin}\tNo={number}\tIndex=0\tValid=1\tDuress=0\tType={kind}\tMajorVer={major}\tMinorVer={minor}\t\
         Format=0\tTmp={text}\n"
    )
}

/// The base64 text of a fingerprint 10.0, with padding.
pub(crate) fn finger(random: &mut Random) -> String {
    loop {
        let text = BASE64_STANDARD.encode(templates::fingerprint_10(random));
        if text.ends_with('=') {
            return text;
        }
    }
}

/// The base64 text of a unified template, with padding.
pub(crate) fn unified(random: &mut Random, kind: BioType, version: (u16, u16)) -> String {
    BASE64_STANDARD.encode(templates::unified(random, kind, version.0, version.1, 640))
}

/// The base64 text of bytes that resemble a small JPEG file.
pub(crate) fn photo(random: &mut Random) -> String {
    BASE64_STANDARD.encode(templates::photo(random, 1_499))
}
