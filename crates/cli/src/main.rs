//! The `muster` program: the server, the commands beside it, and simulated devices.

mod args;
mod commands;
mod config;
mod database;
mod failure;
mod key_file;
mod logging;
mod open_files;
mod private_file;
mod render;
mod system;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

/// With thousands of devices at once, the system's allocator took a third of the processor and more than twice the
/// memory.
// Tests use the fuzzer, which has its own counting allocator.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    failure::report(run(cli))
}

fn run(cli: args::Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let outcome = runtime.block_on(commands::run(cli));
    // Do not wait for tasks that still run when the command is done, such as a read from the console.
    runtime.shutdown_background();
    outcome
}
