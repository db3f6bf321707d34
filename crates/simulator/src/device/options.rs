//! Options and parameters that server and device exchange about themselves.

use wire::BioType;

use crate::{
    clock::LocalTime,
    device::{Device, roster::Everything},
    random::fnv1a,
};

/// The answer to the initialization request, as the device understood it (§5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Seconds between polls.
    pub delay_s: u64,
    /// Seconds to wait after a network failure.
    pub error_delay_s: u64,
    /// Whether the device sends new data immediately.
    pub real_time: bool,
    /// The words of `TransFlag`; `None` when the server sent none.
    pub uploads: Option<Vec<String>>,
    /// The offset of local time in minutes.
    pub time_zone_minutes: Option<i64>,
    /// Whether the server named its version, which decides the name of stamps (field note 3.3).
    pub names_version: bool,
    /// Whether the server wants the device's parameters.
    pub wants_options: bool,
    /// Whether templates may be sent as `BIODATA`, by type.
    pub unified_types: Vec<bool>,
    /// Whether the server accepts comparison photos, by type.
    pub photo_types: Vec<bool>,
    /// The stamp up to which the server has everything of `table=OPERLOG`.
    pub operation_stamp: Option<String>,
    /// The stamp for `table=BIODATA`.
    pub biodata_stamp: Option<String>,
}

/// The meaning of the digits of a `TransFlag` of format I, in their order (§5).
const TRANS_FLAG_WORDS: [&str; 12] = [
    "AttLog",
    "OpLog",
    "AttPhoto",
    "EnrollFP",
    "EnrollUser",
    "FPImag",
    "ChgUser",
    "ChgFP",
    "FACE",
    "UserPic",
    "WORKCODE",
    "BioPhoto",
];

impl ServerOptions {
    /// Reads an option block; `None` when it does not begin with the line for this device.
    ///
    /// A line without a line end is ignored, as the old client does (field note 2.5).
    pub(crate) fn read(body: &str, serial: &str) -> Option<Self> {
        let mut lines = body.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        if lines.next()? != format!("GET OPTION FROM: {serial}") {
            return None;
        }
        let mut options = Self {
            delay_s: 30,
            error_delay_s: 30,
            real_time: true,
            uploads: None,
            time_zone_minutes: None,
            names_version: false,
            wants_options: false,
            unified_types: Vec::new(),
            photo_types: Vec::new(),
            operation_stamp: None,
            biodata_stamp: None,
        };
        for (key, value) in lines.filter_map(|line| line.split_once('=')) {
            options.take(key, value);
        }
        Some(options)
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "Delay" => self.delay_s = value.parse().unwrap_or(self.delay_s),
            "ErrorDelay" => self.error_delay_s = value.parse().unwrap_or(self.error_delay_s),
            "Realtime" => self.real_time = value != "0",
            "TransFlag" => self.uploads = Some(trans_flag(value)),
            "TimeZone" => self.time_zone_minutes = value.parse().ok().map(minutes_of_time_zone),
            "ServerVer" => self.names_version = true,
            "PushOptionsFlag" => self.wants_options = value == "1",
            "MultiBioDataSupport" => self.unified_types = types(value),
            "MultiBioPhotoSupport" => self.photo_types = types(value),
            "OPERLOGStamp" => self.operation_stamp = Some(value.to_owned()),
            // The older name. The newer one overrides it if both are present.
            "OpStamp" => {
                self.operation_stamp.get_or_insert_with(|| value.to_owned());
            }
            "BIODATAStamp" => self.biodata_stamp = Some(value.to_owned()),
            _ => {}
        }
    }

    /// Whether one of these words of `TransFlag` is set, together with `OpLog`.
    pub(crate) fn uploads_any(&self, words: &[&str]) -> bool {
        self.uploads.as_ref().is_none_or(|set| {
            let has = |word: &str| set.iter().any(|flag| flag == word);
            has("OpLog") && words.iter().any(|word| has(word))
        })
    }

    /// Whether `TransFlag` asks for attendance records.
    pub(crate) fn uploads_punches(&self) -> bool {
        self.uploads.as_ref().is_none_or(|set| set.iter().any(|flag| flag == "AttLog"))
    }

    /// Whether templates of this type may be sent as `BIODATA`.
    pub(crate) fn unified(&self, bio_type: BioType) -> bool {
        self.unified_types.get(usize::from(bio_type.0)).copied().unwrap_or(false)
    }

    /// Whether the server accepts comparison photos of this type.
    pub(crate) fn photos(&self, bio_type: BioType) -> bool {
        self.photo_types.get(usize::from(bio_type.0)).copied().unwrap_or(false)
    }
}

