//! The virtio devices, used by Linux's own drivers: one boot of each kernel that uses them all.
//!
//! Bytes go each way and are compared at the end: from the read-only disk to the other one, over the network to the
//! host and from there. The network is a namespace of its own, which takes the tap interface with it.

mod common;

use common::{file, linux_kernels, microvm, program, skip};
use isolab_microvm::pack::start::Start;
use isolab_microvm::pack::{self, modules};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::NamedTempFile;

/// In the host's namespace: a tap interface, a web server, one who takes what is sent; then the VMM.
const HOST: &str = r#"
B=/bin/busybox
$B tunctl -t tap0 >/dev/null && $B ip addr add 10.9.0.1/24 dev tap0 && $B ip link set tap0 up || exit 99
$B httpd -f -p 10.9.0.1:80 -h "$FOLDER" & httpd=$!
# Its own input must not end, or it says goodbye before the guest has sent all.
$B mkfifo "$FOLDER/never"
$B nc -l -p 81 <>"$FOLDER/never" >"$FOLDER/sent" & nc=$!
"$@"; status=$?
kill $httpd $nc 2>/dev/null; wait
exit $status
"#;

/// In the guest: each step that fails has an exit status of its own.
const GUEST: &str = r"
B=/bin/busybox
$B dd if=/dev/vda of=/dev/vdb bs=64k conv=fsync || exit 11
echo x | $B dd of=/dev/vda conv=fsync && exit 12
[ $($B cat /sys/block/vda/ro) = 1 ] && [ $($B cat /sys/block/vdb/ro) = 0 ] || exit 13
[ $($B dd if=/dev/hwrng bs=64 count=1 | $B wc -c) -gt 0 ] || exit 14
$B ip addr add 10.9.0.2/24 dev eth0 && $B ip link set eth0 up || exit 15
[ $($B cat /sys/class/net/eth0/address) = 06:00:ac:10:00:02 ] || exit 16
$B ping -c 2 -W 20 10.9.0.1 || exit 17
$B wget -q -O - http://10.9.0.1/page | $B dd of=/dev/vdb bs=64k seek=16 conv=fsync || exit 18
$B nc 10.9.0.1 81 </dev/vda || exit 19
[ $($B dd if=/dev/vda bs=64k count=1 | $B md5sum | $B cut -c1-32) = $($B dd if=/dev/vdb bs=64k count=1 | $B md5sum | $B cut -c1-32) ] || exit 20
echo devices are fine
";

const BUSYBOX: &str = "/bin/busybox";
/// Larger than any archive of this test.
const MOST: u64 = 64 << 20;
/// How large the disk and the page are: 16 pieces of 64 KiB.
const SIZE: usize = 1 << 20;

/// Bytes that do not repeat soon.
fn pattern(seed: u32) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next).map(|state| (state >> 24) as u8).take(SIZE).collect()
}

/// A machine file for these files.
fn machine_file(kernel: &Path, archive: &Path, folder: &Path) -> String {
    let file = serde_json::json!({
        "boot-source": { "kernel_image_path": kernel, "initrd_path": archive },
        "drives": [
            { "drive_id": "b", "path_on_host": folder.join("written"), "is_root_device": false },
            { "drive_id": "a", "path_on_host": folder.join("read"), "is_root_device": true, "is_read_only": true },
        ],
        "machine-config": { "vcpu_count": 2, "mem_size_mib": 256 },
        "network-interfaces": [{ "iface_id": "e", "host_dev_name": "tap0", "guest_mac": "06:00:ac:10:00:02" }],
        "entropy": {},
    });
    file.to_string()
}

/// Boots `kernel` with all devices, described by a machine file or by options.
fn boot(kernel: &Path, archive: &Path, folder: &Path, by_file: bool) -> Output {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let mut vmm = microvm(["boot"]);
    if by_file {
        fs::write(path("machine.json"), machine_file(kernel, archive, folder)).unwrap();
        vmm.args(["--config-file", &path("machine.json")]);
    } else {
        vmm.arg("--kernel").arg(kernel).arg("--initrd").arg(archive).args(["--cpus", "2", "--rng"]);
        vmm.args(["--drive", &format!("{}:ro", path("read")), "--drive", &path("written")]);
        vmm.args(["--net", "tap0:06:00:ac:10:00:02"]);
    }
    let mut host = Command::new(BUSYBOX);
    host.args(["unshare", "-n", BUSYBOX, "sh", "-c", HOST, "host"]);
    host.env("FOLDER", folder).arg(vmm.get_program()).args(vmm.get_args());
    host.stdin(Stdio::null()).output().unwrap()
}

/// The first root of a guest that uses the devices: busybox, and modules where the kernel has any; `None`, having
/// said so, when the guest's init has not been built.
fn initramfs(test: &str, kernel: &Path) -> Option<NamedTempFile> {
    let init = program(test, "isolab-init")?;
    let root = tempfile::tempdir().unwrap();
    let bin = root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy(BUSYBOX, bin.join("busybox")).unwrap();
    symlink("busybox", bin.join("sh")).unwrap();
    fs::write(root.path().join("work"), GUEST).unwrap();
    let wanted = ["virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng"];
    let modules = modules::resolve(&kernel.with_file_name("modules"), &wanted).unwrap();
    let start = Start { command: ["/bin/sh", "/work"].map(Into::into).to_vec(), ..Start::default() };
    let mut archive = pack::begin(Vec::new(), MOST, &init, &modules, &start).unwrap();
    archive.tree(pack::ROOT, root.path()).unwrap();
    Some(file(&archive.finish().unwrap()))
}

/// Whether this host has what the test needs beside a KVM for Linux.
fn ready(test: &str) -> bool {
    let lacks = if !rustix::process::getuid().is_root() {
        "only root can make a tap interface"
    } else if !Path::new("/dev/net/tun").exists() {
        "there is no /dev/net/tun; modprobe tun"
    } else if !Path::new(BUSYBOX).exists() {
        "there is no /bin/busybox; apt-get install busybox-static"
    } else {
        return true;
    };
    skip(test, lacks);
    false
}

#[test]
fn linux_uses_all_devices() {
    const TEST: &str = "linux_uses_all_devices";
    let kernels = linux_kernels(TEST);
    if kernels.is_empty() || !ready(TEST) {
        return;
    }
    // The first one by options, the second one by a machine file.
    for (by_file, kernel) in [false, true].into_iter().zip(kernels) {
        let Some(archive) = initramfs(TEST, &kernel) else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("read"), pattern(1)).unwrap();
        fs::write(path("page"), pattern(2)).unwrap();
        fs::write(path("written"), vec![0; 2 * SIZE]).unwrap();

        let output = boot(&kernel, archive.path(), folder.path(), by_file);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}: {output:?}", kernel.display());
        assert!(text.contains("devices are fine"), "{text}");
        let same = |name: &str, expected: &[u8]| {
            assert!(fs::read(path(name)).unwrap() == expected, "{}: {name} differs", kernel.display());
        };
        same("read", &pattern(1));
        same("sent", &pattern(1));
        same("written", &[pattern(1), pattern(2)].concat());
    }
}
