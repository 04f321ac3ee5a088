//! `features`

use super::print_json;
use isolab_runtime::{Error, features};

pub(crate) fn perform() -> Result<i32, Error> {
    print_json(&features::features())?;
    Ok(0)
}
