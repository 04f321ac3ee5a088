//! Whom an ordinary user may map besides himself (`subuid(5)`): what a container without a bundle gets.
//!
//! With a range, users inside other than root exist: programs can give up being root, and packages can own files
//! as somebody. It takes the set-user-ID programs; without them, and without a line for the user, root inside is
//! alone.

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};
use rustix::fs::{Access, access};
use std::env;
use std::fs;
use std::path::Path;

/// The maps of users and of groups for a new user namespace in which `user` and `group` are root.
pub fn all_of(user: u32, group: u32) -> [Vec<LinuxIdMapping>; 2] {
    let name = name_of(user);
    let may = |table: &str, program: &str| {
        if !is_in_path(program) {
            return None;
        }
        let text = fs::read_to_string(table).ok()?;
        find(&text, name.as_deref(), user)
    };
    // Both or none: a half would be a surprise.
    match (may("/etc/subuid", "newuidmap"), may("/etc/subgid", "newgidmap")) {
        (Some(users), Some(groups)) => [map(user, Some(users)), map(group, Some(groups))],
        _ => [map(user, None), map(group, None)],
    }
}

fn map(own: u32, range: Option<(u32, u32)>) -> Vec<LinuxIdMapping> {
    let line = |inside: u32, outside: u32, size: u32| {
        LinuxIdMappingBuilder::default().container_id(inside).host_id(outside).size(size).build().ok()
    };
    let others = range.and_then(|(first, count)| line(1, first, count));
    line(0, own, 1).into_iter().chain(others).collect()
}

/// The first range of the user: `name or number:first:count`.
fn find(text: &str, name: Option<&str>, user: u32) -> Option<(u32, u32)> {
    let number = user.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let (first, count) =
            (fields.next()?.parse::<u32>().ok()?, fields.next()?.trim().parse::<u32>().ok()?);
        let his = Some(owner) == name || owner == number;
        let sound =
            count > 0 && first.checked_add(count).is_some() && !(first..first + count).contains(&user);
        (his && sound).then_some((first, count))
    })
}

fn name_of(user: u32) -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .any(|folder: std::path::PathBuf| access(Path::join(&folder, program), Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number_and_must_make_sense() {
        let text = "other:1:1\nbroken\nu:100000:65536\n1001:7:3\nx:4294967295:2\nzero:5:0\nself:1000:5\n";
        assert_eq!(find(text, Some("u"), 1000), Some((100_000, 65_536)));
        assert_eq!(find(text, None, 1001), Some((7, 3)));
        for name in ["x", "zero", "nobody", "self"] {
            assert_eq!(find(text, Some(name), 1000), None, "{name}");
        }
    }

    #[test]
    fn without_a_range_root_is_alone() {
        let alone = map(1000, None);
        assert_eq!((alone.len(), alone[0].host_id(), alone[0].size()), (1, 1000, 1));
        assert_eq!(map(1000, Some((100_000, 65_536)))[1].container_id(), 1);
    }
}
