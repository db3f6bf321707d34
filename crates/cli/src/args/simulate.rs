//! `muster simulate`

use std::time::Duration;

use clap::Args;
use simulator::http::ServerAddress;
use simulator::quirks::HABITS;
use simulator::{Faults, Model, Quirks};

/// A run of simulated devices against a server.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster serve --admission open     in one console
  muster simulate                   in another console: three devices, 20 people
  muster simulate --devices 2 --users 5 --enrol
  muster simulate --devices 100 --users 1000 --templates 3 --deadline 600
  muster simulate --models speedface,iface950,old --faults some --json
  muster simulate --quirk hex-cards,cut-names=24
  muster simulate --devices 20 --models speedface,senseface,k40 --quirk drawn --seed 7")]
pub struct Simulate {
    /// URL at which the server listens for devices
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    pub url: ServerAddress,
    /// Number of devices
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub devices: u32,
    /// Number of people to enrol
    #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub users: u32,
    /// Number of fingerprints of each person, 0 to 10
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub templates: u8,
    /// Percentage of people with a face, if the device that enrols them supports faces
    #[arg(long, value_name = "PERCENT", default_value = "30", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub faces: u8,
    /// Percentage of people with a palm
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub palms: u8,
    /// Percentage of people with a user photo
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub photos: u8,
    /// Number of devices that enrol people
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub uploaders: u32,
    /// Models that the devices take in turn: speedface, iface950, senseface, k40, old
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "speedface", value_parser = model)]
    pub models: Vec<ModelArg>,
    /// Deviations from the protocol, in addition to those of the models
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = quirk, long_help = quirk_help())]
    pub quirk: Vec<QuirkArg>,
    /// Seconds between polls, or `server` for the interval that the server asks for
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: Interval,
    /// `none`: poll again at once, without any interval
    #[arg(long, value_name = "none", value_parser = ["none"], conflicts_with = "interval")]
    pub pace: Option<String>,
    /// Faults: none, some, many, or a list of faults with chances per mille
    ///
    /// `some` gives each fault a chance of 20 per mille, `many` of 150. A list, such as busy=100,restart=10, can contain
    /// busy, lose-replies, lose-acknowledgements, duplicate-acknowledgements, late-acknowledgements, restart and
    /// lose-upload-answers.
    #[arg(long, value_name = "FAULTS", default_value = "none", value_parser = faults)]
    pub faults: FaultsArg,
    /// Random seed: the same seed gives the same people and faults
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub deadline: u64,
    /// When all devices are equal, enrol one more person and show how long each device takes to get the person
    #[arg(long)]
    pub enrol: bool,
    /// Beginning of the serial numbers
    #[arg(long, value_name = "TEXT", default_value = "SIM", value_parser = prefix)]
    pub prefix: String,
}

/// Time between polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// The interval that the server asks for.
    Server,
    /// This interval.
    Every(Duration),
}

/// A model of device.
#[derive(Clone, Debug)]
pub struct ModelArg(pub Model);

/// A deviation from the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuirkArg {
    /// Each device has its own quirks, drawn from the seed.
    Drawn,
    /// Every device has this quirk.
    Named(String),
}

/// The faults of the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultsArg(pub Faults);

impl Simulate {
    /// The models with the quirks of the command line.
    pub fn models(&self) -> Vec<Model> {
        let mut models: Vec<Model> = self.models.iter().map(|model| model.0.clone()).collect();
        for quirks in models.iter_mut().map(|model| &mut model.quirks) {
            for quirk in &self.quirk {
                if let QuirkArg::Named(name) = quirk {
                    // The parser of the argument has refused unknown quirks.
                    let _ = quirks.set(name);
                }
            }
        }
        models
    }

    /// Whether each device also has its own quirks, drawn from the seed.
    pub fn has_drawn_quirks(&self) -> bool {
        self.quirk.contains(&QuirkArg::Drawn)
    }

    /// Time between polls; `None` for the interval that the server asks for.
    pub fn time_between_polls(&self) -> Option<Duration> {
        match (&self.pace, self.interval) {
            (Some(_), _) => Some(Duration::ZERO),
            (None, Interval::Server) => None,
            (None, Interval::Every(time)) => Some(time),
        }
    }
}

fn model(text: &str) -> Result<ModelArg, String> {
    Model::by_name(text).map(ModelArg).ok_or_else(|| {
        let names: Vec<&str> = Model::all().iter().map(|model| model.name).collect();
        format!("want {}", names.join(", "))
    })
}

