//! One device of a fleet in its task. It compares its content with what the fleet should hold and reports its
//! state.

use std::{
    borrow::Cow,
    mem,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc::UnboundedReceiver, watch},
    time::{Instant, sleep},
};

use super::Others;
use crate::{
    Content, Device, Session, Standing, Tally,
    difference::{Difference, DifferenceSubject, Holding, Keeps, difference},
    session::{Edit, Pace},
};

/// Report interval of a device that only polls.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// The content that every device of the fleet should hold, as far as it can.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub started: Instant,
    pub content: Content,
    /// The person who was enrolled last.
    pub one_more: Option<LastEnrolment>,
    /// Whether other people may be present.
    pub others: Others,
}

/// The timed enrolment.
#[derive(Clone, Debug)]
pub(super) struct LastEnrolment {
    pub pin: String,
    pub device: String,
    pub at: Instant,
}

impl Wanted {
    /// The content of everyone who was enrolled at any device.
    pub fn of(devices: &[Device], others: Others) -> Self {
        let people = devices.iter().flat_map(|device| device.content().people).collect();
        Self { started: Instant::now(), content: Content { people }, one_more: None, others }
    }

    /// The same and the person with this PIN, as the device holds them.
    pub fn with_one_more(&self, pin: &str, device: &Device, at: Instant) -> Self {
        let mut wanted = self.clone();
        let person = device.content().people.into_iter().find(|(whose, _)| whose.as_str() == pin);
        wanted.content.people.extend(person);
        wanted.one_more = Some(LastEnrolment { pin: pin.to_owned(), device: device.serial().to_owned(), at });
        wanted
    }

    /// The differences between a device and this content.
    pub fn differences(&self, held: &Holding<'_>) -> Vec<Difference> {
        let wanted = self.holding();
        let mut found = difference(&wanted, held);
        if self.others == Others::Everywhere {
            let is_other = |found: &Difference| {
                found.thing == DifferenceSubject::User && found.missing_on.as_deref() == Some(&*wanted.label)
            };
            found.retain(|found| !is_other(found));
        }
        found
    }

    /// The people on a device who were not enrolled by this fleet.
    pub fn others_of<'h>(&self, held: Holding<'h>) -> Holding<'h> {
        let mut content = held.content.into_owned();
        content.people.retain(|pin, _| !self.content.people.contains_key(pin));
        Holding { content: Cow::Owned(content), ..held }
    }

    fn holding(&self) -> Holding<'_> {
        Holding {
            label: Cow::Borrowed("the fleet"),
            content: Cow::Borrowed(&self.content),
            keeps: Cow::Owned(Keeps::EVERYTHING),
        }
    }

    /// 0 during the fill, 1 with the last enrolment.
    fn version(&self) -> usize {
        usize::from(self.one_more.is_some())
    }

    /// Number of users and templates that a device with these abilities should hold.
    fn records_for(&self, keeps: &Keeps) -> u64 {
        let keys = self.content.people.values().flat_map(|person| person.templates.keys());
        let templates = keys.filter(|key| keeps.takes(**key)).count();
        (self.content.people.len() + templates) as u64
    }
}

/// The state of a device.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub standing: Standing,
    /// When it first held everyone, and when it first held the last person too.
    equal_since: [Option<Instant>; 2],
    /// When the server had accepted everything that was enrolled here before the start, and the number of those
    /// records.
    pub uploaded: Option<(Instant, u64)>,
    /// Number of users.
    pub users: usize,
    /// Whether it had no work left at its last poll.
    pub quiet: bool,
    /// Number of users and templates that it holds, and that it should hold.
    pub held: u64,
    pub wanted: u64,
    pub tally: Tally,
}

impl Status {
    pub fn equal_at(&self, version: usize) -> Option<Instant> {
        self.equal_since.get(version).copied().flatten()
    }
}

