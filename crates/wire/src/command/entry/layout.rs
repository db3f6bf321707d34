//! The keys of these tables in the exact spelling, and the valid values of each.

use super::RecordTable;
use crate::{Base64, FieldError, Pin, command::local_time};

/// The keys of a table in their order.
pub(super) struct Layout {
    pub fields: &'static [Field],
}

/// One key of a table.
pub(super) struct Field {
    pub key: &'static str,
    pub kind: Kind,
    /// The value that is sent when none is given; `None`: a value is required.
    pub default: Option<&'static str>,
}

/// The kind of a value, which decides what is valid.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Text: the maximum in bytes, and the same in words.
    Text(usize, &'static str),
    /// A number between these two, inclusive.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// The PIN of a user.
    Pin,
    /// A time on the device's clock.
    Time,
    /// A day of the year, `MMdd`.
    Day,
    /// A time of day, `hhmm`.
    Clock,
    /// Seven times of day, from Monday, separated by `;`.
    Week,
    /// Three period numbers of a group, separated by `;`. Up to 2.4.1 a 0 or 1 precedes them and says whether they
    /// apply.
    Periods,
    /// Base64.
    Content,
    /// The size of the content under another key, computed: of its base64 text, or with `raw` of the decoded
    /// bytes.
    SizeOf { content: &'static str, raw: bool },
}

impl Kind {
    /// Checks a value.
    pub(super) fn check(self, field: &'static str, value: &[u8]) -> Result<(), FieldError> {
        let text = || std::str::from_utf8(value).map_err(|_| FieldError::Invalid { field, want: "UTF-8" });
        let when = |is_right: bool, want: &'static str| {
            if is_right { Ok(()) } else { Err(FieldError::Invalid { field, want }) }
        };
        match self {
            Self::Text(most, want) => when(value.len() <= most, want),
            Self::Number(low, high) => {
                let number: i64 =
                    text()?.parse().map_err(|_| FieldError::Invalid { field, want: "a number" })?;
                if (low..=high).contains(&number) {
                    Ok(())
                } else {
                    Err(FieldError::Range { field, low, high })
                }
            }
            Self::Word(words) => when(words.contains(&text()?), "one of the values of the protocol"),
            Self::Pin => Pin::try_from(value).map(drop).map_err(|error| error.in_field(field)),
            Self::Time => local_time::LocalTime::read(field, value).map(drop),
            Self::Day => when(local_time::is_month_and_day(value), "a day as MMdd: 1123"),
            Self::Clock => when(is_clock(value), "a time of day as hhmm: 2359"),
            Self::Week => {
                let times: Vec<&str> = text()?.split(';').collect();
                let is_time = |time: &&str| is_clock(time.replace(':', "").as_bytes());
                when(times.len() == 7 && times.iter().all(is_time), "seven times of day: 08:00;08:00;…")
            }
            Self::Periods => {
                let numbers: Vec<Option<u16>> =
                    text()?.split(';').map(|number| number.parse().ok()).collect();
                let all = numbers.iter().all(Option::is_some);
                let flag_is_right = numbers.len() != 4 || matches!(numbers.first(), Some(Some(0 | 1)));
                when(
                    all && flag_is_right && matches!(numbers.len(), 3 | 4),
                    "three numbers of periods: 1;2;3",
                )
            }
            Self::Content => {
                Base64::read(value).map(drop).map_err(|_| FieldError::Invalid { field, want: "valid base64" })
            }
            Self::SizeOf { .. } => Ok(()),
        }
    }
}

fn is_clock(digits: &[u8]) -> bool {
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u32>().ok());
    digits.len() == 4
        && digits.iter().all(u8::is_ascii_digit)
        && number.is_some_and(|number| number / 100 < 24 && number % 100 < 60)
}

/// The periods of a group in the form of the device's version (§12.1.1.14): version 2.4.2 dropped the number that
/// says whether they apply.
pub(super) fn group_periods(periods: &[u8], is_newer: bool) -> Vec<u8> {
    let parts: Vec<&[u8]> = periods.split(|byte| *byte == b';').collect();
    match (parts.as_slice(), is_newer) {
        ([_, three @ ..], true) if three.len() == 3 => three.join(&b';'),
        (three, false) if three.len() == 3 => [b"1;".as_slice(), periods].concat(),
        _ => periods.to_vec(),
    }
}

const fn required(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, default: None }
}

const fn optional(key: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { key, kind, default: Some(default) }
}

/// A key whose value may be empty.
const fn optional_text(key: &'static str) -> Field {
    optional(key, Kind::Text(1_000, "at most 1000 bytes"), "")
}

const SHORT_TEXT: Kind = Kind::Text(64, "at most 64 bytes");
const BOOLEAN: Kind = Kind::Number(0, 1);
const COUNT: Kind = Kind::Number(0, i32::MAX as i64);

/// The layout of a table.
pub(super) const fn layout(table: RecordTable) -> &'static Layout {
    match table {
        RecordTable::Sms => &SMS,
        RecordTable::UserSms => &USER_SMS,
        RecordTable::AdPic => &AD_PIC,
        RecordTable::WorkCode => &WORK_CODE,
        RecordTable::ShortcutKey => &SHORTCUT_KEY,
        RecordTable::AccGroup => &ACC_GROUP,
        RecordTable::AccTimeZone => &ACC_TIME_ZONE,
        RecordTable::AccHoliday => &ACC_HOLIDAY,
        RecordTable::AccUnlockComb => &ACC_UNLOCK_COMB,
        RecordTable::Blacklist => &BLACKLIST,
        RecordTable::Whitelist => &WHITELIST,
        RecordTable::Wallpaper => &WALLPAPER,
        RecordTable::IdCard => &ID_CARD,
    }
}

