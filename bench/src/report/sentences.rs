//! The answer in words, from what the samples show and no more.
//!
//! A stack that was not measured is not mentioned. A difference is stated only when the interval of the
//! ratio excludes 1; otherwise the sentence says that the run cannot tell.

use crate::stats::{Clock, Figure, Ratio, Summary, bootstrap, show};
use isolab_timeline::{Peer, Stack};

/// The clock of the headline.
pub const RULER: Clock = Clock::Begin;

/// What is held against what, in words, one sentence each.
const COMPARED: [(Stack, Stack); 8] = [
    (Stack::Container, Stack::Process),
    (Stack::Unikernel, Stack::Process),
    (Stack::Container, Stack::Unikernel),
    (Stack::Microvm, Stack::Container),
    (Stack::Microvm, Stack::Unikernel),
    (Stack::Nested, Stack::Microvm),
    (Stack::Container, Stack::ContainerFloor),
    (Stack::Unikernel, Stack::KvmFloor),
];

/// What stands between the workload and the machine.
pub fn between(stack: Stack) -> String {
    match stack {
        Stack::Peer(peer) => {
            return format!("{}, by {}: beside {}.", wall_of(peer), peer.title(), peer.beside());
        }
        Stack::Process => "Nothing: the control.",
        Stack::Container => "Namespaces, a cgroup and an overlay root, on the host's own kernel.",
        Stack::Unikernel => {
            "A KVM virtual machine whose guest is the workload itself, with no operating system in it."
        }
        Stack::Microvm => "A KVM virtual machine that boots a Linux kernel of its own, then the workload.",
        Stack::Nested => "Both: the container inside of that virtual machine.",
        Stack::ContainerFloor => {
            "A floor: the barest program that makes the same container, so what the kernel itself costs."
        }
        Stack::KvmFloor => "A floor: the barest program that runs a guest, so what KVM itself costs.",
    }
    .into()
}

/// What a peer puts up, in words.
const fn wall_of(peer: Peer) -> &'static str {
    match peer {
        Peer::Runc | Peer::Crun | Peer::Youki => "The same bundle as a container",
        Peer::Podman | Peer::Docker => {
            "The same root folder as a container, with an engine's own work around it"
        }
        Peer::Bwrap => "The same root folder in all namespaces, without a cgroup",
        Peer::Runsc => "The same bundle, with a kernel in user space between it and the host's",
        Peer::Firecracker | Peer::CloudHypervisor | Peer::Qemu => {
            "A KVM virtual machine with the same bare guest"
        }
        Peer::FirecrackerLinux | Peer::CloudHypervisorLinux | Peer::QemuLinux => {
            "A KVM virtual machine with the same Linux kernel and the same initial RAM file system"
        }
    }
}

pub(super) fn noun(stack: Stack) -> String {
    match stack {
        Stack::Peer(peer) => return format!("{} by {}", noun(peer.beside()), peer.title()),
        Stack::Process => "a bare process",
        Stack::Container => "a container",
        Stack::Unikernel => "a unikernel",
        Stack::Microvm => "a microVM",
        Stack::Nested => "a container in a microVM",
        Stack::ContainerFloor => "the container floor",
        Stack::KvmFloor => "the KVM floor",
    }
    .into()
}

/// Several of a stack, in words.
pub(super) fn nouns(stack: Stack) -> String {
    match stack {
        Stack::Peer(peer) => return format!("{} by {}", nouns(peer.beside()), peer.title()),
        Stack::Process => "bare processes",
        Stack::Container => "containers",
        Stack::Unikernel => "unikernels",
        Stack::Microvm => "microVMs",
        Stack::Nested => "containers in microVMs",
        Stack::ContainerFloor => "container floors",
        Stack::KvmFloor => "KVM floors",
    }
    .into()
}

/// The pairs of a run: those of our own stacks, then each peer and the stack that it stands beside.
fn compared(summary: &Summary) -> impl Iterator<Item = (Stack, Stack)> {
    let peers = summary.stacks.iter().filter_map(|peer| Some((peer.stack, peer.stack.beside()?)));
    COMPARED.into_iter().chain(peers)
}

/// The stacks that the headline holds against a bare process.
const WALLS: [Stack; 4] = [Stack::Container, Stack::Unikernel, Stack::Microvm, Stack::Nested];

