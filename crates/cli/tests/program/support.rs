//! Running the program in a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the program runs, with a server in it or without.
pub struct Place {
    folder: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program with these arguments, apart by blanks, and without the settings of whoever runs the tests.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &str) -> Ran {
        Ran::of(&self.command(arguments).output().expect("the program runs"))
    }

    /// Runs the program with arguments that may be empty or hold blanks.
    pub fn run_with_arguments(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command("").args(arguments).output().expect("the program runs"))
    }

    /// Runs the program with this on its standard input.
    pub fn run_with_input(&self, arguments: &str, input: &str) -> Ran {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        Ran::of(&child.wait_with_output().expect("it ends"))
    }

    /// Runs the program, which succeeds, and reads its JSON.
    pub fn json(&self, arguments: &str) -> Value {
        let ran = self.run(&format!("{arguments} --json"));
        assert_eq!(ran.code, Some(0), "{arguments}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{arguments}: {error}: {}", ran.out))
    }

    /// Starts a server with these further arguments and waits until it listens.
    pub fn serve(&self, arguments: &str) -> Server {
        self.start(&format!("serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 {arguments}"))
    }

    /// Runs the program, which starts a server, and waits until it listens.
    pub fn start(&self, arguments: &str) -> Server {
        Self::started(&mut self.command(arguments))
    }

    /// As [`Place::command`], but the program may have only so many files open: as it starts, and at most.
    #[cfg(target_os = "linux")]
    pub fn limited_to_files(&self, soft: u32, hard: u32, arguments: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
        command
            .args(["-c", &limits, env!("CARGO_BIN_EXE_muster")])
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program, which starts a server, and waits until it listens.
    pub fn started(command: &mut Command) -> Server {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it prints text");
        let Some(listen) = line.trim().strip_prefix("listening for devices on ") else {
            let ran = Ran::of(&child.wait_with_output().expect("it ends"));
            panic!("the server did not start: {line}{ran:?}");
        };
        Server { listen: listen.to_owned(), child, _out: out }
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The output of a run that succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The message of a run that failed with this code.
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// A server that runs. It is killed when it is dropped.
pub struct Server {
    /// Where devices connect.
    pub listen: String,
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Server {
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it with SIGTERM; its exit code, and what it logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("there is kill");
        assert!(sent.success());
        let log = read_all(self.child.stderr.take().expect("piped"));
        (self.child.wait().expect("it ends").code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_all(mut from: ChildStderr) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut from, &mut text).expect("text");
    text
}
