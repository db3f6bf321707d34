//! Log lines, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFilter, LogFormat};

/// Writes log lines from now on.
pub fn start(filter: &LogFilter, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(filter.filter());
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(lines.with_ansi(colours)).init();
        }
    }
}
