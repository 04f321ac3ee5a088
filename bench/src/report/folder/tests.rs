use super::*;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const FILES: [(&str, Option<&[u8]>); 2] = [("samples.json", Some(b"{}")), ("report.html", Some(b"<p>new"))];

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_report_is_made_and_made_again_and_nothing_else_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/report");
    replace(&folder, &FILES).unwrap();
    replace(&folder, &[("samples.json", Some(b"{}")), ("report.html", Some(b"<p>newer"))]).unwrap();
    assert_eq!(names(&folder), ["report.html", "samples.json"]);
    assert_eq!(fs::read(folder.join("report.html")).unwrap(), b"<p>newer");
    assert_eq!(names(folder.parent().unwrap()), ["report"]);
}

#[test]
fn a_report_takes_the_place_of_one_that_had_more_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("report");
    replace(&folder, &[FILES[0], ("tax.svg", Some(b"<svg>"))]).unwrap();
    replace(&folder, &[FILES[0], ("tax.svg", None)]).unwrap();
    assert_eq!(names(&folder), ["samples.json"]);
}

#[test]
fn a_folder_with_anything_else_in_it_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let error = replace(folder.path(), &FILES).unwrap_err();
    assert!(matches!(error, ReportError::NotAReport { .. }), "{error}");
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert_eq!(names(folder.path()), ["thesis.tex"]);
}

#[test]
fn a_file_in_the_way_is_named_and_stays() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("report");
    fs::write(&path, "a file").unwrap();
    let error = replace(&path, &FILES).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"a file");
    assert_eq!(names(parent.path()), ["report"]);
}

#[test]
fn a_full_disk_is_one_error_and_the_old_report_is_as_it_was() {
    let parent = tempfile::tempdir().unwrap();
    // A disk of 64 KiB, mounted where only this thread sees it; it goes away with the thread.
    let disk = parent.path().to_owned();
    std::thread::spawn(move || {
        let nothing = None::<&str>;
        let mounted = unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing))
            .and_then(|()| mount(Some("tmpfs"), &disk, Some("tmpfs"), MsFlags::empty(), Some("size=64k")));
        if let Err(error) = mounted {
            eprintln!("skipped: a_full_disk_is_one_error_and_the_old_report_is_as_it_was: mounting: {error}");
            return;
        }
        let folder = disk.join("report");
        replace(&folder, &FILES).unwrap();
        let error = replace(&folder, &[FILES[0], ("report.html", Some(&vec![b' '; 200_000]))]).unwrap_err();
        let ReportError::Write { path, source } = &error else { panic!("{error}") };
        assert_eq!(path, &folder.join("report.html"));
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(folder.join("report.html")).unwrap(), b"<p>new");
        assert_eq!(names(&disk), ["report"]);
    })
    .join()
    .unwrap();
}
