//! What the packer writes is what others read: archives by the `cpio` of `busybox`, which unpacks them as the kernel
//! does; and modules of a kernel that is not there.

mod common;

use common::skip;
use isolab_microvm::pack::cpio::Archive;
use isolab_microvm::pack::error::PackError;
use isolab_microvm::pack::modules::{Module, resolve};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// Larger than any archive of these tests.
const MOST: u64 = 64 << 20;

fn packed(folder: &Path, most: u64) -> Result<Vec<u8>, PackError> {
    let mut archive = Archive::new(Vec::new(), most);
    archive.tree("root", folder)?;
    archive.finish()
}

/// Unpacks `archive` to `folder`; `None`: there is no cpio.
fn unpack(archive: &[u8], folder: &Path) -> Option<()> {
    let mut command = Command::new("busybox");
    command.args(["cpio", "-idm"]).current_dir(folder).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(archive).unwrap();
    assert!(child.wait().unwrap().success());
    Some(())
}

/// All that is in `folder`: by path, its mode and its content or target.
fn tree(folder: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap();
            let content = if kind.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if kind.is_file() {
                fs::read(&path).unwrap()
            } else {
                if kind.is_dir() {
                    open.push(path.clone());
                }
                Vec::new()
            };
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.insert(name, (kind.mode(), content));
        }
    }
    found
}

#[derive(Clone, Debug)]
enum Entry {
    File(Vec<u8>, u32),
    Link(String),
    Folder,
}

fn entries() -> impl Strategy<Value = BTreeMap<(u8, String), Entry>> {
    let entry = prop_oneof![
        (prop::collection::vec(any::<u8>(), 0..300), prop::sample::select(vec![0o644, 0o755, 0o4755, 0o600]))
            .prop_map(|(content, mode)| Entry::File(content, mode)),
        "[a-z/.]{1,40}".prop_map(Entry::Link),
        Just(Entry::Folder),
    ];
    prop::collection::btree_map((0..3_u8, "[a-z0-9 =\u{e9}]{1,12}"), entry, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_packed_is_what_is_unpacked(entries in entries()) {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for ((folder, name), entry) in &entries {
            let folder = from.path().join(format!("folder{folder}"));
            fs::create_dir_all(&folder).unwrap();
            let path = folder.join(name);
            match entry {
                Entry::File(content, mode) => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(&path, PermissionsExt::from_mode(*mode)).unwrap();
                }
                Entry::Link(target) => symlink(target, &path).unwrap(),
                Entry::Folder => fs::create_dir(&path).unwrap(),
            }
        }
        let archive = packed(from.path(), MOST).unwrap();
        prop_assert_eq!(&archive, &packed(from.path(), MOST).unwrap(), "the same twice");
        if unpack(&archive, to.path()).is_none() {
            skip("what_is_packed_is_what_is_unpacked", "there is no busybox");
            return Ok(());
        }
        prop_assert_eq!(tree(from.path()), tree(&to.path().join("root")));
    }
}

#[test]
fn hard_links_and_pipes_are_packed_and_devices_by_their_numbers() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join("one"), "content").unwrap();
    fs::hard_link(from.path().join("one"), from.path().join("two")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        from.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let archive = packed(from.path(), MOST).unwrap();
    if unpack(&archive, to.path()).is_none() {
        skip("hard_links_and_pipes_are_packed_and_devices_by_their_numbers", "there is no busybox");
        return;
    }
    assert_eq!(tree(from.path()), tree(&to.path().join("root")));
    let mut archive = Archive::new(Vec::new(), MOST);
    archive.copy("null", Path::new("/dev/null")).unwrap();
    let archive = archive.finish().unwrap();
    // Major and minor number are the eleventh and twelfth of the header's numbers.
    assert_eq!(&archive[6 + 9 * 8..6 + 11 * 8], b"0000000100000003");
}

#[test]
fn what_cannot_be_packed_is_one_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    fs::write(&path, [0; 5000]).unwrap();
    let said = packed(folder.path(), 4096).unwrap_err().to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("memory"), "{said}");
    // Sparse: no disk holds it.
    fs::File::create(&path).unwrap().set_len(5 << 30).unwrap();
    assert!(matches!(packed(folder.path(), u64::MAX), Err(PackError::Huge(named)) if named == path));
    fs::remove_file(&path).unwrap();
    let path = folder.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(packed(folder.path(), MOST), Err(PackError::Socket(named)) if named == path));
    let said = packed(Path::new("/nowhere"), MOST).unwrap_err().to_string();
    assert!(said.contains("/nowhere"), "{said}");
    assert!(packed(Path::new("/dev/null"), MOST).is_err());
}