/// What the headline may say of a stack: nothing where a mark takes longer, or where KVM emulates a part of it.
fn told(summary: &Summary, stack: Stack) -> Option<&Figure> {
    let figure = summary.get(stack).filter(|stack| !stack.emulated)?.clock(RULER)?;
    (!figure.below_probe).then_some(figure)
}

/// The headline: how long each stack takes until its workload begins, and how many times as long as a
/// bare process.
pub fn headline(summary: &Summary) -> String {
    let time = |stack| Some(show::ms_in_words(told(summary, stack)?.p50(), summary.time));
    let mut walls = Vec::new();
    let mut factors = Vec::new();
    for stack in WALLS {
        if let Some(time) = time(stack) {
            let starts = if walls.is_empty() { " starts its workload" } else { "" };
            walls.push(format!("{}{starts} in {time}", noun(stack)));
            factors
                .extend(summary.ratio(stack, Stack::Process, RULER).map(|ratio| show::factor(ratio.value)));
        }
    }
    let answer = match (time(Stack::Process), walls.is_empty()) {
        (Some(process), false) => {
            format!(
                "{}: {} times as long as {}, {process}",
                listed(&walls),
                listed(&factors),
                noun(Stack::Process)
            )
        }
        (None, false) => listed(&walls),
        (Some(process), true) => format!("{} starts its workload in {process}", noun(Stack::Process)),
        (None, true) if summary.any_emulated() => {
            return "KVM on this host emulates what this run measured: no cost of hardware virtualization."
                .into();
        }
        (None, true) => return "This run measured neither a process nor a container nor a VM.".into(),
    };
    format!("{}.", show::capitalised(&answer))
}

/// What the headline rests on: of each stack in it the interval of the median and of the ratio, and how many launches.
pub fn intervals(summary: &Summary) -> Option<String> {
    let of = |stack: Stack| {
        let figure = told(summary, stack)?;
        figure.interval?;
        let ratio = summary.ratio(stack, Stack::Process, RULER).filter(|_| stack != Stack::Process);
        let times = ratio.map(|ratio| format!(" ({} times)", show::ratio_interval(Some(ratio))));
        Some(format!("{} {}{}", stack.name(), show::interval_ms(figure), times.unwrap_or_default()))
    };
    let said: Vec<_> = [Stack::Process].into_iter().chain(WALLS).filter_map(of).collect();
    let n = format!("n = {} launches of each, spawn → begin, medians", summary.launches());
    Some(if said.is_empty() {
        format!("{}; too few for a 95 % interval.", show::capitalised(&n))
    } else {
        format!("95 % intervals, in {}: {}; {n}.", summary.time.unit(), said.join(", "))
    })
}

/// Which stacks the headline leaves out because KVM emulates a part of them.
pub fn emulated(summary: &Summary) -> Option<String> {
    let stacks = summary
        .stacks
        .iter()
        .filter(|stack| stack.emulated && !stack.stack.is_floor() && !stack.stack.is_peer());
    let left_out: Vec<_> = stacks.map(|stack| stack.stack.name().to_owned()).collect();
    (!left_out.is_empty()).then(|| {
        format!(
            "Left out: {}. KVM on this host emulates a part of what runs in a VM, which is no cost of hardware \
             virtualization.",
            listed(&left_out)
        )
    })
}

/// One sentence for each pair of stacks that were both measured, the slower one first.
pub fn comparisons(summary: &Summary) -> Vec<String> {
    compared(summary)
        .filter_map(|(stack, base)| {
            let ratio = summary.ratio(stack, base, RULER)?;
            Some(if ratio.value < 1.0 {
                comparison(base, stack, summary.ratio(base, stack, RULER)?)
            } else {
                comparison(stack, base, ratio)
            })
        })
        .collect()
}

