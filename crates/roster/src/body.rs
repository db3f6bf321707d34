//! The stored form of an item's content.
//!
//! It begins with the byte 1, the version of this form. The values of the content follow one after the other.
//! Numbers have a fixed width, lowest byte first. A text follows its length, which takes 4 bytes. An optional
//! value follows a byte 0 or 1.

use crate::{Content, Definition, Kind, Part, Photo, Template, UserFields};

/// Version of the stored form.
const VERSION: u8 = 1;

/// The error of stored bytes that cannot be read as a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A later version of this program wrote the bytes.
    #[error("body of version {0}, which this program does not know")]
    Version(u8),
    /// The bytes end before the content is complete.
    #[error("body ends too early")]
    Short,
    /// Bytes are left after the content.
    #[error("body has {0} bytes too many")]
    Long(usize),
    /// A text is not UTF-8, or a flag is neither 0 nor 1.
    #[error("body holds an invalid value")]
    Value,
}

impl Content {
    /// Encodes the content in its stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(self.wire_bytes()));
        out.byte(VERSION);
        match self {
            Self::User(fields) => out.user(fields),
            Self::Template(template) => out.template(template),
            Self::Photo(photo) => {
                out.text(&photo.text);
                out.optional(photo.file_name.as_deref(), Writer::text);
            }
            Self::Membership | Self::PersonalMessage => {}
            Self::Definition(definition) => out.pairs(definition.fields()),
        }
        out.0
    }

    /// Decodes the stored form of a content of `kind`.
    ///
    /// # Errors
    /// The bytes are not what [`Content::to_bytes`] writes for this kind.
    pub fn from_bytes(kind: Kind, bytes: &[u8]) -> Result<Self, BodyError> {
        let mut input = Reader(bytes);
        let version = input.byte()?;
        if version != VERSION {
            return Err(BodyError::Version(version));
        }
        let content = match kind {
            Kind::User => Self::User(input.user()?),
            Kind::Template(_) => Self::Template(input.template()?),
            Kind::UserPhoto | Kind::ComparisonPhoto => {
                Self::Photo(Photo { text: input.text()?, file_name: input.optional(Reader::text)? })
            }
            Kind::Membership => Self::Membership,
            Kind::PersonalMessage => Self::PersonalMessage,
            Kind::Definition(kind) => Self::Definition(Definition::of_stored(kind, input.pairs()?)),
        };
        if input.0.is_empty() { Ok(content) } else { Err(BodyError::Long(input.0.len())) }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn length(&mut self, length: usize) {
        let length =
            u32::try_from(length).expect("a content is smaller than a request, which is below 4 GiB");
        self.0.extend(length.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: i32) {
        self.0.extend(number.to_le_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn user(&mut self, fields: &UserFields) {
        self.text(&fields.name);
        self.number(fields.privilege);
        self.text(&fields.password);
        self.optional(fields.card.as_deref(), Self::text);
        self.optional(fields.vice_card.as_deref(), Self::text);
        self.number(fields.group);
        self.text(&fields.time_zones);
        self.optional(fields.verify, Self::number);
        self.optional(fields.start.as_deref(), Self::text);
        self.optional(fields.end.as_deref(), Self::text);
        self.optional(fields.expires, Self::number);
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        self.length(pairs.len());
        for (key, value) in pairs {
            self.text(key);
            self.text(value);
        }
    }

    fn template(&mut self, template: &Template) {
        self.length(template.parts.len());
        for part in &template.parts {
            self.byte(part.index);
            self.byte(part.valid);
            self.byte(part.duress.into());
            self.text(&part.text);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], BodyError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(BodyError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BodyError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(BodyError::Short)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn byte(&mut self) -> Result<u8, BodyError> {
        self.array().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Result<bool, BodyError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BodyError::Value),
        }
    }

    fn length(&mut self) -> Result<usize, BodyError> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| BodyError::Short)
    }

    fn text(&mut self) -> Result<String, BodyError> {
        let length = self.length()?;
        String::from_utf8(self.bytes(length)?.to_vec()).map_err(|_| BodyError::Value)
    }

    fn number(&mut self) -> Result<i32, BodyError> {
        self.array().map(i32::from_le_bytes)
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, BodyError>,
    ) -> Result<Option<T>, BodyError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn user(&mut self) -> Result<UserFields, BodyError> {
        Ok(UserFields {
            name: self.text()?,
            privilege: self.number()?,
            password: self.text()?,
            card: self.optional(Self::text)?,
            vice_card: self.optional(Self::text)?,
            group: self.number()?,
            time_zones: self.text()?,
            verify: self.optional(Self::number)?,
            start: self.optional(Self::text)?,
            end: self.optional(Self::text)?,
            expires: self.optional(Self::number)?,
        })
    }

    fn pairs(&mut self) -> Result<Vec<(String, String)>, BodyError> {
        let pairs = self.length()?;
        // No preallocation, as for parts: a damaged count ends at the first missing pair.
        (0..pairs).map(|_| Ok((self.text()?, self.text()?))).collect()
    }

    fn template(&mut self) -> Result<Template, BodyError> {
        let parts = self.length()?;
        let part = |input: &mut Self| {
            Ok(Part {
                index: input.byte()?,
                valid: input.byte()?,
                duress: input.flag()?,
                text: input.text()?,
            })
        };
        // No preallocation by the count: a damaged count ends at the first missing part.
        Ok(Template { parts: (0..parts).map(|_| part(self)).collect::<Result<_, _>>()? })
    }
}
