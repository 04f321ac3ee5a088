//! The rungs: what each switches on, and what it is held against.
//!
//! Of the container, each is the launch before it and one thing more. The user namespace comes first, since who is not root
//! may make the other namespaces only in one of his own, and root may do so as well: one order for both. The
//! root follows the mount namespace, masks lie in the root; capabilities and the filter come last, because they take
//! away what the rungs before them need. Each rung's manual page is in `docs/ladder.md`.

use isolab_timeline::Stack;
use serde::{Deserialize, Serialize};

/// One rung, in the order in which a ladder is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// The bare workload, started by the lab: the ground.
    Process,
    /// A program starts it and waits for it.
    ForkExec,
    /// A user namespace, its own identity mapped.
    User,
    /// A PID namespace.
    Pid,
    /// A mount namespace, its mounts made private.
    Mount,
    /// An IPC namespace.
    Ipc,
    /// A UTS namespace.
    Uts,
    /// A cgroup namespace.
    CgroupNamespace,
    /// A network namespace.
    Network,
    /// An overlay as root, and `pivot_root`.
    Overlay,
    /// Instead of the overlay, the folder itself.
    Bind,
    /// Joining a cgroup that has limits, by the cheapest way of the host.
    Cgroup,
    /// Instead of that, by a write to `cgroup.procs`, as engines do.
    Procs,
    /// `/proc`, partly hidden and partly read-only.
    Masks,
    /// All but three capabilities dropped.
    Capabilities,
    /// The runtime's default seccomp filter.
    Seccomp,
    /// The container of `isolab-runtime`.
    Container,
    /// `/dev/kvm` opened and a VM created.
    Vm,
    /// Memory for the guest.
    Memory,
    /// A vCPU with its registers.
    Vcpu,
    /// Its first run, to the guest's first exit.
    FirstExit,
    /// The interrupt controllers of a PC in KVM.
    IrqChip,
    /// The unikernel of `isolab-microvm`.
    Unikernel,
    /// The Linux guest of `isolab-microvm`, told apart by its own phases.
    Microvm,
    /// The same with a virtio device: the entropy source.
    Virtio,
    /// The container in that guest.
    Nested,
}

/// What the rungs lead up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wall {
    /// The container: the operating system, virtualized.
    Container,
    /// The VM: the hardware, virtualized.
    Vm,
    /// A Linux guest in the VM, and the container in the guest.
    Guest,
}

impl Wall {
    /// All of them, from left to right.
    pub const ALL: [Wall; 3] = [Wall::Container, Wall::Vm, Wall::Guest];

    /// As a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Wall::Container => "From a bare process to a container",
            Wall::Vm => "From a bare process to a VM",
            Wall::Guest => "A Linux guest in the VM, and a container in that",
        }
    }
}

impl Rung {
    /// All rungs, in order.
    pub const ALL: [Rung; 26] = [
        Rung::Process,
        Rung::ForkExec,
        Rung::User,
        Rung::Pid,
        Rung::Mount,
        Rung::Ipc,
        Rung::Uts,
        Rung::CgroupNamespace,
        Rung::Network,
        Rung::Overlay,
        Rung::Bind,
        Rung::Cgroup,
        Rung::Procs,
        Rung::Masks,
        Rung::Capabilities,
        Rung::Seccomp,
        Rung::Container,
        Rung::Vm,
        Rung::Memory,
        Rung::Vcpu,
        Rung::FirstExit,
        Rung::IrqChip,
        Rung::Unikernel,
        Rung::Microvm,
        Rung::Virtio,
        Rung::Nested,
    ];

