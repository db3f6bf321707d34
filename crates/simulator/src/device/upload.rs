//! Pending reports of the device, and the bodies that carry them.

use wire::{BioType, Pin};

use crate::{
    content::TemplateKey,
    device::{Device, ServerOptions, record::apply_spelling_quirks},
    model::Stamps,
};

/// One pending report. Its lines are rendered from the current content when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub subject: Subject,
    /// Whether the server requested it. Then it is sent whatever `TransFlag` says.
    pub asked: bool,
}

/// The subject of a report.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A rendered `OPLOG` line.
    Operation(String),
    /// A rendered line of `ATTLOG`.
    Punch(String),
    User(Pin),
    Template(Pin, TemplateKey),
    UserPhoto(Pin),
    ComparisonPhoto(Pin, BioType),
    WorkCode(String),
}

impl Subject {
    /// The user of the record; `None` for a record without a user.
    pub const fn pin(&self) -> Option<&Pin> {
        match self {
            Self::User(pin)
            | Self::Template(pin, _)
            | Self::UserPhoto(pin)
            | Self::ComparisonPhoto(pin, _) => Some(pin),
            Self::Operation(_) | Self::Punch(_) | Self::WorkCode(_) => None,
        }
    }

    /// Whether this is a user record.
    pub const fn is_user(&self) -> bool {
        matches!(self, Self::User(_))
    }
}

/// A body to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// `OPERLOG`, `BIODATA` or `ATTLOG`, with some firmware also `USERINFO` and `BIOPHOTO`; for a marked answer
    /// the queried table.
    pub table: &'static str,
    /// The further query parameters: `Stamp=9999`, `OpStamp=…`; for a marked answer also the packet and the query.
    pub stamp: String,
    /// The lines, each with its line end.
    pub body: Vec<u8>,
    /// Number of lines.
    pub records: usize,
    /// The entries that are done when this body has been accepted.
    pub(super) settles: Settles,
}

/// Numbers of entries that an upload completes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settles {
    /// Number of answers to queries.
    answers: usize,
    queue: usize,
    roster: usize,
    /// Number of its records that belong to the roster.
    roster_records: usize,
}

impl Settles {
    /// One answer to a query.
    pub const ANSWER: Self = Self { answers: 1, queue: 0, roster: 0, roster_records: 0 };

    const fn count(&mut self, is_roster: bool, records: usize) {
        if is_roster {
            self.roster += 1;
            self.roster_records += records;
        } else {
            self.queue += 1;
        }
    }
}

impl Device {
    /// Number of pending reports.
    pub fn pending(&self) -> usize {
        self.answers.len() + self.queue.len() + self.roster.len()
    }

    /// The next body to post; `None` when there is nothing to report or no server.
    ///
    /// The body stays in the queue until [`Device::uploaded`] is called: a device that gets no `OK` sends the
    /// batch again.
    pub fn next_upload(&mut self) -> Option<Upload> {
        self.server.as_ref()?;
        if let Some(answer) = self.next_answer() {
            return Some(answer);
        }
        let mut upload: Option<Upload> = None;
        let mut settles = Settles::default();
        while let Some((entry, is_roster)) = self.entry_after(settles) {
            let (table, mut lines) = self.render_as_spelt(&entry);
            if is_roster && let Some(left) = self.roster.records_left() {
                lines.truncate(left - settles.roster_records);
            }
            match &mut upload {
                None if lines.is_empty() => {}
                None => upload = Some(self.begin(table)),
                Some(open) if !lines.is_empty() && open.table != table => break,
                Some(_) if is_roster && settles.roster == 0 && self.roster_begins_a_body() => break,
                Some(open) if open.records + lines.len() > self.body_records(is_roster) => break,
                Some(open) if open.body.len() > self.model.batch_bytes => break,
                Some(_) => {}
            }
            settles.count(is_roster, lines.len());
            if let Some(open) = &mut upload {
                self.write(open, lines);
            }
        }
        match &mut upload {
            Some(open) => open.settles = settles,
            // The content no longer exists, or the server does not want it.
            None => self.settle(settles),
        }
        upload
    }

    /// The next body that answers a query and precedes the acknowledgement of the query.
    pub fn next_answer(&self) -> Option<Upload> {
        self.server.as_ref().and(self.answers.front().cloned())
    }

    /// Removes an upload that the server accepted.
    pub fn uploaded(&mut self, upload: &Upload) {
        self.settle(upload.settles);
    }

    /// The entry that follows those of an open body, and whether it belongs to the roster.
    fn entry_after(&self, settles: Settles) -> Option<(Entry, bool)> {
        let in_queue = self.queue.get(settles.queue).map(|entry| (entry, false));
        let next = in_queue.or_else(|| Some((self.roster.get(settles.roster)?, true)));
        next.map(|(entry, is_roster)| (entry.clone(), is_roster))
    }

    fn settle(&mut self, settles: Settles) {
        self.answers.drain(..settles.answers.min(self.answers.len()));
        self.queue.drain(..settles.queue.min(self.queue.len()));
        self.roster.settle(settles.roster, settles.roster_records);
        if settles.roster_records > 0 && self.quirks.slow_roster {
            self.roster.pause();
        }
    }

    pub(super) fn write(&self, upload: &mut Upload, lines: Vec<Vec<u8>>) {
        upload.records += lines.len();
        for line in lines {
            upload.body.extend_from_slice(&line);
            upload.body.extend_from_slice(if self.quirks.crlf_lines { b"\r\n" } else { b"\n" });
        }
    }

