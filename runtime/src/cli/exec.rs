//! `exec [options] ID COMMAND [ARGUMENT…]`, or `exec --process FILE ID`

use super::Context;
use clap::Args;
use isolab_runtime::Error;
use isolab_runtime::cgroup::Below;
use isolab_runtime::exec::request::{Changes, What};
use isolab_runtime::exec::{self, Request};
use isolab_timeline::command::variable;
use oci_spec::runtime::Capability;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// A file with the process to execute, instead of a command line
    #[arg(short, long, value_name = "FILE")]
    process: Option<PathBuf>,
    /// The folder in which the command starts
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Sets a variable of its environment
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<String>,
    /// The user, and the group if it is not 0, by number
    #[arg(short, long, value_name = "UID[:GID]", value_parser = user)]
    user: Option<(u32, Option<u32>)>,
    /// Additional groups
    #[arg(short = 'g', long, value_name = "GID")]
    additional_gids: Vec<u32>,
    /// Gives it a terminal
    #[arg(short, long)]
    tty: bool,
    /// A Unix socket that gets its terminal
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// Returns when the command runs
    #[arg(short, long)]
    detach: bool,
    /// Where to write its process number
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Gives it a capability beyond the container's
    #[arg(short, long, value_name = "CAPABILITY", value_parser = capability)]
    cap: Vec<Capability>,
    /// Rules out new privileges by set-user-ID and the like
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_new_privs: Option<bool>,
    /// Its profile of the security module `AppArmor`
    #[arg(long, value_name = "PROFILE")]
    apparmor: Option<String>,
    /// Its label of the security module `SELinux`
    #[arg(long, value_name = "LABEL")]
    process_label: Option<String>,
    /// How many descriptors beyond the standard three it keeps
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
    /// Enters a paused container: the command begins when that is resumed
    #[arg(long)]
    ignore_paused: bool,
    /// A group below the container's, in which it is to be; in version 1 also by hierarchy, and several times
    #[arg(long, value_name = "[CONTROLLER,…:]PATH")]
    cgroup: Vec<Below>,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Exec {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let what = match self.process {
            Some(file) => What::File(file),
            None => What::Changes(Box::new(Changes {
                arguments: self.command,
                cwd: self.cwd,
                environment: self.env,
                user: self.user,
                additional_gids: self.additional_gids,
                terminal: self.tty,
                capabilities: self.cap,
                no_new_privileges: self.no_new_privs,
                apparmor: self.apparmor,
                label: self.process_label,
            })),
        };
        exec::run(&Request {
            id: self.id,
            store: context.global.store(),
            log: context.log,
            what,
            detach: self.detach,
            pid_file: self.pid_file,
            console_socket: self.console_socket,
            preserve_fds: self.preserve_fds,
            cgroups: self.cgroup,
            ignore_paused: self.ignore_paused,
        })
    }
}

fn user(text: &str) -> Result<(u32, Option<u32>), String> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let number = |text: &str| text.parse::<u32>().map_err(|_| "UID or UID:GID, by number".to_owned());
    Ok((number(user)?, group.map(number).transpose()?))
}

fn capability(text: &str) -> Result<Capability, String> {
    serde_json::from_value(text.into()).map_err(|_| "a capability's name, such as CAP_NET_RAW".into())
}
