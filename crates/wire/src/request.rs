//! Request targets: the endpoint and the parameters of a request.

use std::{borrow::Cow, fmt};

use crate::{FieldError, SerialNumber, Version};

/// The endpoint of a request, from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/iclock/cdata`: initialization and uploads (§5, §8, §11).
    Cdata,
    /// `/iclock/fdata`: attendance photos of older devices (§11.3).
    Fdata,
    /// `/iclock/getrequest`: a poll (§12).
    GetRequest,
    /// `/iclock/devicecmd`: acknowledgements (§13).
    DeviceCommand,
    /// `/iclock/ping`: heartbeat of a long upload (§10).
    Ping,
    /// `/iclock/exchange`: key exchange of encrypted communication (§6, §7).
    Exchange,
    /// `/iclock/registry` of the access-control dialect.
    Registry,
    /// `/iclock/push` of the access-control dialect.
    Push,
    /// `/iclock/querydata` of the access-control dialect.
    QueryData,
    /// `/iclock/rtdata` of the access-control dialect.
    RtData,
    /// `/iclock/file` and the paths below it (§12.8.2).
    File,
    /// Anything else.
    Other,
}

/// The target of a request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The endpoint, from the path.
    pub endpoint: Endpoint,
    /// The parameters.
    pub query: Query<'a>,
}

impl<'a> Target<'a> {
    /// Reads a path and the raw query behind its `?`.
    ///
    /// Devices use several paths for one endpoint (field notes 2.1, 2.2, 2.8): in absolute form, ending in `.aspx`
    /// or a slash, with `/iclock` doubled, in any case.
    pub fn read(path: &str, query: Option<&'a str>) -> Self {
        Self { endpoint: Endpoint::of_path(path), query: Query(query.unwrap_or_default()) }
    }
}

/// Suffix that names may have.
const ASPX: &str = ".aspx";

/// The names of endpoints; the most frequent first.
const NAMES: &[(&str, Endpoint)] = &[
    ("getrequest", Endpoint::GetRequest),
    ("cdata", Endpoint::Cdata),
    ("devicecmd", Endpoint::DeviceCommand),
    ("fdata", Endpoint::Fdata),
    ("ping", Endpoint::Ping),
    ("exchange", Endpoint::Exchange),
    ("registry", Endpoint::Registry),
    ("push", Endpoint::Push),
    ("querydata", Endpoint::QueryData),
    ("rtdata", Endpoint::RtData),
    ("file", Endpoint::File),
];

impl Endpoint {
    fn of_path(path: &str) -> Self {
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => path,
        };
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
        if segments.next_if(|segment| is_prefix(segment)).is_none() {
            return Self::Other;
        }
        while segments.next_if(|segment| is_prefix(segment)).is_some() {}
        let name = segments.next().unwrap_or_default();
        let name = match name.len().checked_sub(ASPX.len()).and_then(|end| name.split_at_checked(end)) {
            Some((name, end)) if end.eq_ignore_ascii_case(ASPX) => name,
            _ => name,
        };
        let named = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let endpoint = named.map_or(Self::Other, |(_, endpoint)| *endpoint);
        if endpoint == Self::File {
            return endpoint;
        }
        if segments.next().is_none() { endpoint } else { Self::Other }
    }
}

fn is_prefix(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("iclock")
}

/// The parameters of a request.
///
/// Values are percent-decoded on access; a `+` stays a `+`. Names match in any case; of a repeated name the first
/// counts. Bytes that are not UTF-8 become `\u{FFFD}`.
#[derive(Clone, Copy)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Reads the raw query, without its `?`.
    pub const fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// The value of a parameter, which may be empty; `None` if the parameter is absent.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self.pairs().find(|(held, _)| held.eq_ignore_ascii_case(name))?;
        Some(percent_decode(value))
    }

    /// The serial number of the sender.
    ///
    /// # Errors
    /// `SN` is missing, or not a serial number.
    pub fn serial_number(&self) -> Result<SerialNumber, FieldError> {
        const FIELD: &str = "SN";
        let text = self.get(FIELD).ok_or(FieldError::Missing { field: FIELD })?;
        text.parse().map_err(|error: crate::SerialNumberError| error.in_field(FIELD))
    }

    /// The text of `SN` that [`Query::serial_number`] reads; `None` if it is missing. For looking up known
    /// devices.
    pub fn serial_text(&self) -> Option<Cow<'a, str>> {
        self.get("SN").map(|text| match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
            Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
        })
    }

    /// `table`: the kind of upload; see [`crate::Table::read`].
    pub fn table(&self) -> Option<Cow<'a, str>> {
        self.get("table")
    }

    /// The stamp of the upload: `Stamp`, or on older devices `OpStamp`, `PhotoStamp` or the table's own key (field
    /// note 3.3).
    pub fn stamp(&self) -> Option<Cow<'a, str>> {
        let own = self.table().map(|table| format!("{table}Stamp"));
        let names = ["Stamp", "OpStamp", "PhotoStamp"].into_iter().chain(own.as_deref());
        names.into_iter().find_map(|name| self.get(name))
    }

    /// `ContentType`: `tgz` for a compressed upload (§11.14).
    pub fn content_type(&self) -> Option<Cow<'a, str>> {
        self.get("ContentType")
    }

    /// Whether a parameter has this value, in any case.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|held| held.trim().eq_ignore_ascii_case(value))
    }

    /// Names and raw values in their order.
    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

impl fmt::Debug for Query<'_> {
    /// Shows the names only: a value may be the device's key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs().map(|(name, _)| name)).finish()
    }
}

