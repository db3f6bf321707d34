//! `.env`, and the names that came before ours.

use super::*;

const OLD_SERVER: &str = "\
# the old server
DB_HOST=db.example
DB_PORT=3307
DB_USER=zk
DB_PASSWORD='p@ss/w0rd #1'
DB_NAME=people
PORT=9081
DEBUG=true
";

fn told(text: &str, origin: &str) -> (String, String) {
    (text.to_owned(), origin.to_owned())
}

#[test]
fn the_env_file_of_an_old_server_is_understood() {
    let settings = read(&dotenv(OLD_SERVER));
    assert_eq!(settings.database, "mysql://zk:p%40ss%2Fw0rd%20%231@db.example:3307/people");
    let origin_of_all = "DB_HOST, DB_NAME, DB_PORT, DB_USER, DB_PASSWORD in .env line 2";
    let shown = told("mysql://zk:***@db.example:3307/people", origin_of_all);
    assert_eq!(origin(&settings, "database"), shown);
    assert_eq!(origin(&settings, "listen"), told("0.0.0.0:9081", "PORT in .env line 7"));
    assert_eq!(origin(&settings, "log"), told("debug", "DEBUG in .env line 8"));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn a_host_or_a_name_is_enough_for_a_database_beside_its_user() {
    let database = |text: &str| read(&dotenv(text)).database;
    assert_eq!(database("DB_HOST=db\nDB_USER=zk"), "mysql://zk@db:3306/muster");
    assert_eq!(database("DB_NAME=people\nDB_USER=zk"), "mysql://zk@localhost:3306/people");
    assert_eq!(database("DB_HOST=\nDB_NAME=\nDB_USER=zk"), "sqlite://muster-data/muster.db");
    let warning = "DB_USER in .env line 1 has no effect: set DB_HOST or DB_NAME as well";
    assert_eq!(read(&dotenv("DB_USER=zk")).warnings, [warning]);
    let elsewhere = Sources { environment: variables(&[("DB_USER", "zk")]), ..Sources::default() };
    assert_eq!(read(&elsewhere).warnings, Vec::<String>::new(), "it may be meant for another program");
}

#[test]
fn a_wrong_part_of_a_database_is_told_by_its_own_name_and_place() {
    let message = refused(&dotenv("DB_HOST=db\nDB_PASSWORD=geheim"));
    assert!(
        message.starts_with("DB_HOST, DB_PASSWORD in .env line 1: DB_USER is not set: want "),
        "{message}"
    );
    let message = refused(&dotenv("DB_HOST=db:3307\nDB_USER=zk"));
    assert!(message.starts_with("DB_HOST in .env line 1: \"db:3307\": want the name"), "{message}");
    assert!(message.ends_with("; the port stands in DB_PORT"), "{message}");
    let mut sources = dotenv("DB_HOST=db\nDB_USER=zk");
    sources.environment = variables(&[("DB_PORT", "tcp://10.0.0.1:3306")]);
    let message = refused(&sources);
    assert!(message.starts_with("environment DB_PORT: ") && message.contains("1 to 65535"), "{message}");
    let message = refused(&dotenv("\nPORT=web"));
    assert!(message.starts_with("PORT in .env line 2: listen is \"0.0.0.0:web\": want "), "{message}");
}

#[test]
fn each_source_wins_over_the_next_one() {
    let mut sources = Sources::default();
    let listens = |sources: &Sources| {
        let settings = read(sources);
        (settings.server.devices.listen.port(), origin(&settings, "listen").1)
    };
    sources.file = Some(source("muster.toml", "listen = \"0.0.0.0:1\""));
    assert_eq!(listens(&sources), (1, "muster.toml line 1".to_owned()));
    sources.dotenv = Some(source(".env", "PORT=2"));
    assert_eq!(listens(&sources), (2, "PORT in .env line 1".to_owned()));
    sources.dotenv = Some(source(".env", "MUSTER_LISTEN=0.0.0.0:3\nPORT=2"));
    assert_eq!(listens(&sources), (3, "MUSTER_LISTEN in .env line 1".to_owned()));
    sources.environment = variables(&[("PORT", "4")]);
    assert_eq!(listens(&sources), (4, "environment PORT".to_owned()));
    sources.environment = variables(&[("PORT", "4"), ("MUSTER_LISTEN", "0.0.0.0:5")]);
    assert_eq!(listens(&sources), (5, "environment MUSTER_LISTEN".to_owned()));
    sources.command_line = vec![("listen", "0.0.0.0:6".to_owned())];
    assert_eq!(listens(&sources), (6, "command line --listen".to_owned()));
}

#[test]
fn parts_of_a_database_may_stand_in_both_and_the_environment_wins() {
    let mut sources = dotenv("DB_NAME=people\nDB_USER=zk\nDB_PASSWORD=old");
    sources.environment = variables(&[("DB_PASSWORD", "new")]);
    let settings = read(&sources);
    assert_eq!(settings.database, "mysql://zk:new@localhost:3306/people");
    let origin = origin(&settings, "database").1;
    assert_eq!(origin, "environment DB_PASSWORD; DB_NAME, DB_USER in .env line 1");
    sources.environment = variables(&[("DB_HOST", "db")]);
    sources.dotenv = Some(source(".env", "DB_USER=zk\nMUSTER_DATABASE=sqlite://other.db"));
    assert_eq!(read(&sources).database, "mysql://zk@db:3306/muster", "the environment names one");
    sources.environment.push(("MUSTER_DATABASE".to_owned(), "sqlite://third.db".to_owned()));
    assert_eq!(read(&sources).database, "sqlite://third.db");
}

#[test]
fn parts_that_do_not_fit_together_are_nobodys_business_where_something_stronger_is_set() {
    let mut sources = dotenv("DB_HOST=db\nPORT=web\nMUSTER_DATABASE=sqlite://other.db");
    sources.command_line = vec![("listen", "127.0.0.1:1".to_owned())];
    assert_eq!(read(&sources).database, "sqlite://other.db");
    sources.dotenv = Some(source(".env", "DB_HOST=db"));
    sources.command_line = vec![("database", "sqlite://third.db".to_owned())];
    assert_eq!(read(&sources).database, "sqlite://third.db");
}

#[test]
fn debug_in_the_environment_takes_away_that_of_the_file() {
    let mut sources = dotenv("DEBUG=true");
    sources.environment = variables(&[("DEBUG", "false")]);
    assert_eq!(origin(&read(&sources), "log"), told("info", "default"));
}

#[test]
fn a_bad_line_is_a_wrong_configuration() {
    assert_eq!(refused(&dotenv("A=1\ngeheim")), ".env line 2: want NAME=VALUE, or a comment after #");
}

#[test]
fn a_password_that_others_can_read_is_noticed_and_other_settings_are_not() {
    let exposed = |name: &str, text: &str| {
        let file = Some(SourceFile { is_exposed: true, ..source(name, text) });
        let sources = match name {
            ".env" => Sources { dotenv: file, ..Sources::default() },
            _ => Sources { file, ..Sources::default() },
        };
        read(&sources).warnings
    };
    let warning =
        |file: &str| vec![format!("others can read the database's password in {file}: chmod 600 {file}")];
    assert_eq!(exposed(".env", OLD_SERVER), warning(".env"));
    assert_eq!(exposed(".env", "MUSTER_DATABASE=mysql://m:geheim@db/m"), warning(".env"));
    assert_eq!(exposed(".env", "DB_USER=zk\nDB_NAME=people"), Vec::<String>::new());
    assert_eq!(exposed("muster.toml", "database = \"mysql://m:geheim@db/m\""), warning("muster.toml"));
    assert_eq!(exposed("muster.toml", "database = \"mysql://m@db/m\""), Vec::<String>::new());
}
