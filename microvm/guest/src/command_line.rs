//! What the kernel command line says: `kind=cpu n=1000 marks=serial`.
//!
//! The line has the form of a Linux kernel's (`bootparam(7)`): words, some with a value. A VMM may append
//! words of its own, so unknown ones are ignored; of two equal ones the last holds, as in Linux.

use isolab_workload::kind::Kind;

/// What the unikernel is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The work; `None` when the line names none, or none that exists.
    pub kind: Option<Kind>,
    /// Whether marks also go to the serial port (`marks=serial`), for a VMM that has no mark port.
    pub serial_marks: bool,
}

/// Reads a command line, without its final zero byte.
pub fn parse(line: &[u8]) -> Options {
    let (mut word, mut number, mut serial_marks) = (None, None, false);
    for token in line.split(|&byte| byte == b' ') {
        let Some(equals) = token.iter().position(|&byte| byte == b'=') else { continue };
        let (key, value) = (&token[..equals], &token[equals + 1..]);
        match key {
            b"kind" => word = Some(value),
            b"n" => number = Some(value),
            b"marks" => serial_marks = matches!(value, b"serial"),
            _ => {}
        }
    }
    Options { kind: word.and_then(|word| Kind::parse(word, number)), serial_marks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_vmm_are_ignored() {
        let options = parse(b"kind=cpu n=1000 reboot=k panic=1 virtio_mmio.device=4K@0xd0000000:5 quiet");
        assert_eq!(options, Options { kind: Some(Kind::Cpu(1000)), serial_marks: false });
    }

    #[test]
    fn marks_go_to_the_serial_port_only_when_asked() {
        assert!(parse(b"marks=serial kind=noop").serial_marks);
        assert!(!parse(b"marks=port kind=noop").serial_marks);
        assert!(!parse(b"marks=serial marks=port").serial_marks);
        assert!(!parse(b"kind=noop").serial_marks);
    }

    #[test]
    fn no_kind_is_made_up() {
        for line in [&b""[..], b" ", b"kind", b"kind=", b"kind=cpu", b"n=3", b"kind=dance n=1", b"xkind=noop"]
        {
            assert_eq!(parse(line).kind, None, "{line:?}");
        }
    }
}
