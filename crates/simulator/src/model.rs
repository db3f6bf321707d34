//! Terminal models as data: reported parameters, accepted forms, capacities.

use std::collections::BTreeSet;

use wire::{BioType, Charset};

use crate::{difference::Keeps, quirks::Quirks};

/// A terminal model with its firmware.
///
/// The fields are public, so that a test can change those that it is about.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property of a model")]
pub struct Model {
    /// The short name of the model on the command line.
    pub name: &'static str,
    /// The name on the box (`~DeviceName`).
    pub device_name: String,
    /// The firmware, as in the first position of `INFO`.
    pub firmware: String,
    /// The hardware platform (`~Platform`).
    pub platform: String,
    /// The vendor in its own spelling (`~OEMVendor`); may contain a comma.
    pub vendor: String,
    /// `PushVersion`, the version of the push software on the device.
    pub push_software: String,
    /// `pushver` of the handshake; very old firmware sends none.
    pub push_version: Option<&'static str>,
    /// `DeviceType` of the handshake.
    pub device_type: Option<&'static str>,
    /// The language id of the handshake (appendix 2), which decides the charset of names.
    pub language: u16,
    /// Whether requests are HTTP/1.0 without `Content-Type`.
    pub http_1_0: bool,
    /// Whether the model uploads its parameters (`table=options`).
    pub pushes_options: bool,
    /// Whether it knows the `MultiBio...` parameters, and with them the unified forms.
    pub hybrid: bool,
    /// Whether it reports the version of each type in `MultiBioVersion`. Other models use `FPVersion` and
    /// `FaceVersion`.
    pub tells_each_version: bool,
    /// Number of positions in `INFO`: 5, 9, 10 or 13.
    pub info_positions: usize,
    /// The function digits of `INFO`.
    pub functions: &'static str,
    /// The templates that it makes and accepts.
    pub algorithms: Vec<Algorithm>,
    /// Whether it accepts user photos (`USERPIC`).
    pub user_photos: bool,
    /// The type of comparison photos (`BIOPHOTO`) that it accepts; `None` if it accepts none.
    pub comparison_photos: Option<ComparisonPhotos>,
    /// The form of its `USER` lines.
    pub user_record: UserRecord,
    /// Whether an update of a user clears absent fields (field note 5.2).
    pub replaces_whole_user: bool,
    /// The operation code for a user deleted at the device: 9 or 103.
    pub deletion_code: u16,
    /// How it treats the stamps of uploads.
    pub stamps: Stamps,
    /// Most users that it holds.
    pub user_capacity: usize,
    /// The return code for an unknown command or table.
    pub unknown_code: i32,
    /// How it answers `DATA QUERY`.
    pub queries: Queries,
    /// Whether it acknowledges `DATA QUERY` with the number of records instead of 0. The first generation always
    /// does.
    pub counts_rows: bool,
    /// The return code of `CHECK`.
    pub check_code: i32,
    /// Most acknowledgements in one request.
    pub acknowledgements_a_post: usize,
    /// Most records in one upload.
    pub batch_records: usize,
    /// Size after which an upload is closed, bytes.
    pub batch_bytes: usize,
    /// Its deviations from the protocol.
    pub quirks: Quirks,
}

/// A kind of template that a model uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// The biometric type: finger, face, palm …
    pub bio_type: BioType,
    /// The major version.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
    /// Number of them that a person has: ten fingers, two hands, one face.
    pub individuals: u8,
    /// Number of parts of a whole template.
    pub parts: u8,
    /// Size of a part, bytes; the last one may be shorter. Fingerprints 10.0 vary.
    pub part_bytes: u16,
    /// Size of the last part, bytes.
    pub last_part_bytes: u16,
    /// Whether the model accepts the type's own form: `FINGERTMP`, `FACE`, `FVEIN`.
    pub classic: bool,
    /// Whether the model accepts `BIODATA`.
    pub unified: bool,
    /// Most templates of this kind that the device holds.
    pub capacity: usize,
}

/// The comparison photos of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComparisonPhotos {
    /// The type of the templates that the device makes from them.
    pub bio_type: BioType,
    /// The type that its uploads contain: some devices send 0 instead of 9 (field note 6.6).
    pub announced: u8,
}

/// The forms of a `USER` line that were seen in the field (field note 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserRecord {
    /// The fields up to `TZ`.
    Old,
    /// Also `Verify`, `ViceCard`.
    ViceCard,
    /// Also `StartDatetime`, `EndDatetime`.
    Validity,
    /// Also `Expires`, before them.
    Expires,
}

/// How a model treats the stamps of uploads (field note 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamps {
    /// It always sends 9999. A 0 from the server requests everything again.
    Constant,
    /// It sends its clock. A 0 or a future time from the server requests everything again.
    Clock,
}

