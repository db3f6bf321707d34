//! A fleet of devices against one server, which runs until all devices hold the same content.

mod member;
mod population;
mod report;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, interval},
};

use self::member::{Member, Status, Wanted};
pub use self::{
    population::Population,
    report::{DeviceReport, EnrolmentReport, FleetReport, Phase, Progress},
};
use crate::{
    Device, Faults, Model, Random, Session,
    content::PayloadPool,
    difference::difference,
    http::ServerAddress,
    session::{Edit, Pace, Standing},
};

/// Interval of progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
/// Most differences of a device that a report describes.
const MAX_DESCRIBED_DIFFERENCES: usize = 20;

/// A fleet and its task.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Address of the server's device listener.
    pub server: ServerAddress,
    /// Number of devices.
    pub devices: usize,
    /// The models and their quirks, used in rotation.
    pub models: Vec<Model>,
    /// Whether each device has further quirks, drawn from the seed.
    pub random_quirks: bool,
    /// Prefix of serial numbers; at least four digits follow.
    pub serial_prefix: String,
    /// The people to enrol.
    pub population: Population,
    /// Number of devices, from the first, at which the people are enrolled in rotation.
    pub enrolling_devices: usize,
    /// Speed of the devices.
    pub pace: Pace,
    /// Time over which the devices are switched on one after the other.
    pub start_spread: Duration,
    /// Time after which the run ends.
    pub deadline: Duration,
    /// Whether each device keeps one connection open.
    pub keep_alive: bool,
    /// The faults of each device.
    pub faults: Faults,
    /// Whether other people may be on the server.
    pub others: Others,
    /// Whether to enrol one more person when all devices are equal, and to time the distribution.
    pub enrolment: bool,
    /// The source of all randomness.
    pub seed: u64,
}

/// People on the server whom this fleet did not enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There are none: any other person on a device is a difference.
    Nowhere,
    /// There may be some, who must then be the same on all devices.
    Everywhere,
}

impl Fleet {
    /// Three devices of one model and a hundred people with two fingers each, enrolled at the first device.
    pub fn new(server: ServerAddress) -> Self {
        Self {
            server,
            devices: 3,
            models: vec![Model::speedface()],
            random_quirks: false,
            serial_prefix: "SIM".to_owned(),
            population: Population {
                users: 100,
                fingerprints: 2,
                faces_percent: 0,
                palms_percent: 0,
                user_photos_percent: 0,
            },
            enrolling_devices: 1,
            pace: Pace { interval: None, error_delay: Some(Duration::from_secs(2)), eager: true },
            start_spread: Duration::ZERO,
            deadline: Duration::from_mins(10),
            keep_alive: false,
            faults: Faults::default(),
            others: Others::Nowhere,
            enrolment: false,
            seed: 1,
        }
    }

    /// The serial number of a device; `number` counts from 0.
    pub fn serial_number(&self, number: usize) -> String {
        format!("{}{:04}", self.serial_prefix, number + 1)
    }

