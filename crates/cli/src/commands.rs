//! The commands: one file for each group.

mod area;
mod attendance;
mod command;
mod config;
mod confirm;
mod conformance;
mod definition;
mod device;
mod device_set;
mod held;
mod import;
mod init;
mod migrate;
mod record;
mod serve;
mod simulate;
mod sync;
mod user;
mod user_edit;
mod user_suspend;
mod watch;

use fleet::{Actor, Fleet};

use crate::args::{Cli, Command, Global, Serve};
use crate::config::{LogFilter, Settings, Sources};
use crate::render::output::Output;
use crate::render::when::When;
use crate::{database, logging, system};

/// The context of every command that uses the database.
#[derive(Debug)]
pub struct Context {
    /// The settings of the program.
    pub settings: Settings,
    /// The fleet.
    pub fleet: Fleet,
    /// The operator who gives the command.
    pub actor: Actor,
    /// The output for results.
    pub out: Output,
    /// The present time.
    pub when: When,
}

/// Runs the command of the command line.
///
/// # Errors
/// Every failure, in words for the operator.
pub async fn run(mut cli: Cli) -> anyhow::Result<()> {
    let out = Output::new(cli.global.json);
    if let Command::Init(init) = cli.command {
        init::run(&cli.global, &init, given(&cli.global, Some(&init.serve)), out)?;
        if init.no_start {
            return Ok(());
        }
        cli.command = Command::Serve(init.serve);
    }
    let settings = settings(&cli.global, serve_options(&cli.command))?;
    let is_server = matches!(cli.command, Command::Serve(_));
    // Commands log only warnings and errors beside their results, unless the operator sets `log`.
    let filter =
        if is_server || settings.is_set("log") { settings.log.clone() } else { LogFilter::warnings() };
    logging::start(&filter, settings.log_format);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    match cli.command {
        Command::Serve(_) => return serve::run(settings, out).await,
        Command::Simulate(simulate) => return simulate::run(simulate, out).await,
        Command::Conformance(conformance) => return conformance::run(conformance, out).await,
        Command::Config(_) => return config::run(&settings, out),
        Command::Migrate => return migrate::run(&settings, out).await,
        _ => {}
    }
    let fleet = database::open_beside(&settings).await?;
    let context = Context { settings, fleet, actor: system::operator(), out, when: When::here() };
    let outcome = match cli.command {
        Command::Device(command) => device::run(&context, command).await,
        Command::Queue(command) => command::run(&context, command).await,
        Command::User(command) => user::run(&context, command).await,
        Command::Area(command) => area::run(&context, command).await,
        Command::Timezone(command) => definition::run(&context, command).await,
        Command::Holiday(command) => definition::run(&context, command).await,
        Command::Group(command) => definition::run(&context, command).await,
        Command::UnlockCombination(command) => definition::run(&context, command).await,
        Command::Message(command) => definition::message(&context, command).await,
        Command::Workcode(command) => definition::run(&context, command).await,
        Command::Sync(command) => sync::run(&context, command).await,
        Command::Held(command) => held::run(&context, command).await,
        Command::Attendance(command) => attendance::run(&context, command).await,
        Command::Record(command) => record::run(&context, command).await,
        Command::Import(command) => import::run(&context, command).await,
        Command::Watch => watch::run(&context).await,
        Command::Init(_)
        | Command::Serve(_)
        | Command::Simulate(_)
        | Command::Conformance(_)
        | Command::Config(_)
        | Command::Migrate => Ok(()),
    };
    context.fleet.close().await;
    outcome
}

fn serve_options(command: &Command) -> Option<&Serve> {
    match command {
        Command::Serve(serve) | Command::Config(serve) => Some(serve),
        _ => None,
    }
}

fn settings(global: &Global, serve: Option<&Serve>) -> anyhow::Result<Settings> {
    Settings::read(&Sources::here(given(global, serve), global.config.as_deref())?)
}

/// The settings of the command line.
fn given(global: &Global, serve: Option<&Serve>) -> Vec<(&'static str, String)> {
    let serve = serve.cloned().unwrap_or_default();
    let options = [
        ("data_dir", &global.data_dir),
        ("database", &global.database),
        ("log", &global.log),
        ("log_format", &global.log_format),
        ("listen", &serve.listen),
        ("admin_listen", &serve.admin_listen),
        ("admission", &serve.admission),
    ];
    let given = |(name, text): (&'static str, &Option<String>)| Some((name, text.clone()?));
    options.into_iter().filter_map(given).collect()
}
