//! PID 1: the container's first process, from its first instruction to its last.
//!
//! It builds the walls around itself from inside, because only a process in a namespace can furnish it, then
//! starts the command and stays: a PID namespace whose first process ends is killed whole, and orphans
//! become its children (`pid_namespaces(7)`, `waitpid(2)`). Whatever fails here is said here, once.

use crate::cgroup::Joining;
use crate::command::Command;
use crate::descriptors::close_all_but_standard;
use crate::devices::Devices;
use crate::error::{Context, Error};
use crate::mounts::{DATA_ONLY, attach_at_root, detached, make_read_only};
use crate::namespaces::Namespaces;
use crate::signals::{Blocked, Event, default_dispositions};
use crate::spec::Spec;
use crate::volumes::Volume;
use crate::{caps, clocks, clone, idmap, loopback, masks, overlay, pivot};
use isolab_timeline::{Mark, Stamps};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::mount::MountAttrFlags;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, chdir, kill_process, kill_process_group,
    set_dumpable_behavior, set_parent_process_death_signal, umask, wait,
};
use std::os::fd::{AsFd, BorrowedFd};

/// What PID 1 gets from the runtime.
pub(crate) struct Init<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) signals: &'a Blocked,
    pub(crate) stamps: &'a Stamps,
    /// The runtime.
    pub(crate) parent: BorrowedFd<'a>,
    pub(crate) cgroups: &'a Joining,
    /// The user and group outside, when the user namespace is new.
    pub(crate) identity: Option<(u32, u32)>,
}

impl Init<'_> {
    /// All of it. Returns the status to end with.
    pub(crate) fn run(&self) -> i32 {
        self.furnish().and_then(|()| self.start()).map_or_else(
            |error| {
                eprintln!("isolab-runtime: {}", error.line());
                error.exit_status()
            },
            |command| self.reap_until_end_of(command),
        )
    }

    /// Builds the walls. The order is the point: each step needs the ones before it.
    fn furnish(&self) -> Result<(), Error> {
        self.die_with_parent()?;
        if let Some((user, group)) = self.identity {
            idmap::become_root(user, group)?;
        }
        self.cgroups.join()?;
        Namespaces::CGROUP.unshare()?;
        self.stamps.stamp(Mark::Cloned);

        loopback::up()?;
        rustix::system::sethostname(self.spec.hostname.as_bytes()).step("setting the host's name")?;
        umask(Mode::empty());
        self.build_root()?;
        umask(Mode::from_raw_mode(0o022));
        self.stamps.stamp(Mark::Rooted);

        if let Some(seconds) = self.spec.boot_offset {
            clocks::offset_boot(seconds)?;
        }
        caps::drop_all_but_kept()?;
        // From here on the container's own processes could look at PID 1: at its memory and its program,
        // which is the host's, unless it is not dumpable (`ptrace(2)`), and at its descriptors.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hiding PID 1's memory")?;
        close_all_but_standard()?;
        chdir(&self.spec.workdir).at("entering the folder", &self.spec.workdir)
    }

    /// The kernel kills this process when the runtime dies, and with it the container. A runtime that
    /// died before the request is seen by its descriptor: across PID namespaces there is no parent's number.
    fn die_with_parent(&self) -> Result<(), Error> {
        set_parent_process_death_signal(Some(Signal::KILL)).step("tying PID 1 to the runtime's life")?;
        let mut parent = [PollFd::from_borrowed_fd(self.parent, PollFlags::IN)];
        if poll(&mut parent, Some(&Timespec::default())).step("looking at the runtime")? > 0 {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }

    fn build_root(&self) -> Result<(), Error> {
        let spec = self.spec;
        let root = overlay::mount(&spec.rootfs, self.identity.is_some())?;
        if let Some(reason) = root.no_overlay {
            let path = spec.rootfs.display();
            eprintln!(
                "isolab-runtime: warning: no overlay of {path} ({reason}): the container's root is read-only"
            );
        }
        // Made while the host is in view: a user namespace gets a new /proc only where an old one shows.
        let proc = detached("proc", &[], DATA_ONLY).step("making a /proc")?;
        let sys =
            detached("sysfs", &[], DATA_ONLY | MountAttrFlags::MOUNT_ATTR_RDONLY).step("making a /sys")?;
        let devices = Devices::prepare()?;
        let volumes = spec.volumes.iter().map(Volume::open).collect::<Result<Vec<_>, _>>()?;

        pivot::into(root.folder.as_fd())?;

        // Attached when the host is out of reach.
        attach_at_root(proc.as_fd(), "/proc")?;
        attach_at_root(sys.as_fd(), "/sys")?;
        devices.attach()?;
        masks::apply()?;
        for volume in volumes {
            volume.attach()?;
        }
        if spec.read_only {
            make_read_only(root.folder.as_fd()).step("making the root read-only")?;
        }
        Ok(())
    }

    fn start(&self) -> Result<Pid, Error> {
        let command = Command::new(self.spec)?;
        default_dispositions();
        let become_it = || {
            let error = command.execute(self.signals);
            eprintln!("isolab-runtime: {}", error.line());
            error.exit_status()
        };
        let child =
            if self.spec.boot_offset.is_some() { clone::fork(become_it) } else { clone::vfork(become_it) };
        child.step("starting the command (a limit on processes counts PID 1 as well)")
    }

    /// Forwards signals to the command and reaps every orphan until the command has ended.
    fn reap_until_end_of(&self, command: Pid) -> i32 {
        loop {
            match self.signals.wait() {
                Event::Child => {
                    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                        if pid == command {
                            let by_signal = status.terminating_signal().map(|signal| 128 + signal);
                            return status.exit_status().or(by_signal).unwrap_or(crate::error::FAILED);
                        }
                    }
                }
                // It may have ended already; then its status is the next to be read.
                Event::Signal { signal, from_kernel } => {
                    let _ = if from_kernel {
                        kill_process_group(command, signal)
                    } else {
                        kill_process(command, signal)
                    };
                }
            }
        }
    }
}
