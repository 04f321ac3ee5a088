//! The engines that people use, with this runtime under them: podman, Docker Engine, containerd; and a bundle of umoci's.
//!
//! Everything is the engines' own: their daemons on private sockets and folders, started here, and their
//! command-line clients. They come from Debian's packages; what is not installed is skipped by name. Nothing is
//! fetched: the image is busybox in a folder, which each imports.

#[path = "../common/mod.rs"]
mod common;
mod containerd;
mod docker;
mod engine;
mod place;
mod podman;
mod scenarios;
mod umoci;
