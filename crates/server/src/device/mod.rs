//! What devices ask for: one file a request of the protocol.

mod access_control;
mod acknowledge;
mod admit;
mod answer;
mod at_length;
mod beside;
mod body;
mod connection;
mod counts;
mod date;
mod decision;
mod drift;
mod edge;
mod file;
mod handshake;
mod ineffective;
mod intake;
mod joining;
mod kept;
mod load;
mod options;
mod order_answer;
mod package;
mod photo_line;
mod poll;
mod questions;
mod read_back;
mod reading;
mod remote;
mod settled;
mod stamps;
mod strange;
mod upload;

use http::{Method, StatusCode};
use wire::{Endpoint, Target};

pub use self::answer::{Answer, DeviceError};
use self::answer::{ok, text};
pub use self::body::BODIES_KIB;
pub use self::counts::Comparisons;
pub use self::edge::{Request, serve};
pub use self::load::Load;
pub use self::read_back::ReadBacks;
pub use self::settled::{LOOK, Settled};
use crate::app::App;
use crate::fleet::files::without_tokens;

/// Answers one request of a device, whatever it is.
pub async fn answer(app: &App, request: &Request) -> Answer {
    let target = Target::read(&request.path, request.query.as_deref());
    let serial_number = claimed_serial(&target);
    match dispatch(app, request, &target).await {
        Ok(answer) => answer,
        Err(error) => {
            let path = printable(&without_tokens(&request.path));
            match &error {
                DeviceError::Store(cause) => {
                    tracing::error!(
                        device.serial_number = %serial_number, path, %cause,
                        "storage failed: the device keeps its data and comes again"
                    );
                }
                DeviceError::NotApproved | DeviceError::NotAdmitted | DeviceError::OtherKey => {
                    tracing::debug!(device.serial_number = %serial_number, path, %error, "refused");
                }
                _ => tracing::warn!(
                    device.serial_number = %serial_number, peer = %request.peer, path, %error, "refused"
                ),
            }
            error.answer()
        }
    }
}

async fn dispatch(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let post = request.method == Method::POST;
    let is_health = target.endpoint == Endpoint::Other && request.path == "/health";
    if !matches!(target.endpoint, Endpoint::GetRequest | Endpoint::Ping)
        && let Some(serial_number) = target.query.serial_text()
    {
        app.settled.end(&serial_number);
    }
    match target.endpoint {
        // A poll by HEAD would take commands away that nobody reads.
        _ if !(post || request.method == Method::GET || is_health) => Err(DeviceError::Method),
        Endpoint::Cdata | Endpoint::Fdata if post => upload::post(app, request, target).await,
        Endpoint::Cdata => {
            if target.query.is("table", "RemoteAtt") {
                return remote::get(app, request, target).await;
            }
            handshake::get(app, request, target).await
        }
        Endpoint::GetRequest => poll::get(app, request, target).await,
        Endpoint::DeviceCommand if post => acknowledge::post(app, request, target).await,
        Endpoint::DeviceCommand | Endpoint::Ping => {
            admit::known(app, request, target).await?;
            Ok(ok("OK"))
        }
        Endpoint::Exchange => {
            tracing::error!(
                device.serial_number = %claimed_serial(target),
                "the device wants the vendor's encryption, whose ciphers are not public: switch it off there, use HTTPS"
            );
            Err(DeviceError::Encrypted)
        }
        Endpoint::Registry | Endpoint::Push | Endpoint::RtData => {
            access_control::register(app, request, target)
        }
        Endpoint::QueryData => access_control::upload(app, request, target).await,
        Endpoint::File if !post => file::get(app, request, target).await,
        Endpoint::Other if !post && file::is_file(&request.path) => file::get(app, request, target).await,
        Endpoint::File | Endpoint::Fdata => Err(DeviceError::NotFound),
        Endpoint::Other if is_health => {
            let health = crate::admin::health(app).await;
            let status = if health.ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Ok(health.answer(status))
        }
        Endpoint::Other if post => upload::unknown(app, request, target).await,
        Endpoint::Other => {
            strange::log(request, "unknown path");
            Ok(text(StatusCode::NOT_FOUND, "ERROR: not found"))
        }
    }
}

/// The serial number that a request claims, whatever it is, for a log.
fn claimed_serial(target: &Target<'_>) -> String {
    printable(&target.query.get("SN").unwrap_or_default())
}

/// What somebody outside made up, fit for a log and a terminal: one line, no control codes, not long.
fn printable(text: &str) -> String {
    const CHARACTERS: usize = 64;
    text.chars().filter(|character| !character.is_control()).take(CHARACTERS).collect()
}
