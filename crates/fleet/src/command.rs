//! Queued commands: how they are stored, and what their forms imply.

mod queue;
mod risk;

use roster::{Capability, Millis};
use store::{NewQueuedCommand, QueuedCommandRow, StoreError, Tx};
use sync::operator::State;
use wire::{Command, DataQuery, Form, Import, PutFile, RecordTable};

pub use queue::{CommandRefusal, CommandTarget, Queued};
pub use risk::Risk;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The setting that permits commands on a device's files, shell and firmware.
pub const SYSTEM_COMMANDS: &str = "system_commands";

/// A longer command, for example with a picture, is sent alone and stored encrypted, bytes.
const LARGE_BYTES: usize = 1_000;

/// A command to queue for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCommand(pub Command<'static>);

impl QueuedCommand {
    /// Reads a stored command; `None` if this program does not know it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load(tx: &mut Tx, row: &QueuedCommandRow) -> Result<Option<Self>, StoreError> {
        if !row.is_secret {
            return Ok(Self::of(row, None));
        }
        let secret = tx.queued_command_secret(row.device, row.command.number).await?;
        Ok(Self::of(row, secret.as_deref()))
    }

    fn of(row: &QueuedCommandRow, secret: Option<&[u8]>) -> Option<Self> {
        let text = match (secret, row.verb.as_str()) {
            (Some(secret), _) => secret.to_vec(),
            // The form of an earlier version of this program.
            (None, "QUERY USERINFO") => format!("DATA QUERY USERINFO PIN={}", row.arguments).into_bytes(),
            (None, verb) if row.arguments.is_empty() => verb.as_bytes().to_vec(),
            (None, verb) => format!("{verb} {}", row.arguments).into_bytes(),
        };
        Command::read_text(&text).ok().map(Command::into_owned).map(Self)
    }

    /// The form of a stored command, without its secrets.
    pub fn form_of(row: &QueuedCommandRow) -> Option<Form> {
        if row.is_secret {
            return row.verb.strip_prefix("DATA UPDATE ").unwrap_or(&row.verb).parse().ok();
        }
        Self::of(row, None).map(|ordered| ordered.form())
    }

    /// The command as it is sent.
    pub const fn command(&self) -> &Command<'static> {
        &self.0
    }

    /// The form that a firmware may refuse, and whose table explains the return code.
    pub fn form(&self) -> Form {
        self.0.table()
    }

    /// Adds the command to the queue of a device, unless an equal one waits there. Returns the number of the command.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn queue(&self, tx: &mut Tx, device: i64, by: &str, now: Millis) -> Result<i64, StoreError> {
        tx.order(device, &self.order(by, now), now).await
    }

    /// The command as it is stored.
    fn order(&self, by: &str, now: Millis) -> NewQueuedCommand {
        let mut text = Vec::new();
        self.0.write_text(&mut text);
        let is_large = text.len() > LARGE_BYTES;
        let (verb, rest) = self.split(&text);
        // Text in another charset than UTF-8 does not fit into a text column.
        let is_text = std::str::from_utf8(&text).is_ok();
        let secret = (is_large || !is_text || self.is_secret()).then(|| text.clone());
        NewQueuedCommand {
            verb,
            arguments: if secret.is_some() { self.public_arguments() } else { rest },
            secret,
            fence: is_large || self.is_fence(),
            repeatable: self.0.repeatable(),
            empties: self.empties(),
            answer_ms: self.answer_ms(),
            expires_at: self.expires_ms().map(|ms| now.plus(ms)),
            by: by.to_owned(),
        }
    }

    /// The words of the command with its table, and the rest.
    fn split(&self, text: &[u8]) -> (String, String) {
        let text = String::from_utf8_lossy(text);
        let with_table = matches!(
            self.0,
            Command::Update(_)
                | Command::Delete(_)
                | Command::Put(_)
                | Command::Remove(_)
                | Command::Query(_)
                | Command::VerifySum { .. }
        );
        let rest = text.strip_prefix(self.0.words()).unwrap_or_default().trim_start_matches(' ');
        if with_table {
            let (table, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            (format!("{} {table}", self.0.words()), rest.to_owned())
        } else {
            (self.0.words().to_owned(), rest.to_owned())
        }
    }

    /// Whether the command may contain a secret: a key, a password, a secret address, an identity card.
    fn is_secret(&self) -> bool {
        match &self.0 {
            Command::SetOption { .. }
            | Command::Shell { .. }
            | Command::PutFile(_)
            | Command::Upgrade(_)
            | Command::Update(_) => true,
            Command::Put(entry) => entry.table() == RecordTable::IdCard,
            _ => false,
        }
    }

    /// The arguments of an encrypted command that operators may see.
    fn public_arguments(&self) -> String {
        match &self.0 {
            Command::SetOption { key, .. } => key.clone(),
            Command::PutFile(PutFile { path: Some(path), .. }) => path.clone(),
            Command::Upgrade(upgrade) => format!("{} bytes, MD5 {}", upgrade.size, upgrade.checksum),
            _ => String::new(),
        }
    }

    /// Whether the command is sent alone: a restart loses the commands that follow it, and a device may run commands beside a
    /// deletion before or after it (reference 8.6).
    fn is_fence(&self) -> bool {
        matches!(self.0, Command::Reboot | Command::Upgrade(_) | Command::PutFile(_)) || self.empties()
    }

    /// Whether the device lacks people or templates afterwards, so that Muster has to fill it again.
    fn empties(&self) -> bool {
        match &self.0 {
            Command::ClearData | Command::ClearUsers | Command::ClearBioData => true,
            Command::PutFile(file) => file.import != Import::None,
            _ => false,
        }
    }

    /// Minimum time for the device to answer, ms: a person enrols, the device fetches a file or writes flash memory.
    const fn answer_ms(&self) -> i64 {
        match &self.0 {
            Command::Upgrade(_) => 30 * MINUTE_MS,
            Command::Enroll(_)
            | Command::PutFile(_)
            | Command::GetFile { .. }
            | Command::Shell { .. }
            | Command::Put(_)
            | Command::Query(_)
            | Command::VerifySum { .. } => 5 * MINUTE_MS,
            Command::ClearData
            | Command::ClearUsers
            | Command::ClearBioData
            | Command::ClearLog
            | Command::ClearPhoto => 2 * MINUTE_MS,
            _ => 0,
        }
    }

    /// How long the command waits for the device to fetch it, ms. A command for the present moment must not run when the device
    /// returns later: a person waited at that door.
    pub const fn expires_ms(&self) -> Option<i64> {
        match &self.0 {
            Command::Unlock => Some(MINUTE_MS),
            Command::Unalarm | Command::Enroll(_) => Some(10 * MINUTE_MS),
            Command::Reboot => Some(HOUR_MS),
            Command::ClearData
            | Command::ClearUsers
            | Command::ClearBioData
            | Command::ClearLog
            | Command::ClearPhoto
            | Command::PutFile(_)
            | Command::Shell { .. }
            | Command::Upgrade(_) => Some(24 * HOUR_MS),
            _ => None,
        }
    }

    /// The same command in another form, for a device that does not support this one.
    pub fn alternative(&self) -> Option<Self> {
        match &self.0 {
            Command::Query(select) => select.alternative().map(Command::Query).map(Self),
            _ => None,
        }
    }

    /// The query for one user.
    pub const fn query_user(pin: wire::Pin) -> Self {
        Self(Command::Query(DataQuery::User(pin)))
    }
}

