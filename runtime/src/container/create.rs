//! `create`: a container is made, or nothing is (the specification's "Create" and "Lifecycle").

use super::delete::Remains;
use super::pid_file::write_pid;
use super::plan::Plan;
use super::recipe::{Gate, Recipe};
use crate::cgroup::{Group, Hierarchy};
use crate::channel::{self, Outside, Reached};
use crate::clone::Child;
use crate::console::Terminal;
use crate::error::{Context, Error};
use crate::identity::Identity;
use crate::init::Init;
use crate::oci::config::Config;
use crate::oci::hooks;
use crate::oci::log::rfc3339;
use crate::oci::names;
use crate::oci::state::{Record, State, Status};
use crate::oci::store::Folder;
use crate::process::{Attributes, handlers};
use crate::rootfs::Sources;
use crate::seccomp::notify;
use crate::signals::Blocked;
use crate::title;
use isolab_timeline::Stamps;
use oci_spec::runtime::{Hooks, LinuxResources, Spec};
use rustix::io::Errno;
use rustix::process::{Pid, getuid};
use std::borrow::Cow;
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A container that has been made, as its maker holds it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) folder: Folder,
    pub(crate) record: Record,
    pub(crate) child: Child,
    pub(crate) group: Group,
    /// The way of its terminal.
    pub(crate) terminal: Option<Terminal>,
    /// What was asked for and will not be had.
    pub(crate) warnings: Vec<Error>,
}

/// Creates a container whose first process waits, or lives on alone. Returns what was asked for and will not be
/// had: warnings.
///
/// The calling process must have one thread. `stamps` must be shared memory ([`crate::page`]) for the
/// marks of the container's first process to arrive.
pub fn create(recipe: &Recipe, stamps: &Stamps) -> Result<Vec<Error>, Error> {
    let signals = Blocked::block()?;
    let warnings = make(recipe, &signals, stamps)?.warnings;
    signals.stay();
    Ok(warnings)
}

/// Makes the container; undoes everything if a step fails.
pub(crate) fn make(recipe: &Recipe, signals: &Blocked, stamps: &Stamps) -> Result<Made, Error> {
    let plan = Plan::new(recipe)?;
    let mut warnings = plan.attributes.as_ref().map_or(Ok(Vec::new()), Attributes::warnings)?;
    warnings.extend(names::warning(&recipe.config.unknown_capabilities));
    // The name first: whether it is free decides everything else.
    let folder = recipe.store.take(&recipe.id)?;
    let record = new_record(recipe).inspect_err(|_| drop(folder.remove()))?;
    let config = Some(&recipe.config);
    let remains = Remains { folder: &folder, group: None, child: None, root_mount: None, config };
    let mut making = Making { recipe, plan: &plan, signals, stamps, record, remains, hooked: false };
    let built = making.build();
    let Making { record, mut remains, hooked, .. } = making;
    match (built, remains.child.take(), remains.group.take()) {
        (Ok(()), Some(child), Some(group)) => {
            Ok(Made { folder, record, child, group, terminal: plan.terminal, warnings })
        }
        (built, child, group) => {
            // The error that made it fail is the one to tell.
            let _ = Remains { group, child, root_mount: record.root_mount, ..remains }.clear();
            if hooked {
                let state = record.state(Status::Stopped, 0);
                let _ = hooks::run_poststop(
                    hooks::of(&recipe.config.spec, Hooks::poststop),
                    &state,
                    Some(signals),
                );
            }
            Err(built.err().unwrap_or(Error::Died))
        }
    }
}

fn new_record(recipe: &Recipe) -> Result<Record, Error> {
    let spec = &recipe.config.spec;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Record {
        oci_version: spec.version().clone(),
        id: recipe.id.clone(),
        bundle: recipe.config.bundle.clone(),
        annotations: spec
            .annotations()
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        created: rfc3339(now),
        owner: getuid().as_raw(),
        runtime: Identity::this_process()?,
        process: None,
        tied: recipe.gate == Gate::Tied,
        root_mount: None,
        default_filter: recipe.default_filter,
        place: Hierarchy::detect()?.plan(cgroups_path(spec), &recipe.id, &resources(spec))?,
    })
}

/// A container that is being made.
struct Making<'a> {
    recipe: &'a Recipe,
    plan: &'a Plan,
    signals: &'a Blocked,
    stamps: &'a Stamps,
    record: Record,
    /// What is made is noted here at once.
    remains: Remains<'a>,
    /// Whether hooks have been called: then those of the end must be, too.
    hooked: bool,
}

