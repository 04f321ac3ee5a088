//! The OCI runtime specification, clause by clause: every MUST that applies to a Linux runtime, tried on the real program
//! with real bundles. One file a chapter; each test names its clause. docs/oci.md is the table of all clauses.

#[path = "../common/mod.rs"]
mod common;

mod capabilities;
mod config;
mod devices;
mod groups;
mod hooks;
mod linux;
mod mounts;
mod namespaces;
mod operations;
mod process;
mod seccomp;
mod state;
