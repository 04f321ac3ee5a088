//! The forms in which the kernel writes numbers into a group's files: one, a list, `name value` lines.

use super::detect::read_at_once;
use super::stats::BlockEntry;
use std::fs;
use std::path::Path;

/// The files of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a>(pub(super) &'a Path);

impl Files<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(read_at_once(self.0.join(name)).ok()?).ok()
    }

    /// One number; no limit is the greatest.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.text(name)?.trim() {
            "max" => Some(u64::MAX),
            text => text.parse().ok(),
        }
    }

    /// Numbers with spaces between them.
    pub(super) fn numbers(&self, name: &str) -> Vec<u64> {
        let text = self.text(name).unwrap_or_default();
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    /// Lines of a name and a number.
    pub(super) fn named(&self, name: &str) -> Vec<(String, u64)> {
        let text = self.text(name).unwrap_or_default();
        let pair = |line: &str| {
            let (name, number) = line.split_once(' ')?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        };
        text.lines().filter_map(pair).collect()
    }

    /// CPUs or nodes, such as `0-2,7`.
    pub(super) fn list(&self, name: &str) -> Vec<u16> {
        list(self.text(name).unwrap_or_default().trim())
    }

    /// The sizes of huge pages for which the group has a file that ends so.
    pub(super) fn huge_pages(&self, end: &str) -> Vec<String> {
        let names = fs::read_dir(self.0).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let sizes = names.filter_map(|name| {
            Some(name.strip_prefix("hugetlb.")?.strip_suffix(end)?.to_owned())
                .filter(|size| !size.contains('.'))
        });
        sizes.collect()
    }
}

/// The value of one name.
pub(super) fn value(lines: &[(String, u64)], name: &str) -> u64 {
    lines.iter().find(|(each, _)| each == name).map_or(0, |(_, value)| *value)
}

/// One disk's count; `disk` is its two numbers.
pub(super) fn entry(disk: &str, op: &str, value: &str) -> Option<BlockEntry> {
    let (major, minor) = disk.split_once(':')?;
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    Some(BlockEntry { major, minor, op: op.into(), value: value.parse().ok()? })
}

fn list(text: &str) -> Vec<u16> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<u16>().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        assert_eq!(list("0-2,7"), [0, 1, 2, 7]);
        assert_eq!(list(""), Vec::<u16>::new());
        assert_eq!(list("3-1,x,5-"), Vec::<u16>::new());
    }

    #[test]
    fn disks() {
        let read = BlockEntry { major: 8, minor: 0, op: "Read".into(), value: 5 };
        assert_eq!(entry("8:0", "Read", "5"), Some(read));
        assert_eq!(entry("Total", "5", ""), None);
    }
}
