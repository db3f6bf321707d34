//! The option block: the server's answer to an initialization request.

mod time_zone;
mod trans_flag;

use std::{fmt::Write as _, str};

use crate::{FieldError, SerialNumber, TypeArray, fields::push_clean};

pub use self::{time_zone::TimeZone, trans_flag::TransFlag};

/// The parameters that a device shall report (`PushOptions`, §8): its identity, capabilities and capacities.
///
/// Joined, they are shorter than one kilobyte, the longest line that old clients read (field note 2.5).
pub const PUSH_OPTIONS: &[&str] = &[
    "~DeviceName",
    "~Platform",
    "~OEMVendor",
    "FWVersion",
    "PushVersion",
    "Language",
    "~IsABCPinEnable",
    "StringPinFunOn",
    "~PIN2Width",
    "UserCount",
    "FPCount",
    "FaceCount",
    "FvCount",
    "PvCount",
    "UserCardCount",
    "UserPhotoCount",
    "~MaxUserCount",
    "~MaxFingerCount",
    "~MaxFaceCount",
    "~MaxPvCount",
    "FingerFunOn",
    "FaceFunOn",
    "FvFunOn",
    "PvFunOn",
    "PhotoFunOn",
    "BioPhotoFun",
    "BioDataFun",
    "VisilightFun",
    "UserPicURLFunOn",
    "~ZKFPVersion",
    "FPVersion",
    "FaceVersion",
    "FvVersion",
    "PvVersion",
    "MultiBioDataSupport",
    "MultiBioPhotoSupport",
    "MultiBioVersion",
    "MultiBioDataCount",
    "MaxMultiBioDataCount",
    "MultiBioPhotoCount",
    "MaxMultiBioPhotoCount",
];

/// The version of the protocol that this server speaks.
const SERVER_VERSION: &str = "2.4.1";

/// Most times of day in `TransTimes`.
const MAX_TRANS_TIMES: usize = 10;

const FIRST_LINE: &str = "GET OPTION FROM: ";

/// The option block with which a server answers an initialization request (§5).
///
/// The first line is `GET OPTION FROM: <SN>`; then follows one `key=value` a line. Besides the fields below, the
/// block always says `Encrypt=0` and version 2.4.1, asks the device to push its parameters ([`PUSH_OPTIONS`]), and
/// allows it to ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionBlock {
    /// The device's serial number, returned as it was received.
    pub serial_number: SerialNumber,
    /// The stamp of each table, in the order of sending: the last received stamp, `None` if there is none, `0` to
    /// request everything again.
    pub stamps: Vec<(StampKey, String)>,
    /// Whether to send the first three stamps under their older names too, for devices that named no version.
    pub legacy_stamps: bool,
    /// Seconds that the device waits after a network failure, 30 to 300.
    pub error_delay_s: u16,
    /// Seconds between polls, 2 to 60.
    pub delay_s: u16,
    /// Times of day, hour and minute, at which a device without real-time uploads looks for new data. At most ten
    /// are sent.
    pub trans_times: Vec<(u8, u8)>,
    /// Minutes between such checks; 0 for none.
    pub trans_interval_min: u16,
    /// The kinds of data that the device uploads by itself.
    pub trans_flag: TransFlag,
    /// The UTC offset of the device's site. The device sets its clock from it and the `Date` header.
    pub time_zone: TimeZone,
    /// Whether the device uploads new data immediately.
    pub realtime: bool,
    /// Biometric types that the device may send and receive as `BIODATA`; not sent when empty.
    pub multi_bio_data: TypeArray,
    /// Biometric types of comparison photos that the server accepts; not sent when empty.
    pub multi_bio_photo: TypeArray,
}

/// The tables with a stamp of their own (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StampKey {
    /// `ATTLOGStamp`: attendance records.
    AttLog,
    /// `OPERLOGStamp`: operations, users, fingerprints, faces, finger veins, photos.
    OperLog,
    /// `ATTPHOTOStamp`: attendance photos.
    AttPhoto,
    /// `BIODATAStamp`: unified templates.
    BioData,
    /// `IDCARDStamp`: identity cards.
    IdCard,
    /// `ERRORLOGStamp`: errors.
    ErrorLog,
}