#[test]
fn an_unreadable_file_is_named() {
    const TEST: &str = "an_unreadable_file_is_named";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o0)).unwrap();
    if fs::File::open(&path).is_ok() {
        skip(TEST, "this user reads everything");
        return;
    }
    let said = packed(folder.path(), MOST).unwrap_err().to_string();
    assert!(said.contains(path.to_str().unwrap()), "{said}");
}

/// A module: an ELF file that has nothing but a section `.modinfo`.
fn module(info: &str) -> Vec<u8> {
    let names = b"\0.modinfo\0.shstrtab\0";
    let mut file = vec![0; 64];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16..20].copy_from_slice(&[1, 0, 62, 0]); // relocatable, x86-64
    file[20] = 1;
    file.extend(info.bytes());
    file.extend(names);
    file.resize(file.len().next_multiple_of(8), 0);
    let table = file.len() as u64;
    file[40..48].copy_from_slice(&table.to_le_bytes());
    file[52..54].copy_from_slice(&[64, 0]);
    file[58..64].copy_from_slice(&[64, 0, 3, 0, 2, 0]);
    let sections = [(0, 0, 0, 0), (1, 1, 64, info.len()), (10, 3, 64 + info.len(), names.len())];
    for (name, kind, offset, size) in sections {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&u32::to_le_bytes(name));
        header[4..8].copy_from_slice(&u32::to_le_bytes(kind));
        header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        file.extend(header);
    }
    file
}

/// A kernel's folder with these modules: by path, what each needs.
fn modules(files: &[(&str, &str)], built_in: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("kernel")).unwrap();
    fs::write(folder.path().join("modules.builtin"), built_in).unwrap();
    for (name, needs) in files {
        let file = module(&format!("license=GPL\0depends={needs}\0name=x\0"));
        fs::write(folder.path().join("kernel").join(name), file).unwrap();
    }
    folder
}

fn names(found: Vec<Module>) -> Vec<String> {
    found.into_iter().map(|module| module.name).collect()
}

#[test]
fn modules_come_after_what_they_need_and_each_once() {
    let files = [("a-b.ko", "ring,core"), ("ring.ko", "core"), ("core.ko", ""), ("other.ko", "a-b")];
    let folder = modules(&files, "kernel/fs/ext4/ext4.ko\nkernel/lib/lib-x.ko\n");
    let found = resolve(folder.path(), &["ext4", "a_b", "lib_x", "ring"]).unwrap();
    assert_eq!(names(found), ["core", "ring", "a_b"]);
    assert!(resolve(&folder.path().join("nowhere"), &["a_b"]).unwrap().is_empty(), "all is built in");
    let said = resolve(folder.path(), &["erofs"]).unwrap_err().to_string();
    assert!(said.contains("erofs") && said.contains(folder.path().to_str().unwrap()), "{said}");
}

#[test]
fn modules_that_make_no_sense_are_refused() {
    let folder = modules(&[("a.ko", "b"), ("b.ko", "a"), ("c.ko", "gone")], "");
    assert!(matches!(resolve(folder.path(), &["a"]), Err(PackError::Circle(_))));
    let said = resolve(folder.path(), &["c"]).unwrap_err().to_string();
    assert!(said.contains("gone") && said.contains("needed by c"), "{said}");
    for content in [&b"#!/bin/sh\n"[..], b"", &module("depends=\0")[..70]] {
        fs::write(folder.path().join("kernel/a.ko"), content).unwrap();
        assert!(matches!(resolve(folder.path(), &["a"]), Err(PackError::NotAModule { .. })));
    }
}

#[test]
fn compressed_modules_are_unpacked() {
    let plain = module("depends=core\0");
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(&plain).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    for (name, packed) in
        [("a.ko.xz", xz.finish().unwrap()), ("a.ko.zst", zstd), ("a.ko.gz", gzip.finish().unwrap())]
    {
        let folder = modules(&[("core.ko", "")], "");
        let path = folder.path().join("kernel").join(name);
        fs::write(&path, &packed).unwrap();
        let found = resolve(folder.path(), &["a"]).unwrap();
        assert_eq!(found[1].read().unwrap(), plain, "{name}");
        assert_eq!(names(found), ["core", "a"], "{name}");
        fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert!(matches!(resolve(folder.path(), &["a"]), Err(PackError::Compressed { .. })), "{name}");
    }
}
