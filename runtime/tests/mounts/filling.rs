//! What is in a mount when the container begins: what was there before, with the owners that were asked for.

use super::add;
use crate::common::bundle::Bundle;
use crate::common::{errors, skipped};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

#[test]
fn a_file_system_that_is_read_only_is_filled_first() {
    let test = "a_file_system_that_is_read_only_is_filled_first";
    let Some(mut bundle) = Bundle::new(test) else { return };
    fs::create_dir(bundle.inside("tmp")).unwrap();
    fs::set_permissions(bundle.inside("tmp"), fs::Permissions::from_mode(0o1770)).unwrap();
    let source = Path::new("tmpfs");
    add(&mut bundle, "tmpfs", source, "/tmp", &["ro"]);
    add(&mut bundle, "tmpfs", source, "/tmp/inner", &[]);
    add(&mut bundle, "tmpfs", source, "/again", &[]);
    add(&mut bundle, "tmpfs", source, "/again", &["remount", "ro", "size=32k"]);
    let said = bundle.says("stat -c %a /tmp; touch /tmp/inner/x; touch /tmp/x 2> /dev/null || echo no; touch /again/x 2> /dev/null || echo no");
    assert_eq!(said, "1770\nno\nno\n");
}

#[test]
fn tmpcopyup_copies_and_follows_nothing() {
    let test = "tmpcopyup_copies_and_follows_nothing";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let data = bundle.inside("data");
    fs::create_dir_all(data.join("deep/er")).unwrap();
    fs::write(data.join("deep/er/file"), "content\n").unwrap();
    fs::set_permissions(data.join("deep/er/file"), fs::Permissions::from_mode(0o4751)).unwrap();
    chown(data.join("deep"), Some(7), Some(8)).unwrap();
    fs::set_permissions(data.join("deep"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/etc/shadow", data.join("link")).unwrap();
    add(&mut bundle, "tmpfs", Path::new("tmpfs"), "/data", &["tmpcopyup", "size=1m"]);
    let said = bundle.says(
        "cd /data; cat deep/er/file; stat -c '%a %u:%g' deep/er/file deep; readlink link; echo after > link2; test -u deep/er/file && echo set",
    );
    assert_eq!(said, "content\n4751 0:0\n755 7:8\n/etc/shadow\nset\n");
    assert!(!data.join("link2").exists(), "what it writes stays in the tmpfs");
    bundle.config["mounts"].as_array_mut().unwrap().pop();
    fs::write(data.join("large"), vec![0; 1 << 20]).unwrap();
    add(&mut bundle, "tmpfs", Path::new("tmpfs"), "/data", &["tmpcopyup", "size=16k"]);
    assert!(bundle.refuses("too small for the copy").contains("tmpcopyup"));
}

#[test]
fn owners_are_mapped() {
    let test = "owners_are_mapped";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let folder = bundle.beside("folder");
    fs::create_dir(&folder).unwrap();
    for (name, owner) in [("zero", 0), ("five", 5)] {
        fs::write(folder.join(name), "").unwrap();
        chown(folder.join(name), Some(owner), Some(owner)).unwrap();
    }
    add(&mut bundle, "none", &folder, "/plain", &["bind"]);
    add(&mut bundle, "none", &folder, "/mapped", &["bind", "idmap"]);
    let maps = json!([{ "containerID": 0, "hostID": 1000, "size": 10 }]);
    let last = bundle.config["mounts"].as_array_mut().unwrap().last_mut().unwrap();
    last["uidMappings"] = maps.clone();
    last["gidMappings"] = maps;
    let output = bundle.create_with(&[]);
    if errors(&output).contains("mapping the owners") {
        return skipped(test, &errors(&output));
    }
    bundle.must("delete", &["--force"]);
    let said = bundle.says("stat -c '%u:%g' /plain/zero /plain/five /mapped/zero /mapped/five");
    assert_eq!(said, "0:0\n5:5\n1000:1000\n1005:1005\n");

    let last = bundle.config["mounts"].as_array_mut().unwrap().last_mut().unwrap();
    last["uidMappings"] = Value::Null;
    last["gidMappings"] = Value::Null;
    assert!(bundle.refuses("no mapping at all").contains("user namespace"));
}
