//! A bundle with busybox as its root, and the runtime's commands on one container of it.

use super::{RUNTIME, Root, errors, refusal, text};
use isolab_runtime::oci::default::template;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a `config.json` and a root; its container is deleted by force when it drops.
pub struct Bundle {
    folder: Root,
    /// What `config.json` will say at the next command that reads it.
    pub config: Value,
    /// The container's name.
    pub id: String,
}

impl Bundle {
    /// The default configuration without a terminal, on a writable root, for `true`.
    pub fn new(test: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = Root::new(test)?;
        let mut config = template();
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(["true"]);
        config["root"] = json!({ "path": "root" });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            folder,
            config,
            id: format!("{}-{}-{number}", test.replace('_', "-"), std::process::id()),
        })
    }

    /// The same, for a shell script.
    pub fn script(test: &str, script: &str) -> Option<Self> {
        let mut bundle = Self::new(test)?;
        bundle.set_script(script);
        Some(bundle)
    }

    /// What the container will run.
    pub fn set_script(&mut self, script: &str) {
        self.config["process"]["args"] = json!(["sh", "-c", script]);
    }

    /// The bundle's folder.
    pub fn path(&self) -> PathBuf {
        self.beside("")
    }

    /// A file of the bundle.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.beside(name)
    }

    /// A file of the root.
    pub fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `config.json`.
    pub fn write(&self) {
        fs::write(self.beside("config.json"), self.config.to_string()).unwrap();
    }

    /// The runtime with a state folder of this bundle's own.
    pub fn runtime(&self, words: &[&str]) -> Command {
        let mut command = Command::new(RUNTIME);
        command.arg("--root").arg(self.beside("state")).args(words).stdin(Stdio::null());
        command
    }

    /// Runs one command to its end.
    pub fn call(&self, words: &[&str]) -> Output {
        self.runtime(words).output().expect("the runtime starts")
    }

    /// `create`, with the container's output in files: a pipe would stay open for as long as the container lives.
    pub fn create_with(&self, options: &[&str]) -> Output {
        self.write();
        let [out, err] = ["out", "err"].map(|name| self.beside(name));
        let mut command = self.runtime(&["create", "--bundle"]);
        command.arg(self.path()).args(options).arg(&self.id);
        let status = command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .status()
            .expect("the runtime starts");
        Output { status, stdout: fs::read(out).unwrap(), stderr: fs::read(err).unwrap() }
    }

    /// `create`, which must succeed and have nothing to say.
    pub fn create(&self) {
        let output = self.create_with(&[]);
        assert!(output.status.success(), "create: {}", errors(&output));
        assert_eq!(errors(&output), "", "create succeeded, but complained");
    }

    /// `create` of a configuration with this wrong thing in it, which must fail with one line, returned, and leave nothing.
    pub fn refuses(&self, wrong: impl std::fmt::Debug) -> String {
        let output = self.create_with(&[]);
        assert!(!output.status.success(), "{wrong:?} is accepted");
        assert!(
            !self.call(&["state", &self.id]).status.success(),
            "{wrong:?}: it is there after a failed create"
        );
        refusal(&output, 1)
    }

    /// What the container has printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.beside("out")).unwrap()).into_owned()
    }

    /// A command on this container, which must succeed and have nothing to complain of.
    pub fn must(&self, command: &str, more: &[&str]) -> String {
        let output = self.call(&[&[command, &self.id], more].concat());
        assert!(output.status.success(), "{command}: {}", errors(&output));
        assert_eq!(errors(&output), "", "{command} succeeded, but complained");
        text(&output)
    }

    /// A command on this container, which must fail with one line.
    pub fn must_fail(&self, command: &str, more: &[&str]) -> String {
        refusal(&self.call(&[&[command, &self.id], more].concat()), 1)
    }

    /// The container's state.
    pub fn state(&self) -> Value {
        serde_json::from_str(&self.must("state", &[])).expect("the state is JSON")
    }

    /// The container's status.
    pub fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_string()
    }

    /// The container's first process.
    pub fn pid(&self) -> u64 {
        self.state()["pid"].as_u64().expect("a pid")
    }

    /// Waits until its process has ended.
    pub fn wait(&self) {
        super::eventually("stopped", || self.status() == "stopped");
    }

    /// `create`, `start`, waiting and `delete`: what it printed.
    pub fn lives(&self) -> String {
        self.create();
        self.must("start", &[]);
        self.wait();
        let printed = self.printed();
        let complaints = fs::read_to_string(self.beside("err")).unwrap();
        assert_eq!(complaints, "", "the container complained; it printed {printed}");
        self.must("delete", &[]);
        printed
    }

    /// Runs a shell script in the container, from its creation to its deletion: what it printed.
    pub fn says(&mut self, script: &str) -> String {
        self.set_script(script);
        self.lives()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = self.call(&["delete", "--force", &self.id]);
    }
}
