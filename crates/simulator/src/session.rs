//! Sessions: a device that is connected to a server.
//!
//! A session is driven in two ways: step by step without timers, for stories ([`Session::poll_once`],
//! [`Session::upload_pending`], [`Session::settle`]), or by itself with timers, for fleets ([`Session::run`]).

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
    http::{AddressError, Answer, Client, HttpError, HttpHabits, Request, ServerAddress},
    tally::Tally,
};

/// Rounds after which [`Session::settle`] fails.
const MAX_ROUNDS: usize = 5_000;
/// Number of recent exchanges that a session keeps.
const KEPT_EXCHANGES: usize = 16;
/// Time limit for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A device that is connected to its server. The session gives access to the device.
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
    /// Acknowledgements that were not sent yet.
    outbox: VecDeque<Outgoing>,
    polls: u64,
    tally: Tally,
    exchanges: VecDeque<Exchange>,
    remembered: usize,
}

/// An acknowledgement to be sent, not before this poll.
#[derive(Debug)]
struct Outgoing {
    from_poll: u64,
    acknowledgement: Acknowledgement,
}

/// The state of a device at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The device has not sent an initialization request yet.
    Unknown,
    /// The server refused the device (401 or 403): an operator must approve it.
    Waiting,
    /// The device has its options.
    Connected,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Method, path and query.
    pub request: String,
    /// The posted body.
    pub posted: Vec<u8>,
    /// The server's answer.
    pub answer: Answer,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The text is not the address of a server.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There was no answer, or a terminal cannot read it.
    #[error("{request}: {source}")]
    Http {
        /// Method and path.
        request: String,
        /// The cause.
        source: HttpError,
    },
    /// The server refuses the device (401 or 403): an operator must approve it.
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
    /// The server answered 200 with a body that a terminal does not accept as success.
    #[error("{request}: a terminal does not accept the answer as success")]
    NoSuccess {
        /// Method and path.
        request: String,
    },
    /// After this many rounds work was still left.
    #[error("still not settled after {rounds} rounds: {serial_number} has {pending} things to report")]
    Restless {
        /// A device with work left.
        serial_number: String,
        /// Number of rounds.
        rounds: usize,
        /// Number of reports that the device still had to send.
        pending: usize,
    },
}

/// The result of one poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// The answer's body; `None` when it was lost.
    pub body: Option<Vec<u8>>,
    /// The executed commands with their acknowledgements, in order.
    pub executed: Vec<Acknowledgement>,
}

impl Polled {
    /// Whether the server had no work for the device.
    pub fn is_idle(&self) -> bool {
        self.body.as_deref() == Some(b"OK")
    }

    /// The executed commands in words: `UPDATE USERINFO 7`.
    pub fn summary(&self) -> Vec<&str> {
        self.executed.iter().map(|done| done.summary.as_str()).collect()
    }
}

impl Device {
    /// Connects the device to a server and requests its options.
    ///
    /// A refused device gets a session too: see [`Session::standing`].
    ///
    /// # Errors
    /// The address is invalid, or the server does not answer.
    pub async fn connect(self, server: impl Display) -> Result<Session, SessionError> {
        let mut session = Session::new(self, server.to_string().parse()?);
        match session.initialize().await {
            Ok(()) | Err(SessionError::Waiting { .. }) => Ok(session),
            Err(error) => Err(error),
        }
    }
}