    fn begin(&self, table: &'static str) -> Upload {
        let named = self.server.as_ref().is_some_and(|server| server.names_version);
        let value = match self.model.stamps {
            Stamps::Constant => 9999,
            Stamps::Clock => self.clock.0,
        };
        let key = if named || table != "OPERLOG" { "Stamp" } else { "OpStamp" };
        Upload {
            table,
            stamp: format!("{key}={value}"),
            body: Vec::new(),
            records: 0,
            settles: Settles::default(),
        }
    }

    /// The lines of an entry in the spelling of this device, with the table in which the device sends them.
    pub(super) fn render_as_spelt(&mut self, entry: &Entry) -> (&'static str, Vec<Vec<u8>>) {
        let (table, lines) = self.render(entry);
        let spelt = lines.into_iter().map(|line| apply_spelling_quirks(line, &self.quirks));
        match &entry.subject {
            Subject::User(_) if self.quirks.own_tables => {
                let wordless =
                    |line: Vec<u8>| line.strip_prefix(b"USER ").map_or(line.clone(), <[u8]>::to_vec);
                ("USERINFO", spelt.map(wordless).collect())
            }
            Subject::ComparisonPhoto(..) if self.quirks.own_tables => ("BIOPHOTO", spelt.collect()),
            _ => (table, spelt.collect()),
        }
    }

    /// The lines of an entry; empty when the content no longer exists, or when no form is known to both sides.
    fn render(&mut self, entry: &Entry) -> (&'static str, Vec<Vec<u8>>) {
        let wanted = |words: &[&str]| {
            entry.asked || self.server.as_ref().is_some_and(|server| server.uploads_any(words))
        };
        let person = |pin: &Pin| self.people.people.get(pin);
        let lines = match &entry.subject {
            Subject::Operation(line) if wanted(&["OpLog"]) => vec![line.clone().into_bytes()],
            Subject::User(pin) if wanted(&["EnrollUser", "ChgUser"]) => {
                person(pin).map(|person| self.user_line(pin, &person.user)).into_iter().collect()
            }
            Subject::UserPhoto(pin) if wanted(&["UserPic"]) => {
                let photo = person(pin).and_then(|person| person.user_photo.as_ref());
                photo.map(|photo| Self::user_photo_line(pin, photo)).into_iter().collect()
            }
            Subject::ComparisonPhoto(pin, bio_type) if wanted(&["BioPhoto"]) => {
                let taken = self.server.as_ref().is_some_and(|server| server.photos(*bio_type));
                let photo = person(pin).and_then(|person| person.comparison_photos.get(bio_type));
                let photo = photo.filter(|_| taken);
                photo.map(|photo| self.comparison_photo_line(pin, *bio_type, photo)).into_iter().collect()
            }
            Subject::WorkCode(code) if wanted(&["WORKCODE"]) => {
                self.work_code_line(code).into_iter().collect()
            }
            Subject::Punch(line) => {
                let taken = self.server.as_ref().is_some_and(ServerOptions::uploads_punches);
                return ("ATTLOG", taken.then(|| line.clone().into_bytes()).into_iter().collect());
            }
            Subject::Template(pin, key) => return self.render_template(pin, *key, entry.asked),
            _ => Vec::new(),
        };
        ("OPERLOG", lines)
    }

    fn render_template(&mut self, pin: &Pin, key: TemplateKey, asked: bool) -> (&'static str, Vec<Vec<u8>>) {
        let template = self.people.people.get(pin).and_then(|person| person.templates.get(&key)).cloned();
        let (Some(template), Some(server)) = (template, &self.server) else { return ("OPERLOG", Vec::new()) };
        let classic = self.model.algorithm(key.bio_type).is_some_and(|algorithm| algorithm.classic);
        let unified = self.is_unified(key.bio_type);
        // No word of `TransFlag` stands for `BIODATA`: the announced types decide (§3.1).
        let words: &[&str] = if key.bio_type == BioType::FACE { &["FACE"] } else { &["EnrollFP", "ChgFP"] };
        if unified {
            ("BIODATA", self.template_lines(pin, key, &template, true))
        } else if classic && (asked || server.uploads_any(words)) {
            ("OPERLOG", self.template_lines(pin, key, &template, false))
        } else {
            ("OPERLOG", Vec::new())
        }
    }

    /// Queues a report of an event at the device.
    pub(super) fn report(&mut self, subject: Subject) {
        self.enqueue(Entry { subject, asked: false });
    }

    /// Queues a report that the server requested.
    pub(super) fn answer(&mut self, subject: Subject) {
        self.enqueue(Entry { subject, asked: true });
    }

    /// Appends an entry to the queue, or puts a template before the user record that it must overtake.
    fn enqueue(&mut self, entry: Entry) {
        let overtaken = match &entry.subject {
            Subject::Template(pin, _) if self.quirks.templates_first => {
                let is_its_user =
                    |queued: &Entry| matches!(&queued.subject, Subject::User(whose) if whose == pin);
                self.queue.iter().position(is_its_user)
            }
            _ => None,
        };
        self.queue.insert(overtaken.unwrap_or(self.queue.len()), entry);
    }

    /// Whether both device and server announced that templates of this type are sent as `BIODATA`.
    pub(super) fn is_unified(&self, bio_type: BioType) -> bool {
        self.server.as_ref().is_some_and(|server| server.unified(bio_type))
            && self.model.algorithm(bio_type).is_some_and(|algorithm| algorithm.unified)
    }

    /// The next second, in the device's format.
    pub(super) fn next_time(&mut self) -> String {
        self.clock = self.clock.next_second();
        if self.quirks.broken_times { self.clock.broken() } else { self.clock.to_string() }
    }

    /// Logs an operation (§11.4); one second passes.
    pub(super) fn log_operation(&mut self, code: u16, operands: [&str; 4]) {
        let time = self.next_time();
        self.report(Subject::Operation(format!("OPLOG {code}\t0\t{time}\t{}", operands.join("\t"))));
    }
}
