//! A device that executes commands immediately, and fleets of such devices.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use simulator::Model;
use sqlx::{AnyConnection, Connection as _, query, query_scalar};

use crate::clock::Duration;
use crate::line::{Connection, Line, Refused, Request};

/// How many times a device repeats a refused request.
const MAX_REFUSALS: usize = 30;

/// A connected device.
#[derive(Debug)]
pub struct Device {
    serial_number: String,
    line: Line,
    poll: Request,
}

impl Device {
    /// A device that the server knows already.
    pub fn known(to: SocketAddr, number: usize) -> Self {
        let serial_number = serial_number(number);
        let line = Line::new(to, Connection::KeptAlive, number);
        let poll = poll(number, Connection::KeptAlive);
        Self { serial_number, line, poll }
    }

    /// A device that introduces itself like the simulated `SpeedFace` (§5, §8), but without counts: the server
    /// would refill a device that reports zero users forever.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn introduced(to: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let mut device = Self::known(to, number);
        let simulated = simulator::Device::new(roomy(), &device.serial_number);
        let handshake = Connection::KeptAlive.get(&format!("/iclock/cdata?{}", simulated.handshake_query()));
        let told = device.line.ask(&handshake).await?;
        ensure!(told.starts_with(b"GET OPTION FROM"), "the device is not let in");
        let target = format!("/iclock/cdata?SN={}&table=options", device.serial_number);
        let options = simulated.options_body();
        let counts = |pair: &&[u8]| {
            pair.split(|byte| *byte == b'=')
                .next()
                .is_some_and(|key| key.ends_with(b"Count") && !key.starts_with(b"~"))
        };
        let pairs: Vec<&[u8]> = options.split(|byte| *byte == b',').filter(|pair| !counts(pair)).collect();
        let options = Connection::KeptAlive.post(&target, &pairs.join(&b","[..]));
        device.line.ask(&options).await?;
        Ok(device)
    }

    /// Uploads lines of `table=OPERLOG`, which the server must accept completely. A request that is refused with
    /// 503 is repeated after a second.
    ///
    /// # Errors
    /// The server does not accept them.
    pub async fn upload(&mut self, body: &[u8]) -> anyhow::Result<()> {
        let lines = body.split(|byte| *byte == b'\n').count() - 1;
        let request = upload(&self.serial_number, body);
        let mut said = self.line.ask(&request).await;
        for _ in 0..MAX_REFUSALS {
            if !said.as_ref().is_err_and(anyhow::Error::is::<Refused>) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            said = self.line.ask(&request).await;
        }
        let said = said?;
        let wanted = format!("OK:{lines}");
        ensure!(said == wanted.as_bytes(), "{wanted} awaited: {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    /// Polls; returns the acknowledgement of all commands, and their number. `None` if there are none.
    ///
    /// # Errors
    /// The network fails.
    pub async fn poll(&mut self) -> anyhow::Result<Option<(Request, usize)>> {
        let said = self.line.ask(&self.poll).await?;
        if said == b"OK" {
            return Ok(None);
        }
        let mut done = String::new();
        let mut commands = 0;
        for line in said.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"C:")) {
            let id = line.split(|byte| *byte == b':').nth(1).context("a command without an id")?;
            writeln!(done, "ID={}&Return=0&CMD=DATA", std::str::from_utf8(id)?)?;
            commands += 1;
        }
        ensure!(commands > 0, "commands awaited: {}", String::from_utf8_lossy(&said));
        let target = format!("/iclock/devicecmd?SN={}", self.serial_number);
        Ok(Some((Connection::KeptAlive.post(&target, done.as_bytes()), commands)))
    }

    /// Sends an acknowledgement.
    ///
    /// # Errors
    /// The network fails.
    pub async fn acknowledge(&mut self, acknowledgement: &Request) -> anyhow::Result<()> {
        self.line.ask(acknowledgement).await.map(drop)
    }

    /// Polls and acknowledges without pauses until no work is left; returns the number of commands.
    ///
    /// # Errors
    /// The network fails.
    pub async fn drain(&mut self) -> anyhow::Result<usize> {
        let mut done = 0;
        while let Some((acknowledgement, commands)) = self.poll().await? {
            self.acknowledge(&acknowledgement).await?;
            done += commands;
        }
        Ok(done)
    }
}

