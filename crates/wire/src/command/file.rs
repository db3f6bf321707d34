//! Commands that transfer files and firmware.

use crate::{FieldError, fields::push_clean};

/// A file that the device downloads (§12.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutFile {
    /// Address of the file: absolute with `http://`, or relative to the server's `/iclock/`.
    pub url: String,
    /// Path on the device. For a `.tgz` it is the directory to unpack into; `None` means `/mnt/mtdblock`.
    pub path: Option<String>,
    /// How the device imports the lines of the file.
    pub import: Import,
}

/// How a device imports the lines of a file (§12.5, function 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Import {
    /// The device only stores the file.
    #[default]
    None,
    /// `Action=SyncData`: the device replaces all records of the table by these.
    Replace {
        /// The table.
        table: ImportTable,
        /// Number of lines.
        records: u32,
    },
    /// `Action=AppendData`: the device adds the lines to its records.
    Append,
}

/// A table that a file can replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportTable {
    /// `USERINFO`
    UserInfo,
    /// `FINGERTMP`
    FingerTmp,
    /// `FACE`
    Face,
}

const TABLES: [(ImportTable, &str); 3] =
    [(ImportTable::UserInfo, "USERINFO"), (ImportTable::FingerTmp, "FINGERTMP"), (ImportTable::Face, "FACE")];

impl PutFile {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut parts = vec![self.url.clone()];
        // The action is the third part, so an empty second part must be written too.
        if self.path.is_some() || self.import != Import::None {
            parts.push(self.path.clone().unwrap_or_default());
        }
        match self.import {
            Import::None => {}
            Import::Replace { table, records } => {
                let table = TABLES.iter().find(|(known, _)| *known == table).map_or("", |(_, word)| word);
                parts.extend([
                    "Action=SyncData".to_owned(),
                    format!("TableName={table}"),
                    format!("RecordCount={records}"),
                ]);
            }
            Import::Append => parts.push("Action=AppendData".to_owned()),
        }
        for (number, part) in parts.iter().enumerate() {
            out.push(if number == 0 { b' ' } else { b'\t' });
            push_clean(out, part.as_bytes());
        }
    }

    pub(super) fn read(rest: &[u8]) -> Result<Self, FieldError> {
        let text = text("PutFile", rest)?;
        let mut parts = text.split('\t');
        let url = parts.next().unwrap_or_default().to_owned();
        if url.is_empty() {
            return Err(FieldError::Missing { field: "URL" });
        }
        let path = parts.next().filter(|path| !path.is_empty()).map(str::to_owned);
        let (mut action, mut table, mut records) = ("", None, None);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key {
                "Action" => action = value,
                "TableName" => {
                    table = TABLES.iter().find(|(_, word)| *word == value).map(|(table, _)| *table);
                }
                "RecordCount" => records = value.parse().ok(),
                _ => {}
            }
        }
        let import = match action {
            "" => Import::None,
            "AppendData" => Import::Append,
            "SyncData" => Import::Replace {
                table: table
                    .ok_or(FieldError::Invalid { field: "TableName", want: "USERINFO, FINGERTMP or FACE" })?,
                records: records.ok_or(FieldError::Missing { field: "RecordCount" })?,
            },
            _ => return Err(FieldError::Invalid { field: "Action", want: "SyncData or AppendData" }),
        };
        Ok(Self { url, path, import })
    }
}

/// Firmware that the device downloads and installs (§12.8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// MD5 of the file, 32 hex digits.
    pub checksum: String,
    /// Address of the file.
    pub url: String,
    /// Size of the file, bytes.
    pub size: u64,
    /// How the device downloads the file.
    pub method: UpgradeMethod,
}

/// How a device downloads firmware (§12.8.2). Commas separate the parameters, whose order differs between methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpgradeMethod {
    /// 1: as base64 text, by `GET /iclock/file?SN=&url=`.
    Base64,
    /// 2: `type=1`, the file itself, by `GET /iclock/file?SN=&url=`.
    Raw,
    /// 3: `supportsubcontracting=1`, the file itself in pieces of 1 MiB, by `GET <url>` with `Range`.
    Pieces,
}

impl Upgrade {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { checksum, url, size, method } = self;
        let text = match method {
            UpgradeMethod::Base64 => format!(" checksum={checksum},url={url},size={size}"),
            UpgradeMethod::Raw => format!(" type=1,checksum={checksum},size={size},url={url}"),
            UpgradeMethod::Pieces => {
                format!(" checksum={checksum},size={size},url={url},supportsubcontracting=1")
            }
        };
        push_clean(out, text.as_bytes());
    }

    pub(super) fn read(rest: &[u8]) -> Result<Self, FieldError> {
        let text = text("UPGRADE", rest)?;
        let find = |key: &str| {
            text.split(',').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == key)
        };
        let value = |key: &'static str| {
            find(key)
                .map(|(_, value)| value)
                .filter(|value| !value.is_empty())
                .ok_or(FieldError::Missing { field: key })
        };
        let checksum = value("checksum")?;
        if checksum.len() != 32 || !checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FieldError::Invalid { field: "checksum", want: "an MD5 of 32 hex digits" });
        }
        let method = if find("supportsubcontracting").is_some_and(|(_, value)| value == "1") {
            UpgradeMethod::Pieces
        } else if find("type").is_some_and(|(_, value)| value == "1") {
            UpgradeMethod::Raw
        } else {
            UpgradeMethod::Base64
        };
        let size = value("size")?;
        Ok(Self {
            checksum: checksum.to_owned(),
            url: value("url")?.to_owned(),
            size: size.parse().map_err(|_| FieldError::Invalid { field: "size", want: "a number" })?,
            method,
        })
    }
}

/// The only argument of a command: the rest of its line.
pub(super) fn text<'a>(field: &'static str, rest: &'a [u8]) -> Result<&'a str, FieldError> {
    if rest.is_empty() {
        return Err(FieldError::Missing { field });
    }
    str::from_utf8(rest).map_err(|_| FieldError::Invalid { field, want: "UTF-8" })
}
