//! `muster simulate`

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use simulator::fleet::{Others, Phase};
use simulator::session::Pace;
use simulator::{Fleet, FleetReport, Population, Progress};

use crate::args::Simulate;
use crate::failure::AlreadyReported;
use crate::render::output::Output;
use crate::render::table::Table;

/// How long a simulated device waits after a refusal or a failed connection.
const ERROR_DELAY: Duration = Duration::from_secs(2);

/// Maximum number of devices for which the text lists each approval command.
const SPELLED_OUT: usize = 5;

/// Runs a fleet and compares its devices.
///
/// # Errors
/// [`AlreadyReported`] where they are not equal.
pub async fn run(arguments: Simulate, out: Output) -> anyhow::Result<()> {
    let fleet = fleet(&arguments);
    let serial_numbers: Vec<String> = (0..fleet.devices).map(|number| fleet.serial_number(number)).collect();
    let broken_off = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&broken_off);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            heard.store(true, Ordering::Relaxed);
        }
    });
    let mut display = Display::new(out, serial_numbers);
    let report = fleet
        .run(|progress| {
            display.show(progress);
            if broken_off.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .await;
    display.bar.finish_and_clear();
    out.print(&report, |report| words(report, broken_off.load(Ordering::Relaxed)))?;
    if is_proof(&report) { Ok(()) } else { Err(AlreadyReported.into()) }
}

fn fleet(arguments: &Simulate) -> Fleet {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Fleet {
        devices: count(arguments.devices),
        models: arguments.models(),
        random_quirks: arguments.has_drawn_quirks(),
        serial_prefix: arguments.prefix.clone(),
        population: Population {
            users: count(arguments.users),
            fingerprints: arguments.templates,
            faces_percent: arguments.faces,
            palms_percent: arguments.palms,
            user_photos_percent: arguments.photos,
        },
        enrolling_devices: count(arguments.uploaders.min(arguments.devices)),
        pace: Pace {
            interval: arguments.time_between_polls(),
            error_delay: Some(ERROR_DELAY),
            eager: arguments.pace.is_some(),
        },
        deadline: Duration::from_secs(arguments.deadline),
        faults: arguments.faults.0.clone(),
        others: Others::Everywhere,
        enrolment: arguments.enrol,
        seed: arguments.seed,
        ..Fleet::new(arguments.url.clone())
    }
}

/// Devices that were never let in, or never reached the server. Their content proves nothing.
fn never_in(report: &FleetReport) -> Vec<&str> {
    let never = report.devices.iter().filter(|device| device.tally.handshakes == 0);
    never.map(|device| device.serial_number.as_str()).collect()
}

/// Whether all devices were let in and are equal, and all hold the last enrolment.
fn is_proof(report: &FleetReport) -> bool {
    report.all_equal
        && never_in(report).is_empty()
        && report.enrolment.as_ref().is_none_or(|enrolment| enrolment.missing_on.is_empty())
}

/// The progress on standard error while the fleet runs.
struct Display {
    bar: ProgressBar,
    serial_numbers: Vec<String>,
    told_waiting: bool,
    told_unreachable: bool,
}

impl Display {
    fn new(out: Output, serial_numbers: Vec<String>) -> Self {
        let wanted = std::io::stderr().is_terminal() && !out.is_json();
        let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a constant that is right.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} held  {msg}") {
            bar.set_style(style);
        }
        Self { bar, serial_numbers, told_waiting: false, told_unreachable: false }
    }

    fn show(&mut self, progress: &Progress) {
        if progress.waiting > 0 && !self.told_waiting {
            self.told_waiting = true;
            self.say(&self.approval(progress.waiting));
        }
        let unreachable = progress.connected == 0 && progress.waiting == 0 && progress.tally.failures() > 0;
        if unreachable && !self.told_unreachable {
            self.told_unreachable = true;
            let error = progress.tally.errors.keys().next().cloned().unwrap_or_default();
            self.say(&format!("no device is connected: {error}\nis the server running?"));
        }
        self.bar.set_length(progress.wanted);
        self.bar.set_position(progress.held);
        let Progress { equal, devices, connected, waiting, .. } = progress;
        let mut message = format!("{equal} of {devices} devices equal");
        if connected < devices {
            let _ = write!(message, ", {connected} connected");
        }
        if *waiting > 0 {
            let _ = write!(message, ", {waiting} wait for approval");
        }
        if progress.phase == Phase::Enrolment {
            message.push_str(", one more person is enrolled");
        }
        self.bar.set_message(message);
    }

    /// The commands that let in the waiting devices.
    fn approval(&self, waiting: usize) -> String {
        let count =
            if waiting == 1 { "1 device waits".to_owned() } else { format!("{waiting} devices wait") };
        let mut text = format!("{count} for approval:");
        if self.serial_numbers.len() <= SPELLED_OUT {
            for serial_number in &self.serial_numbers {
                let _ = write!(text, "\n  muster device approve {serial_number} --adopt");
            }
        } else if let (Some(first), Some(last)) = (self.serial_numbers.first(), self.serial_numbers.last()) {
            let _ = write!(
                text,
                "\n  muster device approve {first} --adopt      and so on up to {last}; or start the server with \
                 --admission open"
            );
        }
        text
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }
}

