//! `INFO` of a poll: what a device reports of itself.

/// `INFO` of a poll (§9): `Ver 8.0.4.3-20220708,51,37,1204,10.20.0.31,10,7,15,0,101`.
///
/// Devices send 5 to 13 positions and may leave any of them empty. A position that is missing or empty, or no
/// number where one is expected, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollInfo {
    /// Firmware version.
    pub firmware: Option<String>,
    /// Enrolled users.
    pub users: Option<u64>,
    /// Enrolled fingerprints.
    pub fingerprints: Option<u64>,
    /// Attendance records.
    pub attendance_records: Option<u64>,
    /// Address of the device in its own network.
    pub address: Option<String>,
    /// Version of the fingerprint algorithm, `10` or `10.0`.
    pub fingerprint_version: Option<String>,
    /// Version of the face algorithm, near infrared or visible light.
    pub face_version: Option<String>,
    /// Number of templates that make up one face.
    pub face_parts: Option<u64>,
    /// Enrolled faces.
    pub faces: Option<u64>,
    /// Digits 0 and 1 for fingerprint, face, user photo, comparison photo and visible-light template. It is text
    /// because leading zeros count.
    pub functions: Option<String>,
    /// Enrolled cards.
    pub cards: Option<u64>,
    /// User photos.
    pub user_photos: Option<u64>,
    /// Attendance photos.
    pub attendance_photos: Option<u64>,
}

impl PollInfo {
    /// Reads the percent-decoded value of `INFO`.
    pub fn read(value: &str) -> Self {
        let mut positions =
            value.split(',').map(|position| Some(position.trim()).filter(|text| !text.is_empty()));
        let mut text = || positions.next().flatten();
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        Self {
            firmware: text().map(str::to_owned),
            users: number(text()),
            fingerprints: number(text()),
            attendance_records: number(text()),
            address: text().map(str::to_owned),
            fingerprint_version: text().map(str::to_owned),
            face_version: text().map(str::to_owned),
            face_parts: number(text()),
            faces: number(text()),
            functions: text().map(str::to_owned),
            cards: number(text()),
            user_photos: number(text()),
            attendance_photos: number(text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    /// Obligation 81.
    #[test]
    fn all_thirteen_positions_are_read() {
        let info = PollInfo::read("ZMM720-NF43HB-Ver1.2.16,5,1,9,198.51.100.12,10,12,15,3,011,7,2,4");
        let expected = PollInfo {
            firmware: Some("ZMM720-NF43HB-Ver1.2.16".into()),
            users: Some(5),
            fingerprints: Some(1),
            attendance_records: Some(9),
            address: Some("198.51.100.12".into()),
            fingerprint_version: Some("10".into()),
            face_version: Some("12".into()),
            face_parts: Some(15),
            faces: Some(3),
            functions: Some("011".into()),
            cards: Some(7),
            user_photos: Some(2),
            attendance_photos: Some(4),
        };
        assert_eq!(info, expected);
    }

    /// Obligation 81.
    #[test]
    fn old_devices_send_fewer_positions() {
        let info = PollInfo::read("Ver 6.60,51,37,1204,10.20.0.31");
        assert_eq!((info.users, info.fingerprints), (Some(51), Some(37)));
        assert_eq!(
            (info.fingerprint_version, info.faces, info.functions, info.cards),
            (None, None, None, None)
        );
    }

    #[test]
    fn an_empty_or_odd_position_does_not_move_the_others() {
        let info = PollInfo::read(",,x,-1, 10.20.0.31 ,10,,,2,11110,,,,99,more");
        assert_eq!(
            (info.firmware, info.users, info.fingerprints, info.attendance_records),
            (None, None, None, None)
        );
        assert_eq!(info.address.as_deref(), Some("10.20.0.31"));
        assert_eq!((info.face_version, info.faces), (None, Some(2)));
        assert_eq!(info.functions.as_deref(), Some("11110"));
        assert_eq!(PollInfo::read(""), PollInfo::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read(value in any::<String>()) {
            let info = PollInfo::read(&value);
            prop_assert!(info.firmware.is_none_or(|text| value.starts_with(&text) || value.trim_start() != value));
        }
    }
}