impl StampKey {
    /// All keys, in the order of the document.
    pub const ALL: [Self; 6] =
        [Self::AttLog, Self::OperLog, Self::AttPhoto, Self::BioData, Self::IdCard, Self::ErrorLog];

    /// The key in the option block.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttLog => "ATTLOGStamp",
            Self::OperLog => "OPERLOGStamp",
            Self::AttPhoto => "ATTPHOTOStamp",
            Self::BioData => "BIODATAStamp",
            Self::IdCard => "IDCARDStamp",
            Self::ErrorLog => "ERRORLOGStamp",
        }
    }

    /// The table whose uploads carry this stamp.
    pub const fn table(self) -> &'static str {
        match self {
            Self::AttLog => "ATTLOG",
            Self::OperLog => "OPERLOG",
            Self::AttPhoto => "ATTPHOTO",
            Self::BioData => "BIODATA",
            Self::IdCard => "IDCARD",
            Self::ErrorLog => "ERRORLOG",
        }
    }

    /// The stamp of a table, whose name matches in any case; `None` for a table without a stamp.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.table().eq_ignore_ascii_case(table))
    }

    /// The older name, for clients without a version (field note 3.3).
    const fn older_name(self) -> Option<&'static str> {
        match self {
            Self::AttLog => Some("Stamp"),
            Self::OperLog => Some("OpStamp"),
            Self::AttPhoto => Some("PhotoStamp"),
            Self::BioData | Self::IdCard | Self::ErrorLog => None,
        }
    }
}

impl OptionBlock {
    /// The bytes of the block. Every line ends in LF, including the last: old clients drop a line without one
    /// (field note 2.5).
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("{FIRST_LINE}{}\n", self.serial_number).into_bytes();
        for (key, stamp) in &self.stamps {
            push_stamp(&mut out, key.as_str(), stamp);
        }
        for (key, stamp) in self.stamps.iter().filter(|_| self.legacy_stamps) {
            if let Some(name) = key.older_name() {
                push_stamp(&mut out, name, stamp);
            }
        }
        out.extend_from_slice(self.settings().as_bytes());
        out
    }

    /// The lines after the stamps.
    fn settings(&self) -> String {
        let mut lines = String::new();
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{key}={value}");
        };
        line("ErrorDelay", &self.error_delay_s);
        line("Delay", &self.delay_s);
        if !self.trans_times.is_empty() {
            let times = self.trans_times.iter().take(MAX_TRANS_TIMES);
            let times: Vec<_> = times.map(|(hour, minute)| format!("{hour:02}:{minute:02}")).collect();
            line("TransTimes", &times.join(";"));
        }
        line("TransInterval", &self.trans_interval_min);
        line("TransFlag", &self.trans_flag);
        line("TimeZone", &self.time_zone);
        line("Realtime", &u8::from(self.realtime));
        line("Encrypt", &0);
        line("ServerVer", &SERVER_VERSION);
        line("PushProtVer", &SERVER_VERSION);
        line("PushOptionsFlag", &1);
        line("PushOptions", &PUSH_OPTIONS.join(","));
        line("SupportPing", &1);
        if !self.multi_bio_data.is_empty() {
            line("MultiBioDataSupport", &self.multi_bio_data);
        }
        if !self.multi_bio_photo.is_empty() {
            line("MultiBioPhotoSupport", &self.multi_bio_photo);
        }
        lines
    }

    /// Reads a block as newer devices do: keys in any case and order; unknown keys are ignored.
    ///
    /// # Errors
    /// The first line is not that of an option block, or a required key is missing or no number.
    pub fn read(body: &[u8]) -> Result<Self, FieldError> {
        let text =
            str::from_utf8(body).map_err(|_| FieldError::Invalid { field: "option block", want: "UTF-8" })?;
        let mut lines = text.lines();
        let serial_number = lines
            .next()
            .and_then(|line| line.strip_prefix(FIRST_LINE))
            .and_then(|serial_number| serial_number.parse().ok())
            .ok_or(FieldError::Invalid {
                field: "option block",
                want: "GET OPTION FROM: and a serial number",
            })?;
        let told = BlockLines(lines.filter_map(|line| line.split_once('=')).collect());
        let stamp = |(name, value): &(&str, &str)| {
            let key = StampKey::ALL.into_iter().find(|key| key.as_str().eq_ignore_ascii_case(name))?;
            Some((key, (*value).to_owned()))
        };
        Ok(Self {
            serial_number,
            stamps: told.0.iter().filter_map(stamp).collect(),
            legacy_stamps: ["Stamp", "OpStamp", "PhotoStamp"].iter().any(|name| told.find(name).is_some()),
            error_delay_s: told.number("ErrorDelay")?,
            delay_s: told.number("Delay")?,
            trans_times: told.find("TransTimes").map(trans_times).transpose()?.unwrap_or_default(),
            trans_interval_min: told.number("TransInterval")?,
            trans_flag: TransFlag::parse(told.get("TransFlag")?),
            time_zone: TimeZone::of_value(told.number("TimeZone")?),
            realtime: told.number::<u8>("Realtime")? != 0,
            multi_bio_data: told.find("MultiBioDataSupport").map(TypeArray::parse).unwrap_or_default(),
            multi_bio_photo: told.find("MultiBioPhotoSupport").map(TypeArray::parse).unwrap_or_default(),
        })
    }
}

