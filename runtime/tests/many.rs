//! Many short containers, several at once, in every way in which one can be run: each ends, with the status that
//! is its own, and none leaves anything.

mod common;

use common::bundle::Bundle;
use common::machine::Machine;
use common::{RUNTIME, can_limit, full_tier, groups_of};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const AT_ONCE: usize = 8;
/// One that takes longer hangs.
const LONGEST: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// What a container does, and what must come of it.
struct Work {
    script: String,
    status: i32,
    printed: usize,
    /// Whether its first process ends by a signal of its own. No first process of a PID namespace can.
    signal: bool,
}

impl Work {
    /// The work of container number `number`. The mixture is the same in every run, and looks like none.
    fn of(number: usize) -> Self {
        let random = number.wrapping_mul(0x9e37_79b9).rotate_left(7) ^ number;
        let (code, size) = (random % 200, 1 + random % 9000);
        let exit = |script: String, status, printed| Self { script, status, printed, signal: false };
        match number / 3 % 4 {
            0 => exit(format!("exit {code}"), code as i32, 0),
            1 => exit(format!("head -c {size} /dev/zero"), 0, size),
            2 => {
                let (name, signal) = [("KILL", 9), ("TERM", 15), ("USR1", 10)][random % 3];
                Self { signal: true, ..exit(format!("kill -{name} $$; sleep 9"), 128 + signal, 0) }
            }
            _ => exit(format!("(sleep 9 &) ; head -c {size} /dev/zero; exit {code}"), code as i32, size),
        }
    }
}

#[test]
fn many_containers_end_as_they_should_and_leave_nothing() {
    let test = "many_containers_end_as_they_should_and_leave_nothing";
    let count = if full_tier() { 2_000 } else { 100 };
    let limits = can_limit(test);
    let Some(bundles) = (0..AT_ONCE).map(|_| Bundle::new(test)).collect::<Option<Vec<_>>>() else { return };
    let Some(machine) = Machine::with(|| Bundle::new(test)) else { return };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (machine, next) = (&machine, &next);
        for bundle in bundles {
            scope.spawn(move || {
                let mut place = Place { machine, bundle, state: machine.bundle.beside("state"), limits };
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    match number % 3 {
                        0 => place.run(number),
                        1 => place.create_start_delete(number),
                        _ => place.contain(number),
                    }
                }
            });
        }
    });
    machine.must_be_as_before("all of them");
}

/// Where one thread has its containers: the folders of their states are all in one.
struct Place<'a> {
    machine: &'a Machine,
    bundle: Bundle,
    state: PathBuf,
    limits: bool,
}

impl Place<'_> {
    fn run(&mut self, number: usize) {
        let (id, work) = self.prepare(number);
        let command = self.runtime(&["run", "--bundle", self.bundle.path().to_str().unwrap(), &id]);
        self.must_end(number, command, &work);
    }

    fn contain(&self, number: usize) {
        let work = Work::of(number);
        let mut command = self.runtime(&["contain", "--rootfs"]);
        command.arg(self.bundle.inside(""));
        if self.limits && number.is_multiple_of(2) {
            command.args(["--pids", "20", "--memory", "64m"]);
        }
        if work.signal {
            command.arg("--init");
        }
        command.args(["--", "sh", "-c", &work.script]);
        let runtime = self.must_end(number, command, &work);
        assert_eq!(groups_of(runtime), Vec::<PathBuf>::new(), "{number}");
    }

    fn create_start_delete(&mut self, number: usize) {
        let (id, work) = self.prepare(number);
        let bundle = self.bundle.path();
        let pid_file = self.bundle.beside("pid");
        let words =
            ["create", "--bundle", bundle.to_str().unwrap(), "--pid-file", pid_file.to_str().unwrap(), &id];
        let out = self.bundle.beside("printed");
        let mut create = self.runtime(&words);
        create.stdout(File::create(&out).unwrap());
        self.must_succeed(number, create);
        let pid = fs::read_to_string(pid_file).unwrap().parse().ok().and_then(Pid::from_raw).unwrap();
        self.must_succeed(number, self.runtime(&["start", &id]));
        self.wait_for(number, pid);
        // The reaper of the container's first process is this one.
        let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
        check(number, ExitStatus::from_raw(status.as_raw()), &work, &out);
        self.must_succeed(number, self.runtime(&["delete", &id]));
    }

    /// Writes the configuration of container number `number`, and names it.
    fn prepare(&mut self, number: usize) -> (String, Work) {
        let work = Work::of(number);
        self.bundle.set_script(&work.script);
        let linux = &mut self.bundle.config["linux"];
        let mut kinds = vec!["network", "ipc", "uts", "mount", "cgroup"];
        if !work.signal {
            kinds.push("pid");
        }
        linux["namespaces"] = kinds.into_iter().map(|kind| json!({ "type": kind })).collect();
        linux["resources"] = if self.limits && number.is_multiple_of(2) {
            json!({ "pids": { "limit": 20 }, "memory": { "limit": 64 << 20 } })
        } else {
            json!({})
        };
        self.bundle.write();
        (format!("{}-{number}", self.machine.bundle.id), work)
    }

    fn runtime(&self, words: &[&str]) -> Command {
        let mut command = Command::new(RUNTIME);
        command.arg("--root").arg(&self.state).args(words).stdin(Stdio::null());
        command
    }

    fn must_succeed(&self, number: usize, command: Command) {
        let (_, status) = self.end(number, command);
        assert!(status.success(), "{number}: {status}");
    }

    /// Runs a command that ends as the container does. Returns the number of its process.
    fn must_end(&self, number: usize, mut command: Command, work: &Work) -> u32 {
        let out = self.bundle.beside("printed");
        let (pid, status) = self.end(number, {
            command.stdout(File::create(&out).unwrap());
            command
        });
        check(number, status, work, &out);
        pid
    }

    fn end(&self, number: usize, mut command: Command) -> (u32, ExitStatus) {
        let mut child: Child = command.spawn().expect("the runtime starts");
        self.wait_for(number, Pid::from_child(&child));
        (child.id(), child.wait().unwrap())
    }

    /// Waits for the end of a process. One that hangs is reported with all that it may be waiting for.
    fn wait_for(&self, number: usize, pid: Pid) {
        let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        let number_ended = poll(&mut ended, Some(&LONGEST)).unwrap();
        assert!(number_ended == 1, "container {number}, process {pid:?} hangs: {}", states(self.machine));
    }
}

fn check(number: usize, status: ExitStatus, work: &Work, out: &Path) {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    assert_eq!(code, Some(work.status), "container {number}: {}", work.script);
    assert_eq!(fs::metadata(out).unwrap().len(), work.printed as u64, "container {number}: {}", work.script);
}

/// What each process of the test is doing.
fn states(machine: &Machine) -> String {
    let state = |(pid, name): (u32, String)| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let (words, place, call) = (read("cmdline").replace('\0', " "), read("wchan"), read("syscall"));
        format!("\n{pid} {name}: {words} at {place}, call {}", call.trim_end())
    };
    machine.processes().into_iter().map(state).collect()
}
