//! Where the peers' programs are: where the user says, else along `PATH`.

use crate::sandbox::Refusal;
use isolab_timeline::Peer;
use rustix::fs::{Access, access};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The programs of peers, as far as the user has named them; the others are searched for.
#[derive(Clone, Debug, Default)]
pub struct Found(pub BTreeMap<Peer, PathBuf>);

impl Found {
    /// The program of `peer`; or how to get it.
    pub fn program(&self, peer: Peer) -> Result<PathBuf, Refusal> {
        if let Some(given) = self.0.get(&peer) {
            return if is_program(given) {
                Ok(given.clone())
            } else {
                let reason = format!("{} is no program that can be executed", given.display());
                Err(Refusal { reason, fix: format!("give its path: --peer {peer}=PATH") })
            };
        }
        along_path(executable(peer)).ok_or_else(|| Refusal {
            reason: format!("{} is not along PATH", executable(peer)),
            fix: format!("{}; or say where it is: --peer {peer}=PATH", source(peer)),
        })
    }
}

/// The program called `name`, along `PATH`.
pub(super) fn along_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// What a peer's program is called.
const fn executable(peer: Peer) -> &'static str {
    match peer {
        Peer::Firecracker | Peer::FirecrackerLinux => "firecracker",
        Peer::CloudHypervisor | Peer::CloudHypervisorLinux => "cloud-hypervisor",
        Peer::Qemu | Peer::QemuLinux => "qemu-system-x86_64",
        other => other.name(),
    }
}

/// Where a peer's program comes from.
const fn source(peer: Peer) -> &'static str {
    match peer {
        Peer::Runc => "on Debian and Ubuntu: apt-get install runc",
        Peer::Crun => "on Debian and Ubuntu: apt-get install crun",
        Peer::Youki => "a release of github.com/youki-dev/youki",
        Peer::Podman => "on Debian and Ubuntu: apt-get install podman",
        Peer::Docker => "on Debian and Ubuntu: apt-get install docker.io",
        Peer::Bwrap => "on Debian and Ubuntu: apt-get install bubblewrap",
        Peer::Runsc => "a release of gvisor.dev, or on Debian: apt-get install runsc",
        Peer::Firecracker | Peer::FirecrackerLinux => {
            "a release of github.com/firecracker-microvm/firecracker"
        }
        Peer::CloudHypervisor | Peer::CloudHypervisorLinux => {
            "a release of github.com/cloud-hypervisor/cloud-hypervisor"
        }
        Peer::Qemu | Peer::QemuLinux => "on Debian and Ubuntu: apt-get install qemu-system-x86",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_names_is_taken_and_what_is_no_program_refused() {
        let given = |path: &str| Found([(Peer::Runc, path.into())].into()).program(Peer::Runc);
        assert_eq!(given("/bin/sh").unwrap(), Path::new("/bin/sh"));
        for path in ["/nowhere/runc", "/etc/passwd", "/"] {
            let refusal = given(path).unwrap_err();
            assert!(refusal.reason.contains(path) && refusal.fix.contains("--peer runc=PATH"), "{refusal:?}");
        }
        assert!(along_path("sh").is_some() && along_path("no-such-program").is_none());
    }
}
