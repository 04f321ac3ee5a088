//! The host record (being written).
use serde::{Deserialize, Serialize};
/// What the machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel release.
    pub kernel: String,
    /// CPU model.
    pub cpu: String,
}
impl Host {
    /// Rows for the report: what, value.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        vec![("kernel", self.kernel.clone()), ("CPU", self.cpu.clone())]
    }
    /// One line for chart captions.
    pub fn caption(&self) -> String {
        format!("{}, Linux {}", self.cpu, self.kernel)
    }
}