fn trans_flag(value: &str) -> Vec<String> {
    match value.strip_prefix("TransData ") {
        Some(words) => words.split('\t').map(str::to_owned).collect(),
        None => TRANS_FLAG_WORDS
            .iter()
            .zip(value.chars())
            .filter(|(_, digit)| *digit == '1')
            .map(|(word, _)| (*word).to_owned())
            .collect(),
    }
}

/// Numbers below 25 are hours, others minutes (field note 3.5).
const fn minutes_of_time_zone(value: i64) -> i64 {
    if value.abs() < 25 { value * 60 } else { value }
}

fn types(value: &str) -> Vec<bool> {
    value.split(':').map(|element| element == "1").collect()
}

impl Device {
    /// The query of the initialization request (§5).
    pub fn handshake_query(&self) -> String {
        let model = self.model();
        let mut query = format!("SN={}&options=all&language={}", self.serial(), model.language);
        if let Some(version) = model.push_version {
            query.extend(["&pushver=", version]);
        }
        if let Some(device_type) = model.device_type {
            query.extend(["&DeviceType=", device_type]);
        }
        if model.pushes_options {
            query += "&PushOptionsFlag=1";
        }
        query
    }

    /// Stores the answer to the initialization request.
    ///
    /// Returns false for an invalid answer, which means that the request failed. A stamp of 0 makes the device
    /// send everything again (field note 3.7), and some firmware does so every time (field note 4.3).
    pub fn initialize(&mut self, body: &[u8]) -> bool {
        let text = String::from_utf8_lossy(body);
        let Some(options) = ServerOptions::read(&text, self.serial()) else { return false };
        let (operations, biodata) = (options.operation_stamp.clone(), options.biodata_stamp.clone());
        self.server = Some(options);
        self.handshake_due = false;
        self.options_due = true;
        self.info_due = true;
        let again = |stamp: Option<String>| stamp.is_some_and(|stamp| self.stamp_means_everything(&stamp));
        let always = self.quirks.upload_everything;
        let (operations, biodata) = (always || again(operations), always || again(biodata));
        if operations || biodata {
            self.queue_everything(Everything { operations, biodata, asked: true });
        }
        true
    }

    /// Sets the clock from the `Date` of an answer if it differs by more than ten seconds (field note 3.5).
    pub fn set_clock(&mut self, date: &str) {
        let minutes = self.server.as_ref().and_then(|server| server.time_zone_minutes);
        if let (Some(date), Some(minutes)) = (LocalTime::of_date_header(date), minutes) {
            let told = date.plus_minutes(minutes);
            if (told.0 - self.clock.0).abs() > 10 {
                self.clock = told;
            }
        }
    }

    /// The body of `table=options`: one line, separated by commas, as terminals send it (§8).
    pub fn options_body(&self) -> Vec<u8> {
        let pairs = self.parameters().into_iter().map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(",").into_bytes()
    }

    /// The value of `INFO` in a poll (§9), percent-encoded.
    pub fn info(&self) -> String {
        let model = self.model();
        let people = &self.people.people;
        let cards = people.values().filter(|person| person.user.card != 0).count();
        let positions = [
            if self.quirks.info_without_firmware {
                String::new()
            } else {
                model.firmware.replace(' ', "%20")
            },
            people.len().to_string(),
            self.count(BioType::FINGERPRINT).to_string(),
            "0".to_owned(),
            self.address(),
            self.version(&[BioType::FINGERPRINT]),
            self.version(&[BioType::VISIBLE_FACE, BioType::FACE]),
            "12".to_owned(),
            self.faces().to_string(),
            model.functions.to_owned(),
            cards.to_string(),
            self.people.user_photos().to_string(),
            "0".to_owned(),
        ];
        positions.into_iter().take(model.info_positions).collect::<Vec<_>>().join(",")
    }

