//! Arbitrary input: nothing panics, no line is lost, and payloads are not copied.

use proptest::{collection::vec, prelude::*, sample::select, test_runner::RngSeed};
use wire::{
    Base64, Card, Charset, Command, Handshake, Pin, PollInfo, Query, Record, SerialNumber, Table, Target,
    Version, acknowledgements, count_lines, read_parameters, records,
};

/// A fixed seed, so that every run has the same cases.
fn config() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2_041), failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes that resemble uploads and are broken in places.
fn nearly_a_body() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"USER ",
        b"FP ",
        b"FACE\t",
        b"FVEIN ",
        b"biodata ",
        b"USERPIC ",
        b"BIOPHOTO ",
        b"OPLOG ",
        b"PIN=",
        b"Pin=7",
        b"FID=",
        b"Size=",
        b"Valid=",
        b"TMP=",
        b"Content=",
        b"Type=",
        b"MajorVer=",
        b"Card=[",
        b"]",
        b"Name=",
        b"Verify=-1",
        b"0",
        b"9",
        b"99999999999999999999",
        b"-",
        b"QUJD",
        b"=",
        b"==",
        b"\t",
        b"\n",
        b"\r\n",
        b"\0",
        b" ",
        b"&",
        b"ID=",
        b"Return=",
        b"CMD=",
        b"C:1:",
        b"DATA UPDATE USERINFO ",
        b"\xff",
        b"\xc3",
        b"\xd6\xd0",
        b"1:1:0",
        b",",
    ];
    let piece = prop_oneof![4 => select(pieces).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..4)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn read_everything(bytes: &[u8]) {
    for table in [None, Some("OPERLOG"), Some("USERINFO"), Some("BIODATA"), Some("FACE")] {
        let read = records(table, bytes).inspect(|line| drop(format!("{line:?}"))).count();
        assert_eq!(read, count_lines(bytes));
    }
    drop((read_parameters(bytes), acknowledgements(bytes), Command::read(bytes), Base64::read(bytes)));
    drop((Pin::try_from(bytes), SerialNumber::try_from(bytes)));
    for language in [None, Some(69), Some(83), Some(84)] {
        drop(Charset::of_language(language).decode(language, bytes));
    }
    let text = String::from_utf8_lossy(bytes);
    let target = Target::read(&text, Some(&text));
    drop((target.query.stamp(), target.query.serial_number(), format!("{target:?}")));
    drop((
        Handshake::read(&Query::new(&text)),
        Table::read(&text),
        text.parse::<Version>(),
        PollInfo::read(&text),
    ));
    drop((Card::read(&text).to_string(), Charset::Gb2312.cut(&text, 7)));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn broken_bodies_are_read_without_panic(bytes in nearly_a_body()) {
        read_everything(&bytes);
    }

    #[test]
    fn accepted_base64_can_be_decoded(bytes in vec(any::<u8>(), 1..60), cut in 0_usize..3) {
        let whole = Base64::encode(&bytes);
        prop_assert_eq!(whole.decode(), &bytes[..]);
        prop_assert_eq!(whole.decoded_len(), bytes.len());
        let text = whole.as_str().as_bytes();
        prop_assert_eq!(Base64::read(text), Ok(whole.clone()));
        let damaged = &text[..text.len() - cut];
        prop_assert_eq!(Base64::read(damaged).is_ok(), cut == 0);
    }

    #[test]
    fn a_text_cut_for_a_charset_fits_and_is_as_long_as_it_can_be(text in ".{0,20}", max_bytes in 0_usize..30) {
        for charset in [Charset::Utf8, Charset::Gb2312] {
            let cut = charset.cut(&text, max_bytes);
            prop_assert!(text.starts_with(&cut));
            prop_assert!(charset.encode(&cut).len() <= max_bytes);
            if let Some(next) = text[cut.len()..].chars().next() {
                let mut longer = cut.clone();
                longer.push(next);
                prop_assert!(charset.encode(&longer).len() > max_bytes);
            }
        }
    }
}

#[test]
fn the_payloads_of_a_first_upload_stay_where_they_are_in_the_body() {
    let template = Base64::encode(&[0x5A; 900]);
    let mut body = Vec::new();
    for number in 0..1_700 {
        let finger = number % 10;
        let line = format!("FP PIN={number}\tFID={finger}\tSize=1200\tValid=1\tTMP={}\n", template.as_str());
        body.extend_from_slice(line.as_bytes());
    }
    assert!(body.len() > 2_000_000);
    let range = body.as_ptr_range();
    let inside = records(Some("OPERLOG"), &body).filter(|line| match &line.record {
        Ok(Record::Fingerprint(fingerprint)) => range.contains(&fingerprint.template.as_str().as_ptr()),
        _ => false,
    });
    assert_eq!(inside.count(), 1_700);
}
