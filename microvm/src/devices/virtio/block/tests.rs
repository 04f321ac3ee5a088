use super::super::driver::{BUFFERS, Driver};
use super::*;
use proptest::prelude::*;
use std::io::Write;
use vm_memory::{Bytes, GuestAddress};

/// Where requests lie: the header, the byte for the status, the data.
const HEADER: u64 = BUFFERS;
const STATUS: u64 = BUFFERS + 16;
const DATA: u64 = BUFFERS + 0x1000;

/// A disk of so many sectors, each filled with its number.
fn disk(sectors: u8) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for sector in 0..sectors {
        file.write_all(&[sector; SECTOR as usize]).unwrap();
    }
    file
}

fn driver(file: &Path, read_only: bool) -> Driver {
    let mut driver = Driver::new(Box::new(Block::open(file, read_only).unwrap()));
    assert_eq!(driver.start(), 15);
    driver
}

/// Asks for `kind` at `sector` with these data buffers. Returns the status, and how many bytes were written.
fn ask(driver: &mut Driver, kind: u32, sector: u64, data: &[(u64, u32)]) -> (u8, u32) {
    let header = [u64::from(kind), sector];
    driver.memory.write_obj(header, GuestAddress(HEADER)).unwrap();
    driver.memory.write_obj(0xff_u8, GuestAddress(STATUS)).unwrap();
    let writable = kind != VIRTIO_BLK_T_OUT;
    let mut buffers = vec![(HEADER, 16, false)];
    buffers.extend(data.iter().map(|&(address, length)| (address, length, writable)));
    buffers.push((STATUS, 1, true));
    let head = driver.request(0, &buffers);
    let (answered, length) = driver.answer(0).expect("an answer");
    assert_eq!(answered, head);
    (driver.bytes(STATUS, 1)[0], length)
}

const OK: u8 = VIRTIO_BLK_S_OK as u8;
const FAILED: u8 = VIRTIO_BLK_S_IOERR as u8;
const UNKNOWN: u8 = VIRTIO_BLK_S_UNSUPP as u8;

#[test]
fn sectors_are_read_written_and_kept() {
    let file = disk(8);
    let mut driver = driver(file.path(), false);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 3, &[(DATA, 700), (DATA + 4096, 324)]), (OK, 1025));
    assert_eq!(driver.bytes(DATA, 700), [[3; 512].as_slice(), &[4; 188]].concat());
    assert_eq!(driver.bytes(DATA + 4096, 325), [[4; 324].as_slice(), &[0]].concat());
    driver.memory.write_slice(&[0xee; 512], GuestAddress(DATA)).unwrap();
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_OUT, 7, &[(DATA, 512)]), (OK, 1));
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_FLUSH, 0, &[]), (OK, 1));
    let bytes = std::fs::read(file.path()).unwrap();
    assert_eq!(
        (bytes.len(), &bytes[7 * 512..], &bytes[6 * 512..7 * 512]),
        (4096, &[0xee; 512][..], &[6; 512][..])
    );
}

#[test]
fn a_request_may_be_cut_anywhere() {
    let file = disk(2);
    let mut driver = driver(file.path(), true);
    driver.memory.write_obj([0_u64, 1], GuestAddress(HEADER)).unwrap();
    let header = [(HEADER, 1, false), (HEADER + 1, 0, false), (HEADER + 1, 15, false)];
    // The status is the last byte of the last buffer.
    let data = [(DATA, 511, true), (DATA + 511, 2, true), (DATA + 600, 0, true)];
    driver.request(0, &[&header[..], &data].concat());
    assert_eq!(driver.answer(0).unwrap().1, 513);
    assert_eq!(driver.bytes(DATA, 513), [[1; 512].as_slice(), &[OK]].concat());
}

#[test]
fn what_is_not_on_the_disk_is_an_error_of_the_request_only() {
    let file = disk(4);
    let mut driver = driver(file.path(), false);
    for (sector, length) in
        [(4, 512), (3, 1024), (u64::MAX, 512), (u64::MAX / 512, 512), (0, 511), (0, 65 << 9)]
    {
        for kind in [VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT] {
            assert_eq!(ask(&mut driver, kind, sector, &[(DATA, length)]).0, FAILED, "{sector} {length}");
        }
    }
    for kind in [2, 11, 13, u32::MAX] {
        assert_eq!(ask(&mut driver, kind, 0, &[]).0, UNKNOWN);
    }
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 3, &[(DATA, 512)]), (OK, 513));
    assert_eq!(std::fs::read(file.path()).unwrap(), std::fs::read(disk(4).path()).unwrap());
}

#[test]
fn a_read_only_disk_is_never_written() {
    let file = disk(2);
    let mut driver = driver(file.path(), true);
    let offers = driver.offers();
    assert_eq!(offers >> VIRTIO_BLK_F_RO & 1, 1);
    assert_eq!(offers >> VIRTIO_BLK_F_FLUSH & 1, 0);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_OUT, 0, &[(DATA, 512)]).0, FAILED);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_FLUSH, 0, &[]).0, UNKNOWN);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 0, &[(DATA, 512)]).0, OK);
}

#[test]
fn a_file_that_shrinks_or_vanishes_fails_requests_not_the_disk() {
    let file = disk(4);
    let mut driver = driver(file.path(), true);
    file.as_file().set_len(1024).unwrap();
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 3, &[(DATA, 512)]), (FAILED, 1));
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 1, &[(DATA, 512)]), (OK, 513));
    file.close().unwrap();
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 1, &[(DATA, 512)]), (OK, 513));
}