fn quirk(text: &str) -> Result<QuirkArg, String> {
    if text == "drawn" {
        return Ok(QuirkArg::Drawn);
    }
    Quirks::default().set(text).map_err(|error| error.to_string())?;
    Ok(QuirkArg::Named(text.to_owned()))
}

fn quirk_help() -> String {
    let widest = HABITS.iter().map(|habit| habit.name.len()).max().unwrap_or(0);
    let habits = HABITS.iter().map(|habit| format!("  {:widest$}  {}\n", habit.name, habit.what));
    format!(
        "Deviations from the protocol, in addition to those of the models\n\n\
         drawn: each device has its own quirks, drawn from the seed. cut-names=BYTES: the device cuts names after this \
         many bytes. roster-records=N: a full upload has N records in each body. broken-roster=N: a full upload breaks \
         off after N records. query=WAY: the device answers queries in-turn, marked, first-generation or \
         not-understood. refuse=TABLE:CODE: the device refuses commands for a table. ignore=TABLE: the device \
         acknowledges commands for a table and keeps nothing. BIODATA takes the type: refuse=BIODATA/8:-12. The name \
         of any other quirk switches it on, and no- before the name switches it off:\n\n{}",
        habits.collect::<String>()
    )
}

fn interval(text: &str) -> Result<Interval, String> {
    if text == "server" {
        return Ok(Interval::Server);
    }
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds
        .map(|seconds| Interval::Every(Duration::from_secs_f64(seconds)))
        .ok_or_else(|| "want seconds, 0 to 3600, or server".to_owned())
}

fn faults(text: &str) -> Result<FaultsArg, String> {
    match text {
        "none" => return Ok(FaultsArg(Faults::default())),
        "some" => return Ok(FaultsArg(Faults::all(20))),
        "many" => return Ok(FaultsArg(Faults::all(150))),
        _ => {}
    }
    let mut faults = Faults::default();
    for part in text.split(',') {
        let (name, chance) = part.split_once('=').ok_or("want none, some, many, or NAME=CHANCE,…")?;
        let chance: u16 = chance
            .parse()
            .ok()
            .filter(|chance| *chance <= 1000)
            .ok_or_else(|| format!("the chance of {name} is per mille: 0 to 1000"))?;
        let place = match name {
            "busy" => &mut faults.busy,
            "lose-replies" => &mut faults.lose_replies,
            "lose-acknowledgements" => &mut faults.lose_acknowledgements,
            "duplicate-acknowledgements" => &mut faults.duplicate_acknowledgements,
            "late-acknowledgements" => &mut faults.late_acknowledgements,
            "restart" => &mut faults.restart,
            "lose-upload-answers" => &mut faults.lose_upload_answers,
            _ => return Err(format!("there is no fault {name}")),
        };
        *place = chance;
    }
    Ok(FaultsArg(faults))
}

fn prefix(text: &str) -> Result<String, String> {
    let right = text.len() <= 20 && format!("{text}0001").parse::<wire::SerialNumber>().is_ok();
    if right { Ok(text.to_owned()) } else { Err("want at most 20 letters and digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_a_preset_or_a_list() {
        assert_eq!(faults("some"), Ok(FaultsArg(Faults::all(20))));
        let listed = Faults { busy: 100, restart: 10, ..Faults::default() };
        assert_eq!(faults("busy=100,restart=10"), Ok(FaultsArg(listed)));
        for wrong in ["", "busy", "busy=1001", "laziness=1"] {
            assert!(faults(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_quirk_is_drawn_or_one_that_there_is() {
        assert_eq!(quirk("drawn"), Ok(QuirkArg::Drawn));
        for right in ["hex-cards", "no-literal-answers", "cut-names=24", "refuse=BIODATA/8:-12"] {
            assert_eq!(quirk(right), Ok(QuirkArg::Named(right.to_owned())));
        }
        assert!(
            quirk("laziness")
                .is_err_and(|error| error.contains("want one of") && error.contains("crlf-lines"))
        );
        for habit in HABITS {
            assert!(quirk_help().contains(habit.name));
        }
    }

    #[test]
    fn an_interval_is_seconds_or_the_servers() {
        assert_eq!(interval("0.5"), Ok(Interval::Every(Duration::from_millis(500))));
        assert_eq!(interval("server"), Ok(Interval::Server));
        for wrong in ["-1", "NaN", "inf", "soon"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
