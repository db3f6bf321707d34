//! A test server in this process, with its own clock. Simulated devices connect to it over real sockets.

#![expect(clippy::missing_panics_doc, reason = "a story that cannot continue panics")]

pub mod between;
pub mod database;
pub mod people;
pub mod program;
pub mod raw;
pub mod records;
pub mod terminal;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use databases::Database;
use fleet::clock::{Clock, Entropy};
use listener::{Admission, Attendance, UploadSchedule};
use roster::Millis;
use server::ServerHandle;
use server::config::Config;
use simulator::{Device, Session, SessionError, difference};
use store::{DeviceRow, Keys, Store, StoreError, Tx};
use wire::Pin;

/// A server, its clock, and its database, which is removed afterwards.
#[derive(Debug)]
pub struct House {
    database: Arc<Database>,
    config: Config,
    now: Arc<AtomicI64>,
    random: Arc<AtomicU64>,
    running: Option<ServerHandle>,
    /// The database as an operator's tool opens it.
    pub store: Store,
}

/// Step between the random numbers of the server. They only need to differ within a story.
const RANDOM_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// 2024-03-12 06:00:00 UTC: earlier than any time in the captured requests.
const START: i64 = 1_710_223_200_000;

impl House {
    /// A server that admits every device.
    pub async fn open() -> Self {
        Self::with(|config| config.devices.admission = Admission::Open).await
    }

    /// A server with the default: devices wait for approval.
    pub async fn approving() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = Arc::new(Database::new());
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config {
            admin_listen: any,
            data_dir: database.folder().to_owned(),
            retention: server::config::Retention::default(),
            devices: Self::devices(any),
        };
        change(&mut config);
        let store = open(&database).await;
        let mut house = Self {
            database,
            config,
            now: Arc::new(AtomicI64::new(START)),
            // The first random number becomes a part of the server's name.
            random: Arc::new(AtomicU64::new(7_u64.wrapping_sub(RANDOM_STEP))),
            running: None,
            store,
        };
        house.start().await;
        house
    }

    /// The device settings of the tests.
    fn devices(listen: SocketAddr) -> listener::Config {
        listener::Config {
            listen,
            fleet: fleet::Rules {
                time_zone: jiff::tz::TimeZone::UTC,
                enrolment: sync::intake::Enrolment::Accept,
                undo: Duration::from_hours(7 * 24),
                system_commands: false,
            },
            admission: Admission::Approve,
            upload: UploadSchedule::default(),
            attendance: Attendance::Discard,
            remote_attendance: false,
            deletion: sync::intake::Deletion::Propagate,
            cleared: sync::intake::Cleared::Hold,
            privilege: None,
            adopt_quiet: Duration::from_secs(30),
            adopt_limit: Duration::from_hours(1),
            read_back_percent: 1,
            // A story says itself when a routine check begins.
            reread_days: 0,
            reread_templates: 3,
            limits: sync::Limits::default(),
            max_body_bytes: 32 << 20,
            max_connections: 20_000,
            max_requests: 256,
            request_wait: listener::REQUEST_WAIT,
            idle: Duration::from_mins(3),
        }
    }

    /// Another server on the same database, with the same clock.
    pub async fn beside(&self) -> Self {
        let mut config = self.config.clone();
        config.devices.listen.set_port(0);
        let mut house = Self {
            database: Arc::clone(&self.database),
            config,
            now: Arc::clone(&self.now),
            random: Arc::clone(&self.random),
            running: None,
            store: open(&self.database).await,
        };
        house.start().await;
        house
    }

    async fn start(&mut self) {
        let (now, random) = (Arc::clone(&self.now), Arc::clone(&self.random));
        let clock = Clock::new(move || Millis(now.load(Ordering::SeqCst)));
        let entropy = Entropy::new(move || random.fetch_add(RANDOM_STEP, Ordering::SeqCst));
        let store = open(&self.database).await;
        let running =
            server::start(self.config.clone(), store, clock, entropy).await.expect("the server starts");
        self.config.devices.listen = running.listen;
        self.running = Some(running);
    }

    /// Stops the server and starts it again on the same database and port.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Stops the server.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await.expect("the server stops");
        }
    }

    /// The address for devices.
    pub fn address(&self) -> SocketAddr {
        self.config.devices.listen
    }

    /// The address for operators.
    pub fn admin_address(&self) -> SocketAddr {
        self.running.as_ref().expect("the server runs").admin_listen
    }

    /// The rules of the fleet.
    pub fn rules(&self) -> &fleet::Rules {
        &self.config.devices.fleet
    }

    /// The server's time.
    pub fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }

    /// Advances the server's clock.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a story's time");
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Connects a device. It executes its first commands and uploads its content.
    pub async fn connect(&self, device: Device) -> Session {
        let session = device.connect(self.address()).await.expect("the device connects");
        session.remembering(50)
    }

    /// Runs devices and server until none has work left. The clock advances, so that waits end.
    pub async fn calm<const N: usize>(&self, mut sessions: [&mut Session; N]) {
        for _ in 0..400 {
            let mut quiet = true;
            for session in &mut sessions {
                quiet &= step(session).await.is_ok_and(|idle| idle) && session.is_quiet();
            }
            self.advance(Duration::from_secs(10));
            if quiet && self.in_sync().await {
                return;
            }
        }
        let status = self.status().await;
        panic!("the fleet does not come to rest: {status:#?}");
    }

    async fn in_sync(&self) -> bool {
        self.status().await.iter().all(|device| {
            device.state != fleet::device::DeviceState::Active
                || (device.joining.is_none()
                    && !device.filling
                    && device.unread + device.open + device.due + device.asked == 0)
        })
    }

    /// The sync status of every device.
    pub async fn status(&self) -> Vec<fleet::view::sync_status::DeviceStatus> {
        let mut tx = self.store.read().await.expect("a transaction");
        fleet::view::sync_status::all(&mut tx, self.now()).await.expect("the status")
    }

    /// A device as the server knows it.
    pub async fn device(&self, serial_number: &str) -> DeviceRow {
        let serial_number = serial_number.parse().expect("a serial number");
        let mut tx = self.store.read().await.expect("a transaction");
        let device = tx.device_by_serial(&serial_number).await.expect("the device table");
        device.expect("the device is known")
    }

    /// Changes the fleet in one transaction, as an operator's tool does.
    pub async fn operate<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>) -> T {
        let mut tx = self.store.write().await.expect("a transaction");
        let done = work(&mut tx).await.expect("the operation");
        tx.commit().await.expect("it is written");
        self.look().await;
        done
    }

    /// Checks for changes by other processes, as the server does by itself within its head interval.
    pub async fn look(&self) {
        if let Some(running) = &self.running {
            running.check_for_changes().await.expect("the clock");
        }
    }

    /// Checks for due dates, as the server does by itself once a minute.
    pub async fn keep_dates(&self) {
        self.running.as_ref().expect("the server runs").keep_dates().await.expect("the dates");
        self.look().await;
    }

    /// Has the server choose the terminals whose people are read next, as it does once a minute. Returns how many.
    pub async fn check_people(&self) -> i64 {
        let begun = self.running.as_ref().expect("the server runs").check_people().await.expect("the check");
        self.look().await;
        begun
    }

    /// Number of polls that the server answered without the database.
    pub fn polls_from_memory(&self) -> u64 {
        self.running.as_ref().expect("the server runs").polls_from_memory()
    }

    /// The newest number of the feed.
    pub async fn head(&self) -> i64 {
        self.store.feed_counters().await.expect("the clock").head.0
    }

    /// Number of commands that were ever sent to devices.
    pub async fn commands(&self) -> usize {
        let mut tx = self.store.read().await.expect("a transaction");
        tx.command_events(Millis(0), 1_000_000).await.expect("the commands").len()
    }

    /// The held records.
    pub async fn held(&self) -> Vec<store::HeldRow> {
        let mut tx = self.store.read().await.expect("a transaction");
        tx.held(&store::HeldFilter::default(), 1_000).await.expect("the held records")
    }
}

