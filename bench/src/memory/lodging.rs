//! The group in which the lab launches, so that launchers and VMMs are charged beside the containers.
//!
//! A process is charged to the group that it is in, and its children begin in it (`cgroups(7)`). So the lab itself
//! moves into a group of its own beside those that the runtime makes for containers; the group above both is the
//! account of all of it. What the lab itself uses is in it too, and hardly changes: a slope does not see it. The lab
//! moves back at the end, because a group can only be removed when nobody is in it.
//!
//! A fleet that fills a budget lives here as well, with a limit: a net below the lab, which watches the memory itself.

use super::group::Accounts;
use super::machine::Machine;
use isolab_runtime::cgroup::owner::Owner;
use isolab_runtime::cgroup::{Controller, Group, Hierarchy};
use std::fs;
use std::path::{Path, PathBuf};

/// The lab's group, as long as the lab is in it.
#[derive(Debug)]
pub struct Lodging {
    group: Group,
    home: PathBuf,
    accounts: Accounts,
}

impl Lodging {
    /// Makes the group and moves in: all that the lab launches from now on may take `most` bytes together, or as
    /// much as there is. The error says in words why this host has none for this user.
    pub fn enter(most: Option<u64>) -> Result<Lodging, String> {
        let hierarchy = Hierarchy::detect().map_err(|error| error.to_string())?;
        let home = hierarchy.own(Controller::Memory).ok_or("this host has no cgroup controller memory")?;
        // A limit in any case, for the runtime makes no group of this controller without one. And all devices: a
        // container's group has few, and a VMM needs KVM's.
        let all = Machine::read().map_err(|error| error.to_string())?.total_kib << 10;
        let resources = serde_json::from_value(serde_json::json!({
            "memory": { "limit": most.unwrap_or(all).min(all) },
            "devices": [{ "allow": true, "access": "rwm" }],
        }));
        let resources = resources.map_err(|error| error.to_string())?;
        let make = || {
            let name = format!("{}.lab", Owner::this_process()?);
            hierarchy.plan(None, &name, &resources)?.create(&resources)
        };
        let group = make().map_err(|error| error.to_string())?;
        let folder = group.folders().find(|folder| Accounts::of(folder).is_some());
        let parent = folder.and_then(Path::parent);
        if let (Some(folder), Some(accounts)) = (folder, parent.and_then(Accounts::of)) {
            move_to(folder)?;
            return Ok(Lodging { group, home, accounts });
        }
        // The reason is what is to be told; a sweep finds the group.
        let _ = group.remove();
        Err("the memory controller does not count in the group that was made".into())
    }

    /// The account of all that happens in it and in the containers' groups beside it.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }
}

impl Drop for Lodging {
    fn drop(&mut self) {
        // To remove a group is to end those who are in it, and that would be the lab. A sweep finds it later.
        if move_to(&self.home).is_ok() {
            let _ = self.group.remove();
        }
    }
}

/// Moves this process, with all of its threads.
fn move_to(folder: &Path) -> Result<(), String> {
    let file = folder.join("cgroup.procs");
    fs::write(&file, "0").map_err(|error| format!("joining the cgroup {}: {error}", folder.display()))
}
