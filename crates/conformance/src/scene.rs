//! One trial: who takes part, and in which order things are tried.

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
use crate::unseen::UNSEEN;

/// How long a whole trial may take.
const MOST_TIME: Duration = Duration::from_secs(55);

/// What a trial needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens for devices.
    pub server: ServerAddress,
    /// How devices are let in.
    pub admission: Admission,
    /// Serial numbers of the devices that are let in, four of them; made up where there are fewer.
    pub serial_numbers: Vec<String>,
    /// Where all randomness comes from: serial numbers, people, templates.
    pub seed: u64,
    /// The present, to compare the server's `Date` with.
    pub now: jiff::Timestamp,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A device could not be let in.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The server does not answer at all.
    #[error("{server} does not answer: {fault}")]
    Silent {
        /// `host:port`.
        server: String,
        /// What happened instead.
        fault: crate::Fault,
    },
    /// A device was not let in, so that nothing can be tried.
    #[error("{serial_number} is not let in ({answer}): approve it, or say how with --approve-command")]
    NotAdmitted {
        /// The device.
        serial_number: String,
        /// What the server said.
        answer: String,
    },
    /// The list of obligations cannot be read.
    #[error("the list of obligations cannot be read: {0}")]
    List(#[from] toml::de::Error),
}

/// Who takes part.
pub(crate) struct Scene {
    pub settings: Settings,
    /// Where people are enrolled: visible light, fingerprints 10, palms 12, in English.
    pub a: Player,
    /// Where they arrive: the same model.
    pub b: Player,
    /// Another model, without palms and with another fingerprint algorithm, in Chinese.
    pub c: Player,
    /// A device that joins with people of its own.
    pub joining: Player,
    /// A device that nobody let in.
    pub stranger: Player,
    pub ledger: Ledger,
    pub random: Random,
    began: Instant,
    next_pin: u64,
}

impl Scene {
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
            began: end - MOST_TIME,
            next_pin,
        }
    }

    /// A PIN that nobody has.
    pub(crate) fn pin(&mut self) -> String {
        self.next_pin += 1;
        self.next_pin.to_string()
    }

    /// The present as devices write it.
    pub(crate) fn local_time(&self) -> String {
        let now = self.settings.now.saturating_add(self.began.elapsed());
        now.unwrap_or(self.settings.now).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Everybody polls and obeys until nothing is left to do.
    pub(crate) async fn calm(&mut self) {
        for player in [&mut self.a, &mut self.b, &mut self.c] {
            player.obey().await;
        }
    }
}

/// Tries a server, in less than a minute.
///
/// The people who are enrolled stay on the server; so do its records of the devices.
///
/// # Errors
/// Where nothing can be tried: the server is not there, or lets the devices not in.
pub async fn run(settings: Settings) -> Result<Report, RunError> {
    let list = obligations()?;
    let began = Instant::now();
    let mut scene = Scene::new(settings, began + MOST_TIME);
    for (number, why) in UNSEEN {
        scene.ledger.unseen(&[*number], why);
    }
    checks::identity::strangers(&mut scene).await?;
    checks::identity::arrive(&mut scene).await?;
    checks::initialization::check(&mut scene).await;
    checks::options::check(&mut scene).await;
    checks::transport::check(&mut scene).await;
    checks::other_requests::check(&mut scene).await;
    checks::uploads::check(&mut scene).await;
    checks::logs::check(&mut scene).await;
    checks::people::check(&mut scene).await;
    checks::identity::first_import(&mut scene).await;
    checks::templates::check(&mut scene).await;
    checks::polls::check(&mut scene).await;
    checks::losses::deletion(&mut scene).await;
    checks::replies::check(&mut scene).await;
    checks::losses::check(&mut scene).await;
    scene.ledger.look_back();
    checks::everything::check(&mut scene);
    let serial_numbers = [&scene.a, &scene.b, &scene.c, &scene.joining, &scene.stranger];
    let serial_numbers = serial_numbers.map(|player| player.serial.clone()).to_vec();
    Ok(Report::new(&list, &scene.ledger, serial_numbers, began.elapsed()))
}