    /// Runs the fleet until all devices are equal and the enrolment, if requested, has arrived, or until the
    /// deadline.
    ///
    /// `progress` is called a few times a second. It may end the run with [`ControlFlow::Break`]; the report then
    /// describes the state at that time.
    pub async fn run(self, mut progress: impl FnMut(&Progress) -> ControlFlow<()>) -> FleetReport {
        let started = Instant::now();
        let devices = self.switch_on();
        let wanted = Arc::new(RwLock::new(Arc::new(Wanted::of(&devices, self.others))));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut running = Vec::new();
        for (number, device) in devices.into_iter().enumerate() {
            let (edits, receiver) = mpsc::unbounded_channel();
            let member = Member::new(started, Arc::clone(&wanted));
            running.push(Running {
                serial_number: device.serial().to_owned(),
                edits,
                status: member.status(),
            });
            let session = self.session(device);
            let delay = self.start_spread.mul_f64(fraction(number, self.devices));
            tasks.spawn(member.live(number, session, self.pace, delay, receiver, stopped.clone()));
        }

        let mut phase = Phase::Filling;
        let mut ticks = interval(PROGRESS_INTERVAL);
        while phase != Phase::Done {
            ticks.tick().await;
            let now = Progress::of(&running, phase, started, &wanted);
            if progress(&now).is_break() || started.elapsed() >= self.deadline {
                break;
            }
            if now.equal == running.len() && (self.others == Others::Nowhere || are_settled(&running)) {
                phase = match phase {
                    Phase::Filling if self.enrolment => self.enrol_last_person(&running, &wanted),
                    _ => Phase::Done,
                };
            }
        }

        stop.send_replace(true);
        let mut sessions: Vec<(usize, Session)> = Vec::with_capacity(running.len());
        while let Some(ended) = tasks.join_next().await {
            // A device that panicked is a bug of the simulator, not a difference.
            sessions.push(ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
        }
        sessions.sort_by_key(|(number, _)| *number);
        let wanted = Arc::clone(&wanted.read().unwrap_or_else(PoisonError::into_inner));
        let report = self.report(&running, &sessions, &wanted);
        // The run has ended, so a request to stop has no effect.
        let _ = progress(&Progress::of_report(&report, started));
        report
    }

    /// The devices with their people, before they connect to the server.
    fn switch_on(&self) -> Vec<Device> {
        let pool = Arc::new(PayloadPool::default());
        let fallback = [Model::speedface()];
        let models = if self.models.is_empty() { &fallback[..] } else { &self.models };
        let model = |number: usize| models.iter().cycle().nth(number % models.len()).cloned();
        let mut devices: Vec<Device> = (0..self.devices)
            .filter_map(|number| Some((number, model(number)?)))
            .map(|(number, model)| {
                let serial_number = self.serial_number(number);
                let mut quirks = model.quirks.clone();
                if self.random_quirks {
                    quirks = quirks.with_random_changes(&mut Random::named(self.seed, &serial_number));
                }
                Device::new(model, &serial_number)
                    .with_quirks(quirks)
                    .with_seed(self.seed)
                    .with_faults(self.faults.clone())
                    .with_pool(Arc::clone(&pool))
            })
            .collect();
        let enrolling = self.enrolling_devices.clamp(1, devices.len().max(1));
        for number in 0..self.population.users {
            if let Some(device) = devices.get_mut(number % enrolling) {
                self.population.enrol(number, self.seed, device);
            }
        }
        devices
    }

    fn session(&self, device: Device) -> Session {
        let session = Session::new(device, self.server.clone()).remembering(0);
        if self.keep_alive { session.with_keep_alive() } else { session }
    }

    /// Enrols one more person at the first device. From then on the other devices should hold the person too.
    fn enrol_last_person(&self, running: &[Running], wanted: &Arc<RwLock<Arc<Wanted>>>) -> Phase {
        let Some(first) = running.first() else { return Phase::Done };
        let (population, seed, wanted) = (self.population, self.seed, Arc::clone(wanted));
        let edit: Edit = Box::new(move |device| {
            population.enrol(population.users, seed, device);
            let pin = Population::pin(population.users);
            let mut wanted = wanted.write().unwrap_or_else(PoisonError::into_inner);
            *wanted = Arc::new(wanted.with_one_more(&pin, device, Instant::now()));
        });
        // The receiver lives as long as the device.
        let _ = first.edits.send(edit);
        Phase::Enrolment
    }

    fn report(&self, running: &[Running], sessions: &[(usize, Session)], wanted: &Wanted) -> FleetReport {
        let statuses: Vec<Status> = running.iter().map(Running::read).collect();
        let mut report = FleetReport {
            all_equal: false,
            users: wanted.content.people.len(),
            templates: wanted.content.templates(),
            others: 0,
            equal_after_ms: None,
            uploaded_after_ms: None,
            uploaded_records_per_second: None,
            total: crate::Tally::default(),
            enrolment: None,
            devices: Vec::with_capacity(sessions.len()),
        };
        let others = sessions.first().map(|(_, first)| wanted.others_of(first.holding()));
        if let Some(others) = &others {
            report.others = others.content.people.len();
        }
        for ((_, session), status) in sessions.iter().zip(&statuses) {
            let mut differences = wanted.differences(&session.holding());
            if let Some(others) = others.as_ref().filter(|_| self.others == Others::Everywhere) {
                differences.extend(difference(others, &wanted.others_of(session.holding())));
            }
            report.total.add(session.tally());
            report.devices.push(DeviceReport {
                serial_number: session.serial().to_owned(),
                model: session.model().name,
                equal: differences.is_empty(),
                equal_after_ms: status.equal_at(0).map(|at| millis(at.duration_since(wanted.started))),
                users: session.users(),
                templates: session.content().templates(),
                differences: differences.len(),
                first_differences: differences
                    .iter()
                    .take(MAX_DESCRIBED_DIFFERENCES)
                    .map(ToString::to_string)
                    .collect(),
                tally: session.tally().clone(),
            });
        }
        report.all_equal = report.devices.iter().all(|device| device.equal);
        let times: Option<Vec<u64>> = report.devices.iter().map(|device| device.equal_after_ms).collect();
        report.equal_after_ms = times.and_then(|times| times.into_iter().max());
        let enrolling = statuses.iter().take(self.enrolling_devices.max(1));
        let uploads: Option<Vec<_>> = enrolling.map(|status| status.uploaded).collect();
        if let Some(uploads) = uploads.filter(|uploads| !uploads.is_empty()) {
            let last =
                uploads.iter().map(|(at, _)| millis(at.duration_since(wanted.started))).max().unwrap_or(0);
            let records: u64 = uploads.iter().map(|(_, records)| records).sum();
            report.uploaded_after_ms = Some(last);
            report.uploaded_records_per_second = Some(records * 1000 / last.max(1));
        }
        report.enrolment = wanted.one_more.as_ref().map(|one_more| {
            let mut arrived = BTreeMap::new();
            let mut missing = Vec::new();
            for (member, status) in running.iter().zip(&statuses).skip(1) {
                match status.equal_at(1) {
                    Some(at) => drop(
                        arrived.insert(member.serial_number.clone(), millis(at.duration_since(one_more.at))),
                    ),
                    None => missing.push(member.serial_number.clone()),
                }
            }
            EnrolmentReport::new(one_more.pin.clone(), one_more.device.clone(), arrived, missing)
        });
        report
    }
}

/// Whether no device has work left and all hold the same number of users.
fn are_settled(running: &[Running]) -> bool {
    let statuses: Vec<Status> = running.iter().map(Running::read).collect();
    let as_many = |status: &Status| statuses.first().is_some_and(|first| first.users == status.users);
    statuses.iter().all(|status| status.quiet && as_many(status))
}

/// A running device, as the fleet sees it.
struct Running {
    serial_number: String,
    edits: mpsc::UnboundedSender<Edit>,
    status: Arc<std::sync::Mutex<Status>>,
}

impl Running {
    fn read(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress {
    fn of(running: &[Running], phase: Phase, started: Instant, wanted: &RwLock<Arc<Wanted>>) -> Self {
        let wanted = Arc::clone(&wanted.read().unwrap_or_else(PoisonError::into_inner));
        let mut progress = Self::empty(phase, started, running.len());
        for status in running.iter().map(Running::read) {
            progress.connected += usize::from(status.standing == Standing::Connected);
            progress.waiting += usize::from(status.standing == Standing::Waiting);
            // Until the last enrolment is done, the fleet compares with the content before it.
            let version = usize::from(phase == Phase::Enrolment);
            progress.equal += usize::from(status.equal_at(version).is_some());
            progress.held += status.held;
            progress.wanted += status.wanted.max(wanted.content.people.len() as u64);
            progress.tally.add(&status.tally);
        }
        progress
    }

    fn of_report(report: &FleetReport, started: Instant) -> Self {
        let equal = report.devices.iter().filter(|device| device.equal).count();
        let mut progress = Self::empty(Phase::Done, started, report.devices.len());
        progress.connected = report.devices.iter().filter(|device| device.tally.handshakes > 0).count();
        progress.equal = equal;
        progress.held = report.devices.iter().map(|device| (device.users + device.templates) as u64).sum();
        progress.wanted =
            progress.held + report.devices.iter().map(|device| device.differences as u64).sum::<u64>();
        progress.tally.add(&report.total);
        progress
    }

    fn empty(phase: Phase, started: Instant, devices: usize) -> Self {
        Self {
            elapsed_ms: millis(started.elapsed()),
            phase,
            devices,
            connected: 0,
            waiting: 0,
            equal: 0,
            held: 0,
            wanted: 0,
            tally: crate::Tally::default(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The position of a device in the fleet, from 0 to below 1.
fn fraction(number: usize, of: usize) -> f64 {
    let part = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    part(number) / part(of.max(1))
}
