//! One device living against a server.
//!
//! Two ways of driving it: step by step without timers, for stories ([`Session::poll_once`], [`Session::upload_pending`],
//! [`Session::settle`]), and by itself with timers, for fleets ([`Session::run`]).

mod fetch;
mod photo;
mod report;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt::Display,
    ops::{Deref, DerefMut},
    time::Duration,
};

pub use self::run::{Edit, Pace};
use crate::{
    device::{Acknowledgement, Command, Device},
    http::{AddressError, Answer, Client, HttpError, Manner, Request, ServerAddress},
    tally::Tally,
};

/// How many rounds [`Session::settle`] goes before it says that there is no end to it.
const ROUNDS: usize = 5_000;
/// How many of the last exchanges a session remembers.
const REMEMBERED: usize = 16;
/// What a device waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A device with a line to its server; the device is reached through it.
///
/// ```no_run
/// # async fn story() -> Result<(), simulator::SessionError> {
/// use simulator::{Device, Model};
///
/// let mut a = Device::new(Model::speedface(), "SIM0001").connect("127.0.0.1:8081").await?;
/// let mut b = Device::new(Model::speedface(), "SIM0002").connect("127.0.0.1:8081").await?;
/// a.enrol_user("7", "Ada");
/// a.enrol_fingerprint("7", 6);
/// a.settle().await?;
/// b.settle().await?;
/// assert_eq!(a.content(), b.content());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Session {
    device: Device,
    client: Client,
    standing: Standing,
    /// Acknowledgements that are still to be sent.
    outbox: VecDeque<Outgoing>,
    polls: u64,
    tally: Tally,
    exchanges: VecDeque<Exchange>,
    remembered: usize,
}

/// An acknowledgement on its way, to be sent from this poll on.
#[derive(Debug)]
struct Outgoing {
    from_poll: u64,
    acknowledgement: Acknowledgement,
}

/// How the device stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not asked yet.
    Unknown,
    /// It asked and was refused (401 or 403): an operator has to approve it.
    Waiting,
    /// It has its options.
    Connected,
}

/// A request and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Method, path and query.
    pub request: String,
    /// What was posted.
    pub posted: Vec<u8>,
    /// What the server answered.
    pub answer: Answer,
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The text names no server.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No answer, or none that a terminal understands.
    #[error("{request}: {source}")]
    Http {
        /// Method and path.
        request: String,
        /// What went wrong.
        source: HttpError,
    },
    /// The server refuses the device (401 or 403): an operator has to approve it.
    #[error("the server refuses {serial_number}: it waits for approval")]
    Waiting {
        /// The refused device.
        serial_number: String,
    },
    /// The server answered with another status than 200.
    #[error("{request}: status {status}")]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
    },
    /// The server answered 200 with a body that a terminal does not take for success.
    #[error("{request}: the answer is not what a terminal takes for success")]
    NoSuccess {
        /// Method and path.
        request: String,
    },
    /// After so many rounds there was still something to do.
    #[error("still not settled after {rounds} rounds: {serial_number} has {pending} things to report")]
    Restless {
        /// The device, or one of them.
        serial_number: String,
        /// How many rounds were gone.
        rounds: usize,
        /// What the device still had to report.
        pending: usize,
    },
}

/// What one poll brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// The answer's body; `None` when it was lost on the way.
    pub body: Option<Vec<u8>>,
    /// What was executed, with what was answered, in order.
    pub executed: Vec<Acknowledgement>,
}

impl Polled {
    /// Whether the server had nothing to do for the device.
    pub fn is_idle(&self) -> bool {
        self.body.as_deref() == Some(b"OK")
    }

    /// What was executed in words: `UPDATE USERINFO 7`.
    pub fn summary(&self) -> Vec<&str> {
        self.executed.iter().map(|done| done.summary.as_str()).collect()
    }
}

impl Device {
    /// Ties the device to a server and asks it for its options.
    ///
    /// A device that is refused is connected all the same: see [`Session::standing`].
    ///
    /// # Errors
    /// When the address is none, or the server does not answer.
    pub async fn connect(self, server: impl Display) -> Result<Session, SessionError> {
        let mut session = Session::new(self, server.to_string().parse()?);
        match session.initialize().await {
            Ok(()) | Err(SessionError::Waiting { .. }) => Ok(session),
            Err(error) => Err(error),
        }
    }
}

