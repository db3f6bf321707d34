//! `muster init`

use clap::Args;

use super::Serve;

/// Writing the settings down.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct Init {
    /// Write .env with variables, instead of muster.toml
    #[arg(long)]
    pub env: bool,
    /// Ask nothing: what is not given stays as it is by default. So it is, too, where nobody can answer
    #[arg(long)]
    pub defaults: bool,
    /// Write it anew if there is one: the old one is kept as .bak
    #[arg(long)]
    pub force: bool,
    /// Only write it, and start no server
    #[arg(long)]
    pub no_start: bool,
    /// What is given is not asked.
    #[command(flatten)]
    pub serve: Serve,
}