    /// How tables and charts name it.
    pub const fn name(self) -> &'static str {
        match self {
            Rung::Process => "bare process",
            Rung::ForkExec => "fork and exec",
            Rung::User => "+ user namespace",
            Rung::Pid => "+ PID namespace",
            Rung::Mount => "+ mount namespace",
            Rung::Ipc => "+ IPC namespace",
            Rung::Uts => "+ UTS namespace",
            Rung::CgroupNamespace => "+ cgroup namespace",
            Rung::Network => "+ network namespace",
            Rung::Overlay => "+ overlay root",
            Rung::Bind => "or: bind-mounted root",
            Rung::Cgroup => "+ joining a cgroup",
            Rung::Procs => "or: by cgroup.procs",
            Rung::Masks => "+ /proc, masked",
            Rung::Capabilities => "+ capabilities dropped",
            Rung::Seccomp => "+ seccomp filter",
            Rung::Container => "the runtime's container",
            Rung::Vm => "create a VM",
            Rung::Memory => "+ guest memory",
            Rung::Vcpu => "+ vCPU",
            Rung::FirstExit => "+ run to the first exit",
            Rung::IrqChip => "+ interrupt controllers",
            Rung::Unikernel => "the VMM's unikernel",
            Rung::Microvm => "microVM",
            Rung::Virtio => "+ virtio device",
            Rung::Nested => "+ container in the guest",
        }
    }

    /// Which wall it is part of; the bare process is the foot of all.
    pub const fn wall(self) -> Option<Wall> {
        match self {
            Rung::Process => None,
            Rung::ForkExec
            | Rung::User
            | Rung::Pid
            | Rung::Mount
            | Rung::Ipc
            | Rung::Uts
            | Rung::CgroupNamespace
            | Rung::Network
            | Rung::Overlay
            | Rung::Bind
            | Rung::Cgroup
            | Rung::Procs
            | Rung::Masks
            | Rung::Capabilities
            | Rung::Seccomp
            | Rung::Container => Some(Wall::Container),
            Rung::Vm | Rung::Memory | Rung::Vcpu | Rung::FirstExit | Rung::IrqChip | Rung::Unikernel => {
                Some(Wall::Vm)
            }
            Rung::Microvm | Rung::Virtio | Rung::Nested => Some(Wall::Guest),
        }
    }

    /// The rung that it is one thing more than; where a host lacks that one, this goes on from the one below.
    pub const fn base(self) -> Option<Rung> {
        match self {
            // What a Linux guest is made of cannot be switched on one by one: its launches are told apart by phase.
            Rung::Process | Rung::Microvm => None,
            Rung::ForkExec | Rung::Vm => Some(Rung::Process),
            Rung::User => Some(Rung::ForkExec),
            Rung::Pid => Some(Rung::User),
            Rung::Mount => Some(Rung::Pid),
            Rung::Ipc => Some(Rung::Mount),
            Rung::Uts => Some(Rung::Ipc),
            Rung::CgroupNamespace => Some(Rung::Uts),
            Rung::Network => Some(Rung::CgroupNamespace),
            Rung::Overlay | Rung::Bind => Some(Rung::Network),
            Rung::Cgroup | Rung::Procs => Some(Rung::Overlay),
            Rung::Masks => Some(Rung::Cgroup),
            Rung::Capabilities => Some(Rung::Masks),
            Rung::Seccomp => Some(Rung::Capabilities),
            Rung::Container => Some(Rung::Seccomp),
            Rung::Memory => Some(Rung::Vm),
            Rung::Vcpu => Some(Rung::Memory),
            Rung::FirstExit => Some(Rung::Vcpu),
            Rung::IrqChip | Rung::Unikernel => Some(Rung::FirstExit),
            Rung::Virtio | Rung::Nested => Some(Rung::Microvm),
        }
    }

    /// The stack that it is, where it is a whole one.
    pub const fn stack(self) -> Option<Stack> {
        match self {
            Rung::Process => Some(Stack::Process),
            Rung::Container => Some(Stack::Container),
            Rung::Unikernel => Some(Stack::Unikernel),
            Rung::Microvm => Some(Stack::Microvm),
            Rung::Nested => Some(Stack::Nested),
            _ => None,
        }
    }

    /// The stack as which its launches are told of: its own, or the floor that makes it.
    pub const fn launched_as(self) -> Stack {
        match (self.stack(), self.wall()) {
            (Some(stack), _) => stack,
            (None, Some(Wall::Vm)) => Stack::KvmFloor,
            (None, Some(Wall::Guest)) => Stack::Microvm,
            (None, _) => Stack::ContainerFloor,
        }
    }

    /// Whether it is no part of the way up to the one behind it.
    pub const fn is_aside(self) -> bool {
        matches!(self, Rung::Bind | Rung::Procs | Rung::IrqChip | Rung::Virtio)
    }

    /// Whether it is measured only when all are asked for: another way to do the same, or a device.
    pub const fn is_extra(self) -> bool {
        matches!(self, Rung::Bind | Rung::Procs | Rung::Virtio)
    }

    /// Whether a guest's code runs in it: what an emulating KVM makes slow.
    pub fn runs_a_guest(self) -> bool {
        self >= Rung::FirstExit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_in_order_and_each_stands_on_one_before_it() {
        assert!(Rung::ALL.is_sorted_by(|a, b| a < b));
        for rung in Rung::ALL {
            assert!(rung.base().is_none_or(|base| base < rung && !base.is_extra()), "{rung:?}");
            assert_eq!(rung.wall().is_none(), rung == Rung::Process);
        }
    }
}