/// Writes a stamp. A stamp is text from a device and must not end the line or start another option.
fn push_stamp(out: &mut Vec<u8>, key: &str, stamp: &str) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    push_clean(out, stamp.as_bytes());
    out.push(b'\n');
}

fn trans_times(value: &str) -> Result<Vec<(u8, u8)>, FieldError> {
    let time = |time: &str| {
        let (hour, minute) = time.split_once(':')?;
        Some((hour.parse().ok()?, minute.parse().ok()?))
    };
    let times = value.split(';').filter(|text| !text.is_empty()).map(time).collect::<Option<_>>();
    times.ok_or(FieldError::Invalid { field: "TransTimes", want: "HH:MM separated by semicolons" })
}

/// The keys and values of a block.
struct BlockLines<'a>(Vec<(&'a str, &'a str)>);

impl<'a> BlockLines<'a> {
    fn find(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rfind(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
    }

    fn get(&self, field: &'static str) -> Result<&'a str, FieldError> {
        self.find(field).ok_or(FieldError::Missing { field })
    }

    fn number<T: str::FromStr>(&self, field: &'static str) -> Result<T, FieldError> {
        self.get(field)?.trim().parse().map_err(|_| FieldError::Invalid { field, want: "a number" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;
    use crate::BioType;

    fn block() -> OptionBlock {
        let none = |key| (key, "None".to_owned());
        OptionBlock {
            serial_number: "TST7261400042".parse().unwrap(),
            stamps: [
                StampKey::AttLog,
                StampKey::OperLog,
                StampKey::AttPhoto,
                StampKey::BioData,
                StampKey::ErrorLog,
            ]
            .map(none)
            .to_vec(),
            legacy_stamps: false,
            error_delay_s: 60,
            delay_s: 10,
            trans_times: vec![(0, 0), (14, 5)],
            trans_interval_min: 1,
            trans_flag: TransFlag::people().with_attendance(),
            time_zone: TimeZone::from_offset_minutes(330),
            realtime: true,
            multi_bio_data: TypeArray::parse("0:1:1:0:0:0:0:1:1:1"),
            multi_bio_photo: TypeArray::of(&[BioType::VISIBLE_FACE], 10),
        }
    }

    const SETTINGS: &str = "ErrorDelay=60\nDelay=10\nTransTimes=00:00;14:05\nTransInterval=1\n\
        TransFlag=TransData AttLog\tOpLog\tEnrollUser\tChgUser\tEnrollFP\tChgFP\tFACE\tUserPic\tBioPhoto\n\
        TimeZone=330\nRealtime=1\nEncrypt=0\nServerVer=2.4.1\nPushProtVer=2.4.1\nPushOptionsFlag=1\n";

    /// Obligations 45, 46, 47, 60, 61, 62, 64.
    #[test]
    fn the_block_is_exact_to_the_byte() {
        let expected = format!(
            "GET OPTION FROM: TST7261400042\nATTLOGStamp=None\nOPERLOGStamp=None\nATTPHOTOStamp=None\n\
             BIODATAStamp=None\nERRORLOGStamp=None\n{SETTINGS}PushOptions={}\nSupportPing=1\n\
             MultiBioDataSupport=0:1:1:0:0:0:0:1:1:1\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1\n",
            PUSH_OPTIONS.join(",")
        );
        assert_eq!(String::from_utf8(block().render()).unwrap(), expected);
    }

    /// Obligation 53.
    #[test]
    fn clients_without_a_version_get_the_older_names_too() {
        let text = String::from_utf8(OptionBlock { legacy_stamps: true, ..block() }.render()).unwrap();
        assert!(
            text.contains("ERRORLOGStamp=None\nStamp=None\nOpStamp=None\nPhotoStamp=None\nErrorDelay=60\n"),
            "{text}"
        );
    }

    #[test]
    fn empty_values_are_left_out() {
        let bare = OptionBlock {
            stamps: Vec::new(),
            trans_times: Vec::new(),
            multi_bio_data: TypeArray::default(),
            multi_bio_photo: TypeArray::default(),
            ..block()
        };
        let text = String::from_utf8(bare.render()).unwrap();
        assert!(text.starts_with("GET OPTION FROM: TST7261400042\nErrorDelay=60\n"), "{text}");
        assert!(!text.contains("TransTimes") && !text.contains("MultiBioDataSupport="), "{text}");
    }

    /// Obligation 59.
    #[test]
    fn no_more_than_ten_times_of_day_are_sent() {
        let times = (0..24).map(|hour| (hour, 30)).collect();
        let text = String::from_utf8(OptionBlock { trans_times: times, ..block() }.render()).unwrap();
        assert!(text.contains(";09:30\nTransInterval"), "{text}");
    }

    /// Injection: a stamp is text from a device.
    #[test]
    fn a_stamp_with_a_line_end_adds_no_option() {
        let stamps = vec![(StampKey::OperLog, "9999\nRealtime=0\r\0\t1".to_owned())];
        let text = String::from_utf8(OptionBlock { stamps, ..block() }.render()).unwrap();
        assert!(text.contains("\nOPERLOGStamp=9999 Realtime=0   1\nErrorDelay"), "{text}");
    }

    #[test]
    fn old_clients_can_read_every_line() {
        let longest = block().render().split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest < Some(1000), "{longest:?}");
    }

    #[test]
    fn a_table_has_the_stamp_of_its_name() {
        assert_eq!(StampKey::of_table("operlog"), Some(StampKey::OperLog));
        assert_eq!(StampKey::of_table("options"), None);
        for key in StampKey::ALL {
            assert_eq!(format!("{}Stamp", key.table()), key.as_str());
        }
    }

    #[test]
    fn a_block_that_lacks_its_first_line_or_a_number_is_refused() {
        assert!(OptionBlock::read(b"OK").is_err());
        assert!(OptionBlock::read(b"GET OPTION FROM: \nDelay=10").is_err());
        let error = OptionBlock::read(b"GET OPTION FROM: T1\nErrorDelay=60\nDelay=x\n").unwrap_err();
        assert_eq!(error, FieldError::Invalid { field: "Delay", want: "a number" });
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_written_block_reads_back(
            stamps in prop::collection::vec((0_usize..6, "[0-9]{1,10}|None"), 0..6),
            delays in any::<(u16, u16, u16, bool)>(),
            trans_times in prop::collection::vec((0_u8..24, 0_u8..60), 0..=MAX_TRANS_TIMES),
            minutes in -720_i32..=840,
        ) {
            let (error_delay_s, delay_s, trans_interval_min, realtime) = delays;
            let stamps = stamps.into_iter().map(|(key, stamp)| (StampKey::ALL[key], stamp)).collect();
            let time_zone = TimeZone::from_offset_minutes(minutes);
            let block = OptionBlock {
                stamps, error_delay_s, delay_s, trans_times, trans_interval_min, time_zone, realtime, ..block()
            };
            prop_assert_eq!(OptionBlock::read(&block.render()), Ok(block));
        }

        #[test]
        fn no_body_breaks_the_reader(body in "(GET OPTION FROM: T1\n)?([A-Za-z]{0,12}=[0-9:;\t A-Z]{0,9}\n){0,8}") {
            if let Ok(block) = OptionBlock::read(body.as_bytes()) {
                prop_assert_eq!(block.serial_number.to_string(), "T1");
            }
        }
    }
}