/// A session *is* its device, with a line to the server: a story enrols people at it and then lets it talk.
impl Deref for Session {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Device {
        &mut self.device
    }
}

impl Session {
    /// A device that has not asked the server for anything yet.
    ///
    /// How it speaks HTTP follows from its quirks as they are now.
    pub fn new(device: Device, server: ServerAddress) -> Self {
        let quirks = device.quirks();
        let manner = Manner {
            http_1_0: device.model().http_1_0,
            literal: quirks.literal_answers,
            absolute_targets: quirks.absolute_targets,
            keep_alive: false,
            timeout: TIMEOUT,
        };
        Self {
            client: Client::new(server, manner),
            device,
            standing: Standing::Unknown,
            outbox: VecDeque::new(),
            polls: 0,
            tally: Tally::default(),
            exchanges: VecDeque::new(),
            remembered: REMEMBERED,
        }
    }

    /// Keeps one connection open for many requests, as newer devices do.
    #[must_use]
    pub fn with_keep_alive(mut self) -> Self {
        self.client.manner_mut().keep_alive = true;
        self
    }

    /// Waits so long for an answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.client.manner_mut().timeout = timeout;
        self
    }

    /// Remembers so many of the last exchanges; 0 spares their memory.
    #[must_use]
    pub fn remembering(mut self, exchanges: usize) -> Self {
        self.remembered = exchanges;
        self
    }

    /// Takes the device off its line.
    pub fn into_device(self) -> Device {
        self.device
    }

    /// How the device stands with the server.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// What has passed so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The last exchanges, the oldest first.
    pub fn exchanges(&self) -> impl DoubleEndedIterator<Item = &Exchange> {
        self.exchanges.iter()
    }

    /// The last answer, with all its bytes.
    pub fn last_answer(&self) -> Option<&Answer> {
        self.exchanges.back().map(|exchange| &exchange.answer)
    }

    /// Whether the device has nothing to tell: no upload, no acknowledgement, no initialization.
    pub fn is_quiet(&self) -> bool {
        self.device.pending() == 0 && self.outbox.is_empty() && !self.device.handshake_due()
    }

    /// The initialization exchange (§5), and the parameters of the device if the server wants them (§8).
    ///
    /// # Errors
    /// [`SessionError::Waiting`] when the server refuses the device; any other when there is no proper answer.
    pub async fn initialize(&mut self) -> Result<(), SessionError> {
        let target = self.target("cdata", &self.device.handshake_query());
        let answer = self.send(target, None).await?;
        if matches!(answer.status, 401 | 403) {
            self.tally.refused_handshakes += 1;
            return Err(self.refused());
        }
        let request = "GET /iclock/cdata".to_owned();
        if answer.status != 200 {
            return Err(SessionError::Status { request, status: answer.status });
        }
        if !self.device.initialize(&answer.body) {
            return Err(SessionError::NoSuccess { request });
        }
        self.tally.handshakes += 1;
        self.standing = Standing::Connected;
        self.set_clock(&answer);
        self.send_options().await
    }

    /// One poll (§12): asks for commands, executes them, sends the acknowledgements.
    ///
    /// Answers to queries that come in bodies of their own go out before the acknowledgements.
    ///
    /// Initializes first when that is due.
    ///
    /// # Errors
    /// When the server refuses the device or there is no proper answer.
    pub async fn poll_once(&mut self) -> Result<Polled, SessionError> {
        if self.device.handshake_due() {
            self.initialize().await?;
        }
        self.polls += 1;
        self.tally.polls += 1;
        self.device.resume_roster();
        let mut query = format!("SN={}", self.device.serial());
        if self.device.take_info_due() {
            query.extend(["&INFO=", &self.device.info()]);
        }
        let target = self.target("getrequest", &query);
        let answer = self.send(target, None).await?;
        self.tally.poll_latency.record(answer.elapsed);
        if matches!(answer.status, 401 | 403) {
            return Err(self.refused());
        }
        if answer.status != 200 {
            return Err(SessionError::Status {
                request: "GET /iclock/getrequest".into(),
                status: answer.status,
            });
        }
        self.set_clock(&answer);
        if self.device.random.chance(self.device.faults().lose_replies) {
            self.fail("lost answer to a poll");
            return Ok(Polled::default());
        }
        let mut executed = self.obey(&answer.body).await;
        executed.extend(self.fetch_files().await?);
        self.upload_answers().await?;
        self.send_outbox().await?;
        let polled = Polled { body: Some(answer.body), executed };
        self.tally.idle_polls += u64::from(polled.is_idle());
        Ok(polled)
    }

    /// One round of what a device does: initialize if due, report, poll.
    ///
    /// Returns what the poll brought.
    ///
    /// # Errors
    /// The first step that failed; the next round begins with it again.
    pub async fn step(&mut self) -> Result<Polled, SessionError> {
        if self.device.handshake_due() {
            self.initialize().await?;
        }
        self.send_options().await?;
        self.upload_pending().await?;
        self.poll_once().await
    }

    /// Goes on until the device has nothing to report and the server nothing to do for it.
    ///
    /// # Errors
    /// The first step that failed, or [`SessionError::Restless`].
    pub async fn settle(&mut self) -> Result<(), SessionError> {
        self.settle_within(ROUNDS).await
    }

    /// Like [`Session::settle`], with at most so many polls.
    ///
    /// # Errors
    /// The first step that failed, or [`SessionError::Restless`].
    pub async fn settle_within(&mut self, rounds: usize) -> Result<(), SessionError> {
        settle_all([self], rounds).await
    }

    /// Executes the lines of an answer and puts what is to be acknowledged into the outbox.
    async fn obey(&mut self, body: &[u8]) -> Vec<Acknowledgement> {
        let mut executed = Vec::new();
        if body == b"OK" {
            return executed;
        }
        for line in body.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if self.device.random.chance(self.device.faults().restart) {
                self.device.restart();
                break;
            }
            if Command::read(line).is_none() {
                self.tally.stray_lines += 1;
                continue;
            }
            self.tally.commands += 1;
            let line = self.with_photo(line).await;
            executed.extend(self.device.execute(&line));
        }
        for done in &executed {
            self.put_into_outbox(done);
        }
        executed
    }

    fn put_into_outbox(&mut self, done: &Acknowledgement) {
        let faults = self.device.faults().clone();
        let random = &mut self.device.random;
        if random.chance(faults.lose_acknowledgements) {
            return;
        }
        let delay = if random.chance(faults.late_acknowledgements) { 1 + random.below(4) } else { 0 };
        let copies = if random.chance(faults.duplicate_acknowledgements) { 2 } else { 1 };
        for copy in 0..copies {
            let from_poll = self.polls + delay + copy;
            self.outbox.push_back(Outgoing { from_poll, acknowledgement: done.clone() });
        }
    }

    /// Sends the acknowledgements that are due (§13), as many in a request as the model puts there.
    async fn send_outbox(&mut self) -> Result<(), SessionError> {
        let polls = self.polls;
        let (due, later) = self.outbox.drain(..).partition(|outgoing| outgoing.from_poll <= polls);
        let mut due: VecDeque<Outgoing> = due;
        self.outbox = later;
        while !due.is_empty() {
            let count = due.len().min(self.device.model().acknowledgements_a_post.max(1));
            // An answer with a file in it is a request of its own, since nobody could tell where the file ends.
            let is_alone = |outgoing: &Outgoing| outgoing.acknowledgement.written.is_some();
            let count = if due.front().is_some_and(is_alone) {
                1
            } else {
                due.iter().take(count).take_while(|outgoing| !is_alone(outgoing)).count()
            };
            let mut body: String =
                due.iter().take(count).map(|outgoing| outgoing.acknowledgement.line()).collect();
            if self.device.quirks().odd_acknowledgements {
                body.truncate(body.trim_end().len());
            }
            let target = self.target("devicecmd", &format!("SN={}", self.device.serial()));
            let answer = self.send(target, Some(body.into_bytes())).await;
            let taken = answer.and_then(|answer| self.check("POST /iclock/devicecmd", &answer));
            if let Err(error) = taken {
                self.outbox.extend(due);
                return Err(error);
            }
            for outgoing in due.drain(..count) {
                *self.tally.return_codes.entry(outgoing.acknowledgement.return_code).or_default() += 1;
            }
        }
        Ok(())
    }

    async fn send_options(&mut self) -> Result<(), SessionError> {
        if !self.device.take_options_due() {
            return Ok(());
        }
        let target = self.target("cdata", &format!("SN={}&table=options", self.device.serial()));
        let sent = self.send(target, Some(self.device.options_body())).await;
        let taken = sent.and_then(|answer| self.check("POST /iclock/cdata?table=options", &answer));
        if taken.is_err() {
            self.device.options_failed();
        }
        taken
    }

    fn check(&mut self, request: &str, answer: &Answer) -> Result<(), SessionError> {
        match answer.status {
            200 if answer.is_ok() => Ok(()),
            200 => Err(SessionError::NoSuccess { request: request.to_owned() }),
            401 | 403 => Err(self.refused()),
            status => Err(SessionError::Status { request: request.to_owned(), status }),
        }
    }

    fn refused(&mut self) -> SessionError {
        self.standing = Standing::Waiting;
        self.device.require_handshake();
        SessionError::Waiting { serial_number: self.device.serial().to_owned() }
    }

    fn set_clock(&mut self, answer: &Answer) {
        if let Some(date) = answer.date() {
            self.device.set_clock(date);
        }
    }

    /// Path and query as this device spells them.
    fn target(&self, endpoint: &str, query: &str) -> String {
        let quirks = self.device.quirks();
        let prefix = if quirks.doubled_paths { "/iclock/iclock/" } else { "/iclock/" };
        let suffix = if quirks.aspx_paths { ".aspx" } else { "" };
        format!("{prefix}{endpoint}{suffix}?{query}")
    }

    async fn send(&mut self, target: String, body: Option<Vec<u8>>) -> Result<Answer, SessionError> {
        let request = Request { target, body };
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let path = request.target.split('?').next().unwrap_or_default();
        let name = format!("{method} {path}");
        match self.client.send(&request).await {
            Ok(answer) => {
                self.tally.sent_bytes += u64::try_from(answer.sent_bytes).unwrap_or(u64::MAX);
                self.tally.received_bytes += u64::try_from(answer.received_bytes).unwrap_or(u64::MAX);
                self.remember(method, request, &answer);
                Ok(answer)
            }
            Err(source) => Err(SessionError::Http { request: name, source }),
        }
    }

    fn remember(&mut self, method: &str, request: Request, answer: &Answer) {
        if self.remembered == 0 {
            return;
        }
        if self.exchanges.len() >= self.remembered {
            self.exchanges.pop_front();
        }
        let posted = request.body.unwrap_or_default();
        let request = format!("{method} {}", request.target);
        self.exchanges.push_back(Exchange { request, posted, answer: answer.clone() });
    }

    pub(crate) fn fail(&mut self, what: &str) {
        *self.tally.errors.entry(what.to_owned()).or_default() += 1;
    }
}

/// Lets several devices talk in turn until none has anything to report and the server has nothing to do for any.
///
/// # Errors
/// The first step that failed, or [`SessionError::Restless`] after so many rounds.
pub async fn settle_all<'s>(
    sessions: impl IntoIterator<Item = &'s mut Session>,
    rounds: usize,
) -> Result<(), SessionError> {
    let mut sessions: Vec<&mut Session> = sessions.into_iter().collect();
    for _ in 0..rounds {
        let mut settled = true;
        for session in &mut sessions {
            let polled = session.step().await?;
            settled &= polled.is_idle() && session.is_quiet();
        }
        if settled {
            return Ok(());
        }
    }
    let restless = sessions.iter().find(|session| !session.is_quiet()).or(sessions.first());
    restless.map_or(Ok(()), |session| {
        let serial_number = session.device.serial().to_owned();
        Err(SessionError::Restless { serial_number, rounds, pending: session.device.pending() })
    })
}
