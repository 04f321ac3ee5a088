//! A question to a peer: a short command, and what it prints. A peer that does not answer in time is killed
//! (`pidfd_open(2)`, `poll(2)`).

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whoever has not answered by then will not.
const LIMIT: Duration = Duration::from_secs(20);
/// More of an answer than this is not read, in bytes.
const MOST: u64 = 64 << 10;

/// Runs `command` to its end. Returns its standard output; or why it failed, in one line.
pub fn ask(mut command: Command) -> Result<String, String> {
    answer(&mut command, LIMIT).map_err(|error| error.to_string())?
}

fn answer(command: &mut Command, limit: Duration) -> io::Result<Result<String, String>> {
    let [output, complaint] = ["answer", "complaint"].map(|name| memfd_create(name, MemfdFlags::CLOEXEC));
    let (output, complaint) = (File::from(output?), File::from(complaint?));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(complaint.try_clone()?);
    let mut child = command.spawn()?;
    let in_time = wait(&child, limit);
    if !matches!(in_time, Ok(true)) {
        // It may end just now; it is reaped all the same.
        let _ = child.kill();
    }
    let status = child.wait()?;
    if !in_time? {
        return Ok(Err(format!("it did not answer within {} s and was killed", limit.as_secs())));
    }
    if status.success() {
        return text(output).map(Ok);
    }
    let complaint = text(complaint)?;
    let last = complaint.trim().lines().last().map_or(String::new(), |line| format!(": {line}"));
    Ok(Err(format!("{status}{last}")))
}

/// Whether it ends in time.
fn wait(child: &Child, limit: Duration) -> io::Result<bool> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout)) {
            Ok(ended) => return Ok(ended > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn text(mut file: File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<String, String> {
        answer(Command::new("sh").args(["-c", script]), limit).unwrap()
    }

    #[test]
    fn an_answer_is_its_output_and_a_failure_its_last_complaint() {
        assert_eq!(shell("echo version 1; echo more", LIMIT).unwrap(), "version 1\nmore\n");
        assert_eq!(
            shell("echo first >&2; echo last >&2; exit 3", LIMIT).unwrap_err(),
            "exit status: 3: last"
        );
        assert!(shell("kill -SEGV $$", LIMIT).unwrap_err().contains("SIGSEGV"));
        assert!(ask(Command::new("/nowhere/peer")).is_err());
    }

    #[test]
    fn one_that_hangs_is_killed_and_said_to_have() {
        let why = shell("exec sleep 1000", Duration::from_millis(50)).unwrap_err();
        assert!(why.contains("did not answer"), "{why}");
    }
}