/// How a device answers `DATA QUERY` (§12.1.3).
///
/// A device without the queried PIN uploads nothing and answers 0, unless it does not understand the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// The records go into the queue of uploads without a mark that they answer a query. They follow the
    /// acknowledgement.
    InTurn,
    /// All records of a PIN are one body, which precedes the acknowledgement. The request names the query:
    /// `table=USERINFO&Stamp=9999&Count=3&PackCnt=1&PackIdx=1&CmdId=240`.
    Marked,
    /// The first generation (field note 11.9): `table=USERINFO&OpStamp=0` with the `USER` line only, then the
    /// number of records as the return code. It answers a query of all users with 0 and uploads nothing, and a
    /// query of unified templates with -1.
    FirstGeneration,
    /// It answers with the code for unknown commands.
    NotUnderstood,
}

impl Queries {
    /// All ways, by their names in the quirk `query`.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("in-turn", Self::InTurn),
        ("marked", Self::Marked),
        ("first-generation", Self::FirstGeneration),
        ("not-understood", Self::NotUnderstood),
    ];
}

impl Algorithm {
    const fn fingerprint_10(unified: bool) -> Self {
        Self {
            bio_type: BioType::FINGERPRINT,
            major: 10,
            minor: 0,
            individuals: 10,
            parts: 1,
            part_bytes: 0,
            last_part_bytes: 0,
            classic: true,
            unified,
            capacity: 6000,
        }
    }

    const fn unified(bio_type: BioType, version: (u16, u16), parts: (u8, u16, u16), capacity: usize) -> Self {
        Self {
            bio_type,
            major: version.0,
            minor: version.1,
            individuals: if bio_type.0 == BioType::PALM.0 { 2 } else { 1 },
            parts: parts.0,
            part_bytes: parts.1,
            last_part_bytes: parts.2,
            classic: false,
            unified: true,
            capacity,
        }
    }

    /// The old near-infrared face: twelve `FACE` lines.
    const fn face_7() -> Self {
        Self { classic: true, unified: false, ..Self::unified(BioType::FACE, (7, 0), (12, 1024, 1024), 400) }
    }
}

impl Model {
    /// All models, in display order.
    pub fn all() -> Vec<Self> {
        vec![Self::speedface(), Self::iface950(), Self::senseface(), Self::k40(), Self::old()]
    }

