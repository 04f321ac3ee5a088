//! Lists of numbers as the kernel writes them: `0-3,7` (`cpuset(7)`, "List format").

/// Reads a list; `None` if it is none, or if a number is `end` or above.
pub(super) fn parse(text: &str, end: usize) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = first.trim().parse().ok().zip(last.trim().parse().ok())?;
        if first > last || last >= end {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_numbers_are_read_and_nothing_else() {
        assert_eq!(parse("0-2,5", 8).unwrap(), [0, 1, 2, 5]);
        for bad in ["", "a", "3-1", "0-99999999999", "1,", "-1", "8"] {
            assert_eq!(parse(bad, 8), None, "{bad}");
        }
    }
}
