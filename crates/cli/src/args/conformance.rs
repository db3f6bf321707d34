//! `muster conformance`

use clap::Args;
use simulator::http::ServerAddress;
use wire::SerialNumber;

/// Devices that are played at a server of the protocol, to try it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster conformance http://127.0.0.1:8081 --approve-command 'muster device approve {sn}'
  muster conformance http://push.example.net:8080 --serial A1,A2,A3,A4
  muster conformance http://127.0.0.1:8081 --all --json > report.json")]
pub struct Conformance {
    /// Where the server listens for devices
    #[arg(value_name = "URL")]
    pub url: ServerAddress,
    /// Run this in a shell for each device that has to be let in; {sn} stands for its serial number
    #[arg(long, value_name = "COMMAND")]
    pub approve_command: Option<String>,
    /// Serial numbers of four devices that the server knows already [default: made up]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub serial: Vec<SerialNumber>,
    /// Show also what is met, and why the rest does not show
    #[arg(long)]
    pub all: bool,
    /// Where all randomness comes from: the same seed, the same devices and people [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}
