//! `muster conformance`

use clap::Args;
use simulator::http::ServerAddress;
use wire::SerialNumber;

/// A test of a server of the protocol, in which Muster acts as several devices.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster conformance http://127.0.0.1:8081 --approve-command 'muster device approve {sn}'
  muster conformance http://push.example.net:8080 --serial A1,A2,A3,A4
  muster conformance http://127.0.0.1:8081 --all --json > report.json")]
pub struct Conformance {
    /// URL at which the server listens for devices
    #[arg(value_name = "URL")]
    pub url: ServerAddress,
    /// Shell command that makes the server let a device in; {sn} stands for the serial number
    #[arg(long, value_name = "COMMAND")]
    pub approve_command: Option<String>,
    /// Serial numbers of four devices that the server knows already [default: made up]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub serial: Vec<SerialNumber>,
    /// Also show the obligations that the server meets, and those that the test cannot observe
    #[arg(long)]
    pub all: bool,
    /// Random seed: the same seed gives the same devices and people [default: different each time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}
