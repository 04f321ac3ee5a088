//! What container peers are given: the root folder with the mount points that every image has, and for those of
//! the OCI's command line a bundle, with the limits and the system call filter of our own container.
//!
//! The default namespaces are runc's, which `isolab-runtime spec` prints too ([`template`]).

use crate::ground::{Ground, LIMITS, group_of};
use crate::sandbox::Refusal;
use isolab_runtime::oci::default::{rootless_template, template};
use isolab_runtime::seccomp::default_profile;
use isolab_timeline::Workload;
use rustix::process::{getegid, geteuid};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The length of the kernel's period of CPU time, in microseconds.
const PERIOD: f64 = 100_000.0;

/// Where the workload lies in the root.
pub(super) const WORKLOAD: &str = "/isolab-workload";

/// The root folder of `whose` containers. Each has its own, because most of them leave something in it, which others
/// would find.
pub(super) fn root(ground: &Ground, whose: &str) -> Result<PathBuf, Refusal> {
    let root = ground.place(&format!("{whose}-root"));
    if !root.exists() {
        lay(ground, &root).map_err(|error| refusal(&error))?;
    }
    Ok(root)
}

fn lay(ground: &Ground, root: &Path) -> io::Result<()> {
    for folder in ["proc", "dev", "sys"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(&ground.programs.workload, root.join(&WORKLOAD[1..])).map(drop)
}

/// A new bundle for one container of `whose`, of this name. Returns its folder.
pub(super) fn bundle(
    ground: &Ground,
    whose: &str,
    name: &str,
    workload: Workload,
) -> Result<PathBuf, Refusal> {
    let (root, folder) = (root(ground, whose)?, ground.place(name));
    let config = config(ground, name, workload, &root).map_err(|error| refusal(&error))?;
    fs::create_dir(&folder)
        .and_then(|()| fs::write(folder.join("config.json"), config))
        .map_err(|error| refusal(&error))?;
    Ok(folder)
}

fn refusal(error: &dyn std::error::Error) -> Refusal {
    Refusal { reason: format!("its bundle cannot be made: {error}"), fix: "as the message says".into() }
}

fn config(
    ground: &Ground,
    name: &str,
    workload: Workload,
    root: &Path,
) -> Result<Vec<u8>, serde_json::Error> {
    let (user, group) = (geteuid(), getegid());
    let mut config =
        if user.is_root() { template() } else { rootless_template(user.as_raw(), group.as_raw()) };
    // The newest that all of them take: some look at the number before they look at what is asked for.
    config["ociVersion"] = "1.0.2".into();
    config["process"]["terminal"] = false.into();
    config["process"]["args"] =
        std::iter::once(WORKLOAD.into()).chain(workload.words().into_iter().map(Value::from)).collect();
    config["root"]["path"] = serde_json::to_value(root)?;
    let linux = &mut config["linux"];
    linux["seccomp"] = serde_json::to_value(default_profile())?;
    if ground.without_limits.is_none() {
        // Where our own containers have theirs.
        linux["cgroupsPath"] = group_of(name).into();
        let resources = &mut linux["resources"];
        resources["memory"] = json!({ "limit": LIMITS.memory });
        resources["cpu"] =
            json!({ "quota": LIMITS.cpus.map(|cpus| (cpus * PERIOD) as u64), "period": PERIOD as u64 });
        resources["pids"] = json!({ "limit": LIMITS.pids });
    }
    serde_json::to_vec(&config)
}
