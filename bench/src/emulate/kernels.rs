//! The kernel of the machine, and the kernels for the guests in it: all from the cache, verified.
//!
//! A distribution's entry has thousands of modules, of which a guest uses a handful. The machine gets an entry with
//! these only, and a manifest that names no others, so that it is verified there as it is here.

use super::contents::{Contents, HOME};
use super::error::Error;
use crate::kernel::cache::{Cache, Entry};
use isolab_microvm::pack::modules;
use isolab_timeline::file::At;
use std::path::Path;

/// Names of kernels with all modules that the machine needs, the best first.
const DISTRIBUTIONS: [&str; 3] = ["debian", "ubuntu", "host"];
/// What the machine's kernel needs as modules, unless it is built in: KVM on AMD's SVM; overlays for containers; taps;
/// and the ports that lead out.
pub const MODULES: [&str; 5] = ["virtio_mmio", "virtio_console", "kvm-amd", "overlay", "tun"];

/// What guests may need as modules.
const GUESTS: [&str; 7] =
    ["virtio_mmio", "virtio_blk", "virtio_net", "virtio-rng", "overlay", "erofs", "ext4"];

/// The machine's own kernel.
pub fn of_machine(cache: &Cache) -> Result<Entry, Error> {
    let (entries, _) = cache.list().map_err(Error::Kernel)?;
    let is_there = |name: &&str| entries.iter().any(|entry| entry.manifest.name == **name);
    let Some(name) = DISTRIBUTIONS.into_iter().find(is_there) else {
        let what = "there is no distribution's kernel in the cache, which the emulated machine boots".into();
        return Err(Error::Unavailable { what, fix: "isolab kernel get".into() });
    };
    cache.find(name).map_err(Error::Kernel)
}

/// Puts every whole kernel of the cache in the machine, with the modules that guests use.
pub fn put(cache: &Cache, contents: &mut Contents) -> Result<(), Error> {
    let (entries, _) = cache.list().map_err(Error::Kernel)?;
    for mut entry in entries {
        if entry.verify().is_err() {
            // `isolab kernel list` tells of it; a machine without it still runs all that does not need it.
            continue;
        }
        let place =
            Path::new(HOME).join(".cache/isolab/kernels").join(entry.folder.file_name().unwrap_or_default());
        // A kernel that lacks one of them says so when a guest is to boot it.
        let modules = modules::resolve(&entry.folder.join("modules"), &GUESTS).unwrap_or_default();
        let used = |name: &str| {
            let path = entry.folder.join(name);
            !name.contains(".ko") || modules.iter().any(|module| module.path == path)
        };
        entry.manifest.files.retain(|name, _| used(name));
        for name in entry.manifest.files.keys() {
            contents.copy(place.join(name), entry.folder.join(name));
        }
        let manifest = serde_json::to_vec(&entry.manifest).map_err(std::io::Error::from);
        contents.text(place.join("manifest.json"), manifest.at("describing", &place)?);
    }
    Ok(())
}