/// Whether a form works on the system of a device: its files, its shell, its firmware.
pub const fn is_system(form: Form) -> bool {
    matches!(form, Form::GetFile | Form::PutFile | Form::Shell | Form::Upgrade)
}

/// Whether a firmware is known to refuse a form. Muster then does not send it.
///
/// `CHECK` is always sent: one model answers that it does not know the command, and runs it.
pub fn is_refused(form: Form, capability: &Capability) -> bool {
    form != Form::Check && capability.refused(form)
}

/// Why a queued command is not sent; `None` if it may be sent.
pub fn withheld(row: &QueuedCommandRow, capability: &Capability, system_commands: bool) -> Option<String> {
    if row.command.state != State::Queued {
        return None;
    }
    let Some(form) = QueuedCommand::form_of(row) else {
        return Some("not sent: this version does not know the command".to_owned());
    };
    if is_system(form) && !system_commands {
        return Some(format!("not sent: the server's setting {SYSTEM_COMMANDS} is false"));
    }
    is_refused(form, capability).then(|| format!("not sent: this firmware does not support {form}"))
}

#[cfg(test)]
mod tests {
    use sync::operator::OperatorCommand;
    use wire::{Enroll, Entry, LocalTime, Upgrade, UpgradeMethod};

    use super::*;

