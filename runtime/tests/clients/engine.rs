//! podman and Docker, which have one command line.

use crate::common::terminal::{pair, read_to, with_terminal};
use crate::common::{errors, eventually, text};
use crate::place::Place;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The image's name.
pub const IMAGE: &str = "localhost/isolab-clients";

/// An engine, ready to run containers.
pub struct Engine {
    pub place: Place,
    /// The client, with what it always gets.
    pub client: Vec<String>,
    /// What `run` always gets.
    pub run: Vec<String>,
}

/// A detached container.
pub struct Container<'a> {
    engine: &'a Engine,
    pub id: String,
}

impl Engine {
    /// A command of the client. It has a minute.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg("60").args(&self.client).args(words).stdin(Stdio::null());
        // conmon notes in the current folder that memory was short.
        command.current_dir(self.place.file(""));
        command
    }

    /// Calls the client, whatever comes of it.
    pub fn call(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the client starts")
    }

    /// Calls it; it must succeed.
    pub fn must(&self, words: &[&str]) -> String {
        let output = self.call(words);
        assert!(output.status.success(), "{words:?}: {}", errors(&output));
        text(&output)
    }

    /// `run` with options on the image; with a file for the container's id.
    fn run_command(&self, options: &[&str], words: &[&str]) -> (Command, String) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let file = self.place.path(&format!("id-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let run: Vec<_> = self.run.iter().map(String::as_str).collect();
        let command =
            self.command(&[&["run", "--cidfile", &file], &run[..], options, &[IMAGE], words].concat());
        (command, file)
    }

    /// Runs a container to its end. Nothing of it is left after.
    pub fn run(&self, options: &[&str], words: &[&str]) -> Output {
        let (mut command, file) = self.run_command(&[&["--rm"], options].concat(), words);
        let output = command.output().expect("the client starts");
        self.assert_gone(&file);
        output
    }

    /// Runs a shell script: what it says, errors among it.
    pub fn says(&self, options: &[&str], script: &str) -> String {
        let output = self.run(options, &["sh", "-c", &format!("exec 2>&1; {script}")]);
        assert_eq!(errors(&output), "", "{options:?} {script}: {}", text(&output));
        text(&output)
    }

    /// Runs a script on a terminal, which says `ready`, reads a word, and ends with `the end` and status 5.
    pub fn talk(command: Command) -> String {
        let (mut master, terminal) = pair();
        let mut client = with_terminal(command, &terminal);
        drop(terminal);
        let mut said = read_to(&mut master, "ready");
        master.write_all(b"word\n").unwrap();
        said += &read_to(&mut master, "the end");
        assert_eq!(client.wait().unwrap().code(), Some(5), "{said}");
        said.replace('\r', "")
    }

    /// The same with a container of its own.
    pub fn run_on_terminal(&self, script: &str) -> String {
        let (command, file) = self.run_command(&["--rm", "-it"], &["sh", "-c", script]);
        let said = Self::talk(command);
        self.assert_gone(&file);
        said
    }

    /// Starts a container that goes on.
    pub fn detach(&self, options: &[&str], words: &[&str]) -> Container<'_> {
        let (mut command, file) = self.run_command(&[&["-d"], options].concat(), words);
        let output = command.output().expect("the client starts");
        let id = fs::read_to_string(&file).unwrap_or_default();
        let container = Container { engine: self, id };
        assert!(output.status.success(), "{options:?} {words:?}: {}", errors(&output));
        container
    }

    fn assert_gone(&self, file: &str) {
        // Docker takes the file back when nothing has started.
        let Ok(id) = fs::read_to_string(file) else { return };
        eventually(&format!("nothing is left: {:?}", self.place.traces(&id)), || {
            self.place.traces(&id).is_empty()
        });
    }
}

impl Container<'_> {
    /// A command that ends with its id and more words; it must succeed.
    pub fn must(&self, command: &[&str], more: &[&str]) -> String {
        self.engine.must(&[command, &[&self.id], more].concat())
    }

    /// `exec`, whatever comes of it.
    pub fn exec(&self, options: &[&str], words: &[&str]) -> Output {
        self.engine.call(&[&["exec"], options, &[&self.id], words].concat())
    }

    /// Waits until it has said `line`.
    pub fn has_said(&self, line: &str) {
        eventually(&format!("it says {line}"), || self.must(&["logs"], &[]).lines().any(|each| each == line));
    }

    /// A field of what `inspect` knows.
    pub fn field(&self, field: &str) -> String {
        self.must(&["inspect", "--format", &format!("{{{{{field}}}}}")], &[]).trim().to_owned()
    }

    /// Removes it. Nothing of it is left.
    pub fn remove(self) {
        self.must(&["rm"], &[]);
        let traces = || self.engine.place.traces(&self.id);
        eventually(&format!("nothing is left: {:?}", traces()), || traces().is_empty());
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            self.engine.call(&["rm", "-f", &self.id]);
        }
    }
}
