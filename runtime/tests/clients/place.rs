//! A folder for one engine and all that it keeps, with a shell beside it that clears up, whatever happens.
//!
//! Statics are never dropped, tests are killed, and a daemon's containers are nobody's children. So the shell
//! waits for the end of its standard input, which this process alone holds open: when that closes, the test has
//! ended in one way or another, and the shell ends the daemon and takes away everything that bears the
//! folder's name.

use crate::common::{Root, processes};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// As `sh -c SCRIPT FOLDER GROUP COMMAND…`: starts the command once for each line of its input, and says its number.
const SUPERVISOR: &str = r#"
group=$1; shift
daemons=
while read -r _; do "$@" >>"$0/log" 2>&1 & echo $!; daemons="$daemons $!"; done
[ -n "$daemons" ] && kill $daemons 2>/dev/null
wait
left() { grep -lasF "$0/" /proc/[0-9]*/cmdline | tr -dc '0-9\n' | grep -vx "$$"; }
kill -9 $(left) 2>/dev/null
find /sys/fs/cgroup -path "*/$group*" -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -9 2>/dev/null
sleep 0.2
awk -v folder="$0/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null
rm -rf --one-file-system "$0"
"#;

/// See the module.
pub struct Place {
    root: Root,
    supervisor: Child,
    numbers: BufReader<ChildStdout>,
}

impl Place {
    /// `command`: what [`Self::start`] will start. The error says what this machine lacks.
    pub fn new(needed: &[&str], command: impl FnOnce(&Path) -> Command) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root".into());
        }
        for program in needed {
            let found = Command::new("which").arg(program).output().is_ok_and(|found| found.status.success());
            if !found {
                return Err(format!("needs {program} (Debian: podman, docker.io, containerd, uidmap)"));
            }
        }
        let root = Root::new("clients").ok_or("needs a root folder for containers")?;
        let etc = root.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        fs::create_dir_all(root.path().join("tmp")).unwrap();
        fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\nfriend:x:1234:55::/:/bin/sh\n").unwrap();
        fs::write(etc.join("group"), "root:x:0:\nfriend:x:55:\n").unwrap();
        let folder = root.beside("");
        let command = command(&folder);
        let mut shell = Command::new("sh");
        shell.args(["-c", SUPERVISOR]).arg(folder.components().as_path()).arg(group_of(&folder));
        shell.arg(command.get_program()).args(command.get_args());
        // The shell goes on when the terminal's user interrupts the tests.
        let shell = shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut supervisor = shell.spawn().expect("a shell starts");
        let numbers = BufReader::new(supervisor.stdout.take().unwrap());
        Ok(Self { root, supervisor, numbers })
    }

    /// Starts the daemon. Returns its process number.
    pub fn start(&mut self) -> u32 {
        writeln!(self.supervisor.stdin.as_ref().unwrap()).unwrap();
        let mut line = String::new();
        self.numbers.read_line(&mut line).unwrap();
        line.trim().parse().expect("the shell says the daemon's number")
    }

    /// The folder that containers may have as their root.
    pub fn rootfs(&self) -> PathBuf {
        self.root.path()
    }

    /// A path in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.beside(name)
    }

    /// The same as text.
    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    /// The group below which its containers are to be.
    pub fn group(&self) -> String {
        group_of(&self.file(""))
    }

    /// What there is of a container: processes, groups, mounts, files of the runtime.
    pub fn traces(&self, id: &str) -> Vec<String> {
        let mut found: Vec<_> = processes(id).into_iter().map(|pid| format!("process {pid}")).collect();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let folder = self.path("");
        let of_container =
            |line: &&str| line.contains(id) || (line.contains(&folder) && line.contains("/netns/"));
        found.extend(
            mounts.lines().filter(of_container).filter(|line| !line.contains("/default ")).map(str::to_owned),
        );
        let groups = format!("find /sys/fs/cgroup -type d -name '*{id}*'");
        let states = format!("find {folder} /run/isolab /dev/shm/isolab -name state.json -path '*/{id}/*'");
        for search in [groups, states] {
            let output = Command::new("sh").args(["-c", &search]).stderr(Stdio::null()).output().unwrap();
            found.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
        }
        found
    }
}

fn group_of(folder: &Path) -> String {
    format!("isolab-clients-{}", folder.file_name().unwrap().to_str().unwrap().trim_start_matches('.'))
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
