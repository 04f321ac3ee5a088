//! The host record: what machine the numbers were measured on, so that nobody compares them with
//! another's. It holds no name of a machine or user, and no path.

pub mod clock;

use clock::Clock;
use isolab_runtime::cgroup::{Hierarchy, Mode};
use isolab_timeline::Stack;
use rustix::system::{sysinfo, uname};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;

/// What the machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel release (`uname(2)`).
    pub kernel: String,
    /// CPU model (`/proc/cpuinfo`).
    pub cpu: String,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// Memory of the machine, in MiB.
    pub memory_mib: u64,
    /// The machine is itself a virtual machine, so a VM on it is nested.
    pub nested: bool,
    /// An emulator runs the machine's code: its times are no times of hardware.
    pub emulated: bool,
    /// What the run's times are times of.
    pub clock: Clock,
    /// KVM's backend: `vmx`, `svm`, `pvm`, `unknown`, or `none`.
    pub kvm: String,
    /// How KVM runs the kernel code of a guest: `native`, `emulated` or `unknown`; found by timing a loop.
    pub guest_kernel: String,
    /// How cgroups are mounted: `v1`, `hybrid`, `v2` or `none`.
    pub cgroup: String,
    /// The limits that measured containers have, or why they have none.
    pub limits: String,
    /// Whether the lab ran as root; containers are rootless otherwise.
    pub root: bool,
    /// Transparent huge pages: `always`, `madvise`, `never` or `unknown`.
    pub thp: String,
    /// Whether the kernel merges equal pages (KSM): `on`, `off` or `unknown`.
    pub ksm: String,
    /// The CPU frequency governor, or `unknown`.
    pub governor: String,
    /// What the kernel says of each CPU vulnerability that affects this machine.
    pub mitigations: BTreeMap<String, String>,
}

/// What is said of a figure that [`Host::emulates_guest_kernels`] is about.
pub const EMULATED: &str = "emulated: not a cost of hardware virtualization";

/// Above this many nanoseconds for one turn of a two-instruction loop, no CPU of today ran it itself.
const EMULATED_NS: f64 = 20.0;

impl Host {
    /// Reads it all, and times a small guest. `limits` is for the record's field of that name.
    pub fn read(limits: String) -> Host {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
        };
        let system = sysinfo();
        let mode = Hierarchy::detect().map_or(Mode::None, |hierarchy| hierarchy.mode());
        Host {
            kernel: uname().release().to_string_lossy().into_owned(),
            cpu: field("model name"),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: (system.totalram as u64 * u64::from(system.mem_unit)) >> 20,
            nested: field("flags").split(' ').any(|flag| flag == "hypervisor"),
            emulated: clock::is_emulated(),
            clock: Clock::here(),
            kvm: kvm_backend(),
            guest_kernel: guest_kernel().into(),
            cgroup: mode.name().into(),
            limits,
            root: rustix::process::geteuid().is_root(),
            thp: transparent_huge_pages(),
            ksm: match read("/sys/kernel/mm/ksm/run").as_deref() {
                Some("0") => "off".into(),
                Some(_) => "on".into(),
                None => "unknown".into(),
            },
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
                .unwrap_or_else(|| "unknown".into()),
            mitigations: mitigations(),
        }
    }

    /// Rows for people: what, and its value.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let machine = match self {
            Host { emulated: true, .. } => "emulated by QEMU: times are no times of hardware",
            Host { nested: true, .. } => "virtual: VMs on it are nested",
            _ => "physical",
        };
        let guest_kernel =
            if self.emulates_guest_kernels() { EMULATED.into() } else { self.guest_kernel.clone() };
        vec![
            ("CPU", format!("{}, {} usable", self.cpu, self.cpus)),
            ("memory", format!("{} MiB", self.memory_mib)),
            ("machine", machine.into()),
            ("clock", self.clock.explained().into()),
            ("kernel", format!("Linux {}", self.kernel)),
            ("KVM backend", self.kvm.clone()),
            ("guest kernel code", guest_kernel),
            ("cgroups", self.cgroup.clone()),
            ("container limits", self.limits.clone()),
            ("user", if self.root { "root" } else { "ordinary: containers are rootless" }.into()),
            ("transparent huge pages", self.thp.clone()),
            ("KSM", self.ksm.clone()),
            ("frequency governor", self.governor.clone()),
            ("mitigations", self.mitigations.keys().cloned().collect::<Vec<_>>().join(", ")),
        ]
    }

    /// Whether a stack's times have work in them that KVM emulates on this host: all that runs a guest, since every
    /// guest begins in ring 0 and leaves it by its ports. They are marked so wherever they stand, and are in no
    /// ratio and no headline. Its memory is not in question: emulation takes time, not pages.
    pub fn emulates(&self, stack: Stack) -> bool {
        stack.runs_a_guest() && self.emulates_guest_kernels()
    }

    /// Whether KVM emulates the kernel code of guests here: what a figure with such code in it shows is then no cost
    /// of hardware virtualization.
    pub fn emulates_guest_kernels(&self) -> bool {
        self.guest_kernel == "emulated"
    }

    /// One line for chart captions.
    pub fn caption(&self) -> String {
        let nested = if self.nested { ", nested" } else { "" };
        let emulated = if self.emulated { ", emulated" } else { "" };
        let clock = if self.clock == Clock::VirtualIcount { ", clock virtual-icount" } else { "" };
        format!(
            "{}{emulated}, Linux {}, KVM by {}{nested}, cgroup {}{clock}",
            self.cpu, self.kernel, self.kvm, self.cgroup
        )
    }
}

/// How KVM runs the kernel code of a guest, as [`Host::guest_kernel`] records it. Runs a small guest.
pub fn guest_kernel() -> &'static str {
    match isolab_microvm::probe::ring0_nanoseconds_per_turn() {
        Ok(turn) if turn < EMULATED_NS => "native",
        Ok(_) => "emulated",
        Err(_) => "unknown",
    }
}

/// Who gets transparent huge pages, as [`Host::thp`] records it.
pub fn transparent_huge_pages() -> String {
    chosen("/sys/kernel/mm/transparent_hugepage/enabled")
}

fn kvm_backend() -> String {
    let named = isolab_microvm::probe::backend();
    match isolab_microvm::kvm::open() {
        Ok(_) => named.unwrap_or("unknown").into(),
        Err(_) => "none".into(),
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The word in brackets, as in `always [madvise] never`.
fn chosen(path: &str) -> String {
    let text = read(path).unwrap_or_default();
    let word = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    word.map_or("unknown", |(word, _)| word).into()
}

fn mitigations() -> BTreeMap<String, String> {
    let folder = fs::read_dir("/sys/devices/system/cpu/vulnerabilities");
    let entries = folder.into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?.trim().to_owned();
            (text != "Not affected").then(|| (entry.file_name().to_string_lossy().into_owned(), text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_names_this_kernel_and_no_machine_user_or_path() {
        let host = Host::read("none".into());
        assert_eq!(host.kernel, fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim());
        let text = serde_json::to_string(&host).unwrap();
        let name = uname().nodename().to_string_lossy().into_owned();
        assert!(name.len() < 4 || !text.contains(&name), "{text}");
        assert!(!text.contains("/home") && !text.contains("/root"), "{text}");
    }
}