fn words(report: &FleetReport, broken_off: bool) -> String {
    let mut table =
        Table::new(["device", "model", "users", "templates", "polls", "commands", "failures", "complete"])
            .right([2, 3, 4, 5, 6]);
    for device in &report.devices {
        let after = match (device.equal, device.equal_after_ms) {
            (true, Some(ms)) => format!("after {}", seconds(ms)),
            (true, None) => "yes".to_owned(),
            (false, _) => format!("no: {} differences", device.differences),
        };
        table.row([
            device.serial_number.clone(),
            device.model.to_owned(),
            device.users.to_string(),
            device.templates.to_string(),
            device.tally.polls.to_string(),
            device.tally.commands.to_string(),
            device.tally.failures().to_string(),
            after,
        ]);
    }
    let mut text = table.to_string();
    text.push('\n');
    if let Some(enrolment) = &report.enrolment {
        let _ = write!(text, "{} was enrolled at {}", enrolment.pin, enrolment.enrolled_at);
        for (serial_number, ms) in &enrolment.arrived_after_ms {
            let _ = write!(text, "\n  {serial_number} has the person after {}", seconds(*ms));
        }
        for serial_number in &enrolment.missing_on {
            let _ = write!(text, "\n  {serial_number} does not have the person");
        }
        text.push('\n');
    }
    let (devices, users, templates) = (report.devices.len(), report.users, report.templates);
    if is_proof(report) {
        let after = report.equal_after_ms.map(|ms| format!(" after {}", seconds(ms))).unwrap_or_default();
        let _ = write!(
            text,
            "all {devices} devices hold the same people{after}: {users} users, {templates} templates"
        );
        if report.others > 0 {
            let _ = write!(text, ", and {} users who were not enrolled here", report.others);
        }
        return text;
    }
    let why = if broken_off { "stopped" } else { "time is up" };
    let unequal: Vec<_> = report.devices.iter().filter(|device| !device.equal).collect();
    let _ = write!(text, "{why}: {} of {devices} devices differ from the enrolled people", unequal.len());
    for device in unequal {
        let _ = write!(text, "\n  {}:", device.serial_number);
        for difference in &device.first_differences {
            let _ = write!(text, "\n    {difference}");
        }
        let more = device.differences.saturating_sub(device.first_differences.len());
        if more > 0 {
            let _ = write!(text, "\n    and {more} more");
        }
        if device.tally.handshakes == 0 {
            let refused = device.tally.refused_handshakes > 0;
            let why = if refused { "never approved" } else { "never reached the server" };
            let _ = write!(text, "\n    ({why})");
        }
    }
    text
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