/// Introduces devices with these numbers one after the other, and runs each until it is idle.
///
/// # Errors
/// The first one that fails.
pub async fn fleet(to: SocketAddr, numbers: std::ops::Range<usize>) -> anyhow::Result<Vec<Device>> {
    let mut devices = Vec::new();
    for number in numbers {
        let mut device = Device::introduced(to, number).await?;
        device.drain().await?;
        // The server treats a device as idle after a poll that found nothing.
        device.poll().await?;
        devices.push(device);
    }
    Ok(devices)
}

/// Inserts more devices into the database of a stopped server: copies of the device `like` with the following
/// numbers, up to date with the feed. Introducing thousands of devices would take minutes.
///
/// # Errors
/// The database fails.
pub async fn multiply(url: &str, like: usize, more: usize) -> anyhow::Result<()> {
    sqlx::any::install_default_drivers();
    let mut db = AnyConnection::connect(url).await?;
    let columns = if url.starts_with("sqlite") {
        "SELECT name FROM pragma_table_info('device')"
    } else {
        query("SET SESSION max_recursive_iterations = 10000000").execute(&mut db).await?;
        "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name = 'device'"
    };
    let columns: Vec<String> = query_scalar(columns).fetch_all(&mut db).await?;
    if more == 0 {
        return Ok(());
    }
    let device: i64 = query_scalar("SELECT device_id FROM device WHERE serial_number = ?")
        .bind(serial_number(like))
        .fetch_one(&mut db)
        .await?;
    let last: i64 = query_scalar("SELECT MAX(device_id) FROM device").fetch_one(&mut db).await?;
    let serial = if url.starts_with("sqlite") {
        format!("'{PREFIX}' || substr('0000000' || ({like} + n), -7)")
    } else {
        format!("CONCAT('{PREFIX}', LPAD({like} + n, 7, '0'))")
    };
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            "device_id" => format!("{last} + n"),
            "serial_number" => serial.clone(),
            "cursor_seq" => "(SELECT seq FROM feed_clock WHERE id = 1)".to_owned(),
            column => format!("device.{column}"),
        })
        .collect();
    let numbers = format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {more})"
    );
    let (columns, values) = (columns.join(", "), values.join(", "));
    for sql in [
        format!(
            "INSERT INTO device ({columns}) {numbers} SELECT {values} FROM number, device WHERE device_id = {device}"
        ),
        format!(
            "INSERT INTO device_area (device_id, area_id) {numbers} \
             SELECT {last} + n, area_id FROM number, device_area WHERE device_id = {device}"
        ),
    ] {
        query(sqlx::AssertSqlSafe(sql)).execute(&mut db).await?;
    }
    db.close().await?;
    Ok(())
}

/// The poll of a device.
pub fn poll(number: usize, connection: Connection) -> Request {
    connection.get(&format!("/iclock/getrequest?SN={}", serial_number(number)))
}

/// The upload of a device.
pub fn upload(serial_number: &str, body: &[u8]) -> Request {
    Connection::KeptAlive.post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999"), body)
}

const PREFIX: &str = "BENCH";

/// The serial number of a device with this number.
pub fn serial_number(number: usize) -> String {
    format!("{PREFIX}{number:07}")
}

/// A terminal with a capacity for everybody.
fn roomy() -> Model {
    let mut model = Model::speedface();
    model.user_capacity = 1_000_000;
    for algorithm in &mut model.algorithms {
        algorithm.capacity = 1_000_000;
    }
    model
}