#[test]
fn a_file_that_takes_no_more_fails_requests_not_the_disk() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let file = memfd_create("disk", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC).unwrap();
    rustix::io::write(&file, &[1; 1024]).unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let mut driver = driver(Path::new(&path), false);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_OUT, 0, &[(DATA, 512)]), (OK, 1));
    // As good as a host's disk that is full.
    fcntl_add_seals(&file, SealFlags::WRITE).unwrap();
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_OUT, 1, &[(DATA, 512)]), (FAILED, 1));
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 1, &[(DATA, 512)]), (OK, 513));
    assert_eq!(driver.bytes(DATA, 512), [1; 512]);
}

#[test]
fn a_disk_that_is_full_fails_requests_until_it_is_not() {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    use nix::sched::{CloneFlags, unshare};
    // A mount namespace for this thread alone, which takes the file system with it.
    let folder = tempfile::tempdir().unwrap();
    let mounted = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| {
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        })
        .and_then(|()| mount(None::<&str>, folder.path(), Some("tmpfs"), MsFlags::empty(), Some("size=64k")));
    if let Err(error) = mounted {
        eprintln!(
            "skipped: a_disk_that_is_full_fails_requests_until_it_is_not: no file system of its own: {error}; run it as root"
        );
        return;
    }
    // The file promises more than there is, and other files take some of that.
    let (path, other) = (folder.path().join("disk"), folder.path().join("other"));
    std::fs::File::create(&path).unwrap().set_len(128 << 10).unwrap();
    std::fs::write(&other, vec![1; 32 << 10]).unwrap();
    let mut driver = driver(&path, false);
    let pages = |driver: &mut Driver, range: std::ops::Range<u64>| -> Vec<u8> {
        range.map(|page| ask(driver, VIRTIO_BLK_T_OUT, 8 * page, &[(DATA, 4096)]).0).collect()
    };
    let written = pages(&mut driver, 0..16);
    let full = written.iter().position(|&status| status == FAILED).unwrap();
    assert!((1..=8).contains(&full), "{written:?}");
    assert!(written[full..].iter().all(|&status| status == FAILED), "{written:?}");
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_IN, 0, &[(DATA, 4096)]), (OK, 4097));
    std::fs::remove_file(other).unwrap();
    assert_eq!(pages(&mut driver, full as u64..full as u64 + 4), [OK; 4]);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_FLUSH, 0, &[]), (OK, 1));
    // So that the folder can go too.
    umount2(folder.path(), MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn the_serial_number_is_the_name_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.img");
    std::fs::write(&path, [0; 512]).unwrap();
    let mut driver = driver(&path, true);
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_GET_ID, 0, &[(DATA, 20)]), (OK, 21));
    assert_eq!(driver.bytes(DATA, 20), *b"root.img\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(ask(&mut driver, VIRTIO_BLK_T_GET_ID, 0, &[(DATA, 4)]), (OK, 5));
}

#[test]
fn a_file_that_is_written_has_one_user() {
    let file = disk(1);
    let open = |read_only| Block::open(file.path(), read_only);
    let reader = open(true).unwrap();
    let second = open(true).unwrap();
    assert!(matches!(open(false), Err(DriveError::InUse(_))));
    drop((reader, second));
    let writer = open(false).unwrap();
    assert!(matches!(open(false), Err(DriveError::InUse(_))));
    assert!(matches!(open(true), Err(DriveError::InUse(_))));
    drop(writer);
    open(true).unwrap();
}

#[test]
fn what_cannot_be_a_disk_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("odd"), [0; 513]).unwrap();
    std::fs::write(path("empty"), []).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let words = |name: &str, read_only| Block::open(&path(name), read_only).unwrap_err().to_string();
    assert!(words("odd", true).contains("513 bytes") && words("odd", true).contains("truncate -s %512"));
    assert!(words("empty", true).contains("0 bytes"));
    for read_only in [true, false] {
        assert!(words("pipe", read_only).contains("neither a file nor a block device"));
    }
    assert!(words("none", false).contains("none"));
    assert!(words("", true).contains("neither a file nor a block device"));
}

/// No file that remembers the failed cases.
fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// The file changes by valid requests, and by those only: against a model that is a vector.
    #[test]
    fn the_file_is_what_valid_requests_made_it(
        requests in prop::collection::vec((0..10_u64, prop::collection::vec(0..1200_u32, 0..4), any::<u8>()), 1..20)
    ) {
        let file = disk(8);
        let mut model = std::fs::read(file.path()).unwrap();
        let mut driver = driver(file.path(), false);
        for (sector, lengths, fill) in requests {
            let size: u32 = lengths.iter().sum();
            driver.memory.write_slice(&vec![fill; size as usize], GuestAddress(DATA)).unwrap();
            let mut address = DATA;
            let data: Vec<_> = lengths.iter().map(|&length| {
                address += u64::from(length);
                (address - u64::from(length), length)
            }).collect();
            let start = sector as usize * 512;
            let place = model.get_mut(start..start + size as usize).filter(|_| size.is_multiple_of(512));
            let (status, _) = ask(&mut driver, VIRTIO_BLK_T_OUT, sector, &data);
            prop_assert_eq!(status, if place.is_some() { OK } else { FAILED });
            if let Some(place) = place {
                place.fill(fill);
            }
        }
        prop_assert_eq!(std::fs::read(file.path()).unwrap(), model);
    }
}
