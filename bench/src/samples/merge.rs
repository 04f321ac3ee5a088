//! Whether two runs may be held against each other, or put together: only if all that is not to be compared is the same.

use super::SamplesFile;
use crate::host::Host;

/// The first circumstance in which two runs differ so that their figures say nothing about each other; `None`: they may
/// be held against each other.
pub fn mismatch(one: &SamplesFile, other: &SamplesFile) -> Option<String> {
    let differ = |what: &str, one: &dyn std::fmt::Display, other: &dyn std::fmt::Display| {
        let (one, other) = (one.to_string(), other.to_string());
        (one != other).then(|| format!("they were measured with different {what}: {one}, and {other}"))
    };
    let (a, b) = (&one.host, &other.host);
    differ("schema versions", &one.schema_version, &other.schema_version)
        .or_else(|| differ("clocks", &a.clock.explained(), &b.clock.explained()))
        .or_else(|| hosts(a, b))
        .or_else(|| differ("workloads", &one.workloads(), &other.workloads()))
        .or_else(|| {
            let guest = |file: &SamplesFile| file.guest.clone().unwrap_or_else(|| "none".into());
            differ("kernels of guests", &guest(one), &guest(other))
        })
}

fn hosts(one: &Host, other: &Host) -> Option<String> {
    // Field by field, as the record has them, so that one that is added later is looked at too.
    let fields = |host: &Host| match serde_json::to_value(host) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (one, other) = (fields(one), fields(other));
    let (field, value) = one.iter().find(|(field, value)| other.get(*field) != Some(value))?;
    let beside = other.get(field).map_or_else(String::new, ToString::to_string);
    Some(format!("they were measured on different hosts: {field} is {value}, and {beside}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock::Clock;
    use crate::report::example;

    #[test]
    fn only_what_differs_in_nothing_but_its_launches_may_be_compared() {
        let file = example::run();
        assert_eq!(mismatch(&file, &example::alike()), None);
        let says = |change: &dyn Fn(&mut SamplesFile), word: &str| {
            let mut other = file.clone();
            change(&mut other);
            let said = mismatch(&file, &other).unwrap();
            assert!(said.contains(word), "{said}");
        };
        says(
            &|other| other.host.kernel = "6.1.0".into(),
            "different hosts: kernel is \"6.18.0\", and \"6.1.0\"",
        );
        says(&|other| other.host.cpus = 64, "different hosts: cpus is 2, and 64");
        says(&|other| other.host.clock = Clock::VirtualIcount, "different clocks");
        says(&|other| other.schema_version += 1, "different schema versions");
        says(
            &|other| other.samples[0].workload = "cpu 5".parse().unwrap(),
            "different workloads: noop, and cpu 5, noop",
        );
        says(&|other| other.guest = Some("Linux 6.12".into()), "different kernels of guests");
    }
}
