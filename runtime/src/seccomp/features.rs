//! What is known here of `linux.seccomp`, as the specification's `features` document lists it.

use super::arch::KNOWN;
use super::install;
use oci_spec::runtime::LinuxSeccompAction as Action;
use oci_spec::runtime::LinuxSeccompFilterFlag as Flag;
use oci_spec::runtime::LinuxSeccompOperator as Operator;
use oci_spec::runtime::Seccomp;

/// The part about seccomp.
pub fn features() -> Seccomp {
    let actions = [
        Action::ScmpActAllow,
        Action::ScmpActErrno,
        Action::ScmpActKill,
        Action::ScmpActKillProcess,
        Action::ScmpActKillThread,
        Action::ScmpActLog,
        Action::ScmpActNotify,
        Action::ScmpActTrace,
        Action::ScmpActTrap,
    ];
    let operators = [
        Operator::ScmpCmpEq,
        Operator::ScmpCmpGe,
        Operator::ScmpCmpGt,
        Operator::ScmpCmpLe,
        Operator::ScmpCmpLt,
        Operator::ScmpCmpMaskedEq,
        Operator::ScmpCmpNe,
    ]
    .map(|each| each.to_string());
    let flags = [
        Flag::SeccompFilterFlagLog,
        Flag::SeccompFilterFlagSpecAllow,
        Flag::SeccompFilterFlagTsync,
        Flag::SeccompFilterFlagWaitKillableRecv,
    ];
    let supported = flags.iter().filter(|&&flag| install::known(flag)).map(ToString::to_string).collect();
    let mut seccomp = Seccomp::default();
    seccomp.set_enabled(Some(true));
    seccomp.set_actions(Some(actions.to_vec()));
    seccomp.set_operators(Some(operators.to_vec()));
    seccomp.set_archs(Some(KNOWN.to_vec()));
    seccomp.set_known_flags(Some(flags.iter().map(ToString::to_string).collect()));
    seccomp.set_supported_flags(Some(supported));
    seccomp
}