/// A session dereferences to its device: a story enrols people at it and then lets it communicate.
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
    /// A session of a device that has not sent anything yet.
    ///
    /// Its HTTP habits follow from the device's current quirks.
    pub fn new(device: Device, server: ServerAddress) -> Self {
        let quirks = device.quirks();
        let manner = HttpHabits {
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
            remembered: KEPT_EXCHANGES,
        }
    }

    /// Keeps one connection open for many requests, like newer devices.
    #[must_use]
    pub fn with_keep_alive(mut self) -> Self {
        self.client.habits_mut().keep_alive = true;
        self
    }

    /// Sets the time limit for an answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.client.habits_mut().timeout = timeout;
        self
    }

    /// Sets how many recent exchanges the session keeps; 0 saves memory.
    #[must_use]
    pub fn remembering(mut self, exchanges: usize) -> Self {
        self.remembered = exchanges;
        self
    }

    /// Ends the session and returns the device.
    pub fn into_device(self) -> Device {
        self.device
    }

    /// The state of the device at the server.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The counts of what happened so far.
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

    /// Whether the device has nothing to send: no upload, no acknowledgement, no initialization.
    pub fn is_quiet(&self) -> bool {
        self.device.pending() == 0 && self.outbox.is_empty() && !self.device.handshake_due()
    }

    /// Sends the initialization request (§5), and the parameters of the device if the server wants them (§8).
    ///
    /// # Errors
    /// [`SessionError::Waiting`] when the server refuses the device; another error when there is no valid answer.
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

    /// Polls once (§12): requests commands, executes them, sends the acknowledgements.
    ///
    /// Answers to queries with their own bodies precede the acknowledgements.
    ///
    /// It initializes first if necessary.
    ///
    /// # Errors
    /// The server refuses the device, or there is no valid answer.
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
        let mut executed = self.execute_commands(&answer.body).await;
        executed.extend(self.fetch_files().await?);
        self.upload_answers().await?;
        self.send_outbox().await?;
        let polled = Polled { body: Some(answer.body), executed };
        self.tally.idle_polls += u64::from(polled.is_idle());
        Ok(polled)
    }

    /// One round of a device: initialize if necessary, report, poll.
    ///
    /// Returns the result of the poll.
    ///
    /// # Errors
    /// The first step that failed. The next round starts with it.
    pub async fn step(&mut self) -> Result<Polled, SessionError> {
        if self.device.handshake_due() {
            self.initialize().await?;
        }
        self.send_options().await?;
        self.upload_pending().await?;
        self.poll_once().await
    }

    /// Repeats rounds until neither the device nor the server has work left.
    ///
    /// # Errors
    /// The first step that failed, or [`SessionError::Restless`].
    pub async fn settle(&mut self) -> Result<(), SessionError> {
        self.settle_in_polls(MAX_ROUNDS).await
    }

    /// Like [`Session::settle`], with at most this many polls.
    ///
    /// # Errors
    /// The first step that failed, or [`SessionError::Restless`].
    pub async fn settle_in_polls(&mut self, rounds: usize) -> Result<(), SessionError> {
        settle_all([self], rounds).await
    }

    /// Executes the lines of an answer and queues their acknowledgements.
    async fn execute_commands(&mut self, body: &[u8]) -> Vec<Acknowledgement> {
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

    /// Sends the due acknowledgements (§13), as many in a request as the model does.
    async fn send_outbox(&mut self) -> Result<(), SessionError> {
        let polls = self.polls;
        let (due, later) = self.outbox.drain(..).partition(|outgoing| outgoing.from_poll <= polls);
        let mut due: VecDeque<Outgoing> = due;
        self.outbox = later;
        while !due.is_empty() {
            let count = due.len().min(self.device.model().acknowledgements_a_post.max(1));
            // An answer with a file is a request of its own, because nothing marks the end of the file.
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

    /// Path and query in the spelling of this device.
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

/// Lets several devices communicate in turn until neither they nor the server have work left.
///
/// # Errors
/// The first step that failed, or [`SessionError::Restless`] after this many rounds.
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
    let items_over_write_limit = sessions.iter().find(|session| !session.is_quiet()).or(sessions.first());
    items_over_write_limit.map_or(Ok(()), |session| {
        let serial_number = session.device.serial().to_owned();
        Err(SessionError::Restless { serial_number, rounds, pending: session.device.pending() })
    })
}
