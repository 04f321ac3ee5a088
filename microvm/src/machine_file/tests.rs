use super::*;
use proptest::prelude::*;
use std::error::Error;

const FULL: &str = r#"{
  "boot-source": { "kernel_image_path": "k", "initrd_path": "i", "boot_args": "console=ttyS0 -- single" },
  "drives": [
    { "drive_id": "data", "path_on_host": "d", "is_root_device": false, "io_engine": "Sync", "rate_limiter": null },
    { "drive_id": "root", "path_on_host": "r", "is_root_device": true, "is_read_only": true, "partuuid": null }
  ],
  "machine-config": { "vcpu_count": 2, "mem_size_mib": 256, "smt": false, "track_dirty_pages": false,
                      "huge_pages": "None", "cpu_template": "None" },
  "network-interfaces": [ { "iface_id": "e", "host_dev_name": "tap0", "guest_mac": "06:00:ac:10:00:02" } ],
  "balloon": null, "vsock": null, "pmem": [],
  "entropy": {}
}"#;

/// The error and its cause, as one line.
fn words(text: &str) -> String {
    let error = parse(text.as_bytes()).unwrap_err();
    error.source().map_or(error.to_string(), |cause| format!("{error}: {cause}"))
}

#[test]
fn a_machine_is_what_its_file_says() {
    let machine = parse(FULL.as_bytes()).unwrap();
    assert_eq!((machine.kernel, machine.initrd), ("k".into(), Some("i".into())));
    assert_eq!((machine.cpus, machine.memory_mib), (2, 256));
    assert_eq!(machine.command_line, "console=ttyS0 root=/dev/vda ro -- single");
    let Devices { drives, interfaces, rng } = machine.devices;
    assert_eq!(drives, ["r:ro", "d"].map(|drive| drive.parse().unwrap()), "the root comes first");
    assert_eq!(interfaces, ["tap0:06:00:ac:10:00:02".parse().unwrap()]);
    assert!(rng);
}

#[test]
fn what_is_left_out_has_firecrackers_defaults() {
    let machine = parse(br#"{"boot-source": {"kernel_image_path": "k"}}"#).unwrap();
    assert_eq!((machine.cpus, machine.memory_mib, &machine.devices), (1, 128, &Devices::default()));
    assert_eq!(machine.command_line, COMMAND_LINE);
    let text = r#"{"boot-source": {"kernel_image_path": "k"},
                   "drives": [{"drive_id": "r", "path_on_host": "r", "is_root_device": true}]}"#;
    assert!(parse(text.as_bytes()).unwrap().command_line.ends_with(" root=/dev/vda rw"));
}

#[test]
fn what_there_is_not_is_refused_by_name() {
    let cases = [
        ("\"smt\": false", "\"smt\": true", "machine-config: smt", "a core of its own"),
        ("\"huge_pages\": \"None\"", "\"huge_pages\": \"2M\"", "huge_pages", "leave it out"),
        ("\"cpu_template\": \"None\"", "\"cpu_template\": \"T2\"", "cpu_template", "host's CPU"),
        ("\"track_dirty_pages\": false", "\"track_dirty_pages\": true", "track_dirty_pages", "leave"),
        ("\"partuuid\": null", "\"partuuid\": \"0eaa91a0-01\"", "drives: partuuid", "/dev/vda"),
        ("\"rate_limiter\": null", "\"rate_limiter\": {}", "drives: rate_limiter", "leave"),
        ("\"Sync\"", "\"Async\"", "io_engine", "\"Sync\""),
        ("\"vsock\": null", "\"vsock\": {}", "vsock", "network interface"),
        ("\"entropy\": {}", "\"entropy\": {\"rate_limiter\": {}}", "entropy: rate_limiter", "leave"),
        ("\"balloon\": null", "\"baloon\": null", "unknown field `baloon`", "`balloon`"),
        ("\"drive_id\": \"data\"", "\"drive_id\": \"root\"", "drives, drive_id", "\"root\""),
        ("\"is_root_device\": false", "\"is_root_device\": true", "\"data\" and \"root\"", "one"),
        ("06:00:ac:10:00:02", "07:00:ac:10:00:02", "guest_mac", "07:00"),
        ("\"vcpu_count\": 2", "\"vcpu_count\": 256", "256", "line 7"),
        ("\"kernel_image_path\"", "\"kernel\"", "unknown field `kernel`", "`kernel_image_path`"),
        ("}\n", "", "EOF", "line"),
    ];
    for (from, to, key, instead) in cases {
        let text = match from {
            "}\n" => FULL[..FULL.len() - 1].into(),
            _ => FULL.replacen(from, to, 1),
        };
        assert_ne!(text, FULL, "{from}");
        let words = words(&text);
        assert!(words.contains(key) && words.contains(instead), "{words:?} lacks {key:?} or {instead:?}");
    }
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long");
    std::fs::write(&long, vec![b' '; LONGEST as usize + 1]).unwrap();
    for (path, words) in
        [(long.as_path(), "longer"), (folder.path(), "directory"), (Path::new("/none"), "No such")]
    {
        let error = read(path).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(error.source().unwrap().to_string().contains(words), "{error:?}");
    }
}

/// No file that remembers the failed cases.
fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_text_breaks_the_reader(place in 0..FULL.len(), noise in any::<Vec<u8>>(), cut in any::<bool>()) {
        let mut text = FULL.as_bytes().to_vec();
        let end = if cut { text.len() } else { (place + noise.len()).min(text.len()) };
        text.splice(place..end, noise);
        let _ = parse(&text);
    }
}