    /// The parameters of the device, in the order of captured devices.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let model = self.model();
        let on = |kinds: &[BioType]| u8::from(kinds.iter().any(|kind| model.algorithm(*kind).is_some()));
        let capacity = |kinds: &[BioType], scale: usize| {
            let algorithm = kinds.iter().find_map(|kind| model.algorithm(*kind));
            algorithm.map_or_else(String::new, |algorithm| (algorithm.capacity / scale).to_string())
        };
        let visible = model.algorithm(BioType::VISIBLE_FACE).is_some();
        let faces = [BioType::VISIBLE_FACE, BioType::FACE];
        let finger = [BioType::FINGERPRINT];
        let (vein, palm) = ([BioType::FINGER_VEIN], [BioType::PALM]);
        let mut pairs = vec![
            ("~DeviceName", model.device_name.clone()),
            ("MAC", self.mac()),
            ("TransactionCount", "0".to_owned()),
            ("~MaxAttLogCount", "20".to_owned()),
            ("UserCount", self.people.people.len().to_string()),
            ("~MaxUserCount", (model.user_capacity / 100).to_string()),
            ("PhotoFunOn", u8::from(model.user_photos).to_string()),
            ("~MaxUserPhotoCount", "2500".to_owned()),
            ("FingerFunOn", on(&finger).to_string()),
            ("FPVersion", self.version(&finger)),
            ("~MaxFingerCount", capacity(&finger, 100)),
            ("FPCount", self.count(BioType::FINGERPRINT).to_string()),
            ("FaceFunOn", on(&faces).to_string()),
            ("FaceVersion", self.version(&faces)),
            ("~MaxFaceCount", capacity(&faces, 1)),
            ("FaceCount", self.faces().to_string()),
            ("FvFunOn", on(&vein).to_string()),
            ("FvVersion", self.version(&vein)),
            ("~MaxFvCount", capacity(&vein, 1)),
            ("FvCount", self.count(BioType::FINGER_VEIN).to_string()),
            ("PvFunOn", on(&palm).to_string()),
            ("PvVersion", self.version(&palm)),
            ("~MaxPvCount", capacity(&palm, 1)),
            ("PvCount", self.count(BioType::PALM).to_string()),
            ("Language", model.language.to_string()),
            ("IPAddress", self.address()),
            ("~Platform", model.platform.clone()),
            ("~OEMVendor", model.vendor.clone()),
            ("FWVersion", model.firmware.clone()),
            ("PushVersion", model.push_software.clone()),
            ("RegDeviceType", String::new()),
        ];
        if model.hybrid {
            let photos = model.comparison_photos.map(|photos| photos.bio_type);
            pairs.extend([
                ("VisilightFun", u8::from(visible).to_string()),
                (
                    "MultiBioDataSupport",
                    array(|kind| u8::from(model.algorithm(kind).is_some_and(|one| one.unified)).to_string()),
                ),
                ("MultiBioPhotoSupport", array(|kind| u8::from(photos == Some(kind)).to_string())),
            ]);
        }
        if model.hybrid && model.tells_each_version {
            pairs.extend([
                ("BioDataFun", u8::from(visible).to_string()),
                ("UserPicURLFunOn", u8::from(model.user_photos).to_string()),
                ("BioPhotoFun", u8::from(model.comparison_photos.is_some()).to_string()),
                (
                    "MultiBioVersion",
                    array(|kind| {
                        model
                            .algorithm(kind)
                            .map_or_else(|| "0".to_owned(), |one| format!("{}.{}", one.major, one.minor))
                    }),
                ),
                ("MultiBioDataCount", array(|kind| self.count(kind).to_string())),
                (
                    "MaxMultiBioDataCount",
                    array(|kind| {
                        model.algorithm(kind).map_or_else(|| "0".to_owned(), |one| one.capacity.to_string())
                    }),
                ),
            ]);
        }
        pairs
    }

    fn version(&self, kinds: &[BioType]) -> String {
        let algorithm = kinds.iter().find_map(|kind| self.model().algorithm(*kind));
        algorithm.map_or_else(String::new, |algorithm| algorithm.major.to_string())
    }

    fn faces(&self) -> usize {
        self.count(BioType::VISIBLE_FACE) + self.count(BioType::FACE)
    }

    fn address(&self) -> String {
        format!("198.51.100.{}", fnv1a(self.serial().as_bytes()) % 250 + 1)
    }

    fn mac(&self) -> String {
        let hash = fnv1a(self.serial().as_bytes()).to_le_bytes();
        let tail: Vec<String> = hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
        format!("02:00:5e:{}", tail.join(":"))
    }
}

