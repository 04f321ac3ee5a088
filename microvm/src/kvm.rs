//! `/dev/kvm` (`kvm(4)`): the device from which VMs are made.

use crate::Error;
use kvm_ioctls::Kvm;
use std::ffi::CStr;
use std::io;

/// Where the kernel has the device.
pub const DEVICE: &CStr = c"/dev/kvm";

/// Opens `/dev/kvm`. An error says what to do about it.
pub fn open() -> Result<Kvm, Error> {
    open_at(DEVICE)
}

/// Opens the device at `path`.
pub fn open_at(path: &CStr) -> Result<Kvm, Error> {
    Kvm::new_with_path(path).map_err(|error| {
        let source = io::Error::from(error);
        let fix = match source.kind() {
            io::ErrorKind::NotFound => {
                "load the module (modprobe kvm_intel or kvm_amd); if that fails, switch virtualization on in \
                 the firmware, or nested virtualization in the hypervisor"
            }
            io::ErrorKind::PermissionDenied => {
                "add yourself to group kvm (usermod -aG kvm USER) and log in again"
            }
            _ => "see whether the kernel's kvm modules are loaded (lsmod)",
        };
        Error::NoKvm { path: path.to_string_lossy().into_owned(), fix, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_is_unavailable_and_says_the_fix() {
        let error = open_at(c"/nowhere/kvm").unwrap_err();
        assert!(error.is_unavailable());
        let text = format!("{:#}", anyhow::Error::from(error));
        assert!(text.contains("/nowhere/kvm") && text.contains("modprobe"), "{text}");
    }
}