fn comparison(slower: Stack, quicker: Stack, ratio: Ratio) -> String {
    // Beside another maker's, ours has a maker too.
    let both_have_makers = slower.is_peer() || quicker.is_peer();
    let [slower, quicker] = [slower, quicker].map(|stack| {
        let ours = both_have_makers && !stack.is_peer();
        noun(stack) + if ours { " by isolab" } else { "" }
    });
    let factor = show::factor(ratio.value);
    let interval = show::ratio_interval(Some(ratio));
    match ratio.interval {
        Some(ends) if !ends.contains(1.0) => {
            format!(
                "{} takes {factor} times as long as {quicker} (95 % interval {interval}).",
                show::capitalised(&slower)
            )
        }
        Some(_) => format!(
            "This run cannot tell {slower} and {quicker} apart: the ratio is {factor}, its 95 % interval \
             {interval} includes 1."
        ),
        None => format!(
            "{} took {factor} times as long as {quicker}, but fewer than {} launches of one of them \
             count, too few for an interval.",
            show::capitalised(&slower),
            bootstrap::FEWEST
        ),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [first @ .., but, last] => [first, &[format!("{but} and {last}")]].concat().join(", "),
        few => few.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn the_headline_names_its_ruler_and_only_what_was_measured() {
        let of = |file| headline(&Summary::of(&file));
        let whole = of(example::run());
        assert!(
            whole.starts_with("A container starts its workload in 1.53 ms and a unikernel in 0.97 ms: "),
            "{whole}"
        );
        assert!(whole.ends_with(" times as long as a bare process, 0.53 ms."), "{whole}");
        let no_vm = of(example::without(Stack::Unikernel));
        assert!(no_vm.contains("container") && !no_vm.contains("unikernel"), "{no_vm}");
        let no_base = of(example::without(Stack::Process));
        assert!(no_base.contains("unikernel") && !no_base.contains("times"), "{no_base}");
        let mut nothing = example::run();
        nothing.samples.clear();
        assert!(!of(nothing).contains("ms"));
        let guests = of(example::with_linux());
        assert!(
            guests.contains(" ms, a unikernel in 0.98 ms, a microVM in 62.8 ms and a container in a microVM"),
            "{guests}"
        );
        let support = intervals(&Summary::of(&example::with_linux())).unwrap();
        assert!(
            support.starts_with("95 % intervals, in ms: process 0.") && support.contains(" times), nested "),
            "{support}"
        );
        assert!(support.ends_with("; n = 60 launches of each, spawn → begin, medians."), "{support}");
    }

    #[test]
    fn a_difference_is_claimed_only_when_the_interval_excludes_one() {
        let apart = comparisons(&Summary::of(&example::run()));
        assert_eq!(apart.len(), COMPARED.len() - 3, "a pair of which one was not measured is not mentioned");
        assert!(apart.iter().all(|sentence| sentence.contains("times as long")), "{apart:#?}");
        let guests = comparisons(&Summary::of(&example::with_linux()));
        assert_eq!(guests.len(), COMPARED.len());
        let alike = comparisons(&Summary::of(&example::alike()));
        assert!(alike.iter().any(|sentence| sentence.contains("cannot tell")), "{alike:#?}");
    }

    #[test]
    fn a_peer_is_held_against_the_stack_that_it_stands_beside() {
        let sentences = comparisons(&Summary::of(&example::with_peers()));
        for beginning in [
            "A container by runc takes 13.0 times as long as a container by isolab (",
            "A unikernel by QEMU takes 39.6 times as long as a unikernel by isolab (",
            "A microVM by QEMU takes 2.26 times as long as a microVM by isolab (",
        ] {
            assert!(sentences.iter().any(|sentence| sentence.starts_with(beginning)), "{sentences:#?}");
        }
    }

    #[test]
    fn the_slower_one_comes_first() {
        let mut file = example::run();
        for sample in &mut file.samples {
            sample.stack = match sample.stack {
                Stack::Container => Stack::Unikernel,
                Stack::Unikernel => Stack::Container,
                other => other,
            };
        }
        let sentences = comparisons(&Summary::of(&file));
        assert!(
            sentences
                .iter()
                .any(|sentence| sentence.starts_with("A unikernel takes 1.57 times as long as a container")),
            "{sentences:#?}"
        );
    }

    #[test]
    fn too_few_launches_make_no_claim() {
        let mut file = example::run();
        file.samples.truncate(5 * (file.warmup + 3));
        let sentences = comparisons(&Summary::of(&file));
        assert!(!sentences.is_empty());
        assert!(sentences.iter().all(|sentence| sentence.contains("too few")), "{sentences:#?}");
    }
}