/// Decodes `%XX`; an invalid code stays as it is.
fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.first_chunk::<2>().filter(|_| byte == b'%').and_then(|&[high, low]| {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        });
        decoded.push(code.unwrap_or(byte));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// The parameters of an initialization request (§5).
#[derive(Clone, PartialEq, Eq)]
pub struct Handshake {
    /// `pushver`; a device without it speaks [`Version::V2_2_14`].
    pub push_version: Option<Version>,
    /// `language` (appendix 2), see [`crate::Charset`].
    pub language: Option<u16>,
    /// `DeviceType` as sent; it may hold anything (field note 1.2).
    pub device_type: Option<String>,
    /// `pushcommkey`: the key by which a device proves that it is authorised. A secret.
    pub comm_key: Option<String>,
    /// The dialect of the device.
    pub dialect: Dialect,
}

/// The two dialects that share the endpoints (field note 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The dialect of this crate.
    Attendance,
    /// `DeviceType=acc`: other tables, other commands.
    AccessControl,
}

impl Handshake {
    /// Reads the parameters. An absent or invalid value is `None`: the device is not refused for it.
    pub fn read(query: &Query<'_>) -> Self {
        let text = |name| query.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let device_type = text("DeviceType");
        let is_access_control = device_type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("acc"));
        Self {
            push_version: text("pushver").and_then(|text| text.parse().ok()),
            language: text("language").and_then(|text| text.parse().ok()),
            device_type,
            comm_key: text("pushcommkey"),
            dialect: if is_access_control { Dialect::AccessControl } else { Dialect::Attendance },
        }
    }
}

impl fmt::Debug for Handshake {
    /// Shows only whether there is a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("push_version", &self.push_version)
            .field("language", &self.language)
            .field("device_type", &self.device_type)
            .field("comm_key", &self.comm_key.as_ref().map(|_| "(set)"))
            .field("dialect", &self.dialect)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligations 3, 12, 13.
    #[test]
    fn an_endpoint_has_many_names() {
        for path in [
            "/iclock/cdata",
            "/iclock/cdata.aspx",
            "/iclock/cdata/",
            "/iclock/iclock/cdata",
            "//ICLOCK//CData.ASPX",
            "http://push.example.net:8081/iclock/cdata",
        ] {
            assert_eq!(Endpoint::of_path(path), Endpoint::Cdata, "{path}");
        }
    }

    #[test]
    fn a_known_serial_number_is_found_by_the_text_of_a_request() {
        for query in ["SN=A1", "sn=%20A1%20", "x=1&Sn=A1\t"] {
            let query = Query::new(query);
            let known = std::collections::BTreeSet::from([query.serial_number().unwrap()]);
            assert!(known.contains(&*query.serial_text().unwrap()));
        }
        assert_eq!(Query::new("x=1").serial_text(), None);
    }

    #[test]
    fn other_paths_are_no_endpoints() {
        for path in [
            "",
            "/",
            "/iclock",
            "/cdata",
            "/iclock/cdata/x",
            "/iclockx/cdata",
            "http://host",
            "/api/iclock/cdata",
        ] {
            assert_eq!(Endpoint::of_path(path), Endpoint::Other, "{path}");
        }
        assert_eq!(Endpoint::of_path("/iclock/file/pkg/a1.tgz"), Endpoint::File);
    }

    /// Obligation 14.
    #[test]
    fn values_are_decoded_but_a_plus_stays() {
        let query = Query::new("SN=A1&INFO=Ver%202.0%2C1+1%zz%4&empty&sn=B2");
        assert_eq!(query.get("info").as_deref(), Some("Ver 2.0,1+1%zz%4"));
        assert_eq!(query.get("Empty").as_deref(), Some(""));
        assert_eq!(query.get("table"), None);
        assert_eq!(query.serial_number().map(|serial| serial.to_string()).as_deref(), Ok("A1"));
        assert_eq!(Query::new("x=%ff%00").get("x").as_deref(), Some("\u{FFFD}\0"));
    }

    /// Obligation 15.
    #[test]
    fn a_request_without_a_serial_number_is_an_error() {
        assert_eq!(Query::new("SN=").serial_number(), Err(FieldError::Missing { field: "SN" }));
        assert_eq!(
            Query::new("SN=a%0Ab").serial_number(),
            Err(FieldError::Invalid { field: "SN", want: "a serial number" })
        );
    }

    /// Obligation 103.
    #[test]
    fn the_stamp_has_several_names() {
        for query in [
            "table=OPERLOG&Stamp=9999",
            "table=OPERLOG&OpStamp=9999",
            "table=ATTPHOTO&PhotoStamp=9999",
            "table=BIODATA&BIODATAStamp=9999",
        ] {
            assert_eq!(Query::new(query).stamp().as_deref(), Some("9999"), "{query}");
        }
        assert_eq!(Query::new("table=OPERLOG").stamp(), None);
    }

    #[test]
    fn only_one_device_type_is_access_control() {
        for (query, dialect) in [
            ("", Dialect::Attendance),
            ("DeviceType=middle%20east", Dialect::Attendance),
            ("DeviceType=att&pushver=3.1.2", Dialect::Attendance),
            ("devicetype=ACC", Dialect::AccessControl),
        ] {
            assert_eq!(Handshake::read(&Query::new(query)).dialect, dialect, "{query}");
        }
    }

    #[test]
    fn debug_output_holds_no_key() {
        let query = Query::new("SN=A1&pushcommkey=kqpvre");
        let shown = format!("{:?} {:?}", query, Handshake::read(&query));
        assert!(!shown.contains("kqpvre"), "{shown}");
    }
}
