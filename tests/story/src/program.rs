//! The built program, `muster serve`, with its own directory and port, for stories in which a server is killed.
//!
//! These stories run in real time, so the settings make the program retry soon.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use databases::{Database, Kind};
use fleet::view::sync_status::{DeviceStatus, all};
use roster::Millis;
use simulator::{Device, Session};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use store::{Keys, Store};
use tempfile::TempDir;

/// Settings as environment variables.
pub type Settings = &'static [(&'static str, &'static str)];

/// The settings of these stories: devices need no approval, and unanswered commands are sent again as soon as
/// possible.
const HURRIED: Settings =
    &[("MUSTER_ADMISSION", "open"), ("MUSTER_ADOPT_QUIET_S", "0"), ("MUSTER_ANSWER_TIMEOUT_S", "5")];

/// Poll interval of idle devices.
const PACE: Duration = Duration::from_millis(50);

/// Time limit for a fleet to become idle.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server process with its data. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    folder: TempDir,
    /// Shared by all servers that use it.
    database: Arc<Database>,
    url: String,
    settings: Settings,
    listen: SocketAddr,
    process: Child,
}

impl Program {
    /// Starts a server that admits every device, on any port and an empty database.
    pub fn start() -> Self {
        Self::with(HURRIED)
    }

    /// Starts a server with these settings, on any port and an empty database.
    pub fn with(settings: Settings) -> Self {
        Self::on(Database::new(), settings)
    }

    /// Starts a server on an SQLite file, whatever database the test run uses.
    pub fn on_a_file() -> Self {
        Self::on(Database::of(Kind::Sqlite), HURRIED)
    }

    /// Starts a server on a MariaDB database, whatever database the test run uses; `url` may change the URL.
    pub fn on_mariadb(url: impl FnOnce(&Database) -> String) -> Self {
        let database = Database::of(Kind::MariaDb);
        let url = url(&database);
        Self::by(database, url, HURRIED)
    }

    fn on(database: Database, settings: Settings) -> Self {
        let url = database.url().to_owned();
        Self::by(database, url, settings)
    }

    fn by(database: Database, url: String, settings: Settings) -> Self {
        let folder = new_folder();
        let (process, listen) = serve(&folder, &url, settings, ANY_PORT);
        Self { folder, database: Arc::new(database), url, settings, listen, process }
    }

    /// Starts another server on the same database with a copy of the key, like a server on another machine.
    #[must_use]
    pub fn beside(&self) -> Self {
        let (folder, database) = (new_folder(), Arc::clone(&self.database));
        let data = folder.path().join("muster-data");
        std::fs::create_dir(&data).expect("a folder for the key");
        std::fs::copy(self.key(), data.join("muster.key")).expect("the key is copied");
        let (process, listen) = serve(&folder, &self.url, self.settings, ANY_PORT);
        Self { folder, database, url: self.url.clone(), settings: self.settings, listen, process }
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("muster-data/muster.key")
    }

    /// The address for devices.
    pub const fn address(&self) -> SocketAddr {
        self.listen
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills the process (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill().expect("the process can be killed");
        self.process.wait().expect("the process ends");
    }

    /// Starts the program again, on the same data and port.
    pub fn start_again(&mut self) {
        (self.process, self.listen) = serve(&self.folder, &self.url, self.settings, self.listen);
    }

    /// Kills the process and starts another one in its place.
    pub fn kill_and_start_again(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Asks the process to end (SIGTERM) without waiting for it.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("there is kill");
        assert!(sent.success(), "the process is there");
    }

    /// Waits for the end of the process and returns its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.wait().expect("the process ends").code()
    }

    /// Runs the program to its end, in the directory of the server.
    pub fn run(&self, arguments: &str) -> Output {
        command(&self.folder, &self.url, self.settings)
            .args(arguments.split_whitespace())
            .output()
            .expect("the program runs")
    }

    /// As [`Program::run`], with arguments that may hold blanks.
    pub fn run_with(&self, arguments: &[&str]) -> Output {
        command(&self.folder, &self.url, self.settings).args(arguments).output().expect("the program runs")
    }

