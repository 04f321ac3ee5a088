//! Names of the specification that the types do not take: made into such as they do (`config.md`, "Linux Process").
//!
//! A capability that the kernel does not have is to be a warning, and so it is left out and told. Two flags of the
//! scheduler have other names in the types. Most configurations have neither, so this is for those that could not be read.

use crate::error::Error;
use oci_spec::runtime::Capability;
use serde_json::Value;

const SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];
/// The specification's name, and the types'.
const FLAGS: [(&str, &str); 2] = [
    ("SCHED_FLAG_RESET_ON_FORK", "SCHED_RESET_ON_FORK"),
    ("SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_D_L_OVERRUN"),
];

/// Reads, by `reader`, a text in which there is a `process` object at `place` (RFC 6901), with the capabilities that were left out. What
/// is wrong with it otherwise is said of the text as it is.
pub(crate) fn read<T>(
    text: &[u8],
    place: &str,
    reader: fn(&[u8]) -> serde_json::Result<T>,
) -> serde_json::Result<(T, Vec<String>)> {
    let error = match reader(text) {
        Ok(read) => return Ok((read, Vec::new())),
        Err(error) => error,
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return Err(error) };
    let unknown = value.pointer_mut(place).map(translate).unwrap_or_default();
    let again = serde_json::to_vec(&value).and_then(|text| reader(&text));
    again.map(|read| (read, unknown)).map_err(|_| error)
}

/// The warning that the specification demands.
pub(crate) fn warning(unknown: &[String]) -> Option<Error> {
    let why = || format!("{}: no such capability is known, and none is given", unknown.join(", "));
    (!unknown.is_empty()).then(|| Error::property("process.capabilities", why()))
}

/// Changes the names of a `process` object, and returns those of the capabilities that it has left out.
fn translate(process: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    let capabilities = process.get_mut("capabilities");
    for set in SETS.iter().filter_map(|set| capabilities.as_ref()?.get(set)) {
        let names = set.as_array().into_iter().flatten().filter(|name| is_unknown(name));
        unknown.extend(names.filter_map(Value::as_str).map(Into::into));
    }
    for names in capabilities.and_then(Value::as_object_mut).into_iter().flat_map(|sets| sets.values_mut()) {
        if let Some(names) = names.as_array_mut() {
            names.retain(|name| !is_unknown(name));
        }
    }
    for flag in process.pointer_mut("/scheduler/flags").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some((_, ours)) = FLAGS.iter().find(|(name, _)| flag == name) {
            *flag = Value::from(*ours);
        }
    }
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

fn is_unknown(name: &Value) -> bool {
    name.is_string() && serde_json::from_value::<Capability>(name.clone()).is_err()
}
