//! The home folder of a user, from the container's `/etc/passwd` (`passwd(5)`).
//!
//! The file belongs to whoever made the root folder. It is read as text, a bounded part of it, and only if it
//! is a file: a FIFO would keep us waiting, and a device could be anything.

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use std::fs::File;
use std::io::Read as _;

const FILE: &str = "/etc/passwd";
/// Some thousand users.
const LARGEST: u64 = 256 << 10;

/// The home of `user`, or `/`.
pub(super) fn of(user: u32) -> Vec<u8> {
    read().and_then(|text| find(&text, user)).unwrap_or_else(|| b"/".to_vec())
}

fn read() -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, FILE, flags, Mode::empty()).ok()?;
    let about = fstat(&file).ok()?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut text = Vec::with_capacity((about.st_size as u64).min(LARGEST) as usize + 1);
    File::from(file).take(LARGEST).read_to_end(&mut text).ok()?;
    Some(text)
}

/// `name:password:uid:gid:comment:home:shell`. A home that is no absolute path is none.
fn find(text: &[u8], user: u32) -> Option<Vec<u8>> {
    let user = user.to_string();
    text.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let id = fields.nth(2)?;
        let home = fields.nth(2)?;
        let sound = id == user.as_bytes() && home.first() == Some(&b'/') && !home.contains(&0);
        sound.then(|| home.to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_users_own_line_counts() {
        let text = b"root:x:0:0:root:/root:/bin/sh\nbroken\nu:x:1000:1000::/home/u:/bin/sh\nv:x:7:7::rel:/x";
        assert_eq!(find(text, 0).unwrap(), b"/root");
        assert_eq!(find(text, 1000).unwrap(), b"/home/u");
        assert_eq!((find(text, 7), find(text, 8)), (None, None));
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_harm(text: Vec<u8>, user: u32) {
            if let Some(home) = find(&text, user) {
                prop_assert!(home.first() == Some(&b'/') && !home.contains(&0));
            }
        }
    }
}
