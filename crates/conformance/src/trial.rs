//! The trial: its devices, and the order of its attempts.

use std::time::Duration;

use simulator::Random;
use simulator::http::ServerAddress;
use tokio::time::Instant;

use crate::admission::{Admission, AdmissionError};
use crate::checks;
use crate::ledger::Ledger;
use crate::obligation::obligations;
use crate::player::Player;
use crate::report::Report;
use crate::unobservable::UNOBSERVABLE;

/// Time limit of a whole trial.
const MAX_TIME: Duration = Duration::from_secs(55);

/// The settings of a trial.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the server's device listener.
    pub server: ServerAddress,
    /// How devices are admitted.
    pub admission: Admission,
    /// Serial numbers of the four admitted devices; missing ones are invented.
    pub serial_numbers: Vec<String>,
    /// The source of all randomness: serial numbers, people, templates.
    pub seed: u64,
    /// The current time, for comparison with the server's `Date`.
    pub now: jiff::Timestamp,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A device was not admitted.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The server does not answer.
    #[error("{server} does not answer: {fault}")]
    Silent {
        /// `host:port`.
        server: String,
        /// The error.
        fault: crate::Fault,
    },
    /// The server refuses a device, so that nothing can be tried.
    #[error(
        "{serial_number} was not admitted ({answer}): approve it, or pass a command with --approve-command"
    )]
    NotAdmitted {
        /// The device.
        serial_number: String,
        /// The server's answer.
        answer: String,
    },
    /// The list of obligations cannot be read.
    #[error("the list of obligations cannot be read: {0}")]
    List(#[from] toml::de::Error),
}

/// The devices of a trial.
pub(crate) struct Trial {
    pub settings: Settings,
    /// The device at which people are enrolled: visible light, fingerprints 10, palms 12, in English.
    pub a: Player,
    /// The device at which they arrive: the same model.
    pub b: Player,
    /// Another model, without palms, with another fingerprint algorithm, in Chinese.
    pub c: Player,
    /// A device that joins with its own people.
    pub joining: Player,
    /// A device that nobody admitted.
    pub stranger: Player,
    pub ledger: Ledger,
    pub random: Random,
    began: Instant,
    next_pin: u64,
}

impl Trial {
    fn new(settings: Settings, end: Instant) -> Self {
        let mut random = Random::new(settings.seed);
        let run = random.below(1_000_000);
        let player = |number: usize| {
            let given = settings.serial_numbers.get(number).cloned();
            let serial = given.unwrap_or_else(|| format!("TRY{run:06}{number}"));
            Player::new(serial, settings.server.clone(), end)
        };
        let [a, b, c, joining] = [0, 1, 2, 3].map(player);
        let stranger = Player::new(format!("TRY{run:06}9"), settings.server.clone(), end);
        let next_pin = 700_000_000 + random.below(90_000) * 1_000;
        Self {
            settings,
            a,
            b,
            c,
            joining,
            stranger,
            ledger: Ledger::until(end),
            random,
            began: end - MAX_TIME,
            next_pin,
        }
    }

    /// An unused PIN.
    pub(crate) fn pin(&mut self) -> String {
        self.next_pin += 1;
        self.next_pin.to_string()
    }

    /// The current time in the form of devices.
    pub(crate) fn local_time(&self) -> String {
        let now = self.settings.now.saturating_add(self.began.elapsed());
        now.unwrap_or(self.settings.now).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// All devices poll and acknowledge until none has commands left.
    pub(crate) async fn settle(&mut self) {
        for player in [&mut self.a, &mut self.b, &mut self.c] {
            player.obey().await;
        }
    }
}

/// Tries a server, in less than a minute.
///
/// The enrolled people stay on the server, and so do the server's records of the devices.
///
/// # Errors
/// Nothing can be tried: the server does not answer, or does not admit the devices.
pub async fn run(settings: Settings) -> Result<Report, RunError> {
    let list = obligations()?;
    let began = Instant::now();
    let mut trial = Trial::new(settings, began + MAX_TIME);
    for (number, why) in UNOBSERVABLE {
        trial.ledger.unobservable(&[*number], why);
    }
    checks::identity::strangers(&mut trial).await?;
    checks::identity::arrive(&mut trial).await?;
    checks::initialization::check(&mut trial).await;
    checks::options::check(&mut trial).await;
    checks::transport::check(&mut trial).await;
    checks::other_requests::check(&mut trial).await;
    checks::uploads::check(&mut trial).await;
    checks::logs::check(&mut trial).await;
    checks::people::check(&mut trial).await;
    checks::identity::first_import(&mut trial).await;
    checks::templates::check(&mut trial).await;
    checks::polls::check(&mut trial).await;
    checks::losses::deletion(&mut trial).await;
    checks::replies::check(&mut trial).await;
    checks::losses::check(&mut trial).await;
    trial.ledger.look_back();
    checks::everything::check(&mut trial);
    let serial_numbers = [&trial.a, &trial.b, &trial.c, &trial.joining, &trial.stranger];
    let serial_numbers = serial_numbers.map(|player| player.serial.clone()).to_vec();
    Ok(Report::new(&list, &trial.ledger, serial_numbers, began.elapsed()))
}