    fn time(text: &str) -> LocalTime {
        text.parse().expect("a time")
    }

    fn upgrade() -> Command<'static> {
        Command::Upgrade(Upgrade {
            checksum: "0123456789abcdef0123456789abcdef".into(),
            url: "file/token9/fw.cfg".into(),
            size: 7,
            method: UpgradeMethod::Raw,
        })
    }

    fn picture(content: &str) -> Command<'static> {
        let pairs = [("Index", "1"), ("Content", content)];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Command::Put(Entry::new(RecordTable::AdPic, &pairs, None).expect("a picture"))
    }

    /// A name in Chinese, for a device that uses GB2312.
    fn work_code() -> Command<'static> {
        let pairs = [("PIN", "1"), ("CODE", "77"), ("NAME", "午餐")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let entry = Entry::new(RecordTable::WorkCode, &pairs, None).expect("a work code");
        Command::Put(entry.in_charset(wire::Charset::Gb2312))
    }

    fn stored(command: Command<'static>) -> (QueuedCommandRow, Option<Vec<u8>>) {
        let order = QueuedCommand(command).order("ada", Millis(0));
        let row = QueuedCommandRow {
            device: 1,
            command: OperatorCommand {
                number: 1,
                fence: order.fence,
                repeatable: order.repeatable,
                empties: order.empties,
                answer_ms: order.answer_ms,
                expires_at: order.expires_at,
                state: State::Queued,
            },
            cancelled: false,
            is_secret: order.secret.is_some(),
            has_content: false,
            wire_id: None,
            verb: order.verb,
            arguments: order.arguments,
            ordered_by: order.by,
            ordered_at: Millis(0),
            sent_at: None,
            closed_at: None,
            reply: None,
        };
        (row, order.secret)
    }

    #[test]
    fn what_is_stored_comes_back_as_the_same_command() {
        let period = (time("2027-03-01 00:00:00"), time("2027-03-31 23:59:59"));
        let commands = [
            Command::Check,
            Command::ClearUsers,
            Command::Query(DataQuery::AllUsers),
            Command::Query(DataQuery::User("1007".parse().expect("a PIN"))),
            Command::VerifySum { from: period.0.clone(), to: period.1.clone() },
            Command::Query(DataQuery::AttLog { from: period.0, to: period.1 }),
            Command::SetOption { key: "CommKey".into(), value: "482913 = x".into() },
            Command::Shell { command: "ls -l".into() },
            Command::GetFile { path: "/mnt/a b".into() },
            Command::PutFile(PutFile {
                url: "file/1/a.tgz".into(),
                path: Some("/mnt/".into()),
                import: Import::Append,
            }),
            upgrade(),
            picture(&"QUJD".repeat(1_000)),
            picture("QUJD"),
            work_code(),
        ];
        for command in commands {
            let (row, secret) = stored(command.clone());
            assert!(row.verb.len() <= 32, "{}", row.verb);
            assert_eq!(
                QueuedCommand::of(&row, secret.as_deref()),
                Some(QueuedCommand(command.clone())),
                "{}",
                row.verb
            );
            assert_eq!(QueuedCommand::form_of(&row), Some(command.table()), "{}", row.verb);
        }
    }

    #[test]
    fn an_order_of_an_earlier_version_is_known() {
        let (row, _) = stored(Command::Reboot);
        let row = QueuedCommandRow { verb: "QUERY USERINFO".into(), arguments: "1007".into(), ..row };
        assert_eq!(
            QueuedCommand::of(&row, None),
            Some(QueuedCommand::query_user("1007".parse().expect("a PIN")))
        );
        let foreign = QueuedCommandRow { verb: "DANCE".into(), ..row };
        assert_eq!(QueuedCommand::of(&foreign, None), None);
        assert!(withheld(&foreign, &Capability::default(), true).is_some());
    }

    #[test]
    fn no_secret_stands_beside_what_is_sealed() {
        for (command, secret) in [
            (Command::SetOption { key: "CommKey".into(), value: "482913".into() }, "482913"),
            (Command::Shell { command: "echo hunter2".into() }, "hunter2"),
            (upgrade(), "token9"),
        ] {
            let (row, sealed) = stored(command);
            assert!(sealed.is_some());
            assert!(!row.arguments.contains(secret) && !row.verb.contains(secret), "{row:?}");
        }
        assert_eq!(
            stored(Command::SetOption { key: "VOLUME".into(), value: "3".into() }).0.arguments,
            "VOLUME"
        );
    }

    /// Obligations 83, 88.
    #[test]
    fn what_must_go_alone_is_a_fence() {
        for command in [Command::Reboot, upgrade(), Command::ClearData, picture(&"QUJD".repeat(1_000))] {
            assert!(stored(command.clone()).0.command.fence, "{command:?}");
        }
        for command in [Command::Check, Command::Info, Command::Unlock, picture("QUJD")] {
            assert!(!stored(command.clone()).0.command.fence, "{command:?}");
        }
    }

    /// Obligation 164.
    #[test]
    fn a_shell_is_not_sent_unless_it_is_allowed() {
        let capability = Capability::default();
        for command in
            [Command::Shell { command: "ls".into() }, Command::GetFile { path: "a".into() }, upgrade()]
        {
            let (row, _) = stored(command);
            let why = withheld(&row, &capability, false).expect("it is withheld");
            assert!(why.contains(SYSTEM_COMMANDS), "{why}");
            assert_eq!(withheld(&row, &capability, true), None);
        }
        assert_eq!(withheld(&stored(Command::Info).0, &capability, false), None);
    }

    /// Obligations 168, 183.
    #[test]
    fn what_a_firmware_does_not_know_is_not_sent() {
        let mut capability = Capability::default();
        let evidence =
            roster::Evidence { return_code: wire::ReturnCode(-1002), kind: None, at: Millis(0), before: 1 };
        capability.refuse(Form::EnrollFingerprint, evidence);
        capability.refuse(Form::Check, evidence);
        let enroll = |finger| {
            let pin = "7".parse().expect("a PIN");
            Command::Enroll(Enroll::Fingerprint { pin, finger, retries: 3, overwrite: false })
        };
        assert!(withheld(&stored(enroll(3)).0, &capability, false).is_some());
        assert_eq!(withheld(&stored(Command::Check).0, &capability, false), None, "some do it all the same");
        capability.forget_refusals();
        assert_eq!(withheld(&stored(enroll(3)).0, &capability, false), None);
    }

    #[test]
    fn a_door_is_opened_now_or_not_at_all() {
        let (row, _) = stored(Command::Unlock);
        assert_eq!((row.command.expires_at, row.command.repeatable), (Some(Millis(60_000)), false));
        assert_eq!(stored(Command::Check).0.command.expires_at, None);
    }
}
