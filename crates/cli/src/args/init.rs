//! `muster init`

use clap::Args;

use super::Serve;

/// Arguments of `muster init`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct Init {
    /// Write variables into .env instead of settings into muster.toml
    #[arg(long)]
    pub env: bool,
    /// Ask nothing, and use the default of each setting that has no option
    #[arg(long)]
    pub defaults: bool,
    /// Replace an existing file; Muster keeps the old one as .bak
    #[arg(long)]
    pub force: bool,
    /// Only write the file; do not start the server
    #[arg(long)]
    pub no_start: bool,
    /// Settings from the command line. Muster does not ask about them.
    #[command(flatten)]
    pub serve: Serve,
}