/// One round of a device: reports and one poll.
async fn step(session: &mut Session) -> Result<bool, SessionError> {
    Ok(session.step().await?.is_idle())
}

async fn open(database: &Database) -> Store {
    Store::open(database.url(), Keys::from_secret(&[42; 32])).await.expect("the database opens")
}

/// A PIN.
pub fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

/// Runs a story.
pub fn tell(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(story);
}

/// Runs in which some devices are offline.
impl House {
    /// Runs these devices and the server until none of them has work left. Other devices may still lack data.
    pub async fn calm_online<const N: usize>(&self, mut sessions: [&mut Session; N]) {
        for _ in 0..400 {
            let mut quiet = true;
            for session in &mut sessions {
                quiet &= step(session).await.is_ok_and(|idle| idle) && session.is_quiet();
            }
            self.advance(Duration::from_secs(10));
            if quiet && self.are_served(&sessions).await {
                return;
            }
        }
        let status = self.status().await;
        panic!("the devices do not come to rest: {status:#?}");
    }

    async fn are_served(&self, sessions: &[&mut Session]) -> bool {
        let named = |serial_number: &str| sessions.iter().any(|session| session.serial() == serial_number);
        self.status().await.iter().filter(|device| named(&device.serial_number)).all(|device| {
            device.joining.is_none()
                && !device.filling
                && device.unread + device.open + device.due + device.asked == 0
        })
    }

    /// The sync status of one device.
    pub async fn status_of(&self, serial_number: &str) -> fleet::view::sync_status::DeviceStatus {
        let all = self.status().await;
        all.into_iter().find(|device| device.serial_number == serial_number).expect("the device is known")
    }

    /// The commands sent to a device after the first `after`, in order.
    pub async fn commands_to(&self, serial_number: &str, after: usize) -> Vec<store::CommandEvent> {
        let device = self.device(serial_number).await.id;
        let mut tx = self.store.read().await.expect("a transaction");
        let mut all = tx.command_events(Millis(0), 1_000_000).await.expect("the commands");
        all.retain(|command| command.device == device);
        all.sort_by_key(|command| command.number);
        all.split_off(after.min(all.len()))
    }
}

/// Asserts that two devices hold the same data, as far as both can keep it.
///
/// # Panics
/// If they do not; the message contains the differences.
pub fn assert_same(a: &Device, b: &Device) {
    let differences: Vec<String> =
        difference(&a.holding(), &b.holding()).iter().map(ToString::to_string).collect();
    assert_eq!(differences, [""; 0], "{} and {}", a.serial(), b.serial());
}