    /// The log of the servers of this directory, which they write to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// Runs SQL on the database, for changes that no operator would make.
    pub async fn sql(&self, statements: &str) {
        sqlx::any::install_default_drivers();
        let mut db = AnyConnection::connect(self.database.url()).await.expect("the database opens");
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut db).await.expect("the statements run");
        db.close().await.expect("it closes");
    }

    /// The database, opened beside the server if one runs. An open database at the time of a crash would hide the
    /// crash from the next server, so stories close it first.
    pub async fn store(&self) -> Store {
        let secret = std::fs::read_to_string(self.key()).expect("the key");
        let keys = Keys::from_secret(&secret_of(secret.trim()).expect("64 hex digits"));
        let direct = self.database.url();
        Store::open_existing(direct, keys).await.expect("the database opens")
    }

    /// Connects a device. It executes its first commands and uploads its content.
    pub async fn connect(&self, device: Device) -> Session {
        device.connect(self.listen).await.expect("the device connects")
    }

    /// Runs devices and server until none of them has work left.
    pub async fn calm<const N: usize>(&self, mut sessions: [&mut Session; N]) {
        let store = self.store().await;
        let rest = async {
            let mut pace = tokio::time::interval(PACE);
            loop {
                let mut quiet = true;
                for session in &mut sessions {
                    let polled = session.step().await.expect("the server answers");
                    quiet &= polled.is_idle() && session.is_quiet();
                }
                if quiet && are_served(&store, &sessions).await {
                    return;
                }
                if quiet {
                    pace.tick().await;
                }
            }
        };
        let calm = tokio::time::timeout(PATIENCE, rest).await.is_ok();
        assert!(calm, "the fleet does not come to rest: {:#?}\n{}", status(&store).await, self.log());
        store.close().await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The built program, in the parent directory of the built tests.
pub fn built() -> PathBuf {
    let here = std::env::current_exe().expect("the path of this program");
    let built = here.parent().and_then(|deps| deps.parent()).expect("the folder of the build").join("muster");
    assert!(
        built.exists(),
        "{} is missing: run scripts/test, which builds the whole workspace (a release: cargo build --release)",
        built.display()
    );
    built
}

const LOG: &str = "log";

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn new_folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the data")
}

/// A command that runs the program in a directory, without settings from the environment of the test run.
fn command(folder: &TempDir, url: &str, settings: Settings) -> Command {
    let mut command = Command::new(built());
    command
        .current_dir(folder.path())
        .env_clear()
        .env("MUSTER_DATABASE", url)
        .envs(settings.iter().copied())
        .env("TZ", "UTC")
        .env("MUSTER_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// Starts a server and waits until it listens.
fn serve(folder: &TempDir, url: &str, settings: Settings, listen: SocketAddr) -> (Child, SocketAddr) {
    let log = File::options().create(true).append(true).open(folder.path().join(LOG)).expect("a log");
    let mut process = command(folder, url, settings)
        .args(["serve", "--listen", &listen.to_string(), "--admin-listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the program runs");
    let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it writes text");
    let address = line.strip_prefix("listening for devices on ").and_then(|text| text.trim().parse().ok());
    let Some(address) = address else {
        let ended = process.wait().expect("the process ends");
        let log = std::fs::read_to_string(folder.path().join(LOG)).unwrap_or_default();
        panic!("the server does not start ({ended}): {line}{log}");
    };
    // The pipe stays open because the program may write more, although only the first line is read.
    process.stdout = Some(output.into_inner());
    (process, address)
}

async fn are_served(store: &Store, sessions: &[&mut Session]) -> bool {
    let named = |serial_number: &str| sessions.iter().any(|session| session.serial() == serial_number);
    status(store).await.iter().filter(|device| named(&device.serial_number)).all(|device| {
        device.joining.is_none()
            && !device.filling
            && device.unread + device.open + device.due + device.asked == 0
    })
}

async fn status(store: &Store) -> Vec<DeviceStatus> {
    let mut tx = store.read().await.expect("a transaction");
    all(&mut tx, Millis(0)).await.expect("the status")
}

fn secret_of(digits: &str) -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    for (number, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * number..2 * number + 2)?, 16).ok()?;
    }
    Some(secret)
}