/// §12.1.1.9. `TAG`: 253 for everyone, 254 personal, 255 kept back; `MIN`: display time in minutes.
const SMS: Layout = Layout {
    fields: &[
        required("MSG", Kind::Text(320, "at most 320 bytes")),
        optional("TAG", Kind::Number(253, 255), "253"),
        required("UID", COUNT),
        required("MIN", COUNT),
        required("StartTime", Kind::Time),
    ],
};

/// §12.1.1.10
const USER_SMS: Layout = Layout { fields: &[required("PIN", Kind::Pin), required("UID", COUNT)] };

/// §12.1.1.11
const AD_PIC: Layout = Layout {
    fields: &[
        required("Index", COUNT),
        required("Size", Kind::SizeOf { content: "Content", raw: false }),
        optional("Extension", Kind::Text(8, "at most 8 bytes"), "jpg"),
        required("Content", Kind::Content),
    ],
};

/// §12.1.1.12. `PIN` is the position in the list, not a user.
const WORK_CODE: Layout =
    Layout { fields: &[required("PIN", COUNT), required("CODE", SHORT_TEXT), required("NAME", SHORT_TEXT)] };

/// §12.1.1.13. The document prints `StatusCode==`, apparently by mistake.
const SHORTCUT_KEY: Layout = Layout {
    fields: &[
        required("KeyID", Kind::Number(1, 8)),
        required("KeyFun", Kind::Number(0, 6)),
        optional("StatusCode", COUNT, "0"),
        optional_text("ShowName"),
        optional("AutoState", BOOLEAN, "0"),
        optional("AutoTime", Kind::Week, ""),
        optional("Sun", BOOLEAN, "0"),
        optional("Mon", BOOLEAN, "0"),
        optional("Tue", BOOLEAN, "0"),
        optional("Wed", BOOLEAN, "0"),
        optional("Thu", BOOLEAN, "0"),
        optional("Fri", BOOLEAN, "0"),
        optional("Sat", BOOLEAN, "0"),
    ],
};

/// §12.1.1.14
const ACC_GROUP: Layout = Layout {
    fields: &[
        required("ID", COUNT),
        optional("Verify", Kind::Number(-1, 255), "0"),
        optional("ValidHoliday", BOOLEAN, "0"),
        required("TZ", Kind::Periods),
    ],
};

/// §12.1.1.15, in the spelling of the document's first table: `Tues`, `Thurs`.
const ACC_TIME_ZONE: Layout = Layout {
    fields: &[
        required("UID", COUNT),
        optional("SunStart", Kind::Clock, "0000"),
        optional("SunEnd", Kind::Clock, "2359"),
        optional("MonStart", Kind::Clock, "0000"),
        optional("MonEnd", Kind::Clock, "2359"),
        optional("TuesStart", Kind::Clock, "0000"),
        optional("TuesEnd", Kind::Clock, "2359"),
        optional("WedStart", Kind::Clock, "0000"),
        optional("WedEnd", Kind::Clock, "2359"),
        optional("ThursStart", Kind::Clock, "0000"),
        optional("ThursEnd", Kind::Clock, "2359"),
        optional("FriStart", Kind::Clock, "0000"),
        optional("FriEnd", Kind::Clock, "2359"),
        optional("SatStart", Kind::Clock, "0000"),
        optional("SatEnd", Kind::Clock, "2359"),
    ],
};

/// §12.1.1.16
const ACC_HOLIDAY: Layout = Layout {
    fields: &[
        required("UID", COUNT),
        required("HolidayName", SHORT_TEXT),
        required("StartDate", Kind::Day),
        required("EndDate", Kind::Day),
        required("TimeZone", COUNT),
    ],
};

/// §12.1.1.17
const ACC_UNLOCK_COMB: Layout = Layout {
    fields: &[
        required("UID", COUNT),
        optional("Group1", COUNT, "0"),
        optional("Group2", COUNT, "0"),
        optional("Group3", COUNT, "0"),
        optional("Group4", COUNT, "0"),
        optional("Group5", COUNT, "0"),
    ],
};

/// §12.1.1.18; the last three from 2.4.2.
const BLACKLIST: Layout = Layout {
    fields: &[
        required("IDNum", SHORT_TEXT),
        optional_text("Name"),
        optional_text("Gender"),
        optional_text("Nation"),
    ],
};

const WHITELIST: Layout = Layout {
    fields: &[
        required("IDNum", SHORT_TEXT),
        optional_text("Name"),
        optional("Gender", COUNT, "0"),
        optional("Nation", COUNT, "0"),
        required("StartDate", Kind::Time),
        required("EndDate", Kind::Time),
    ],
};

const WALLPAPER: Layout = Layout {
    fields: &[
        required("Index", COUNT),
        required("Size", Kind::SizeOf { content: "Content", raw: true }),
        optional("Extension", Kind::Word(&["jpg", "jpeg", "png", "gif", "bmp"]), "jpg"),
        required("Content", Kind::Content),
    ],
};

/// §12.1.1.2
const ID_CARD: Layout = Layout {
    fields: &[
        required("PIN", Kind::Pin),
        optional_text("SNNum"),
        optional_text("IDNum"),
        optional_text("DNNum"),
        optional_text("Name"),
        optional_text("Gender"),
        optional_text("Nation"),
        optional_text("Birthday"),
        optional_text("ValidInfo"),
        optional_text("Address"),
        optional_text("AdditionalInfo"),
        optional_text("Issuer"),
        optional("Photo", Kind::Content, ""),
        optional("FPTemplate1", Kind::Content, ""),
        optional("FPTemplate2", Kind::Content, ""),
        optional_text("Reserve"),
        optional_text("Notice"),
    ],
};