/// The observer of one device.
pub(super) struct Member {
    status: Arc<Mutex<Status>>,
    wanted: Arc<RwLock<Arc<Wanted>>>,
    told_at: Instant,
    /// The version of the wanted content and the revision of the device at the last comparison.
    compared: Option<(usize, u64)>,
    /// The number of records that the device should hold, with the version of the wanted content.
    records: Option<(usize, u64)>,
    /// The number of its commands at the last count, and how many of its polls brought none until then.
    busy: (u64, u64),
}

impl Member {
    pub fn new(started: Instant, wanted: Arc<RwLock<Arc<Wanted>>>) -> Self {
        let status = Status {
            standing: Standing::Unknown,
            equal_since: [None; 2],
            uploaded: None,
            users: 0,
            quiet: false,
            held: 0,
            wanted: 0,
            tally: Tally::default(),
        };
        Self {
            status: Arc::new(Mutex::new(status)),
            wanted,
            told_at: started,
            compared: None,
            records: None,
            busy: (0, 0),
        }
    }

    pub fn status(&self) -> Arc<Mutex<Status>> {
        Arc::clone(&self.status)
    }

    /// Runs until the fleet stops.
    pub async fn live(
        mut self,
        number: usize,
        mut session: Session,
        pace: Pace,
        delay: Duration,
        edits: UnboundedReceiver<Edit>,
        stopped: watch::Receiver<bool>,
    ) -> (usize, Session) {
        let switched_on = tokio::select! {
            () = sleep(delay) => true,
            () = until_set(stopped.clone()) => false,
        };
        if switched_on {
            session.run(pace, edits, until_set(stopped), |session, _| self.look(session)).await;
        }
        self.tell(&session);
        (number, session)
    }

    fn look(&mut self, session: &Session) {
        let wanted = Arc::clone(&self.wanted.read().unwrap_or_else(PoisonError::into_inner));
        let state = (wanted.version(), session.revision());
        let changed = self.compared.replace(state) != Some(state);
        let (users, enrolled) = (session.users(), wanted.content.people.len());
        let everyone = match wanted.others {
            Others::Nowhere => users == enrolled,
            Others::Everywhere => users >= enrolled,
        };
        let equal = changed && everyone && wanted.differences(&session.holding()).is_empty();
        if equal {
            let mut status = self.lock();
            // A device with the last person also holds everyone else.
            for since in status.equal_since.iter_mut().take(wanted.version() + 1) {
                since.get_or_insert_with(Instant::now);
            }
        }
        let was_refused = self.lock().standing != session.standing();
        if equal || was_refused || self.told_at.elapsed() >= REPORT_INTERVAL {
            self.tell(session);
        }
        if session.pending() == 0 && session.standing() == Standing::Connected {
            let records = session.tally().records;
            self.lock().uploaded.get_or_insert_with(|| (Instant::now(), records));
        }
    }

    fn tell(&mut self, session: &Session) {
        self.told_at = Instant::now();
        let wanted = self.records_wanted(session);
        let types = session.model().algorithms.iter().map(|algorithm| session.count(algorithm.bio_type));
        let held = (session.users() + types.sum::<usize>()) as u64;
        let tally = session.tally().clone();
        if tally.commands != self.busy.0 {
            self.busy = (tally.commands, tally.idle_polls);
        }
        let quiet = tally.idle_polls > self.busy.1;
        let mut status = self.lock();
        status.standing = session.standing();
        (status.users, status.quiet) = (session.users(), quiet);
        (status.held, status.wanted) = (held, wanted);
        drop(mem::replace(&mut status.tally, tally));
    }

    fn records_wanted(&mut self, session: &Session) -> u64 {
        let wanted = Arc::clone(&self.wanted.read().unwrap_or_else(PoisonError::into_inner));
        match self.records {
            Some((version, records)) if version == wanted.version() => records,
            _ => {
                let records = wanted.records_for(&session.model().keeps(session.quirks()));
                self.records = Some((wanted.version(), records));
                records
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes when the fleet stops or is dropped.
async fn until_set(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
