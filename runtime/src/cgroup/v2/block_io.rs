//! Block input and output in the files of version 2: `io.max`, and a weight for BFQ (`io.bfq.weight`) or for
//! the kernel's cost model (`io.weight`), whose scale is another.

use crate::cgroup::convert::{block_weight, io_weight};
use crate::cgroup::problem::Problem;
use crate::cgroup::setting::Setting;
use oci_spec::runtime::LinuxBlockIo;

pub(in crate::cgroup) fn settings(block_io: &LinuxBlockIo, out: &mut Vec<Setting>) -> Result<(), Problem> {
    if block_io.leaf_weight().is_some_and(|weight| weight != 0) {
        return Err(Problem::unavailable("blockIO.leafWeight", "cgroup version 2 has no such setting"));
    }
    if let Some(weight) = block_io.weight().filter(|&weight| weight != 0) {
        let weight = block_weight("blockIO.weight", weight)?;
        let setting = Setting::v2("blockIO.weight", "io.bfq.weight", &weight);
        out.push(setting.or("io.weight", &io_weight(weight)));
    }
    for device in block_io.weight_device().iter().flatten() {
        let (major, minor) = (device.major(), device.minor());
        let property = "blockIO.weightDevice";
        if device.leaf_weight().is_some() {
            let why = format!("{major}:{minor}: cgroup version 2 has no leafWeight");
            return Err(Problem::unavailable(property, why));
        }
        let Some(weight) = device.weight() else {
            return Err(Problem::invalid(property, format!("{major}:{minor} needs a weight")));
        };
        let weight = block_weight(property, weight)?;
        let setting = Setting::v2(property, "io.bfq.weight", &format!("{major}:{minor} {weight}"));
        out.push(setting.or("io.weight", &format!("{major}:{minor} {}", io_weight(weight))));
    }
    for (property, key, devices) in [
        ("blockIO.throttleReadBpsDevice", "rbps", block_io.throttle_read_bps_device()),
        ("blockIO.throttleWriteBpsDevice", "wbps", block_io.throttle_write_bps_device()),
        ("blockIO.throttleReadIOPSDevice", "riops", block_io.throttle_read_iops_device()),
        ("blockIO.throttleWriteIOPSDevice", "wiops", block_io.throttle_write_iops_device()),
    ] {
        for device in devices.iter().flatten() {
            // 0 lifts the limit, as in version 1.
            let rate = if device.rate() == 0 { "max".into() } else { device.rate().to_string() };
            let value = format!("{}:{} {key}={rate}", device.major(), device.minor());
            out.push(Setting::v2(property, "io.max", &value));
        }
    }
    Ok(())
}
