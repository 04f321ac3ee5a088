//! What the command line accepts: sizes, volumes, numbers.

use isolab_runtime::contained::Volume;
use isolab_runtime::size::Size;
use proptest::prelude::*;
use std::process::Command;

proptest! {
    #[test]
    fn a_size_is_its_number_times_its_unit(number in 1_u64..1 << 23, unit in 0_usize..5, upper: bool) {
        let suffix = ["", "k", "m", "g", "t"][unit];
        let suffix = if upper { suffix.to_uppercase() } else { suffix.into() };
        prop_assert_eq!(format!("{number}{suffix}").parse(), Ok(Size(number << (10 * unit))));
    }

    #[test]
    fn a_size_that_does_not_fit_is_refused(number in 1_u64 << 24..) {
        let text = format!("{number}t");
        prop_assert!(text.parse::<Size>().is_err());
    }

    #[test]
    fn no_text_makes_a_size_or_a_volume_panic(text in "\\PC*") {
        let _ = text.parse::<Size>();
        if let Ok(volume) = text.parse::<Volume>() {
            prop_assert!(volume.target.is_absolute() && volume.target.file_name().is_some());
        }
    }

    #[test]
    fn a_volume_is_read_back(source in "[a-z/. ]{1,20}", target in "(/[a-z]{1,8}){1,4}", mode in 0_usize..3) {
        let suffix = ["", ":rw", ":ro"][mode];
        let volume: Volume = format!("{source}:{target}{suffix}").parse().unwrap();
        prop_assert_eq!(volume.source.to_str(), Some(&*source));
        prop_assert_eq!(volume.target.to_str(), Some(&*target));
        prop_assert_eq!(volume.read_only, mode == 2);
    }

    #[test]
    fn a_volume_that_climbs_is_refused(before in "(/[a-z]{1,4}){0,2}", after in "(/[a-z]{1,4}){0,2}") {
        let text = format!("/source:{before}/..{after}");
        prop_assert!(text.parse::<Volume>().is_err());
    }
}

#[test]
fn what_is_no_size_and_no_volume_is_refused() {
    for text in ["", "m", "0", "0k", "-1", "+1", "1.5g", "1 m", "1mb", "18446744073709551616"] {
        assert!(text.parse::<Size>().is_err(), "{text:?}");
    }
    for text in ["", "/a", ":/a", "/a:", "/a:b", "/a:/", "/a:/b:xx", "/a:/b:ro:ro"] {
        assert!(text.parse::<Volume>().is_err(), "{text:?}");
    }
}

#[test]
fn a_wrong_command_line_is_isolabs_failure_and_says_what() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_isolab-runtime")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (option, value) in [
        ("--memory", "much"),
        ("--cpus", "0"),
        ("--cpus", "NaN"),
        ("--pids", "0"),
        ("--volume", "here"),
        ("--env", "=x"),
        ("--hostname", ""),
        ("--boot-offset", "soon"),
    ] {
        let (status, errors) = run(&["contain", "--rootfs", "/", option, value, "--", "true"]);
        assert_eq!(status, Some(125), "{option} {value}: {errors}");
        assert!(errors.contains(option), "{errors}");
    }
    assert_eq!(run(&["contain", "--rootfs", "/"]).0, Some(125));
    assert_eq!(run(&[]).0, Some(125));
    assert_eq!(run(&["--help"]), (Some(0), String::new()));
}