/// A value for each of the ten types of version 2.4.1, separated by colons (§8).
fn array(mut element: impl FnMut(BioType) -> String) -> String {
    (0..10).map(|kind| element(BioType(kind))).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    fn block(lines: &str) -> String {
        format!("GET OPTION FROM: SIM0001\n{lines}")
    }

    #[test]
    fn an_option_line_without_line_end_is_dropped() {
        let options = ServerOptions::read(&block("Delay=7\nErrorDelay=90"), "SIM0001").unwrap();
        assert_eq!((options.delay_s, options.error_delay_s), (7, 30));
    }

    #[test]
    fn the_block_of_another_device_is_refused() {
        assert_eq!(ServerOptions::read(&block("Delay=7\n"), "SIM0002"), None);
        assert_eq!(ServerOptions::read("OK", "SIM0001"), None);
    }

    #[test]
    fn both_formats_of_trans_flag_are_understood() {
        for flag in ["TransData OpLog\tEnrollFP\tUserPic", "0101000001"] {
            let options = ServerOptions::read(&block(&format!("TransFlag={flag}\n")), "SIM0001").unwrap();
            assert!(options.uploads_any(&["EnrollFP"]) && options.uploads_any(&["UserPic"]), "{flag}");
            assert!(!options.uploads_any(&["FACE"]), "{flag}");
        }
    }

    #[test]
    fn the_parameters_of_the_speedface_are_those_of_the_captured_one() {
        let body = Device::new(Model::speedface(), "CRQX203158427").options_body();
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with("~DeviceName=SpeedFace-V5L[TD],MAC=02:00:5e:"), "{text}");
        for part in [
            ",FPVersion=10,~MaxFingerCount=60,FPCount=0,FaceFunOn=1,FaceVersion=58,~MaxFaceCount=6000,",
            ",PvFunOn=1,PvVersion=12,~MaxPvCount=3000,",
            ",~OEMVendor=ZKTeco Co., Ltd.,FWVersion=ZAM170-NF-Ver1.1.27,",
            ",MultiBioDataSupport=0:1:0:0:0:0:0:0:1:1,MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1",
        ] {
            assert!(text.contains(part), "{part} not in {text}");
        }
    }

    #[test]
    fn the_handshake_has_the_form_of_a_captured_one() {
        let device = Device::new(Model::speedface(), "CRQX203158427");
        assert_eq!(
            device.handshake_query(),
            "SN=CRQX203158427&options=all&language=69&pushver=2.4.1&PushOptionsFlag=1"
        );
        assert_eq!(Device::new(Model::old(), "1").handshake_query(), "SN=1&options=all&language=69");
    }

    #[test]
    fn info_has_as_many_positions_as_the_model_sends() {
        for model in Model::all() {
            let positions = model.info_positions;
            assert_eq!(Device::new(model, "SIM0001").info().split(',').count(), positions);
        }
        let info = Device::new(Model::k40(), "SIM0001").info();
        assert!(info.starts_with("Ver%208.0.4.3-20220708,0,0,0,198.51.100."), "{info}");
    }

    #[test]
    fn the_clock_follows_the_date_and_the_zone_of_the_server() {
        let mut device = Device::new(Model::speedface(), "SIM0001");
        assert!(device.initialize(block("TimeZone=330\n").as_bytes()));
        device.set_clock("Fri, 12 Mar 2027 06:53:01 GMT");
        assert_eq!(device.local_time().to_string(), "2027-03-12 12:23:01");
        device.set_clock("Fri, 12 Mar 2027 06:53:09 GMT");
        assert_eq!(device.local_time().to_string(), "2027-03-12 12:23:01");
    }
}
