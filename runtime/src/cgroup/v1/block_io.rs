//! Block input and output in the files of version 1 (`Documentation/admin-guide/cgroup-v1/blkio-controller.rst`).
//!
//! Weights belong to the disk's scheduler: `blkio.weight` was CFQ's, which kernels had before 5.0;
//! BFQ's file has its name in it.

use crate::cgroup::convert::block_weight;
use crate::cgroup::problem::Problem;
use crate::cgroup::setting::Setting;
use oci_spec::runtime::LinuxBlockIo;

pub(in crate::cgroup) fn settings(block_io: &LinuxBlockIo, out: &mut Vec<Setting>) -> Result<(), Problem> {
    let mut push = |property, file, value: String, other: Option<&'static str>| {
        let setting = Setting::v1(property, "blkio", file, &value);
        out.push(if let Some(other) = other { setting.or(other, &value) } else { setting });
    };
    if let Some(weight) = block_io.weight().filter(|&weight| weight != 0) {
        let weight = block_weight("blockIO.weight", weight)?.to_string();
        push("blockIO.weight", "blkio.weight", weight, Some("blkio.bfq.weight"));
    }
    if let Some(weight) = block_io.leaf_weight().filter(|&weight| weight != 0) {
        let weight = block_weight("blockIO.leafWeight", weight)?.to_string();
        push("blockIO.leafWeight", "blkio.leaf_weight", weight, None);
    }
    for device in block_io.weight_device().iter().flatten() {
        let (major, minor) = (device.major(), device.minor());
        if device.weight().is_none() && device.leaf_weight().is_none() {
            let why = format!("{major}:{minor} needs weight or leafWeight");
            return Err(Problem::invalid("blockIO.weightDevice", why));
        }
        if let Some(weight) = device.weight() {
            let weight = block_weight("blockIO.weightDevice", weight)?;
            let value = format!("{major}:{minor} {weight}");
            let other = Some("blkio.bfq.weight_device");
            push("blockIO.weightDevice", "blkio.weight_device", value, other);
        }
        if let Some(weight) = device.leaf_weight() {
            let weight = block_weight("blockIO.weightDevice", weight)?;
            let value = format!("{major}:{minor} {weight}");
            push("blockIO.weightDevice", "blkio.leaf_weight_device", value, None);
        }
    }
    for (property, file, devices) in [
        (
            "blockIO.throttleReadBpsDevice",
            "blkio.throttle.read_bps_device",
            block_io.throttle_read_bps_device(),
        ),
        (
            "blockIO.throttleWriteBpsDevice",
            "blkio.throttle.write_bps_device",
            block_io.throttle_write_bps_device(),
        ),
        (
            "blockIO.throttleReadIOPSDevice",
            "blkio.throttle.read_iops_device",
            block_io.throttle_read_iops_device(),
        ),
        (
            "blockIO.throttleWriteIOPSDevice",
            "blkio.throttle.write_iops_device",
            block_io.throttle_write_iops_device(),
        ),
    ] {
        for device in devices.iter().flatten() {
            let value = format!("{}:{} {}", device.major(), device.minor(), device.rate());
            push(property, file, value, None);
        }
    }
    Ok(())
}