    /// The model with this short name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|model| model.name == name)
    }

    /// A visible-light terminal: fingerprint 10.0, face 58.10, palm 12.0, comparison photos.
    pub fn speedface() -> Self {
        Self {
            name: "speedface",
            device_name: "SpeedFace-V5L[TD]".into(),
            firmware: "ZAM170-NF-Ver1.1.27".into(),
            platform: "ZAM170_TFT".into(),
            vendor: "ZKTeco Co., Ltd.".into(),
            push_software: "Ver 2.0.32S-20200506".into(),
            push_version: Some("2.4.1"),
            device_type: None,
            language: 69,
            http_1_0: false,
            pushes_options: true,
            hybrid: true,
            tells_each_version: false,
            info_positions: 10,
            functions: "11110",
            algorithms: vec![
                Algorithm::fingerprint_10(true),
                Algorithm::unified(BioType::PALM, (12, 0), (5, 2016, 860), 3000),
                Algorithm::unified(BioType::VISIBLE_FACE, (58, 10), (1, 2064, 2064), 6000),
            ],
            user_photos: true,
            comparison_photos: Some(ComparisonPhotos { bio_type: BioType::VISIBLE_FACE, announced: 0 }),
            user_record: UserRecord::Validity,
            replaces_whole_user: false,
            deletion_code: 103,
            stamps: Stamps::Constant,
            user_capacity: 10_000,
            unknown_code: -1004,
            queries: Queries::InTurn,
            counts_rows: false,
            check_code: 0,
            acknowledgements_a_post: 50,
            batch_records: 100,
            batch_bytes: 400_000,
            quirks: Quirks::default(),
        }
    }

    /// A near-infrared terminal: fingerprint 10.0, face 12.0 in fifteen parts, palm 12.0, no comparison photos.
    pub fn iface950() -> Self {
        Self {
            name: "iface950",
            device_name: "iFace950 Plus".into(),
            firmware: "ZMM720-NF43HB-Ver1.2.16".into(),
            platform: "ZMM720_TFT".into(),
            vendor: "ZKTECO CO., LTD.".into(),
            push_software: "Ver 2.0.33S-20201204".into(),
            tells_each_version: true,
            info_positions: 13,
            functions: "111",
            algorithms: vec![
                Algorithm { capacity: 4000, ..Algorithm::fingerprint_10(true) },
                Algorithm::unified(BioType::FACE, (12, 0), (15, 2016, 1004), 3000),
                Algorithm::unified(BioType::PALM, (12, 0), (5, 2016, 860), 3000),
            ],
            comparison_photos: None,
            acknowledgements_a_post: 1,
            ..Self::speedface()
        }
    }

    /// A newer visible-light terminal: fingerprint 13.0 as `BIODATA` only, face 40.1.
    pub fn senseface() -> Self {
        Self {
            name: "senseface",
            device_name: "SenseFace 3A".into(),
            firmware: "ZAM70-NF28VA-3.3.12".into(),
            platform: "ZAM70_TFT".into(),
            push_software: "Ver 3.1.2S-20230510".into(),
            device_type: Some("att"),
            tells_each_version: true,
            info_positions: 13,
            functions: "11111",
            algorithms: vec![
                Algorithm {
                    individuals: 10,
                    ..Algorithm::unified(BioType::FINGERPRINT, (13, 0), (1, 1048, 1048), 5000)
                },
                Algorithm::unified(BioType::VISIBLE_FACE, (40, 1), (1, 2051, 2051), 3000),
            ],
            comparison_photos: Some(ComparisonPhotos { bio_type: BioType::VISIBLE_FACE, announced: 9 }),
            user_record: UserRecord::Expires,
            counts_rows: true,
            ..Self::speedface()
        }
    }

    /// A plain fingerprint terminal: only the classic forms, no queries, no `CHECK`.
    pub fn k40() -> Self {
        Self {
            name: "k40",
            device_name: "K40 Pro".into(),
            firmware: "Ver 8.0.4.3-20220708".into(),
            platform: "ZLM60_TFT".into(),
            push_software: "Ver 2.0.31-20181220".into(),
            hybrid: false,
            info_positions: 5,
            functions: "100",
            algorithms: vec![Algorithm { capacity: 2000, ..Algorithm::fingerprint_10(false) }],
            user_photos: false,
            comparison_photos: None,
            user_record: UserRecord::ViceCard,
            deletion_code: 9,
            user_capacity: 1000,
            unknown_code: -1002,
            queries: Queries::NotUnderstood,
            check_code: -1007,
            ..Self::speedface()
        }
    }

    /// A terminal of the first generation: HTTP/1.0, names of 24 bytes, cards in hex, face 7.0 in twelve lines.
    pub fn old() -> Self {
        Self {
            name: "old",
            device_name: "iFace302".into(),
            firmware: "Ver 6.60 Apr 28 2014".into(),
            platform: "ZEM800_TFT".into(),
            push_software: "Ver 2.0.12".into(),
            push_version: None,
            http_1_0: true,
            pushes_options: false,
            hybrid: false,
            info_positions: 9,
            functions: "110",
            algorithms: vec![
                Algorithm { capacity: 2000, ..Algorithm::fingerprint_10(false) },
                Algorithm::face_7(),
            ],
            user_photos: true,
            comparison_photos: None,
            user_record: UserRecord::Old,
            replaces_whole_user: true,
            deletion_code: 9,
            stamps: Stamps::Clock,
            user_capacity: 3000,
            unknown_code: -22,
            queries: Queries::FirstGeneration,
            acknowledgements_a_post: 10,
            batch_records: 30,
            quirks: Quirks {
                cut_names_at: Some(24),
                hex_cards: true,
                counts_deleted_fingers: true,
                drop_empty_fields: true,
                ..Quirks::default()
            },
            ..Self::speedface()
        }
    }

    /// The algorithm for templates of this type.
    pub fn algorithm(&self, bio_type: BioType) -> Option<&Algorithm> {
        self.algorithms.iter().find(|algorithm| algorithm.bio_type == bio_type)
    }

    /// The charset of names (§11.5).
    pub fn charset(&self) -> Charset {
        Charset::of_language(Some(self.language))
    }

    /// The data that a device of this model with these quirks can keep.
    pub fn keeps(&self, quirks: &Quirks) -> Keeps {
        let algorithms = self.algorithms.iter().map(|algorithm| (algorithm.bio_type, algorithm.major));
        Keeps {
            charset: self.charset(),
            name_bytes: quirks.cut_names_at,
            vice_card_and_verify: self.user_record >= UserRecord::ViceCard,
            access_fields: quirks.keeps_access_fields,
            algorithms: Some(algorithms.collect()),
            user_photos: self.user_photos,
            comparison_photos: Some(
                self.comparison_photos.iter().map(|photos| photos.bio_type).collect::<BTreeSet<_>>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_is_found_by_its_name() {
        for model in Model::all() {
            assert_eq!(Model::by_name(model.name).unwrap().device_name, model.device_name);
        }
        assert!(Model::by_name("zx81").is_none());
    }

    #[test]
    fn each_model_accepts_its_templates_in_some_form() {
        for algorithm in Model::all().iter().flat_map(|model| &model.algorithms) {
            assert!(algorithm.classic || algorithm.unified, "{algorithm:?}");
            assert!(algorithm.parts > 0 && algorithm.individuals > 0 && algorithm.capacity > 0);
        }
    }
}
