//! Identity cards that a device has read.

use std::fmt;

use crate::{Base64, FieldError, Fields, Pin};

/// An identity card that a device has read.
///
/// Wire form (§11.6): `IDCARD
/// PIN=1007<tab>SNNum=0A1B2C3D<tab>IDNum=…<tab>DNNum=<tab>Name=…<tab>Gender=2<tab>Nation=97` and so on. Texts are
/// UTF-8 whatever the language of the device. Nearly all fields are personal data: Muster shows them only on
/// request.
#[derive(Clone, PartialEq, Eq)]
pub struct IdCard<'a> {
    /// The owner; `None` for a card that belongs to no user, which devices send as `0`.
    pub pin: Option<Pin>,
    /// `SNNum`: serial number of the card.
    pub serial: &'a str,
    /// `IDNum`: the citizen's number.
    pub id_number: &'a str,
    /// `DNNum`: management number of the card.
    pub management_number: &'a str,
    /// Name of the holder.
    pub name: &'a str,
    /// 1 male, 2 female.
    pub gender: Option<u16>,
    /// Number of the nation (appendix 7).
    pub nation: Option<u16>,
    /// `yyyyMMdd`.
    pub birthday: &'a str,
    /// `ValidInfo`: `yyyyMMddyyyyMMdd`, from and until.
    pub valid: &'a str,
    /// Address of the holder.
    pub address: &'a str,
    /// `AdditionalInfo`: continuation of the address.
    pub additional: &'a str,
    /// Issuing authority.
    pub issuer: &'a str,
    /// The photo on the card, in the card's own encryption.
    pub photo: Option<Base64<'a>>,
    /// `FPTemplate1`, `FPTemplate2`: the fingerprints on the card.
    pub fingerprints: [Option<Base64<'a>>; 2],
    /// Reserved, as sent.
    pub reserve: &'a str,
    /// A note.
    pub notice: &'a str,
}

impl<'a> IdCard<'a> {
    /// Reads the fields of one `IDCARD` record.
    ///
    /// # Errors
    /// The first field that is malformed.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        let text = |field| fields.text(field).map(Option::unwrap_or_default);
        let payload = |field| match fields.find(field) {
            None | Some([]) => Ok(None),
            Some(_) => fields.base64(field).map(Some),
        };
        let nobody = matches!(fields.find("PIN").map(<[u8]>::trim_ascii), None | Some(b"" | b"0"));
        Ok(Self {
            pin: if nobody { None } else { Some(fields.pin()?) },
            serial: text("SNNum")?,
            id_number: text("IDNum")?,
            management_number: text("DNNum")?,
            name: text("Name")?,
            gender: fields.optional_number("Gender")?,
            nation: fields.optional_number("Nation")?,
            birthday: text("Birthday")?,
            valid: text("ValidInfo")?,
            address: text("Address")?,
            additional: text("AdditionalInfo")?,
            issuer: text("Issuer")?,
            photo: payload("Photo")?,
            fingerprints: [payload("FPTemplate1")?, payload("FPTemplate2")?],
            reserve: text("Reserve")?,
            notice: text("Notice")?,
        })
    }
}

impl fmt::Debug for IdCard<'_> {
    /// Shows the PIN and nothing of the card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdCard").field("pin", &self.pin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "SNNum=0A1B2C3D\tIDNum=990101198001011234\tDNNum=\tName=\u{5468} Ilse\tGender=2\tNation=97\t\
                        Birthday=19800101\tValidInfo=2020010120400101\tAddress=12 Quay Road\tAdditionalInfo=\t\
                        Issuer=City Office\tPhoto=U2FtcGxlSlBH\tFPTemplate1=\tFPTemplate2=QUJD\tReserve=\tNotice=a=b";

    fn read(text: &str) -> Result<IdCard<'_>, FieldError> {
        IdCard::read(&Fields::parse(text.as_bytes()))
    }

    /// Obligation 31.
    #[test]
    fn texts_are_utf_8() {
        let card = read(CARD).expect("a card");
        assert_eq!((card.name, card.address, card.notice), ("\u{5468} Ilse", "12 Quay Road", "a=b"));
        assert_eq!((card.gender, card.nation), (Some(2), Some(97)));
        assert_eq!(card.photo.as_ref().map(Base64::as_str), Some("U2FtcGxlSlBH"));
        assert!(card.fingerprints[0].is_none() && card.fingerprints[1].is_some());
        // The same name in GB2312, as a Chinese device writes the names of its users.
        let other = Fields::parse(b"PIN=7\tName=\xd6\xdc");
        assert_eq!(IdCard::read(&other), Err(FieldError::Invalid { field: "Name", want: "UTF-8" }));
    }

    /// Obligation 141.
    #[test]
    fn a_card_without_a_user_has_the_pin_0() {
        for (pin, expected) in [
            ("PIN=0\t", None),
            ("PIN=\t", None),
            ("", None),
            ("PIN=00\t", Some("00")),
            ("PIN=7\t", Some("7")),
        ] {
            let text = format!("{pin}{CARD}");
            let card = read(&text).expect("a card");
            assert_eq!(card.pin.as_ref().map(Pin::as_str), expected, "{pin}");
        }
        assert_eq!(read("PIN=a b"), Err(FieldError::Invalid { field: "PIN", want: "a PIN" }));
    }

    #[test]
    fn a_damaged_payload_is_refused() {
        let wrong = FieldError::Invalid { field: "Photo", want: "valid base64" };
        assert_eq!(read("PIN=7\tPhoto=/9j/4AA"), Err(wrong));
    }

    #[test]
    fn debug_output_holds_nothing_of_the_card() {
        assert_eq!(format!("{:?}", read(CARD).expect("a card")), "IdCard { pin: None, .. }");
    }
}