impl Making<'_> {
    /// The steps, in the order in which each is safe.
    fn build(&mut self) -> Result<(), Error> {
        let Self { recipe, plan, signals, stamps, record, remains, .. } = self;
        let Config { spec, bundle, text, .. } = &recipe.config;
        remains.folder.write(record)?;
        remains.folder.write_config(text)?;
        let gate = (recipe.gate == Gate::Start).then(|| remains.folder.make_gate()).transpose()?;
        let group = remains.group.insert(record.place.clone().create(&resources(spec))?);
        group.delegate(spec)?;
        let cgroups = group.joining()?;
        let sources = Sources::open(spec, bundle)?;
        if sources.mounted_on_the_host.is_some() {
            record.root_mount = sources.mounted_on_the_host;
            remains.folder.write(record)?;
        }
        let (outside, channel) = channel::pair()?;
        let mut outside = Some(outside);
        let init = Init {
            recipe,
            plan,
            record,
            signals,
            stamps,
            channel,
            cgroups: &cgroups,
            sources: &sources,
            gate,
        };
        let others = &mut outside;
        // What the closure owns is closed here when the clone is made; what the copy must not have, there.
        let begin = move || {
            drop(others.take());
            init.run()
        };
        let child = title::hidden(|| plan.views.create(plan.clocks.as_ref(), cgroups.folder(), begin))?;
        let child = remains.child.insert(child).pid;
        outside.map_or(Ok(()), |outside| self.follow(child, &outside))
    }

    /// Does the runtime's part while the first process makes its own.
    fn follow(&mut self, child: Pid, outside: &Outside) -> Result<(), Error> {
        let spec = &self.recipe.config.spec;
        let pid = child.as_raw_nonzero().get();
        loop {
            match outside.wait(self.signals)? {
                Reached::Namespaces => {
                    if let Some(maps) = self.plan.maps.as_ref().filter(|maps| !maps.by_itself()) {
                        maps.write_for(child)?;
                    }
                    if let Some(attributes) = &self.plan.attributes {
                        attributes.grant(child)?;
                    }
                    if let Some(devices) = &self.plan.devices {
                        let network = format!("/proc/{pid}/ns/net");
                        let network = File::open(&network).at("opening", &network)?;
                        devices.move_into(network.as_fd())?;
                    }
                }
                Reached::UnknownFormat if handlers::may_be_registered() => {}
                Reached::UnknownFormat => {
                    let path = self.plan.attributes.as_ref().map(Attributes::program).unwrap_or_default();
                    return Err(Error::NotExecutable { path, source: Errno::NOEXEC });
                }
                Reached::Filtered(listener) => {
                    hand_on(spec, self.record.state(Status::Creating, pid), listener.as_fd(), pid)?;
                }
                Reached::Furnished => {
                    self.hooked = true;
                    let state = self.record.state(Status::Created, pid);
                    // Deprecated, and demanded nevertheless.
                    #[allow(deprecated)]
                    let prestart = hooks::of(spec, Hooks::prestart);
                    hooks::run("prestart", prestart, &state, None, Some(self.signals))?;
                    let create_runtime = hooks::of(spec, Hooks::create_runtime);
                    hooks::run("createRuntime", create_runtime, &state, None, Some(self.signals))?;
                }
                Reached::Ready => {
                    self.record.process = Identity::of(child);
                    self.remains.folder.write(&self.record)?;
                    if let Some(file) = &self.recipe.pid_file {
                        write_pid(file, pid)?;
                    }
                }
                // Before it was ready, it has died without a word.
                Reached::Started if self.record.process.is_none() => return Err(Error::Died),
                Reached::Started => return Ok(()),
            }
            outside.go_on()?;
        }
    }
}

/// Sends the listener of a process's filter to the agent that is to answer for it.
pub(crate) fn hand_on(
    spec: &Spec,
    state: State<'_>,
    listener: BorrowedFd<'_>,
    pid: i32,
) -> Result<(), Error> {
    let seccomp = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    match seccomp.and_then(|seccomp| Some((seccomp, seccomp.listener_path().as_ref()?))) {
        None => Ok(()),
        Some((seccomp, path)) => {
            let metadata = seccomp.listener_metadata().as_deref();
            notify::send(path, metadata, listener, pid, state.into_types())
        }
    }
}

/// Where the configuration wants the control groups.
pub(super) fn cgroups_path(spec: &Spec) -> Option<&Path> {
    spec.linux().as_ref()?.cgroups_path().as_deref()
}

/// What is asked of the control groups.
pub(super) fn resources(spec: &Spec) -> Cow<'_, LinuxResources> {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    resources.map_or_else(|| Cow::Owned(LinuxResources::default()), Cow::Borrowed)
}
