//! All that can be worked out before anything is made: the configuration, checked and translated. What is wrong
//! with it is found here, when there is nothing to undo.

use super::recipe::{Gate, Recipe};
use crate::clocks::Offsets;
use crate::console::Terminal;
use crate::error::Error;
use crate::idmap::Maps;
use crate::namespaces::{Namespaces, Plan as Views};
use crate::netdev::Devices;
use crate::oci::hooks;
use crate::process::Attributes;
use crate::seccomp::Program;
use crate::sysctl::Parameters;
use oci_spec::runtime::{Hooks, LinuxNamespaceType};

/// The translated configuration.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the first process becomes; a configuration without a process can be created, not started.
    pub(crate) attributes: Option<Attributes>,
    pub(crate) filter: Option<Program>,
    pub(crate) views: Views,
    pub(crate) maps: Option<Maps>,
    pub(crate) clocks: Option<Offsets>,
    pub(crate) parameters: Parameters,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) devices: Option<Devices>,
}

impl Plan {
    pub(crate) fn new(recipe: &Recipe) -> Result<Self, Error> {
        let spec = &recipe.config.spec;
        let process = spec.process().as_ref();
        let linux = spec.linux().as_ref();
        let views = Views::new(linux.and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default())?;
        let new = |kind| views.new.contains(kind);
        let detached = recipe.gate != Gate::Tied;
        let has_hooks = !hooks::of(spec, Hooks::start_container).is_empty();
        let attributes = process.map(|process| Attributes::new(process, spec)).transpose()?;
        if let Some(attributes) = attributes.as_ref().filter(|_| has_hooks) {
            attributes.allow_hooks()?;
        }
        let separate = views.separates(LinuxNamespaceType::Network);
        Ok(Self {
            devices: linux.map(|linux| Devices::find(linux, separate)).transpose()?.flatten(),
            parameters: linux.map(|linux| Parameters::new(linux, &views)).transpose()?.unwrap_or_default(),
            terminal: process
                .map(|process| Terminal::new(process, recipe.console_socket.as_deref(), detached))
                .transpose()?
                .flatten(),
            attributes,
            filter: Program::of(spec, recipe.default_filter)?,
            maps: linux.map(|linux| Maps::new(linux, new(Namespaces::USER))).transpose()?.flatten(),
            clocks: linux.map(|linux| Offsets::new(linux, new(Namespaces::TIME))).transpose()?.flatten(),
            views,
        })
    }

    /// Whether the first process waits for identities and what root outside must give it.
    pub(crate) fn in_user_namespace(&self) -> bool {
        self.views.separates(LinuxNamespaceType::User)
    }
}
