//! Parameters of devices that Muster uses.

use std::cmp::Ordering;
use std::sync::LazyLock;

/// Longest value that is kept, characters; longer ones are cut. The arrays of eleven types have fewer than a
/// hundred.
const VALUE_CHARACTERS: usize = 256;

macro_rules! parameters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A parameter that Muster keeps. It ignores the others, some of which are private.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Parameter {
            $($(#[$doc])* $variant,)+
        }

        impl Parameter {
            /// All parameters.
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire. A value whose meaning follows from its position in `INFO` or from the
            /// handshake has no such name; its name here contains a blank, which no device sends.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

parameters! {
    Model = "~DeviceName",
    Platform = "~Platform",
    Vendor = "~OEMVendor",
    Firmware = "FWVersion",
    ClientVersion = "PushVersion",
    Language = "Language",
    LettersInPin = "~IsABCPinEnable",
    TextPin = "StringPinFunOn",
    PinWidth = "~PIN2Width",

    UserCount = "UserCount",
    FingerprintCount = "FPCount",
    FaceCount = "FaceCount",
    FingerVeinCount = "FvCount",
    PalmCount = "PvCount",
    CardCount = "UserCardCount",
    UserPhotoCount = "UserPhotoCount",
    MaxUsers = "~MaxUserCount",
    MaxFingerprints = "~MaxFingerCount",
    MaxFaces = "~MaxFaceCount",
    MaxPalms = "~MaxPvCount",
    MaxTemplates = "MaxMultiBioDataCount",
    TemplateCounts = "MultiBioDataCount",

    FingerprintAlgorithm = "~ZKFPVersion",
    FingerprintVersion = "FPVersion",
    FaceVersion = "FaceVersion",
    FingerVeinVersion = "FvVersion",
    PalmVersion = "PvVersion",
    Versions = "MultiBioVersion",

    FingerprintsOn = "FingerFunOn",
    FacesOn = "FaceFunOn",
    FingerVeinsOn = "FvFunOn",
    PalmsOn = "PvFunOn",
    UserPhotosOn = "PhotoFunOn",
    UserPhotoByUrl = "UserPicURLFunOn",
    ComparisonPhotosOn = "BioPhotoFun",
    /// Only a 1 counts: a device that reported 0 was seen to send `BIODATA` (field note 6.4).
    VisibleTemplatesOn = "BioDataFun",
    VisibleLight = "VisilightFun",
    TemplateSupport = "MultiBioDataSupport",
    PhotoSupport = "MultiBioPhotoSupport",

    InfoFirmware = "INFO firmware",
    InfoFingerprintVersion = "INFO fingerprint version",
    InfoFaceVersion = "INFO face version",
    /// One digit per function: fingerprint, face, user photo, comparison photo, visible-light template (§9).
    InfoFunctions = "INFO functions",

    HandshakeDialect = "handshake dialect",
    HandshakeLanguage = "handshake language",
    HandshakeType = "handshake device type",
    HandshakeVersion = "handshake version",
}

impl Parameter {
    /// The parameter with this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        // A sorted table, because a device's capability is read with each of its requests.
        static BY_NAME: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
            let mut all = Parameter::ALL.to_vec();
            all.sort_by(|one, other| in_any_case(one.name(), other.name()));
            all
        });
        let name = name.trim();
        let place = BY_NAME.binary_search_by(|parameter| in_any_case(parameter.name(), name)).ok()?;
        BY_NAME.get(place).copied()
    }

    /// Whether devices send this parameter by its name.
    pub(super) fn is_sent(self) -> bool {
        !self.name().contains(' ')
    }

    /// Whether this parameter holds the firmware version.
    pub(super) const fn is_firmware(self) -> bool {
        matches!(self, Self::Firmware | Self::InfoFirmware)
    }
}

/// Compares names without case.
fn in_any_case(one: &str, other: &str) -> Ordering {
    let [one, other] = [one, other].map(|name| name.bytes().map(|byte| byte.to_ascii_lowercase()));
    one.cmp(other)
}

/// A value in the form that is kept: one line, trimmed, of limited length.
pub(super) fn clean(value: &str) -> String {
    let printable = value.chars().map(|character| if character.is_control() { ' ' } else { character });
    printable.take(VALUE_CHARACTERS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_found_by_its_name_in_any_case() {
        for &parameter in Parameter::ALL {
            assert_eq!(Parameter::named(parameter.name()), Some(parameter));
            assert_eq!(Parameter::named(&format!(" {} ", parameter.name().to_uppercase())), Some(parameter));
        }
        for name in ["", "~", "FPVersion2", "FPVersio", "zzz"] {
            assert_eq!(Parameter::named(name), None, "{name}");
        }
    }
}
